/**
 * BER as TS 102 232-1 and TS 33.108 use it: every component has a context tag, tags are IMPLICIT save around a CHOICE,
 * and within each SEQUENCE they ascend in the order of definition, root first, extension additions after it.
 *
 *     SEQUENCE { a [0] INTEGER, b [1] CHOICE {…}, ..., c [4] OCTET STRING OPTIONAL }
 *       30 L   80 L a        a1 L (b)                  84 L c
 *
 * `Elements` reads such a SEQUENCE. X.680's extension rule in one sentence: what lies beyond the last root tag and is not
 * known here is an addition of a later version and is passed over; anything else that is not known is an error.
 *
 * Written are definite, minimal lengths and primitive strings; read is whatever BER allows (`bytes/ber.ts`).
 */
import { BerReader, berString } from '../../bytes/ber.ts';
import type { DerValue } from '../../bytes/der.ts';
import { integerContents, oidValue, relativeOidValue, tlv } from '../../bytes/der.ts';
import { BytesError } from '../../bytes/errors.ts';
import { concat, toHex } from '../../bytes/octets.ts';
import { HiError } from './errors.ts';

/* ---------------------------------------------------------------- writing */

/** [tag] with primitive contents. */
export function primitive(tag: number, contents: Uint8Array): Uint8Array {
  return tlv('context', false, tag, contents);
}

/** [tag] around complete elements: an implicit SEQUENCE or SET, or an explicit tag around one CHOICE. */
export function constructed(tag: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return tlv('context', true, tag, concat(...elements));
}

/** [tag] INTEGER or ENUMERATED. */
export function number(tag: number, value: number, max = 0xffffffff): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new HiError('range', `[${tag}]: ${value} is not within 0…${max}`);
  }
  return primitive(tag, integerContents(BigInt(value)));
}

/** [tag] OCTET STRING or character string, whose size must lie between `min` and `max`. */
export function sized(tag: number, octets: Uint8Array, min: number, max: number, field: string): Uint8Array {
  if (octets.length < min || octets.length > max) {
    throw new HiError('range', `${field}: ${octets.length} octets, ${min} to ${max} allowed`);
  }
  return primitive(tag, octets);
}

/** [tag] NULL. */
export function nothing(tag: number): Uint8Array {
  return primitive(tag, new Uint8Array());
}

/** An OPTIONAL component: nothing if absent. */
export function optional<T>(value: T | undefined, encode: (value: T) => Uint8Array): Uint8Array {
  return value === undefined ? new Uint8Array() : encode(value);
}

/* ---------------------------------------------------------------- reading */

/** The components of one SEQUENCE, by tag. */
export class Elements {
  readonly #values = new Map<number, DerValue>();
  readonly #what: string;

  /**
   * @param root tags of the root components, ascending
   * @param later tags above the last root tag: `skipped` where the type is extensible, else `refused`
   */
  constructor(contents: Uint8Array, what: string, root: readonly number[], later: 'skipped' | 'refused') {
    this.#what = what;
    const lastRoot = root.at(-1) ?? -1;
    let last = -1;
    for (const value of elementsOf(contents, what)) {
      if (value.tagClass !== 'context') throw malformed(`${what}: ${value.tagClass} tag ${value.number}`);
      if (value.number <= last) throw malformed(`${what}: [${value.number}] after [${last}]`);
      last = value.number;
      const known = root.includes(last) || (last > lastRoot && later === 'skipped');
      if (!known) throw malformed(`${what}: no component [${last}]`);
      this.#values.set(last, value);
    }
  }

  has(tag: number): boolean {
    return this.#values.has(tag);
  }

  /** An OCTET STRING or character string that must be there, in one piece or in segments. */
  octets(tag: number, field: string, min = 0, max = Number.MAX_SAFE_INTEGER): Uint8Array {
    return this.#required(tag, field, this.optionalOctets(tag, field, min, max));
  }

  optionalOctets(tag: number, field: string, min = 0, max = Number.MAX_SAFE_INTEGER): Uint8Array | undefined {
    const value = this.#values.get(tag);
    if (value === undefined) return undefined;
    const contents = berString(value, this.#name(field));
    if (contents.length < min || contents.length > max) {
      throw malformed(`${this.#name(field)}: ${contents.length} octets, ${min} to ${max} allowed`);
    }
    return contents.slice();
  }

  number(tag: number, field: string, max = 0xffffffff): number {
    return this.#required(tag, field, this.optionalNumber(tag, field, max));
  }

  optionalNumber(tag: number, field: string, max = 0xffffffff): number | undefined {
    const contents = this.#contents(tag, field, false);
    if (contents === undefined) return undefined;
    return smallInteger(contents, this.#name(field), max);
  }

  /** OBJECT IDENTIFIER in dotted decimal. */
  oid(tag: number, field: string): string {
    return oidValue(this.#required(tag, field, this.#contents(tag, field, false)), this.#name(field));
  }

  /** RELATIVE-OID in dotted decimal. */
  relativeOid(tag: number, field: string): string {
    return relativeOidValue(this.#required(tag, field, this.#contents(tag, field, false)), this.#name(field));
  }

  /** Contents of a constructed component. */
  inside(tag: number, field: string): Uint8Array {
    return this.#required(tag, field, this.optionalInside(tag, field));
  }

  optionalInside(tag: number, field: string): Uint8Array | undefined {
    return this.#contents(tag, field, true);
  }

  /** The one alternative below an explicit tag around a CHOICE. */
  choice(tag: number, field: string): DerValue {
    return choiceOf(this.inside(tag, field), this.#name(field));
  }

  optionalNull(tag: number, field: string): boolean {
    const contents = this.#contents(tag, field, false);
    if (contents !== undefined && contents.length > 0)
      throw malformed(`${this.#name(field)}: NULL with contents`);
    return contents !== undefined;
  }

  #contents(tag: number, field: string, form: boolean): Uint8Array | undefined {
    const value = this.#values.get(tag);
    if (value === undefined) return undefined;
    if (value.constructed !== form) {
      throw malformed(`${this.#name(field)}: must ${form ? '' : 'not '}be constructed`);
    }
    return value.contents;
  }

  #required<T>(tag: number, field: string, value: T | undefined): T {
    if (value === undefined) throw malformed(`${this.#name(field)} [${tag}] is missing`);
    return value;
  }

  #name(field: string): string {
    return `${this.#what}.${field}`;
  }
}

/** All elements of one level. */
export function elementsOf(contents: Uint8Array, what: string): DerValue[] {
  const reader = new BerReader(contents);
  const values: DerValue[] = [];
  while (reader.more) values.push(reader.any(what));
  return values;
}

/** The SEQUENCEs of a SEQUENCE OF or SET OF, as their contents. */
export function sequencesOf(contents: Uint8Array, what: string): Uint8Array[] {
  return elementsOf(contents, what).map((value) => {
    if (value.tagClass !== 'universal' || value.number !== 16 || !value.constructed) {
      throw malformed(`${what}: not a list of SEQUENCEs`);
    }
    return value.contents;
  });
}

/** The OCTET STRINGs of a SET OF OCTET STRING. */
export function octetStringsOf(contents: Uint8Array, what: string): Uint8Array[] {
  return elementsOf(contents, what).map((value) => {
    if (value.tagClass !== 'universal' || value.number !== 4) {
      throw malformed(`${what}: not a list of OCTET STRINGs`);
    }
    return berString(value, what).slice();
  });
}

/** The single context-tagged alternative of a CHOICE. */
export function choiceOf(contents: Uint8Array, what: string): DerValue {
  const [value, ...rest] = elementsOf(contents, what);
  if (value === undefined || rest.length > 0) throw malformed(`${what}: exactly one alternative expected`);
  if (value.tagClass !== 'context') throw malformed(`${what}: ${value.tagClass} tag ${value.number}`);
  return value;
}

/** Contents of an alternative that must be primitive or constructed as given. */
export function formOf(value: DerValue, form: 'primitive' | 'constructed', what: string): Uint8Array {
  if (value.constructed !== (form === 'constructed')) throw malformed(`${what}: must be ${form}`);
  return value.contents;
}

export function smallInteger(contents: Uint8Array, what: string, max: number): number {
  const value = paddedInteger(contents, what);
  if (value < 0n || value > BigInt(max)) throw malformed(`${what}: ${value} is not within 0…${max}`);
  return Number(value);
}

/** An INTEGER, with needless leading octets too: no rule allows them (X.690 8.3.2), and no number is in doubt for them. */
function paddedInteger(contents: Uint8Array, what: string): bigint {
  if (contents.length === 0) throw malformed(`${what}: empty INTEGER`);
  return BigInt.asIntN(8 * contents.length, BigInt(`0x${toHex(contents)}`));
}

export function malformed(message: string, cause?: unknown): HiError {
  return new HiError('malformed', message, { cause });
}

/** Runs a decoder; what the octet layer refuses becomes a `HiError` of code `malformed`. */
export function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(`${what}: ${cause.message}`, cause);
    throw cause;
  }
}
