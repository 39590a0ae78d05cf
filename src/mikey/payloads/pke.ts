/**
 * PKE, envelope data (RFC 3830 section 6.3).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! C ! Data len                  ! Data          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface PkePayload {
  readonly kind: 'pke';
  /** C, 2 bits: whether the envelope key is to be cached. */
  readonly cache: number;
  /** The encrypted envelope key. */
  readonly data: Uint8Array;
}

export const pke: PayloadCodec<PkePayload> = {
  type: PAYLOAD_TYPE.PKE,
  kind: 'pke',
  decode(reader) {
    const lead = reader.u16('PKE C and Data len');
    return { kind: 'pke', cache: lead >> 14, data: reader.bytes(lead & 0x3fff, 'PKE Data') };
  },
  encode(writer, { cache, data }) {
    if (cache < 0 || cache > 3 || data.length > 0x3fff)
      throw new MikeyError('unencodable', 'PKE: C has 2 bits, Data len 14');
    writer.u16((cache << 14) | data.length).bytes(data);
  },
};
