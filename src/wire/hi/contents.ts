/** The ASN.1 types of HI2 and HI3 whose contents are octets, numbers or nothing. */
import { berString } from '../../bytes/ber.ts';
import {
  integerContents,
  oidContents,
  oidValue,
  relativeOidContents,
  relativeOidValue,
  UNIVERSAL,
} from '../../bytes/der.ts';
import { toHex } from '../../bytes/octets.ts';
import { RecentlyMade } from '../../bytes/recently-made.ts';
import { malformed, requireForm } from './ber.ts';
import { HiError } from './errors.ts';
import { wrongSize } from './fields.ts';
import type { Asn1Type } from './fields.ts';

/** OCTET STRING, or a character string as its octets, in one piece or in segments. */
export function octetString(min = 0, max = Infinity): Asn1Type<Uint8Array> {
  return {
    constructed: false,
    universal: UNIVERSAL.octetString,
    read: (value, what) => {
      const octets = berString(value, what);
      const size = wrongSize(octets.length, 'octets', min, max);
      if (size !== null) throw malformed(`${what}: ${size}`);
      return octets.slice();
    },
    contents: (octets, what) => {
      const size = wrongSize(octets.length, 'octets', min, max);
      if (size !== null) throw new HiError('range', `${what}: ${size}`);
      return octets;
    },
  };
}

/** INTEGER or ENUMERATED; needless leading octets, which no rule allows (X.690 8.3.2), leave no number in doubt. */
export function integer(min = 0, max = 0xffffffff): Asn1Type<number> {
  const wrong = (value: number | bigint): string | null =>
    value < min || value > max ? `${value} is not within ${min}…${max}` : null;
  return primitiveType(
    (octets, what) => {
      const value = integerOf(octets, what);
      const range = wrong(value);
      if (range !== null) throw malformed(`${what}: ${range}`);
      return Number(value);
    },
    (value, what) => {
      const range = Number.isSafeInteger(value) ? wrong(value) : `${value} is not an integer`;
      if (range !== null) throw new HiError('range', `${what}: ${range}`);
      return value < 0 ? integerContents(BigInt(value)) : wholeNumber(value);
    },
  );
}

/** Contents of an INTEGER from 0 on, that a number can say: the first bit says that it is not below. */
function wholeNumber(value: number): Uint8Array {
  let length = 1;
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x100)) length++;
  const octets = new Uint8Array(length);
  for (let [at, rest] = [length - 1, value]; at >= 0; at--, rest = Math.floor(rest / 0x100))
    octets[at] = rest;
  return octets;
}

function integerOf(octets: Uint8Array, what: string): number | bigint {
  const [first, second] = octets;
  if (first === undefined) throw malformed(`${what}: empty INTEGER`);
  if (second === undefined && first < 0x80) return first;
  if (octets.length > 6) return BigInt.asIntN(8 * octets.length, BigInt(`0x${toHex(octets)}`));
  const value = octets.reduce((sum, octet) => 256 * sum + octet, 0);
  return first < 0x80 ? value : value - 2 ** (8 * octets.length);
}

/** OBJECT IDENTIFIER in dotted decimal. */
export const OBJECT_IDENTIFIER = primitiveType(oidValue, knownOid);

/** Those of this network are few, and each PDU has some. Whoever is given their octets copies them. */
const OIDS = new RecentlyMade<Uint8Array>(64);

function knownOid(dotted: string): Uint8Array {
  return OIDS.of(dotted, () => oidContents(dotted));
}

/** RELATIVE-OID in dotted decimal. */
export const RELATIVE_OID = primitiveType(relativeOidValue, relativeOidContents);

/** NULL, whose presence says `value`. */
export function nullOf<const T>(value: T): Asn1Type<T> {
  return primitiveType(
    (octets, what) => {
      if (octets.length > 0) throw malformed(`${what}: NULL with contents`);
      return value;
    },
    () => new Uint8Array(),
  );
}

function primitiveType<T>(
  read: (octets: Uint8Array, what: string) => T,
  contents: (value: T, what: string) => Uint8Array,
): Asn1Type<T> {
  return {
    constructed: false,
    // No list of these types has elements without tags of their own.
    universal: UNIVERSAL.null,
    read: (value, what) => {
      requireForm(value, false, what);
      return read(value.contents, what);
    },
    contents,
  };
}
