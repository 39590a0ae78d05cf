/**
 * IDR, identity with role (RFC 6043 section 6.6).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    ID Role    !    ID Type    !     ID len
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *       ID len (cont) !                    ID Data                    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface IdrPayload {
  readonly kind: 'idr';
  readonly role: number;
  readonly type: number;
  readonly data: Uint8Array;
}

export const idr: PayloadCodec<IdrPayload> = {
  type: PAYLOAD_TYPE.IDR,
  kind: 'idr',
  decode(reader) {
    const role = reader.u8('IDR ID Role');
    const type = reader.u8('IDR ID Type');
    return { kind: 'idr', role, type, data: reader.bytes(reader.u16('IDR ID len'), 'IDR ID Data') };
  },
  encode(writer, { role, type, data }) {
    writer.u8(role).u8(type).u16(data.length).bytes(data);
  },
};
