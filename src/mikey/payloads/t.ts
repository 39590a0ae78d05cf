/**
 * T, timestamp (RFC 3830 section 6.6), and TR, timestamp with role (RFC 6043 section 6.4). The length of the value
 * follows from the type.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !   TS type     ! TS value                      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    TS Role    !    TS Type    !    TS Value   ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE, TS_OCTETS } from '../registry.ts';
import { fixedOctets } from './fields.ts';

export interface TPayload {
  readonly kind: 't';
  readonly tsType: number;
  readonly value: Uint8Array;
}

export interface TrPayload {
  readonly kind: 'tr';
  readonly role: number;
  readonly tsType: number;
  readonly value: Uint8Array;
}

export const t: PayloadCodec<TPayload> = {
  type: PAYLOAD_TYPE.T,
  kind: 't',
  decode(reader) {
    const tsType = reader.u8('T TS type');
    const octets = TS_OCTETS[tsType];
    return octets === undefined ? null : { kind: 't', tsType, value: reader.bytes(octets, 'T TS value') };
  },
  encode(writer, { tsType, value }) {
    writer.u8(tsType).bytes(fixedOctets(value, TS_OCTETS[tsType], 'T TS value'));
  },
};

export const tr: PayloadCodec<TrPayload> = {
  type: PAYLOAD_TYPE.TR,
  kind: 'tr',
  decode(reader) {
    const role = reader.u8('TR TS Role');
    const tsType = reader.u8('TR TS Type');
    const octets = TS_OCTETS[tsType];
    if (octets === undefined) return null;
    return { kind: 'tr', role, tsType, value: reader.bytes(octets, 'TR TS Value') };
  },
  encode(writer, { role, tsType, value }) {
    writer
      .u8(role)
      .u8(tsType)
      .bytes(fixedOctets(value, TS_OCTETS[tsType], 'TR TS Value'));
  },
};
