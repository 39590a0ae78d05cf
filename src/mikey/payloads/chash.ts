/**
 * CHASH, certificate hash (RFC 3830 section 6.8). The length of the hash follows from the function.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! Hash func     ! Hash                          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { HASH_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { number, payload, sizedBy } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type ChashPayload = PayloadOf<typeof chash>;

export const chash = payload(PAYLOAD_TYPE.CHASH, 'chash', {
  hashFunc: number(1, 'CHASH Hash func'),
  hash: sizedBy('hashFunc', HASH_OCTETS, 'CHASH Hash'),
});
