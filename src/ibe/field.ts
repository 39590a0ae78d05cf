/**
 * Arithmetic modulo a prime p, and in F_p² = F_p[i], i² = −1 (p ≡ 3 mod 4), on BigInt.
 *
 * **Not constant time.** BigInt's running time depends on the values, everywhere, and its values can be neither wiped
 * nor kept from being copied. Whoever can measure a process that uses a private key or a master secret through this
 * code closely enough learns something about it.
 *
 * Residues are kept in −p < a < p: `%` keeps the sign of its left side, and the sign costs nothing later. `mod` gives
 * the canonical one. Sums of products are reduced once, not product by product: a reduction costs more than a product.
 */
import { IbeError } from './errors.ts';

/** An element re + im·i of F_p². */
export interface Fp2 {
  readonly re: bigint;
  readonly im: bigint;
}

/** The residue from 0 to p − 1. */
export function mod(a: bigint, p: bigint): bigint {
  const rest = a % p;
  return rest < 0n ? rest + p : rest;
}

/** Bits of a natural number; 0 for 0. */
export function bitLength(n: bigint): number {
  return n === 0n ? 0 : n.toString(2).length;
}

/**
 * 1/a modulo p, by Euclid.
 * @throws IbeError `parameters` if there is none: with p prime, only for a = 0, which no caller passes
 */
export function invert(a: bigint, p: bigint): bigint {
  let [r, s, x, y] = [p, mod(a, p), 0n, 1n];
  while (s !== 0n) {
    const quotient = r / s;
    [r, s] = [s, r - quotient * s];
    [x, y] = [y, x - quotient * y];
  }
  if (r !== 1n) throw new IbeError('parameters', 'no inverse: zero, or the modulus is not prime');
  return mod(x, p);
}

/** Inverses of all (none of them 0) at the cost of one and three products each (Montgomery's trick). */
export function invertAll(values: readonly bigint[], p: bigint): bigint[] {
  const prefix: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    prefix.push(product);
    product = (product * value) % p;
  }
  let rest = invert(product, p);
  const inverses = new Array<bigint>(values.length);
  for (let at = values.length - 1; at >= 0; at--) {
    inverses[at] = (rest * (prefix[at] ?? 1n)) % p;
    rest = (rest * (values[at] ?? 1n)) % p;
  }
  return inverses;
}

const POWER_WINDOW = 5;

/** base^exponent modulo p, exponent ≥ 0, by windows of five bits. */
export function power(base: bigint, exponent: bigint, p: bigint): bigint {
  const table = [1n];
  for (let at = 1; at < 1 << POWER_WINDOW; at++) table.push(((table[at - 1] ?? 1n) * base) % p);
  let result = 1n;
  for (const digit of digits(exponent, POWER_WINDOW)) {
    for (let at = 0; at < POWER_WINDOW; at++) result = (result * result) % p;
    result = (result * (table[digit] ?? 1n)) % p;
  }
  return mod(result, p);
}

/** Digits of `width` (at most 5) bits, highest first. */
export function digits(n: bigint, width: number): number[] {
  const bits = n.toString(2);
  const padded = bits.padStart(Math.ceil(bits.length / width) * width, '0');
  const list: number[] = [];
  for (let at = 0; at < padded.length; at += width) list.push(parseInt(padded.slice(at, at + width), 2));
  return list;
}

/** (a + bi)(c + di) with three products and two reductions. */
export function multiply2(a: Fp2, b: Fp2, p: bigint): Fp2 {
  const re = a.re * b.re;
  const im = a.im * b.im;
  return { re: (re - im) % p, im: ((a.re + a.im) * (b.re + b.im) - re - im) % p };
}

export function square2(a: Fp2, p: bigint): Fp2 {
  return { re: ((a.re + a.im) * (a.re - a.im)) % p, im: (2n * a.re * a.im) % p };
}

/** The canonical representative. */
export function mod2(a: Fp2, p: bigint): Fp2 {
  return { re: mod(a.re, p), im: mod(a.im, p) };
}

/** An element of norm 1 with what its powers need. */
export interface Unitary extends Fp2 {
  /** 1 / im; 0 for the elements ±1. */
  readonly imInverse: bigint;
}

/** Takes as long for ±1 as for any other. */
export function unitary(u: Fp2, p: bigint): Unitary {
  const real = mod(u.im, p) === 0n;
  const inverse = invert(real ? 1n : u.im, p);
  return { re: u.re, im: u.im, imInverse: real ? 0n : inverse };
}

/**
 * u^n for u of norm 1 and n ≥ 0, by the Lucas ladder on V_n = 2·Re(u^n):
 *
 *     V_2n = V_n² − 2,  V_2n+1 = V_n·V_n+1 − V_1,  Im(u^n) = (Re(u^n)·Re(u) − Re(u^(n+1))) / Im(u)
 *
 * For u = ±1 the inverse that is given as 0 makes the imaginary part 0, which it is.
 */
export function powerUnitary(u: Unitary, n: bigint, p: bigint): Fp2 {
  const v1 = (2n * u.re) % p;
  let [v, w] = [2n, v1];
  for (const bit of n.toString(2)) {
    const between = (v * w - v1) % p;
    if (bit === '1') [v, w] = [between, (w * w - 2n) % p];
    else [v, w] = [(v * v - 2n) % p, between];
  }
  const half = (p + 1n) / 2n;
  const re = (v * half) % p;
  const next = (w * half) % p;
  return { re: mod(re, p), im: mod(((re * u.re - next) % p) * u.imInverse, p) };
}

/** The conjugate: for an element of norm 1, its inverse. */
export function conjugate(u: Fp2): Fp2 {
  return { re: u.re, im: -u.im };
}
