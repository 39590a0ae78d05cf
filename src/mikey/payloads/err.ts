/**
 * ERR, error (RFC 3830 section 6.12).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! Error no      !           Reserved            !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface ErrPayload {
  readonly kind: 'err';
  readonly errorNo: number;
  /** 16 bits, 0 when sent. */
  readonly reserved: number;
}

export const err: PayloadCodec<ErrPayload> = {
  type: PAYLOAD_TYPE.ERR,
  kind: 'err',
  decode: (reader) => ({
    kind: 'err',
    errorNo: reader.u8('ERR Error no'),
    reserved: reader.u16('ERR Reserved'),
  }),
  encode(writer, { errorNo, reserved }) {
    writer.u8(errorNo).u16(reserved);
  },
};
