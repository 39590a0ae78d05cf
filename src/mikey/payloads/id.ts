/**
 * ID, identity, and CERT, certificate (RFC 3830 section 6.7): two payloads of one form.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! ID/Cert Type  ! ID/Cert len                   !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                       ID/Certificate Data                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type IdPayload = PayloadOf<typeof id>;
export type CertPayload = PayloadOf<typeof cert>;

export const id = payload(PAYLOAD_TYPE.ID, 'id', {
  type: number(1, 'ID Type'),
  data: countedOctets(2, 'ID len', 'ID Data'),
});

export const cert = payload(PAYLOAD_TYPE.CERT, 'cert', {
  type: number(1, 'Cert Type'),
  data: countedOctets(2, 'Cert len', 'Certificate Data'),
});
