/**
 * BER as TS 102 232-1 and TS 33.108 use it: every component has a context tag, tags are IMPLICIT save around a CHOICE,
 * and within each SEQUENCE they ascend in the order of definition, root first, extension additions after it.
 *
 *     SEQUENCE { a [0] INTEGER, b [1] CHOICE {…}, ..., c [4] OCTET STRING OPTIONAL }
 *       30 L   80 L a        a1 L (b)                  84 L c
 *
 * Written are definite, minimal lengths and primitive strings; read is whatever BER allows (`bytes/ber.ts`).
 */
import { BerReader } from '../../bytes/ber.ts';
import type { DerValue } from '../../bytes/der.ts';
import { tlv } from '../../bytes/der.ts';
import { BytesError } from '../../bytes/errors.ts';
import { concat } from '../../bytes/octets.ts';
import { HiError } from './errors.ts';

/** [tag] with primitive contents. */
export function primitive(tag: number, contents: Uint8Array): Uint8Array {
  return tlv('context', false, tag, contents);
}

/** [tag] around complete elements: an implicit SEQUENCE or SET, or an explicit tag around one CHOICE. */
export function constructed(tag: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return tlv('context', true, tag, concat(...elements));
}

/** All elements of one level. */
export function elementsOf(contents: Uint8Array, what: string): DerValue[] {
  const reader = new BerReader(contents);
  const values: DerValue[] = [];
  while (reader.more) values.push(reader.any(what));
  return values;
}

/** Refuses what has the form that is not expected. */
export function requireForm(value: DerValue, constructed: boolean, what: string): void {
  if (value.constructed !== constructed) {
    throw malformed(`${what}: must ${constructed ? '' : 'not '}be constructed`);
  }
}

/** Refuses what has no context tag. */
export function requireContext(value: DerValue, what: string): void {
  if (value.tagClass !== 'context') throw malformed(`${what}: ${value.tagClass} tag ${value.number}`);
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
