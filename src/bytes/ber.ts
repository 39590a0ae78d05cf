/**
 * BER (X.690 clause 8) as a reader must take it: what DER forbids and BER leaves to the sender's choice. `der.ts` stays
 * strict, and is what everything here is written with.
 *
 *     length      short, or long in any number of octets, leading zeros included        8.1.3.4, 8.1.3.5
 *                 indefinite: constructed only, up to end-of-contents 00 00             8.1.3.6
 *     strings     primitive, or constructed of OCTET STRING segments to any depth       8.7, 8.23.6
 *
 * The end of an indefinite value is found by walking what is inside. Whoever sends can nest: levels that are open at a
 * time are bounded, and a walk that has run out of octets goes on where it stopped when more have come.
 */
import type { DerValue, TagClass } from './der.ts';
import { UNIVERSAL } from './der.ts';
import { BytesError } from './errors.ts';

/** Levels of indefinite values, or of segments of a string, that may be open at a time. */
export const MAX_BER_DEPTH = 32;

const CLASSES: readonly TagClass[] = ['universal', 'application', 'context', 'private'];
const INDEFINITE = 0x80;

/** Walks the elements of one level, in order. Values are views of the input. */
export class BerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether an element is left. */
  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The next element, whatever it is; `contents` are without end-of-contents, `raw` with it. @throws BytesError */
  any(field: string): DerValue {
    const start = this.#at;
    const head = headAt(this.#bytes, start, field);
    const end =
      head?.length === null
        ? new BerWalk(field, start).endIn(this.#bytes)
        : (head?.contentsAt ?? 0) + (head?.length ?? 0);
    if (head === null || end === null || end > this.#bytes.length) {
      throw new BytesError('truncated', `${field}: an element at ${start} is cut short`);
    }
    this.#at = end;
    return {
      tagClass: head.tagClass,
      constructed: head.constructed,
      number: head.number,
      contents: this.#bytes.subarray(head.contentsAt, head.length === null ? end - 2 : end),
      raw: this.#bytes.subarray(start, end),
    };
  }

  /** Throws `trailing` unless every element has been read. */
  end(what: string): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new BytesError('trailing', `${what}: ${left} octets left over`);
  }
}

/** Finds where one element ends, in octets that come bit by bit. */
export class BerWalk {
  readonly #field: string;
  /** Indefinite values that are open. */
  #open = 0;
  /** Where the next element begins, or, if it is known, where this one ends. */
  #at: number;
  #ended = false;

  /** @param start offset of the element in what is handed to `endIn` */
  constructor(field: string, start = 0) {
    this.#field = field;
    this.#at = start;
  }

  /** How far the element goes at least, as far as can be told. */
  get reached(): number {
    return this.#at;
  }

  /**
   * Offset of the octet after the element; `null`: the octets do not suffice, and `bytes` must begin with the same ones
   * when this is called again. @throws BytesError if no further octets can make it an element
   */
  endIn(bytes: Uint8Array): number | null {
    while (!this.#ended) {
      const head = headAt(bytes, this.#at, this.#field);
      if (head === null) return null;
      this.#at = head.contentsAt + (head.length ?? 0);
      if (head.length === null) this.#open++;
      else if (head.endOfContents && this.#open > 0) this.#open--;
      if (this.#open > MAX_BER_DEPTH) throw new BytesError('range', `${this.#field}: nested too deeply`);
      this.#ended = this.#open === 0;
    }
    return this.#at <= bytes.length ? this.#at : null;
  }
}

/** Reads exactly one value from `bytes`; octets after it are refused. */
export function berValue(bytes: Uint8Array, what: string): DerValue {
  const reader = new BerReader(bytes);
  const value = reader.any(what);
  reader.end(what);
  return value;
}

/**
 * Contents of an OCTET STRING or character string, whatever its own tag: those of a primitive one as a view, those of a
 * constructed one put together from its segments. @throws BytesError `encoding`
 */
export function berString(value: DerValue, field: string, depth = 0): Uint8Array {
  if (!value.constructed) return value.contents;
  if (depth >= MAX_BER_DEPTH) throw new BytesError('range', `${field}: nested too deeply`);
  const segments: Uint8Array[] = [];
  const reader = new BerReader(value.contents);
  while (reader.more) {
    const segment = reader.any(field);
    if (segment.tagClass !== 'universal' || segment.number !== UNIVERSAL.octetString) {
      throw new BytesError('encoding', `${field}: a segment is not an OCTET STRING`);
    }
    segments.push(berString(segment, field, depth + 1));
  }
  // Not `concat(...)`: there may be more segments than a call takes arguments.
  return new Uint8Array(Buffer.concat(segments));
}

interface Head {
  readonly tagClass: TagClass;
  readonly constructed: boolean;
  readonly number: number;
  readonly contentsAt: number;
  /** `null`: indefinite. */
  readonly length: number | null;
  readonly endOfContents: boolean;
}

/** Identifier and length at `start`; `null`: they are not all there. */
function headAt(bytes: Uint8Array, start: number, field: string): Head | null {
  const lead = bytes[start];
  if (lead === undefined) return null;
  const tag = (lead & 0x1f) < 31 ? { number: lead & 0x1f, at: start + 1 } : longTag(bytes, start + 1, field);
  if (tag === null) return null;
  const size = lengthAt(bytes, tag.at, field);
  if (size === null) return null;
  const constructed = (lead & 0x20) !== 0;
  if (size.length === null && !constructed) {
    throw new BytesError('encoding', `${field}: indefinite length of a primitive value`);
  }
  const endOfContents = lead === 0;
  if (endOfContents && size.length !== 0) throw new BytesError('encoding', `${field}: tag 0 with contents`);
  const tagClass = CLASSES[lead >> 6] ?? 'universal';
  return {
    tagClass,
    constructed,
    number: tag.number,
    contentsAt: size.at,
    length: size.length,
    endOfContents,
  };
}

/** A tag number of 31 or more: base 128, the first octet not 80 (X.690 8.1.2.4). */
function longTag(bytes: Uint8Array, start: number, field: string): { number: number; at: number } | null {
  let number = 0;
  for (let at = start; ; at++) {
    const octet = bytes[at];
    if (octet === undefined) return null;
    if (at === start && octet === 0x80) throw new BytesError('encoding', `${field}: padded tag number`);
    number = number * 128 + (octet & 0x7f);
    if (number > 0xffffff) throw new BytesError('range', `${field}: tag number too large`);
    if ((octet & 0x80) === 0) return { number, at: at + 1 };
  }
}

/** A length; FF is reserved (X.690 8.1.3.5 c). */
function lengthAt(
  bytes: Uint8Array,
  start: number,
  field: string,
): { length: number | null; at: number } | null {
  const first = bytes[start];
  if (first === undefined) return null;
  if (first < INDEFINITE) return { length: first, at: start + 1 };
  if (first === INDEFINITE) return { length: null, at: start + 1 };
  if (first === 0xff) throw new BytesError('encoding', `${field}: reserved length`);
  const at = start + 1 + (first & 0x7f);
  let length = 0;
  for (let i = start + 1; i < at; i++) {
    const octet = bytes[i];
    if (octet === undefined) return null;
    length = length * 256 + octet;
    if (length > 0xffffffff) throw new BytesError('range', `${field}: length too large`);
  }
  return { length, at };
}
