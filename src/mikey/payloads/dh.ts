/**
 * DH data (RFC 3830 section 6.4). The length of the value follows from the group.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! DH-Group      !  DH-value                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Reserv! KV    ! KV data (optional)                            ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { DH_VALUE_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import type { KeyValidity } from './fields.ts';
import { fixedOctets, kvType, nibbles, readKeyValidity, writeKeyValidity } from './fields.ts';

export interface DhPayload {
  readonly kind: 'dh';
  readonly group: number;
  readonly value: Uint8Array;
  /** 4 bits, 0 when sent. */
  readonly reserved: number;
  readonly kv: KeyValidity;
}

export const dh: PayloadCodec<DhPayload> = {
  type: PAYLOAD_TYPE.DH,
  kind: 'dh',
  decode(reader) {
    const group = reader.u8('DH-Group');
    const octets = DH_VALUE_OCTETS[group];
    if (octets === undefined) return null;
    const value = reader.bytes(octets, 'DH-value');
    const flags = reader.u8('DH KV');
    const kv = readKeyValidity(reader, flags & 0x0f);
    return kv === null ? null : { kind: 'dh', group, value, reserved: flags >> 4, kv };
  },
  encode(writer, { group, value, reserved, kv }) {
    writer.u8(group).bytes(fixedOctets(value, DH_VALUE_OCTETS[group], 'DH-value'));
    writer.u8(nibbles(reserved, kvType(kv), 'DH KV'));
    writeKeyValidity(writer, kv);
  },
};
