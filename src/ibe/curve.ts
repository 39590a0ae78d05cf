/**
 * The type-1 curve E: y² = x³ + 1 over F_p, p ≡ 11 (mod 12), and multiples of its points (RFC 5091 sections 2.1, 3.1
 * to 3.3). E(F_p) has p + 1 points and is cyclic.
 *
 * Multiples run in Jacobian coordinates (X, Y, Z) = (X/Z², Y/Z³), Z = 0 for the point at infinity:
 *
 *     2(X, Y, Z):  E = 3X², D = 4XY²,  X' = E² − 2D,  Y' = E(D − X') − 8Y⁴,  Z' = 2YZ
 *     + (x, y):    H = xZ² − X, R = yZ³ − Y,  X' = R² − H³ − 2XH²,  Y' = R(XH² − X') − YH³,  Z' = HZ
 *
 * They hold for every y² = x³ + b; `pairing.ts` uses them on b = −1 too. RFC 5091's Algorithm 3.3.2 (the sum of a
 * projective and an affine point) is wrong twice: λ6 must be y_A − λ5, and it answers 0 for A = B.
 *
 * BigInt: not constant time (see `field.ts`); neither are the multiples, whose additions follow the scalar's digits.
 */
import { bitLength, invert, invertAll, mod } from './field.ts';
import { IbeError } from './errors.ts';

/** An affine point with coordinates in F_p; never the point at infinity. */
export interface AffinePoint {
  readonly x: bigint;
  readonly y: bigint;
}

/** Jacobian coordinates; Z = 0 is the point at infinity. */
export interface JacobianPoint {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

export const INFINITY: JacobianPoint = { x: 1n, y: 1n, z: 0n };

/** Whether the coordinates are reduced and satisfy y² = x³ + 1. */
export function isOnCurve(point: AffinePoint, p: bigint): boolean {
  const { x, y } = point;
  return x >= 0n && x < p && y >= 0n && y < p && (y * y - x * x * x - 1n) % p === 0n;
}

/** Whether the point is on the curve and of order q (q prime). */
export function hasOrder(point: AffinePoint, q: bigint, p: bigint): boolean {
  return isOnCurve(point, p) && multiplyJacobian(point, q, p).z === 0n;
}

export function negate(point: AffinePoint, p: bigint): AffinePoint {
  return { x: point.x, y: mod(-point.y, p) };
}

/** [k]A for k ≥ 0; `null` is the point at infinity. */
export function multiply(point: AffinePoint, k: bigint, p: bigint): AffinePoint | null {
  return toAffine(multiplyJacobian(point, k, p), p);
}

/** A + B; `null` is the point at infinity. */
export function add(a: AffinePoint, b: AffinePoint, p: bigint): AffinePoint | null {
  return toAffine(addMixed({ ...a, z: 1n }, b, p), p);
}

export function double(point: JacobianPoint, p: bigint): JacobianPoint {
  const { x, y, z } = point;
  if (y === 0n) return INFINITY;
  const yy = (y * y) % p;
  const e = (3n * x * x) % p;
  const d = (4n * x * yy) % p;
  const x2 = (e * e - 2n * d) % p;
  return { x: x2, y: (e * (d - x2) - 8n * yy * yy) % p, z: (2n * y * z) % p };
}

export function addMixed(a: JacobianPoint, b: AffinePoint, p: bigint): JacobianPoint {
  if (a.z === 0n) return { x: b.x, y: b.y, z: 1n };
  const zz = (a.z * a.z) % p;
  const h = (b.x * zz - a.x) % p;
  const r = (((b.y * zz) % p) * a.z - a.y) % p;
  if (h === 0n) return r === 0n ? double(a, p) : INFINITY;
  const hh = (h * h) % p;
  const hhh = (h * hh) % p;
  const v = (a.x * hh) % p;
  const x = (r * r - hhh - 2n * v) % p;
  return { x, y: (r * (v - x) - a.y * hhh) % p, z: (a.z * h) % p };
}

export function toAffine(point: JacobianPoint, p: bigint): AffinePoint | null {
  if (point.z === 0n) return null;
  return withInverse(point, invert(point.z, p), p);
}

/** Whether a Jacobian point is this affine one; without an inversion. */
export function equalsAffine(a: JacobianPoint, b: AffinePoint, p: bigint): boolean {
  if (a.z === 0n) return false;
  const zz = (a.z * a.z) % p;
  const sameX = (b.x * zz - a.x) % p === 0n;
  const sameY = (((b.y * zz) % p) * a.z - a.y) % p === 0n;
  return sameX && sameY;
}

const WINDOW = 5;

/** [k]A for k ≥ 0 by the width-5 non-adjacent form, with odd multiples of A as affine points. */
export function multiplyJacobian(point: AffinePoint, k: bigint, p: bigint): JacobianPoint {
  const odd = oddMultiples(point, p);
  let sum = INFINITY;
  for (const digit of nonAdjacentForm(k, WINDOW)) {
    sum = double(sum, p);
    if (digit === 0) continue;
    const multiple = odd[(Math.abs(digit) - 1) / 2] ?? null;
    if (multiple !== null) sum = addMixed(sum, digit > 0 ? multiple : { x: multiple.x, y: -multiple.y }, p);
  }
  return sum;
}

/** A, 3A, … 15A. Points of small order have infinity among them, as `null`. */
function oddMultiples(point: AffinePoint, p: bigint): (AffinePoint | null)[] {
  const twice = toAffine(double({ ...point, z: 1n }, p), p);
  const multiples: JacobianPoint[] = [{ ...point, z: 1n }];
  for (let at = 1; at < 1 << (WINDOW - 2); at++) {
    const last = multiples[at - 1] ?? INFINITY;
    multiples.push(twice === null ? last : addMixed(last, twice, p));
  }
  return allToAffine(multiples, p);
}

/** Non-adjacent form: digits 0 or odd, |digit| < 2^(width−1), highest first. Not constant time. */
export function nonAdjacentForm(k: bigint, width: number): number[] {
  const list: number[] = [];
  const modulus = 1 << width;
  let rest = k;
  while (rest > 0n) {
    let digit = 0;
    if ((rest & 1n) === 1n) {
      digit = Number(BigInt.asUintN(width, rest));
      if (digit >= modulus / 2) digit -= modulus;
      rest -= BigInt(digit);
    }
    list.push(digit);
    rest >>= 1n;
  }
  return list.reverse();
}

/** Affine forms with one inversion; `null` for infinity. */
function allToAffine(points: readonly JacobianPoint[], p: bigint): (AffinePoint | null)[] {
  const inverses = invertAll(
    points.map(({ z }) => (z === 0n ? 1n : z)),
    p,
  );
  return points.map((point, at) => (point.z === 0n ? null : withInverse(point, inverses[at] ?? 1n, p)));
}

function withInverse(point: JacobianPoint, inverse: bigint, p: bigint): AffinePoint {
  const square = (inverse * inverse) % p;
  return { x: mod(point.x * square, p), y: mod(((point.y * square) % p) * inverse, p) };
}

const BASE_WINDOW = 6;

/**
 * Multiples of one point of prime order q, from a table: with l = Σ d_j·64^j, −32 ≤ d_j ≤ 32, [l]P is the sum of one
 * table entry a digit, without doublings.
 */
export class FixedBase {
  readonly #p: bigint;
  readonly #q: bigint;
  /** `#rows[j][d − 1]` = [d·64^j]P, d = 1 … 32. */
  readonly #rows: readonly (readonly AffinePoint[])[];

  /** @throws IbeError `point` if the point is not of order q */
  constructor(point: AffinePoint, q: bigint, p: bigint) {
    if (!hasOrder(point, q, p)) throw new IbeError('point', 'base point is not of order q');
    this.#p = p;
    this.#q = q;
    this.#rows = makeRows(point, Math.ceil((bitLength(q) + 1) / BASE_WINDOW), p);
  }

  /** [l]P; l is taken modulo q. */
  multiply(l: bigint): JacobianPoint {
    const half = 1 << (BASE_WINDOW - 1);
    let rest = mod(l, this.#q);
    let sum = INFINITY;
    for (const row of this.#rows) {
      let digit = Number(BigInt.asUintN(BASE_WINDOW, rest));
      rest >>= BigInt(BASE_WINDOW);
      if (digit > half) {
        digit -= 2 * half;
        rest += 1n;
      }
      const entry = row[Math.abs(digit) - 1];
      if (entry !== undefined) sum = addMixed(sum, digit > 0 ? entry : { x: entry.x, y: -entry.y }, this.#p);
    }
    return sum;
  }
}

function makeRows(point: AffinePoint, count: number, p: bigint): AffinePoint[][] {
  const size = 1 << (BASE_WINDOW - 1);
  const all: JacobianPoint[] = [];
  let first: AffinePoint | null = point;
  for (let row = 0; row < count && first !== null; row++) {
    let entry: JacobianPoint = { ...first, z: 1n };
    for (let d = 1; d <= size; d++) {
      all.push(entry);
      entry = addMixed(entry, first, p);
    }
    first = toAffine(double(all[all.length - 1] ?? INFINITY, p), p);
  }
  const affine = allToAffine(all, p);
  const rows: AffinePoint[][] = [];
  for (let at = 0; at < affine.length; at += size) {
    // Below q no multiple of a point of order q is infinity; where q is tiny the entry is never asked for.
    rows.push(affine.slice(at, at + size).map((entry) => entry ?? point));
  }
  return rows;
}
