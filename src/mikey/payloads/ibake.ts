/**
 * IBAKE and ESK (RFC 6267 sections 6.1.1 and 6.1.2): two payloads of one form, each an encrypted container around a chain
 * of sub-payloads.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! Encr data len                 !  Encr data    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface IbakePayload {
  readonly kind: 'ibake';
  readonly encrData: Uint8Array;
}

export interface EskPayload {
  readonly kind: 'esk';
  readonly encrData: Uint8Array;
}

export const ibake: PayloadCodec<IbakePayload> = {
  type: PAYLOAD_TYPE.IBAKE,
  kind: 'ibake',
  decode: (reader) => ({
    kind: 'ibake',
    encrData: reader.bytes(reader.u16('IBAKE Encr data len'), 'IBAKE Encr data'),
  }),
  encode(writer, { encrData }) {
    writer.u16(encrData.length).bytes(encrData);
  },
};

export const esk: PayloadCodec<EskPayload> = {
  type: PAYLOAD_TYPE.ESK,
  kind: 'esk',
  decode: (reader) => ({
    kind: 'esk',
    encrData: reader.bytes(reader.u16('ESK Encr data len'), 'ESK Encr data'),
  }),
  encode(writer, { encrData }) {
    writer.u16(encrData.length).bytes(encrData);
  },
};
