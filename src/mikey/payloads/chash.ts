/**
 * CHASH, certificate hash (RFC 3830 section 6.8). The length of the hash follows from the function.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! Hash func     ! Hash                          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { HASH_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { fixedOctets } from './fields.ts';

export interface ChashPayload {
  readonly kind: 'chash';
  readonly hashFunc: number;
  readonly hash: Uint8Array;
}

export const chash: PayloadCodec<ChashPayload> = {
  type: PAYLOAD_TYPE.CHASH,
  kind: 'chash',
  decode(reader) {
    const hashFunc = reader.u8('CHASH Hash func');
    const octets = HASH_OCTETS[hashFunc];
    return octets === undefined
      ? null
      : { kind: 'chash', hashFunc, hash: reader.bytes(octets, 'CHASH Hash') };
  },
  encode(writer, { hashFunc, hash }) {
    writer.u8(hashFunc).bytes(fixedOctets(hash, HASH_OCTETS[hashFunc], 'CHASH Hash'));
  },
};
