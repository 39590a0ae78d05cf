/** Fields that several payloads share. */
import type { Reader } from '../../bytes/reader.ts';
import type { Writer } from '../../bytes/writer.ts';
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { KV_TYPE } from '../registry.ts';

/**
 * Key validity data (RFC 3830 section 6.14).
 *
 *     ! SPI Length    ! SPI           ~      ! VF Length     ! Valid From    ~
 *                                            ! VT Length     ! Valid To      ~
 */
export type KeyValidity =
  | { readonly kind: 'null' }
  | { readonly kind: 'spi'; readonly spi: Uint8Array }
  | { readonly kind: 'interval'; readonly from: Uint8Array; readonly to: Uint8Array };

/** KV without data. */
export const NO_VALIDITY: KeyValidity = { kind: 'null' };

/** The KV nibble of a validity. */
export function kvType(kv: KeyValidity): number {
  return kv.kind === 'spi' ? KV_TYPE.SPI : kv.kind === 'interval' ? KV_TYPE.Interval : KV_TYPE.Null;
}

/** Reads KV data of that type; `null` for an unregistered type, whose data have no known extent. */
export function readKeyValidity(reader: Reader, type: number): KeyValidity | null {
  if (type === KV_TYPE.Null) return NO_VALIDITY;
  if (type === KV_TYPE.SPI) return { kind: 'spi', spi: reader.bytes(reader.u8('SPI Length'), 'SPI') };
  if (type !== KV_TYPE.Interval) return null;
  const from = reader.bytes(reader.u8('VF Length'), 'Valid From');
  return { kind: 'interval', from, to: reader.bytes(reader.u8('VT Length'), 'Valid To') };
}

export function writeKeyValidity(writer: Writer, kv: KeyValidity): void {
  if (kv.kind === 'spi') writer.u8(kv.spi.length).bytes(kv.spi);
  if (kv.kind === 'interval') writer.u8(kv.from.length).bytes(kv.from).u8(kv.to.length).bytes(kv.to);
}

/** Two fields of 4 bits in one octet. */
export function nibbles(high: number, low: number, what: string): number {
  if (high < 0 || high > 15 || low < 0 || low > 15)
    throw new MikeyError('unencodable', `${what}: value does not fit 4 bits`);
  return (high << 4) | low;
}

/** `value` if it has the octets that its algorithm prescribes (`undefined`: unregistered algorithm). */
export function fixedOctets(value: Uint8Array, octets: number | undefined, what: string): Uint8Array {
  if (octets === undefined) throw new MikeyError('unencodable', `${what}: algorithm of unknown length`);
  if (value.length !== octets) throw new MikeyError('unencodable', `${what}: ${octets} octets expected`);
  return value;
}

/** A payload of a type, a length of 16 bits and that many octets. */
export interface TypedData<K extends string> {
  readonly kind: K;
  readonly type: number;
  readonly data: Uint8Array;
}

/** @param payload value of the next-payload field @param names of its fields, for errors */
export function typedData<K extends string>(
  payload: number,
  kind: K,
  names: { readonly type: string; readonly length: string; readonly data: string },
): PayloadCodec<TypedData<K>> {
  return {
    type: payload,
    kind,
    decode(reader) {
      const type = reader.u8(names.type);
      return { kind, type, data: reader.bytes(reader.u16(names.length), names.data) };
    },
    encode(writer, { type, data }) {
      writer.u8(type).u16(data.length).bytes(data);
    },
  };
}
