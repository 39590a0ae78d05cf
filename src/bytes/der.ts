/**
 * DER (X.690), strict in both directions, as values rather than as a schema compiler.
 *
 *     identifier octets | length octets | contents
 *     class 2 bits, constructed 1 bit, tag number 5 bits (31: base-128 continuation)
 *
 * Why our own: the object identifiers of the profile have a 128-bit arc, and trailing octets or non-minimal forms must
 * be refused, since hashes and keys are taken over what was received. The same writer serves BER of the LI interfaces,
 * which asks only for definite, minimal lengths.
 *
 * Writing: the functions below build octets from the leaves up. Reading: `DerReader` walks one level at a time and
 * names the element in every error.
 */
import { BytesError } from './errors.ts';
import { concat, fromUtf8, utf8 } from './octets.ts';
import { Reader } from './reader.ts';

/** Identifier: class in bits 7–6, tag number. The constructed bit is kept apart. */
export type TagClass = 'universal' | 'application' | 'context' | 'private';
const CLASSES: readonly TagClass[] = ['universal', 'application', 'context', 'private'];

/** X.680 table 1: universal tag numbers in use here. */
export const UNIVERSAL = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  utf8String: 12,
  sequence: 16,
  set: 17,
  ia5String: 22,
  generalizedTime: 24,
} as const;

const MAX_DEPTH = 32;

/* ---------------------------------------------------------------- writing */

/** One TLV from its parts. */
export function tlv(
  tagClass: TagClass,
  constructed: boolean,
  number: number,
  contents: Uint8Array,
): Uint8Array {
  const lead = (CLASSES.indexOf(tagClass) << 6) | (constructed ? 0x20 : 0);
  if (number >= 31) return concat(identifier(lead, number), lengthOctets(contents.length), contents);
  const { length } = contents;
  const further = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const octets = new Uint8Array(2 + further + length);
  octets[0] = lead | number;
  octets[1] = further === 0 ? length : 0x80 | further;
  for (let [at, rest] = [1 + further, length]; at > 1; at--, rest = Math.floor(rest / 0x100))
    octets[at] = rest;
  octets.set(contents, 2 + further);
  return octets;
}

function universal(number: number, contents: Uint8Array, constructed = false): Uint8Array {
  return tlv('universal', constructed, number, contents);
}

export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return universal(UNIVERSAL.sequence, concat(...elements), true);
}

/** SET: elements in the order given (for BER, or a SET whose DER order the caller knows). */
export function derSet(...elements: readonly Uint8Array[]): Uint8Array {
  return universal(UNIVERSAL.set, concat(...elements), true);
}

/** SET OF in DER order: sorted as octet strings, the shorter padded with zeros (X.690 11.6). */
export function derSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return derSet(...[...elements].sort((a, b) => Buffer.compare(a, b)));
}

export function derInteger(value: bigint | number): Uint8Array {
  return universal(UNIVERSAL.integer, integerContents(BigInt(value)));
}

export function derNull(): Uint8Array {
  return universal(UNIVERSAL.null, new Uint8Array());
}

export function derOctets(value: Uint8Array): Uint8Array {
  return universal(UNIVERSAL.octetString, value);
}

/** OBJECT IDENTIFIER from dotted decimal; arcs of any size. */
export function derOid(dotted: string): Uint8Array {
  return universal(UNIVERSAL.oid, oidContents(dotted));
}

export function derUtf8(text: string): Uint8Array {
  return universal(UNIVERSAL.utf8String, utf8(text));
}

export function derIa5(text: string): Uint8Array {
  return universal(UNIVERSAL.ia5String, ascii(text));
}

/** GeneralizedTime `YYYYMMDDHHMMSSZ` of Unix seconds. */
export function derGeneralizedTime(unixSeconds: number): Uint8Array {
  return universal(UNIVERSAL.generalizedTime, ascii(generalizedTime(unixSeconds)));
}

/** [number] EXPLICIT around a complete TLV. */
export function derExplicit(number: number, element: Uint8Array): Uint8Array {
  return tlv('context', true, number, element);
}

/** [number] IMPLICIT: `element`'s contents and constructed bit under a context tag. */
export function derImplicit(number: number, element: Uint8Array): Uint8Array {
  const reader = new DerReader(element);
  const value = reader.any('implicit');
  reader.end('implicit');
  return tlv('context', value.constructed, number, value.contents);
}

/** Contents octets of an INTEGER: two's complement, minimal. */
export function integerContents(value: bigint): Uint8Array {
  let octets = 1;
  while (BigInt.asIntN(8 * octets, value) !== value) octets++;
  const hex = BigInt.asUintN(8 * octets, value).toString(16);
  return new Uint8Array(Buffer.from(hex.padStart(2 * octets, '0'), 'hex'));
}

/** Contents octets of an OBJECT IDENTIFIER. */
export function oidContents(dotted: string): Uint8Array {
  if (!/^[012](\.(0|[1-9][0-9]*))+$/.test(dotted))
    throw new BytesError('encoding', `not an object identifier: ${dotted}`);
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  if (first < 2n && second > 39n) throw new BytesError('range', `second arc of ${dotted} too large`);
  return concat(...[first * 40n + second, ...rest].map(base128));
}

/** Contents octets of a RELATIVE-OID. */
export function relativeOidContents(dotted: string): Uint8Array {
  return concat(...dotted.split('.').map((arc) => base128(BigInt(arc))));
}

/** `YYYYMMDDHHMMSSZ` of Unix seconds (whole). */
export function generalizedTime(unixSeconds: number): string {
  if (!Number.isSafeInteger(unixSeconds))
    throw new BytesError('range', 'time is not a whole number of seconds');
  return new Date(unixSeconds * 1000).toISOString().replace(/[-:T]|\.\d{3}/g, '');
}

/* ---------------------------------------------------------------- reading */

/** One decoded element. `raw` and `contents` are views of the input. */
export interface DerValue {
  readonly tagClass: TagClass;
  readonly constructed: boolean;
  readonly number: number;
  readonly contents: Uint8Array;
  /** Identifier, length and contents. */
  readonly raw: Uint8Array;
}

/** Walks the elements of one level, in order. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #reader: Reader;
  readonly #depth: number;

  constructor(bytes: Uint8Array, depth = 0) {
    if (depth > MAX_DEPTH) throw new BytesError('range', 'DER nested too deeply');
    this.#bytes = bytes;
    this.#reader = new Reader(bytes);
    this.#depth = depth;
  }

  /** Whether an element is left. */
  get more(): boolean {
    return this.#reader.remaining > 0;
  }

  /** Whether the next element has this context tag. */
  nextIs(number: number, tagClass: TagClass = 'context'): boolean {
    if (!this.more) return false;
    const saved = new DerReader(this.#bytes.subarray(this.#reader.offset), this.#depth);
    const value = saved.any('next');
    return value.tagClass === tagClass && value.number === number;
  }

  /** The next element, whatever it is. */
  any(field: string): DerValue {
    const start = this.#reader.offset;
    const lead = this.#reader.u8(field);
    const number = (lead & 0x1f) < 31 ? lead & 0x1f : this.#longNumber(field);
    const length = this.#length(field);
    const contents = this.#reader.view(length, field);
    return {
      tagClass: CLASSES[lead >> 6] ?? 'universal',
      constructed: (lead & 0x20) !== 0,
      number,
      contents,
      raw: this.#bytes.subarray(start, this.#reader.offset),
    };
  }

  /** The next element, which must have this tag and form. */
  expect(tagClass: TagClass, number: number, constructed: boolean, field: string): DerValue {
    const value = this.any(field);
    if (value.tagClass !== tagClass || value.number !== number || value.constructed !== constructed) {
      throw new BytesError('encoding', `${field}: unexpected tag ${value.tagClass} ${value.number}`);
    }
    return value;
  }

  sequence(field: string): DerReader {
    return this.#inside(this.expect('universal', UNIVERSAL.sequence, true, field));
  }

  set(field: string): DerReader {
    return this.#inside(this.expect('universal', UNIVERSAL.set, true, field));
  }

  /** Inside of a constructed [number] (EXPLICIT, or IMPLICIT of a SEQUENCE or SET). */
  context(number: number, field: string): DerReader {
    return this.#inside(this.expect('context', number, true, field));
  }

  /** Contents of a primitive [number] (IMPLICIT). */
  contextPrimitive(number: number, field: string): Uint8Array {
    return this.expect('context', number, false, field).contents;
  }

  integer(field: string): bigint {
    return integerValue(this.expect('universal', UNIVERSAL.integer, false, field).contents, field);
  }

  /** An INTEGER between `min` and `max` as a number. */
  small(field: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.integer(field);
    if (value < BigInt(min) || value > BigInt(max))
      throw new BytesError('range', `${field}: ${String(value)} out of range`);
    return Number(value);
  }

  octets(field: string): Uint8Array {
    return this.expect('universal', UNIVERSAL.octetString, false, field).contents.slice();
  }

  boolean(field: string): boolean {
    const { contents } = this.expect('universal', UNIVERSAL.boolean, false, field);
    if (contents.length !== 1 || (contents[0] !== 0 && contents[0] !== 0xff)) {
      throw new BytesError('encoding', `${field}: not a DER BOOLEAN`);
    }
    return contents[0] === 0xff;
  }

  null(field: string): void {
    const { contents } = this.expect('universal', UNIVERSAL.null, false, field);
    if (contents.length > 0) throw new BytesError('encoding', `${field}: NULL with contents`);
  }

  /** OBJECT IDENTIFIER in dotted decimal. */
  oid(field: string): string {
    return oidValue(this.expect('universal', UNIVERSAL.oid, false, field).contents, field);
  }

  utf8(field: string): string {
    return fromUtf8(this.expect('universal', UNIVERSAL.utf8String, false, field).contents);
  }

  ia5(field: string): string {
    return asciiValue(this.expect('universal', UNIVERSAL.ia5String, false, field).contents, field);
  }

  /** GeneralizedTime `YYYYMMDDHHMMSSZ` as Unix seconds. */
  generalizedTime(field: string): number {
    const { contents } = this.expect('universal', UNIVERSAL.generalizedTime, false, field);
    return generalizedTimeValue(asciiValue(contents, field), field);
  }

  /** Throws `trailing` unless every element has been read. */
  end(what: string): void {
    this.#reader.end(what);
  }

  #inside(value: DerValue): DerReader {
    return new DerReader(value.contents, this.#depth + 1);
  }

  #longNumber(field: string): number {
    let number = 0;
    for (let i = 0; ; i++) {
      const octet = this.#reader.u8(field);
      if (i === 0 && octet === 0x80) throw new BytesError('encoding', `${field}: padded tag number`);
      number = number * 128 + (octet & 0x7f);
      if (number > 0xffffff) throw new BytesError('range', `${field}: tag number too large`);
      if ((octet & 0x80) === 0) break;
    }
    if (number < 31) throw new BytesError('encoding', `${field}: tag number in long form`);
    return number;
  }

  #length(field: string): number {
    const first = this.#reader.u8(field);
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4)
      throw new BytesError('encoding', `${field}: indefinite or oversized length`);
    const length = this.#reader.uint(octets, field);
    if (length < 0x80 || length < 2 ** (8 * (octets - 1))) {
      throw new BytesError('encoding', `${field}: length not minimal`);
    }
    return length;
  }
}

/** Reads exactly one value from `bytes` with `read`; octets after it are refused. */
export function derDecode<T>(bytes: Uint8Array, what: string, read: (reader: DerReader) => T): T {
  const reader = new DerReader(bytes);
  const value = read(reader);
  reader.end(what);
  return value;
}

/** INTEGER contents; non-minimal ones are refused. */
export function integerValue(contents: Uint8Array, field: string): bigint {
  const [first, second] = contents;
  if (first === undefined) throw new BytesError('encoding', `${field}: empty INTEGER`);
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new BytesError('encoding', `${field}: INTEGER not minimal`);
  }
  return BigInt.asIntN(8 * contents.length, BigInt('0x' + Buffer.from(contents).toString('hex')));
}

/** OBJECT IDENTIFIER contents in dotted decimal. */
export function oidValue(contents: Uint8Array, field: string): string {
  const [lead, ...rest] = arcs(contents, field);
  if (lead === undefined) throw new BytesError('encoding', `${field}: empty OBJECT IDENTIFIER`);
  const first = lead < 40n ? 0n : lead < 80n ? 1n : 2n;
  return [first, lead - first * 40n, ...rest].join('.');
}

/** RELATIVE-OID contents in dotted decimal. */
export function relativeOidValue(contents: Uint8Array, field: string): string {
  const values = arcs(contents, field);
  if (values.length === 0) throw new BytesError('encoding', `${field}: empty RELATIVE-OID`);
  return values.join('.');
}

/** Unix seconds of `YYYYMMDDHHMMSSZ`. */
export function generalizedTimeValue(text: string, field: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw new BytesError('encoding', `${field}: not a DER GeneralizedTime of seconds`);
  const [, y, mo, d, h, mi, s] = match.map(Number);
  const ms = Date.UTC(y ?? 0, (mo ?? 0) - 1, d, h, mi, s);
  if (generalizedTime(ms / 1000) !== text) throw new BytesError('range', `${field}: no such time`);
  return ms / 1000;
}

/* ---------------------------------------------------------------- helpers */

function identifier(lead: number, number: number): Uint8Array {
  return number < 31
    ? Uint8Array.of(lead | number)
    : concat(Uint8Array.of(lead | 31), base128(BigInt(number)));
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

function base128(value: bigint): Uint8Array {
  const octets = [Number(value & 0x7fn)];
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from(octets);
}

function arcs(contents: Uint8Array, field: string): bigint[] {
  const values: bigint[] = [];
  let value: bigint | null = null;
  for (const octet of contents) {
    if (value === null && octet === 0x80) throw new BytesError('encoding', `${field}: padded arc`);
    value = ((value ?? 0n) << 7n) | BigInt(octet & 0x7f);
    if ((octet & 0x80) === 0) {
      values.push(value);
      value = null;
    }
  }
  if (value !== null) throw new BytesError('truncated', `${field}: arc cut short`);
  return values;
}

function ascii(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) throw new BytesError('encoding', 'not ASCII');
  }
  return utf8(text);
}

function asciiValue(contents: Uint8Array, field: string): string {
  if (contents.some((octet) => octet > 0x7f)) throw new BytesError('encoding', `${field}: not ASCII`);
  return fromUtf8(contents);
}
