/**
 * Boneh–Boyen BB1 (RFC 5091 section 6), for districts that publish it beside or instead of Boneh–Franklin. The
 * system's own profile uses Boneh–Franklin only.
 *
 *     setup     P_1 = [α]P, P_2 = [β]P, P_3 = [γ]P, v = e'(P_1, P_2)
 *     identity  h_id = HashToRange(id, q)
 *     extract   D_0 = [αβ + r(α·h_id + γ)]P,  D_1 = [r]P
 *     encrypt   w = v^s,  C_0 = [s]P,  C_1 = [s·h_id]P_1 + [s]P_3
 *               y = HashBytes(|m|, h′) ⊕ m,  u = s + HashToRange(h″, q)
 *     decrypt   w = e'(C_0, D_0)/e'(C_1, D_1), accepted if w = v^s and C_0 = [s]P
 *
 * with h′ = H²(ψ), h″ = H²(y_1 ‖ x_1 ‖ y_0 ‖ x_0 ‖ y ‖ ψ), ψ = Canonical(w) with the imaginary part first, and the two
 * passes H²(a) = H(H(a) ‖ a) ‖ H(a). The note of section 7.8 should cite Algorithm 6.5.1.
 *
 * The arithmetic is given with every call: BigInt (`bigIntBb1`; not constant time, see `field.ts`) or the WebAssembly
 * kernel (`wasm-engine.ts`).
 */
import { concat } from '../bytes/octets.ts';
import { canonical, canonicalElement } from './canonical.ts';
import { add, isOnCurve, multiply, type AffinePoint } from './curve.ts';
import { IbeError } from './errors.ts';
import { conjugate, mod, mod2, multiply2, type Fp2 } from './field.ts';
import { groupOf } from './group.ts';
import { digest, hashBytes, hashToRange, xorOctets, type BfHash } from './hash.ts';
import { pairing, powerOf } from './pairing.ts';

/** What BB1 computes with, on points of order q and elements of norm 1. */
export interface Bb1Arithmetic {
  /** e'(A, B). */
  pairing(a: AffinePoint, b: AffinePoint): Fp2;
  /** v^n, 0 ≤ n < q. */
  power(v: Fp2, n: bigint): Fp2;
  /** [k]A, 0 ≤ k < q; `null` is the point at infinity. */
  multiple(point: AffinePoint, k: bigint): AffinePoint | null;
}

export function bigIntBb1(p: bigint, q: bigint): Bb1Arithmetic {
  const group = groupOf(p, q);
  return {
    pairing: (a, b) => pairing(a, b, group),
    power: (v, n) => powerOf(v, n, p),
    multiple: (point, k) => multiply(point, k, p),
  };
}

export interface Bb1Parameters {
  readonly hash: BfHash;
  readonly p: bigint;
  readonly q: bigint;
  readonly P: AffinePoint;
  readonly P1: AffinePoint;
  readonly P2: AffinePoint;
  readonly P3: AffinePoint;
  /** e'(P_1, P_2). */
  readonly v: Fp2;
}

export interface Bb1MasterSecret {
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly gamma: bigint;
}

export interface Bb1PrivateKey {
  readonly d0: AffinePoint;
  readonly d1: AffinePoint;
}

export interface Bb1Ciphertext {
  readonly u: bigint;
  readonly c0: AffinePoint;
  readonly c1: AffinePoint;
  readonly y: Uint8Array;
}

/** Algorithm 6.1.2 from step 4(b): the parameters of a group and a master secret. */
export function bb1Parameters(
  group: { readonly hash: BfHash; readonly p: bigint; readonly q: bigint; readonly P: AffinePoint },
  { alpha, beta, gamma }: Bb1MasterSecret,
  arithmetic: Bb1Arithmetic = bigIntBb1(group.p, group.q),
): Bb1Parameters {
  const { hash, p, q, P } = group;
  const P1 = times(P, alpha, arithmetic);
  const P2 = times(P, beta, arithmetic);
  return { hash, p, q, P, P1, P2, P3: times(P, gamma, arithmetic), v: arithmetic.pairing(P1, P2) };
}

/** Algorithm 6.3.1 with the random r from 1 to q − 1. */
export function bb1Extract(
  params: Bb1Parameters,
  { alpha, beta, gamma }: Bb1MasterSecret,
  id: Uint8Array,
  r: bigint,
  arithmetic: Bb1Arithmetic = bigIntBb1(params.p, params.q),
): Bb1PrivateKey {
  const { hash, q, P } = params;
  const y = (alpha * beta + r * (alpha * hashToRange(hash, id, q) + gamma)) % q;
  return { d0: times(P, y, arithmetic), d1: times(P, r, arithmetic) };
}

/** Algorithm 6.4.1 with the random s from 1 to q − 1. */
export function bb1Encrypt(
  params: Bb1Parameters,
  id: Uint8Array,
  message: Uint8Array,
  s: bigint,
  arithmetic: Bb1Arithmetic = bigIntBb1(params.p, params.q),
): Bb1Ciphertext {
  const { hash, p, q, P, P1, P3, v } = params;
  const w = arithmetic.power(v, s);
  const c0 = times(P, s, arithmetic);
  const blinded = arithmetic.multiple(P1, (s * hashToRange(hash, id, q)) % q);
  const masked = times(P3, s, arithmetic);
  const c1 = blinded === null ? masked : add(blinded, masked, p);
  if (c1 === null) throw new IbeError('range', 's gives a point at infinity');
  const y = xorOctets(messageMask(params, w, message.length), message);
  return { u: (s + tagMask(params, w, c0, c1, y)) % q, c0, c1, y };
}

/** Algorithm 6.5.1. `null`: not a valid ciphertext for this key, whatever is wrong with it. */
export function bb1Decrypt(
  params: Bb1Parameters,
  { d0, d1 }: Bb1PrivateKey,
  { u, c0, c1, y }: Bb1Ciphertext,
  arithmetic: Bb1Arithmetic = bigIntBb1(params.p, params.q),
): Uint8Array | null {
  const { p, q, P, v } = params;
  if (u < 0n || u >= q || !usable(c0, p) || !usable(c1, p)) return null;
  // The keys come first: the points of a ciphertext need not have order q, and then no answer is right.
  const w = multiply2(arithmetic.pairing(d0, c0), conjugate(arithmetic.pairing(d1, c1)), p);
  const message = xorOctets(messageMask(params, w, y.length), y);
  const s = mod(u - tagMask(params, w, c0, c1, y), q);
  const again = arithmetic.power(v, s);
  const sameW = equal2(again, w, p);
  const base = arithmetic.multiple(P, s);
  return sameW && base !== null && base.x === c0.x && base.y === c0.y ? message : null;
}

/** HashBytes keyed by h′. */
function messageMask({ hash, p }: Bb1Parameters, w: Fp2, length: number): Uint8Array {
  return hashBytes(hash, length, twoPasses(hash, canonical(w, 1, p)));
}

/** rho of step 7(b)i. */
function tagMask(
  { hash, p, q }: Bb1Parameters,
  w: Fp2,
  c0: AffinePoint,
  c1: AffinePoint,
  y: Uint8Array,
): bigint {
  const coordinates = [c1.y, c1.x, c0.y, c0.x].map((value) => canonicalElement(value, p));
  return hashToRange(hash, twoPasses(hash, concat(...coordinates, y, canonical(w, 1, p))), q);
}

function twoPasses(hash: BfHash, octets: Uint8Array): Uint8Array {
  const inner = digest(hash, octets);
  return concat(digest(hash, inner, octets), inner);
}

/** On the curve, and not one of the points of order 2 or 3 for which the pairing is not made. */
function usable(point: AffinePoint, p: bigint): boolean {
  return isOnCurve(point, p) && point.y !== 0n && point.x !== 0n;
}

function equal2(a: Fp2, b: Fp2, p: bigint): boolean {
  const difference = mod2({ re: a.re - b.re, im: a.im - b.im }, p);
  return difference.re === 0n && difference.im === 0n;
}

function times(point: AffinePoint, k: bigint, arithmetic: Bb1Arithmetic): AffinePoint {
  const product = arithmetic.multiple(point, k);
  if (product === null) throw new IbeError('range', 'scalar is 0 modulo q');
  return product;
}
