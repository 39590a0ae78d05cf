/** What the DER codecs of this room share: one error for malformed input, versions, points. */
import type { DerReader } from '../bytes/der.ts';
import { derDecode, derInteger, derSequence } from '../bytes/der.ts';
import { BytesError } from '../bytes/errors.ts';
import type { AffinePoint } from './curve.ts';
import { IbeError } from './errors.ts';

/** All structures of RFC 5091 section 8 and RFC 5408 section 6 are of version 2. */
export const IBE_VERSION = 2;

/** Reads one whole value; whatever the octet layer refuses becomes `malformed`. */
export function decodeStrict<T>(der: Uint8Array, what: string, read: (reader: DerReader) => T): T {
  try {
    return derDecode(der, what, read);
  } catch (cause) {
    if (cause instanceof BytesError) throw new IbeError('malformed', `${what}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Reads one SEQUENCE to its end. */
export function readSequence<T>(reader: DerReader, what: string, read: (inside: DerReader) => T): T {
  const inside = reader.sequence(what);
  const value = read(inside);
  inside.end(what);
  return value;
}

/** Reads one whole SEQUENCE that begins with its version. @throws IbeError `malformed`, `unsupported` */
export function decodeVersioned<T>(der: Uint8Array, what: string, read: (inside: DerReader) => T): T {
  return decodeStrict(der, what, (reader) =>
    readSequence(reader, what, (inside) => {
      const version = inside.integer(`${what} version`);
      if (version !== BigInt(IBE_VERSION))
        throw new IbeError('unsupported', `${what}: version ${String(version)}, not ${IBE_VERSION}`);
      return read(inside);
    }),
  );
}

export function readNatural(reader: DerReader, field: string): bigint {
  const value = reader.integer(field);
  if (value < 0n) throw new IbeError('malformed', `${field}: negative`);
  return value;
}

/**
 * ```asn1
 * FpPoint ::= SEQUENCE { x INTEGER, y INTEGER }        -- RFC 5091 section 8
 * ```
 * Also an element x + y·i of F_p².
 */
export function encodeFpPoint(point: AffinePoint): Uint8Array {
  return derSequence(derInteger(point.x), derInteger(point.y));
}

export function readFpPoint(reader: DerReader, field: string): AffinePoint {
  return readSequence(reader, field, (inside) => ({
    x: readNatural(inside, `${field}.x`),
    y: readNatural(inside, `${field}.y`),
  }));
}
