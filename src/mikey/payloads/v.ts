/**
 * V, verification message (RFC 3830 section 6.9). The length of the data follows from the algorithm.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! Auth alg      ! Ver data                      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { MAC_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { fixedOctets } from './fields.ts';

export interface VPayload {
  readonly kind: 'v';
  readonly authAlg: number;
  readonly data: Uint8Array;
}

export const v: PayloadCodec<VPayload> = {
  type: PAYLOAD_TYPE.V,
  kind: 'v',
  decode(reader) {
    const authAlg = reader.u8('V Auth alg');
    const octets = MAC_OCTETS[authAlg];
    return octets === undefined ? null : { kind: 'v', authAlg, data: reader.bytes(octets, 'V Ver data') };
  },
  encode(writer, { authAlg, data }) {
    writer.u8(authAlg).bytes(fixedOctets(data, MAC_OCTETS[authAlg], 'V Ver data'));
  },
};
