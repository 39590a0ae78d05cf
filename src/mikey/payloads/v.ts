/**
 * V, verification message (RFC 3830 section 6.9). The length of the data follows from the algorithm.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! Auth alg      ! Ver data                      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { MAC_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { number, payload, sizedBy } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type VPayload = PayloadOf<typeof v>;

export const v = payload(PAYLOAD_TYPE.V, 'v', {
  authAlg: number(1, 'V Auth alg'),
  data: sizedBy('authAlg', MAC_OCTETS, 'V Ver data'),
});
