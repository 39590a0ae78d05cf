/**
 * RFC 5091's Boneh–Franklin as it is written, for comparison: affine points over F_p², Miller's algorithm with its
 * verticals and its numerator and denominator, square-and-multiply, cofactors cleared first. Corrected where the RFC is
 * wrong (Algorithms 3.5.2, 4.1.1 and 4.5.2). Shares no code with src/ibe. Slow.
 */
import { createHash } from 'node:crypto';

export interface El {
  readonly a: bigint;
  readonly b: bigint;
}
export interface Pt {
  readonly x: El;
  readonly y: El;
}
export interface RefParams {
  readonly hash: string;
  readonly p: bigint;
  readonly q: bigint;
  readonly P: { readonly x: bigint; readonly y: bigint };
  readonly Ppub: { readonly x: bigint; readonly y: bigint };
}
type Affine = { readonly x: bigint; readonly y: bigint };

export function reference(p: bigint, q: bigint) {
  const red = (n: bigint): bigint => ((n % p) + p) % p;
  const pow = (base: bigint, e: bigint): bigint => {
    let [r, b] = [1n, red(base)];
    for (let n = e; n > 0n; n >>= 1n) {
      if (n & 1n) r = red(r * b);
      b = red(b * b);
    }
    return r;
  };
  const el = (a: bigint, b = 0n): El => ({ a: red(a), b: red(b) });
  const addE = (u: El, v: El): El => el(u.a + v.a, u.b + v.b);
  const sub = (u: El, v: El): El => el(u.a - v.a, u.b - v.b);
  const mul = (u: El, v: El): El => el(u.a * v.a - u.b * v.b, u.a * v.b + u.b * v.a);
  const inv = (u: El): El => {
    const n = pow(u.a * u.a + u.b * u.b, p - 2n);
    return el(u.a * n, -u.b * n);
  };
  const powE = (base: El, e: bigint): El => {
    let [r, b] = [el(1n), base];
    for (let n = e; n > 0n; n >>= 1n) {
      if (n & 1n) r = mul(r, b);
      b = mul(b, b);
    }
    return r;
  };
  const same = (u: El, v: El): boolean => u.a === v.a && u.b === v.b;
  const lift = (P: Affine): Pt => ({ x: el(P.x), y: el(P.y) });
  const neg = (P: Pt | null): Pt | null => (P === null ? null : { x: P.x, y: sub(el(0n), P.y) });

  /** Algorithm 3.1.1. */
  const dbl = (P: Pt | null): Pt | null => {
    if (P === null || same(P.y, el(0n))) return null;
    const lambda = mul(mul(el(3n), mul(P.x, P.x)), inv(mul(el(2n), P.y)));
    const x = sub(mul(lambda, lambda), mul(el(2n), P.x));
    return { x, y: sub(mul(sub(P.x, x), lambda), P.y) };
  };
  /** Algorithm 3.1.2. */
  const plus = (A: Pt | null, B: Pt | null): Pt | null => {
    if (A === null) return B;
    if (B === null) return A;
    if (same(A.x, B.x)) return same(A.y, B.y) ? dbl(A) : null;
    const lambda = mul(sub(B.y, A.y), inv(sub(B.x, A.x)));
    const x = sub(sub(mul(lambda, lambda), A.x), B.x);
    return { x, y: sub(mul(sub(A.x, x), lambda), A.y) };
  };
  const mulP = (A: Pt | null, k: bigint): Pt | null => {
    let [r, b] = [null as Pt | null, A];
    for (let n = k; n > 0n; n >>= 1n) {
      if (n & 1n) r = plus(r, b);
      b = dbl(b);
    }
    return r;
  };
  const down = (P: Pt | null): Affine | null => (P === null ? null : { x: P.x.a, y: P.y.a });

  /** Algorithms 3.4.1 to 3.4.3. */
  const vertical = (B: Pt, A: Pt | null): El => (A === null ? el(1n) : sub(B.x, A.x));
  const line = (B: Pt, A1: Pt | null, A2: Pt | null): El => {
    if (A1 === null) return vertical(B, A2);
    if (A2 === null) return vertical(B, A1);
    if (same(A1.x, A2.x) && !(same(A1.y, A2.y) && !same(A1.y, el(0n)))) return vertical(B, A1);
    const tangent = same(A1.x, A2.x);
    const a = tangent ? mul(el(-3n), mul(A1.x, A1.x)) : sub(A1.y, A2.y);
    const b = tangent ? mul(el(2n), A1.y) : sub(A2.x, A1.x);
    const c = sub(el(0n), addE(mul(b, A1.y), mul(a, A1.x)));
    return addE(addE(mul(a, B.x), mul(b, B.y)), c);
  };

  const shape = (): { a: number; b: number; s: bigint; c: bigint } => {
    for (let a = 2; a <= q.toString(2).length; a++) {
      for (let b = 1; b < a; b++) {
        for (const s of [1n, -1n]) {
          for (const c of [1n, -1n]) {
            if ((1n << BigInt(a)) + s * (1n << BigInt(b)) + c === q) return { a, b, s, c };
          }
        }
      }
    }
    throw new Error('q is not a Solinas prime');
  };

  /** Algorithm 3.5.2 with its steps 3(b) and 4(c) put right. */
  const tate = (A: Pt, B: Pt): El => {
    const { a, b, s, c } = shape();
    let [num, den, tn, td] = [el(1n), el(1n), el(1n), el(1n)];
    let V: Pt | null = A;
    const doubling = (): void => {
      tn = mul(mul(tn, tn), line(B, V, V));
      V = dbl(V);
      td = mul(mul(td, td), vertical(B, V));
    };
    for (let n = 0; n < b; n++) doubling();
    const Vb: Pt | null = s === 1n ? V : neg(V);
    if (s === 1n) [num, den] = [mul(num, tn), mul(den, td)];
    else [num, den] = [mul(num, td), mul(mul(den, tn), vertical(B, V))];
    for (let n = b; n < a; n++) doubling();
    [num, den] = [mul(num, tn), mul(den, td)];
    num = mul(num, line(B, V, Vb));
    den = mul(den, vertical(B, plus(V, Vb)));
    if (c === 1n) num = mul(num, vertical(B, A));
    return powE(mul(num, inv(den)), (p * p - 1n) / q);
  };

  /** Algorithm 4.5.2 with b_zeta halved. */
  const pairing = (A: Affine, B: Affine): El => {
    const half = (p - 1n) / 2n;
    const zeta = el(half, half * pow(3n, (p + 1n) / 4n));
    return tate(lift(A), { x: mul(el(B.x), zeta), y: el(B.y) });
  };

  const H = (hash: string, octets: Uint8Array): Buffer => createHash(hash).update(octets).digest();
  const value = (octets: Uint8Array): bigint => BigInt('0x' + Buffer.from(octets).toString('hex'));
  const hashlen = (hash: string): number => H(hash, Buffer.alloc(0)).length;
  /** Algorithm 4.1.1. */
  const hashToRange = (hash: string, s: Uint8Array, n: bigint): bigint => {
    let v = 0n;
    let h: Uint8Array = Buffer.alloc(hashlen(hash));
    for (let i = 1; i <= 2; i++) {
      h = H(hash, Buffer.concat([h, s]));
      v = 256n ** BigInt(hashlen(hash)) * v + value(h);
    }
    return v % n;
  };
  /** Algorithm 4.2.1. */
  const hashBytes = (hash: string, b: number, seed: Uint8Array): Buffer => {
    const K = H(hash, seed);
    let h: Uint8Array = Buffer.alloc(hashlen(hash));
    let r = Buffer.alloc(0);
    while (r.length < b) {
      h = H(hash, h);
      r = Buffer.concat([r, H(hash, Buffer.concat([h, K]))]);
    }
    return r.subarray(0, b);
  };
  /** Algorithm 4.3.2, o = 0. */
  const canonical = (v: El): Buffer => {
    const l = Math.ceil(p.toString(2).length / 8);
    return Buffer.from(v.a.toString(16).padStart(2 * l, '0') + v.b.toString(16).padStart(2 * l, '0'), 'hex');
  };
  /** Algorithm 4.4.2. */
  const hashToPoint = (hash: string, id: Uint8Array): Affine | null => {
    const y = hashToRange(hash, id, p);
    const x = pow(y * y - 1n, (2n * p - 1n) / 3n);
    return down(mulP(lift({ x, y }), (p + 1n) / q));
  };
  const xor = (u: Uint8Array, v: Uint8Array): Uint8Array => Uint8Array.from(u, (o, i) => o ^ v[i]!);

  return {
    pairing,
    hashToPoint,
    multiply: (A: Affine, k: bigint): Affine | null => down(mulP(lift(A), k)),
    add: (A: Affine, B: Affine): Affine | null => down(plus(lift(A), lift(B))),
    power: (u: El, k: bigint): El => powE(u, k),
    /** The point of E(F_p) with this ordinate. */
    point: (y: bigint): Affine => ({ x: pow(y * y - 1n, (2n * p - 1n) / 3n), y: red(y) }),
    /** Algorithm 5.3.1. */
    extract: (hash: string, id: Uint8Array, s: bigint): Affine | null => {
      const Q = hashToPoint(hash, id);
      return Q === null ? null : down(mulP(lift(Q), s));
    },
    /** Algorithm 5.4.1. */
    encrypt: (params: RefParams, id: Uint8Array, m: Uint8Array, rho: Uint8Array) => {
      const { hash } = params;
      const Q = hashToPoint(hash, id);
      const l = hashToRange(hash, Buffer.concat([rho, H(hash, m)]), q);
      const U = down(mulP(lift(params.P), l));
      if (Q === null || U === null) return null;
      const theta = powE(pairing(params.Ppub, Q), l);
      const w = H(hash, canonical(theta));
      return { u: U, v: xor(w, rho), w: xor(m, hashBytes(hash, m.length, rho)) };
    },
    /** Algorithm 5.5.1. */
    decrypt: (
      params: RefParams,
      S: Affine,
      ct: { u: Affine; v: Uint8Array; w: Uint8Array },
    ): Uint8Array | null => {
      const { hash } = params;
      const rho = xor(H(hash, canonical(pairing(ct.u, S))), ct.v);
      const m = xor(ct.w, hashBytes(hash, ct.w.length, rho));
      const l = hashToRange(hash, Buffer.concat([rho, H(hash, m)]), q);
      const U = down(mulP(lift(params.P), l));
      return U !== null && U.x === ct.u.x && U.y === ct.u.y ? m : null;
    },
  };
}
