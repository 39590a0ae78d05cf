/**
 * SIGN, signature (RFC 3830 section 6.5): the one payload without a next-payload field, always the last.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! S type| Signature len         ! Signature                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface SignPayload {
  readonly kind: 'sign';
  /** S type, 4 bits. */
  readonly type: number;
  readonly signature: Uint8Array;
}

export const sign: PayloadCodec<SignPayload> = {
  type: PAYLOAD_TYPE.SIGN,
  kind: 'sign',
  endsChain: true,
  decode(reader) {
    const lead = reader.u16('SIGN S type and Signature len');
    return { kind: 'sign', type: lead >> 12, signature: reader.bytes(lead & 0x0fff, 'SIGN Signature') };
  },
  encode(writer, { type, signature }) {
    if (type < 0 || type > 15 || signature.length > 0x0fff)
      throw new MikeyError('unencodable', 'SIGN: S type has 4 bits, Signature len 12');
    writer.u16((type << 12) | signature.length).bytes(signature);
  },
};
