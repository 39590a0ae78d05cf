/**
 * What p and q alone say about a type-1 group: p + 1 = 12rq, and the shape of the Solinas prime q (RFC 5091 sections
 * 2.1 and 5.1.2).
 */
import { IbeError } from './errors.ts';
import { bitLength, power } from './field.ts';

/** q = 2^a + s·2^b + c, a > b > 0, s and c each ±1. */
export interface Solinas {
  readonly a: number;
  readonly b: number;
  readonly s: 1 | -1;
  readonly c: 1 | -1;
}

/** What p and q are by their form. */
export interface GroupShape {
  readonly p: bigint;
  readonly q: bigint;
  /** (p + 1)/q: what clears the cofactor of E(F_p), and, with (p − 1), the exponent of the Tate pairing. */
  readonly cofactor: bigint;
  readonly shape: Solinas;
}

/** With the one square root that all pairings of the group share. */
export interface Group extends GroupShape {
  /** 3^((p+1)/4): √3, with the sign that RFC 5091's ζ has. */
  readonly root3: bigint;
}

/** The shape of q, or `null` if it is not of that form. */
export function solinas(q: bigint): Solinas | null {
  if (q < 5n) return null;
  for (const c of [1, -1] as const) {
    const even = q - BigInt(c);
    if (even <= 0n || (even & 1n) === 1n) continue;
    const b = bitLength(even & -even) - 1;
    const odd = even >> BigInt(b);
    for (const s of [1, -1] as const) {
      const high = odd - BigInt(s);
      if (high > 1n && (high & (high - 1n)) === 0n) return { a: b + bitLength(high) - 1, b, s, c };
    }
  }
  return null;
}

export function groupOf(p: bigint, q: bigint): Group {
  return { ...checkShape(p, q), root3: power(3n, (p + 1n) / 4n, p) };
}

/**
 * What can be told without primality tests.
 * @throws IbeError `parameters`
 */
export function checkShape(p: bigint, q: bigint): GroupShape {
  const shape = solinas(q);
  if (shape === null) throw new IbeError('parameters', 'q is not of the form 2^a ± 2^b ± 1');
  if (p <= 0n || p % 12n !== 11n) throw new IbeError('parameters', 'p is not 11 modulo 12');
  const cofactor = (p + 1n) / q;
  if ((p + 1n) % q !== 0n || cofactor % 12n !== 0n) throw new IbeError('parameters', 'p is not 12rq − 1');
  if (cofactor % q === 0n) throw new IbeError('parameters', 'q divides p + 1 twice');
  return { p, q, cofactor, shape };
}
