/** Fields that several payloads share. */
import type { Reader } from '../../bytes/reader.ts';
import { Secret } from '../../bytes/secret.ts';
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

/** A field of a payload, read and written. */
export interface Field<T> {
  /** `undefined`: its extent is unknown. */
  read(reader: Reader, before: Before): T | undefined;
  /** @param all the fields of the payload */
  write(writer: Writer, value: T, all: Values): void;
}

/** What stands before a field. */
interface Before {
  readonly values: Values;
  /** The low bits of the last `lead`. */
  low: number;
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
      const before: Before = { values, low: 0 };
      for (const [key, field] of list) {
        const value = field.read(reader, before);
        if (value === undefined) return null;
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

/** The same of octets that are secret. */
export function countedSecret(length: string, name: string): Field<Secret> {
  return {
    read: (reader) => Secret.of(reader.bytes(reader.u16(length), name)),
    write: (writer, value) => void writer.u16(value.length).bytes(value.expose()),
  };
}

/** Octets whose number follows from the algorithm that the field `of` names. */
export function sizedBy(
  of: string,
  sizes: Readonly<Record<number, number>>,
  name: string,
): Field<Uint8Array> {
  return {
    read: (reader, { values }) => {
      const octets = sizes[Number(values[of])];
      return octets === undefined ? undefined : reader.bytes(octets, name);
    },
    write: (writer, value, all) => {
      const octets = sizes[Number(all[of])];
      if (octets === undefined) throw unencodable(`${name}: algorithm of unknown length`);
      if (value.length !== octets) throw unencodable(`${name}: ${octets} octets expected`);
      writer.bytes(value);
    },
  };
}

/** The high bits of a number of so many octets. @param lowOf its low bits, which are of fields that come later */
export function lead(
  octets: 1 | 2 | 3,
  bits: number,
  name: string,
  lowOf: (all: Values) => number,
): Field<number> {
  const lowBits = 8 * octets - bits;
  return {
    read: (reader, before) => {
      const number = reader.uint(octets, name);
      before.low = number & (2 ** lowBits - 1);
      return number >> lowBits;
    },
    write: (writer, value, all) =>
      void writer.uint((fitting(value, bits, name) << lowBits) | fitting(lowOf(all), lowBits, name), octets),
  };
}

/** Some of the low bits of the `lead` before it. */
export function lowBits(shift: number, bits: number, name: string): Field<number> {
  return {
    read: (_, { low }) => (low >> shift) & (2 ** bits - 1),
    write: (_, value) => void fitting(value, bits, name),
  };
}

/** Octets whose number are the low bits of the `lead` before them. */
export function countedByLead(name: string): Field<Uint8Array> {
  return {
    read: (reader, { low }) => reader.bytes(low, name),
    write: (writer, value) => void writer.bytes(value),
  };
}

/** 4 bits, with the KV type of the field `kv` as the low ones. */
export function leadOfValidity(name: string): Field<number> {
  return lead(1, 4, name, ({ kv }) => KV_TYPES[(kv as KeyValidity).kind]);
}

const KV_TYPES = { null: KV_TYPE.Null, spi: KV_TYPE.SPI, interval: KV_TYPE.Interval } as const;

/** The KV data of a `leadOfValidity`; of an unregistered type they have no known extent. */
export const VALIDITY: Field<KeyValidity> = {
  read: (reader, { low }) => {
    if (low === KV_TYPE.Null) return NO_VALIDITY;
    if (low === KV_TYPE.SPI) return { kind: 'spi', spi: reader.bytes(reader.u8('SPI Length'), 'SPI') };
    if (low !== KV_TYPE.Interval) return undefined;
    const from = reader.bytes(reader.u8('VF Length'), 'Valid From');
    return { kind: 'interval', from, to: reader.bytes(reader.u8('VT Length'), 'Valid To') };
  },
  write: (writer, kv) => {
    if (kv.kind === 'spi') writer.u8(kv.spi.length).bytes(kv.spi);
    if (kv.kind === 'interval') writer.u8(kv.from.length).bytes(kv.from).u8(kv.to.length).bytes(kv.to);
  },
};

function fitting(value: number, bits: number, name: string): number {
  if (value < 0 || value >= 2 ** bits) throw unencodable(`${name}: value does not fit ${bits} bits`);
  return value;
}

function unencodable(why: string): MikeyError {
  return new MikeyError('unencodable', why);
}
