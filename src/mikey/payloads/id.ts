/**
 * ID, identity, and CERT, certificate (RFC 3830 section 6.7): two payloads of one form.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! ID/Cert Type  ! ID/Cert len                   !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                       ID/Certificate Data                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface IdPayload {
  readonly kind: 'id';
  readonly type: number;
  readonly data: Uint8Array;
}

export interface CertPayload {
  readonly kind: 'cert';
  readonly type: number;
  readonly data: Uint8Array;
}

export const id: PayloadCodec<IdPayload> = {
  type: PAYLOAD_TYPE.ID,
  kind: 'id',
  decode(reader) {
    const type = reader.u8('ID Type');
    return { kind: 'id', type, data: reader.bytes(reader.u16('ID len'), 'ID Data') };
  },
  encode(writer, { type, data }) {
    writer.u8(type).u16(data.length).bytes(data);
  },
};

export const cert: PayloadCodec<CertPayload> = {
  type: PAYLOAD_TYPE.CERT,
  kind: 'cert',
  decode(reader) {
    const type = reader.u8('Cert Type');
    return { kind: 'cert', type, data: reader.bytes(reader.u16('Cert len'), 'Certificate Data') };
  },
  encode(writer, { type, data }) {
    writer.u8(type).u16(data.length).bytes(data);
  },
};
