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

/** A field of a payload, read and written. */
export interface Field<T> {
  /** `null`: its extent is unknown. @param before the fields that stand before it */
  read(reader: Reader, before: Values): T | null;
  /** @param all the fields of the payload */
  write(writer: Writer, value: T, all: Values): void;
}

type Values = Readonly<Record<string, unknown>>;

/** What a codec of payloads reads and writes. */
export type PayloadOf<C> = C extends PayloadCodec<infer P> ? P : never;

/** A payload as one list of fields, in the order in which they stand. @param type value of the next-payload field */
export function payload<K extends string, V extends object>(
  type: number,
  kind: K,
  fields: { readonly [N in keyof V]: Field<V[N]> },
): PayloadCodec<{ readonly kind: K } & { readonly [N in keyof V]: V[N] }> {
  const list = Object.entries<Field<unknown>>(fields);
  const codec: PayloadCodec<{ readonly kind: K }> = {
    type,
    kind,
    decode(reader) {
      const values: { readonly kind: K } & Record<string, unknown> = { kind };
      for (const [key, field] of list) {
        const value = field.read(reader, values);
        if (value === null) return null;
        Object.assign(values, { [key]: value });
      }
      return values;
    },
    encode(writer, all: Values) {
      for (const [key, field] of list) field.write(writer, all[key], all);
    },
  };
  return codec as PayloadCodec<{ readonly kind: K } & { readonly [N in keyof V]: V[N] }>;
}

/** A number of so many octets. @param name for errors, as of all fields */
export function number(octets: 1 | 2, name: string): Field<number> {
  return {
    read: (reader) => reader.uint(octets, name),
    write: (writer, value) => void writer.uint(value, octets),
  };
}

/** Octets behind their length, which has `octets` octets itself. */
export function countedOctets(octets: 1 | 2, length: string, name: string): Field<Uint8Array> {
  return {
    read: (reader) => reader.bytes(reader.uint(octets, length), name),
    write: (writer, value) => void writer.uint(value.length, octets).bytes(value),
  };
}

/** Octets whose number follows from the algorithm that the field `of` names. */
export function sizedBy(
  of: string,
  sizes: Readonly<Record<number, number>>,
  name: string,
): Field<Uint8Array> {
  return {
    read: (reader, before) => {
      const octets = sizes[Number(before[of])];
      return octets === undefined ? null : reader.bytes(octets, name);
    },
    write: (writer, value, all) => void writer.bytes(fixedOctets(value, sizes[Number(all[of])], name)),
  };
}
