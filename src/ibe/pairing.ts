/**
 * The modified Tate pairing e'(A, B) = e(A, φB) of RFC 5091 sections 3.5 and 4.5 on E: y² = x³ + 1 over F_p, without
 * denominators and, where one argument is fixed, from a table.
 *
 * **The map.** φ(x, y) = (ζx, y) with ζ = ((p−1)/2)·(1 + 3^((p+1)/4)·i), a cube root of unity. Algorithm 4.5.2 forgets
 * the factor of the imaginary part; the test values of sections 7.3 and 7.7 need it, with this sign. Instead of φ take
 * α = φ − φ² = √−3:
 *
 *     α(x, y) = (X, iY),  X = −(x³+4)/(3x²) and Y in F_p,  e(A, φB)² = e(A, αB)
 *
 * Ordinates in iF_p and abscissae in F_p: the verticals of Miller's algorithm then have values in F_p, which the power
 * p − 1 of the final exponent (p²−1)/q = (p−1)·cofactor sends to 1. They are never computed. (Algorithm 3.5.2 computes
 * them, with misprints: V_a is (x_V/z², s·y_V/z³), and step 4(c) must divide nothing for c = −1 and multiply v_num by
 * EvalVertical(B, A) for c = +1.)
 *
 * **A fixed argument S.** α is its own dual up to sign, so e'(S, U) = f_{q,R}(U)^((p²−1)/q) with R = α([−1/2]S): the
 * lines through multiples of R do not depend on U. `FixedPairing` keeps them. The points (X, iY) of R's group are
 * (−X, Y) of y² = x³ − 1, on which the Jacobian formulas of `curve.ts` run in F_p. A tangent is y = i(μx + ν); two
 * steps, L1 at V and L2 at 2V with abscissa t, make one line of degree two (divided by (x−t)², which is in F_p):
 *
 *     f ← f⁴·(y(x+b0) − i(a2x²+a1x+a0))
 *     b0 = 2t − μ1² − 2μ1μ2,  a2 = 2μ1 + μ2,  a1 = 2ν1 + ν2 − μ1²μ2 + 2t·a2,
 *     a0 = −μ1²ν2 − 2μ1μ2ν1 + 2t·a1 − t²·a2
 *
 * ten products and eight reductions a pair of bits. For q = 2^a + s·2^b + c: a − b doublings, one addition of sR, b
 * doublings; what is left is a vertical.
 *
 * **Cofactors are not cleared.** U may be any point of E(F_p): f_{q,R}(U)^((p²−1)/q) to the power `cofactor` is the
 * pairing with [cofactor]U. So hash points are used raw and the power is taken in the group of order q.
 */
import type { AffinePoint, JacobianPoint } from './curve.ts';
import { addMixed, double, multiply } from './curve.ts';
import { IbeError } from './errors.ts';
import { invert, invertAll, mod, multiply2, powerUnitary, square2, unitary, type Fp2 } from './field.ts';
import type { Group } from './group.ts';

/** One step of Miller's algorithm with the fixed argument. */
type Step =
  /** f ← f⁴·(y(x+b0) − i(a2x²+a1x+a0)) */
  | {
      readonly kind: 'double-twice';
      readonly b0: bigint;
      readonly a0: bigint;
      readonly a1: bigint;
      readonly a2: bigint;
    }
  /** f ← f²·(y − i(μx+ν)) */
  | { readonly kind: 'double'; readonly mu: bigint; readonly nu: bigint }
  /** f ← f·(y − i(μx+ν)) */
  | { readonly kind: 'add'; readonly mu: bigint; readonly nu: bigint };

/** A line y = i(μx + ν). */
interface Line {
  readonly mu: bigint;
  readonly nu: bigint;
}

/** U ↦ e'(S, U) for a fixed S of order q. */
export class FixedPairing {
  readonly #group: Group;
  readonly #steps: readonly Step[];

  /** `fixed` must be on the curve and of order q (`hasOrder`). */
  constructor(fixed: AffinePoint, group: Group) {
    this.#group = group;
    this.#steps = makeSteps(fixed, group);
  }

  /** e'(S, U) where U has order q; for any other U of E(F_p) its power `cofactor` is e'(S, [cofactor]U). */
  pair(u: AffinePoint): Fp2 {
    return finalExponent(this.#miller(u), this.#group);
  }

  #miller({ x, y }: AffinePoint): Fp2 {
    const { p } = this.#group;
    const xx = (x * x) % p;
    const xy = (x * y) % p;
    let re = 1n;
    let im = 0n;
    for (const step of this.#steps) {
      let lineRe: bigint;
      let lineIm: bigint;
      if (step.kind === 'double-twice') {
        [re, im] = [((re + im) * (re - im)) % p, (2n * re * im) % p];
        lineRe = (y * step.b0 + xy) % p;
        lineIm = -(step.a2 * xx + step.a1 * x + step.a0) % p;
      } else {
        lineRe = y;
        lineIm = -(step.mu * x + step.nu) % p;
      }
      if (step.kind !== 'add') [re, im] = [((re + im) * (re - im)) % p, (2n * re * im) % p];
      const ac = re * lineRe;
      const bd = im * lineIm;
      im = ((re + im) * (lineRe + lineIm) - ac - bd) % p;
      re = (ac - bd) % p;
    }
    return { re, im };
  }
}

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
function finalExponent(f: Fp2, { p, cofactor }: Group): Fp2 {
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

/* ------------------------------------------------- the table of a fixed argument */

/** Multiples of R on y² = x³ − 1, Jacobian, in the order of Miller's algorithm. */
interface Walk {
  readonly points: readonly JacobianPoint[];
  /** Index of the point to which sR is added. */
  readonly addAt: number;
}

function makeSteps(fixed: AffinePoint, group: Group): Step[] {
  const { p, q, shape } = group;
  const halved = multiply(fixed, (q - 1n) / 2n, p);
  if (halved === null) throw new IbeError('point', 'fixed argument of a pairing is not of order q');
  const image = alpha(halved, group);
  const r = { x: mod(-image.x, p), y: image.y };
  const added = { x: r.x, y: BigInt(shape.s) * r.y };
  const walk = walkOf(r, added, group);
  const inverses = invertAll(
    walk.points.map(({ z }) => z),
    p,
  );
  const lines = walk.points.slice(0, -1).map((point, at): Line & { readonly t: bigint } => {
    const inverse = inverses[at] ?? 1n;
    const next = inverses[at + 1] ?? 1n;
    const square = (inverse * inverse) % p;
    const x = (point.x * square) % p;
    const y = (((point.y * square) % p) * inverse) % p;
    const slope =
      at === walk.addAt
        ? (((added.y - y) * ((point.z * point.z) % p)) % p) * ((point.z * next) % p)
        : 3n * ((point.x * point.x) % p) * next;
    const mu = mod(-slope, p);
    return { mu, nu: mod(y + mu * x, p), t: mod(-x, p) };
  });
  return [
    ...doublings(lines.slice(0, walk.addAt), p),
    ...lines.slice(walk.addAt, walk.addAt + 1).map(({ mu, nu }): Step => ({ kind: 'add', mu, nu })),
    ...doublings(lines.slice(walk.addAt + 1), p),
  ];
}

/** R, 2R, …, [2^(a−b)]R, that + sR, and its b doubles. */
function walkOf(r: AffinePoint, added: AffinePoint, { p, shape }: Group): Walk {
  const addAt = shape.a - shape.b;
  const points: JacobianPoint[] = [{ ...r, z: 1n }];
  for (let n = 0; n < shape.a + 1; n++) {
    const last = points[n] ?? { ...r, z: 1n };
    points.push(n === addAt ? addMixed(last, added, p) : double(last, p));
  }
  return { points, addAt };
}

/** Tangents joined by twos; a last one without a partner stays alone. `t` of a line is the abscissa of its own V. */
function doublings(lines: readonly (Line & { readonly t: bigint })[], p: bigint): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    const [first, second] = lines.slice(at, at + 2);
    if (first === undefined) break;
    steps.push(
      second === undefined
        ? { kind: 'double', mu: first.mu, nu: first.nu }
        : doubleTwice(first, second, second.t, p),
    );
  }
  return steps;
}

function doubleTwice(l1: Line, l2: Line, t: bigint, p: bigint): Step {
  const mm = (l1.mu * l1.mu) % p;
  const m12 = (2n * l1.mu * l2.mu) % p;
  const a2 = mod(2n * l1.mu + l2.mu, p);
  const a1 = mod(2n * l1.nu + l2.nu - mm * l2.mu + 2n * t * a2, p);
  const a0 = mod(-mm * l2.nu - m12 * l1.nu + 2n * t * a1 - ((t * t) % p) * a2, p);
  return { kind: 'double-twice', b0: mod(2n * t - mm - m12, p), a0, a1, a2 };
}
