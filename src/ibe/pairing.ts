/**
 * The modified Tate pairing e'(A, B) = e(A, φB) of RFC 5091 sections 3.5 and 4.5 on E: y² = x³ + 1 over F_p, without
 * denominators.
 *
 * φ(x, y) = (ζx, y) with ζ = ((p−1)/2)·(1 + 3^((p+1)/4)·i), a cube root of unity. Algorithm 4.5.2 forgets the factor of
 * the imaginary part; the test values of sections 7.3 and 7.7 need it, with this sign. Instead of φ take α = φ − φ²,
 * which is √−3:
 *
 *     α(x, y) = (X, iY),  X = −(x³+4)/(3x²) and Y in F_p,  e(A, φB)² = e(A, αB)
 *
 * Abscissae in F_p, ordinates in iF_p: the verticals of Miller's algorithm then have values in F_p, which the power
 * p − 1 of the final exponent (p²−1)/q = (p−1)·cofactor sends to 1. They are never computed. (Algorithm 3.5.2 computes
 * them, with misprints: V_a is (x_V/z², s·y_V/z³), and step 4(c) must do nothing for c = −1 and multiply v_num by
 * EvalVertical(B, A) for c = +1.) For q = 2^a + s·2^b + c: a − b doublings, one addition of sA, b doublings; what is
 * left is a vertical.
 *
 * **Cofactors are not cleared.** B may be any point of E(F_p): the value to the power `cofactor` is the pairing with
 * [cofactor]B. So hash points are used raw and the power is taken in the group of order q.
 *
 * Where one argument stays the same, `fixed-pairing.ts` is faster. BigInt: not constant time (see `field.ts`).
 */
import { addMixed, type AffinePoint, type JacobianPoint } from './curve.ts';
import { invert, mod, multiply2, powerUnitary, square2, unitary, type Fp2 } from './field.ts';
import type { Group } from './group.ts';

/**
 * e'(A, U)² without any table, for A of order q and U any point of E(F_p) with x ≠ 0; its power by (q+1)/2 is the
 * pairing. One Miller loop over the multiples of A, evaluated at αU.
 */
export function pairSquared(a: AffinePoint, u: AffinePoint, group: Group): Fp2 {
  const { p, shape } = group;
  const at = alpha(u, group);
  let v: JacobianPoint = { ...a, z: 1n };
  let f: Fp2 = { re: 1n, im: 0n };
  for (let n = shape.a; n > 0; n--) {
    if (n === shape.b) {
      const added = { x: a.x, y: BigInt(shape.s) * a.y };
      f = multiply2(f, chordAt(v, added, at, p), p);
      v = addMixed(v, added, p);
    }
    const tangent = doubleWithTangent(v, at, p);
    f = multiply2(square2(f, p), tangent.line, p);
    v = tangent.doubled;
  }
  return finalExponent(f, group);
}

/** The modified Tate pairing e'(A, B) of Algorithm 4.5.1, for A and B of order q. */
export function pairing(a: AffinePoint, b: AffinePoint, group: Group): Fp2 {
  return powerOf(pairSquared(a, b, group), (group.q + 1n) / 2n, group.p);
}

/** u^n for an element of norm 1. */
export function powerOf(u: Fp2, n: bigint, p: bigint): Fp2 {
  return powerUnitary(unitary(u, p), n, p);
}

/**
 * α(x, y) = (X, iY) as the pair (X, Y), for x ≠ 0. The chord through φ(x, y) = (ζx, y) and −φ²(x, y) = (ζ²x, −y) has
 * the slope 2iy/(√3·x), so X = −(x³+4)/(3x²) and Y = −y(x+2X)/(√3·x), with 1/√3 = √3/3.
 */
export function alpha({ x, y }: AffinePoint, { p, root3 }: Group): AffinePoint {
  const inverse = invert(3n * x, p);
  const abscissa = mod(-((x * x * x + 4n) % p) * ((3n * inverse * inverse) % p), p);
  const ordinate = mod(-((y * (x + 2n * abscissa)) % p) * ((root3 * inverse) % p), p);
  return { x: abscissa, y: ordinate };
}

/**
 * (p²−1)/q = (p−1)·cofactor. f^(p−1) = f̄/f = f̄²/N(f); one inversion serves it and the end of the ladder. Where f is
 * real, imaginary or (for arguments of other orders) 0, the answer is 1, after as much work.
 */
export function finalExponent(f: Fp2, { p, cofactor }: Group): Fp2 {
  const trivial = (2n * f.re * f.im) % p === 0n;
  const { re, im } = trivial ? { re: 2n, im: 1n } : f;
  const norm = (re * re + im * im) % p;
  const cross = (2n * re * im) % p;
  const both = invert(norm * cross, p);
  const normInverse = (both * cross) % p;
  const u = {
    re: ((((re + im) * (re - im)) % p) * normInverse) % p,
    im: (-cross * normInverse) % p,
    imInverse: mod(-((norm * norm) % p) * both, p),
  };
  const result = powerUnitary(u, cofactor, p);
  return trivial ? { re: 1n, im: 0n } : result;
}

/* ------------------------------------------------- the generic Miller loop */

/** 2V, and the tangent at V evaluated at (X, iY), times 2YZ³ of V. */
function doubleWithTangent(
  { x, y, z }: JacobianPoint,
  at: AffinePoint,
  p: bigint,
): { readonly doubled: JacobianPoint; readonly line: Fp2 } {
  const xx = (x * x) % p;
  const yy = (y * y) % p;
  const zz = (z * z) % p;
  const e = 3n * xx;
  const d = (4n * x * yy) % p;
  const x2 = (e * e - 2n * d) % p;
  const z2 = (2n * y * z) % p;
  return {
    doubled: { x: x2, y: (e * (d - x2) - 8n * yy * yy) % p, z: z2 },
    line: {
      re: -(2n * yy + e * ((zz * at.x - x) % p)) % p,
      im: (((z2 * zz) % p) * at.y) % p,
    },
  };
}

/** The chord through V and an affine point, evaluated at (X, iY), times the ordinate Z of their sum. */
function chordAt(v: JacobianPoint, b: AffinePoint, at: AffinePoint, p: bigint): Fp2 {
  const zz = (v.z * v.z) % p;
  const r = (((b.y * zz) % p) * v.z - v.y) % p;
  const z = (v.z * ((b.x * zz - v.x) % p)) % p;
  return { re: -(b.y * z + r * (at.x - b.x)) % p, im: (z * at.y) % p };
}
