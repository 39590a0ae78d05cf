/**
 * SK, secret key sub-payload (RFC 6267 section 6.1.5), found inside ESK.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! Type  ! KV    ! Key data len                  !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                         Key data                              ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                        KV data (optional)                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedSecret, leadOfValidity, payload, VALIDITY } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type SkPayload = PayloadOf<typeof sk>;

export const sk = payload(PAYLOAD_TYPE.SK, 'sk', {
  type: leadOfValidity('SK Type and KV'),
  key: countedSecret('SK Key data len', 'SK Key data'),
  kv: VALIDITY,
});
