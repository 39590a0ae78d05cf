/**
 * RAND (RFC 3830 section 6.11), and RANDR, RAND with role (RFC 6043 section 6.8).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! RAND len      ! RAND                          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    RAND Role  !  RAND length  !     RAND      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

export interface RandPayload {
  readonly kind: 'rand';
  readonly rand: Uint8Array;
}

export interface RandrPayload {
  readonly kind: 'randr';
  readonly role: number;
  readonly rand: Uint8Array;
}

export const rand: PayloadCodec<RandPayload> = {
  type: PAYLOAD_TYPE.RAND,
  kind: 'rand',
  decode: (reader) => ({ kind: 'rand', rand: reader.bytes(reader.u8('RAND len'), 'RAND') }),
  encode(writer, payload) {
    writer.u8(payload.rand.length).bytes(payload.rand);
  },
};

export const randr: PayloadCodec<RandrPayload> = {
  type: PAYLOAD_TYPE.RANDR,
  kind: 'randr',
  decode(reader) {
    const role = reader.u8('RANDR RAND Role');
    return { kind: 'randr', role, rand: reader.bytes(reader.u8('RANDR RAND length'), 'RANDR RAND') };
  },
  encode(writer, payload) {
    writer.u8(payload.role).u8(payload.rand.length).bytes(payload.rand);
  },
};
