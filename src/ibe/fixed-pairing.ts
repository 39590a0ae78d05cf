/**
 * Pairings with a fixed argument S of order q, from a table of lines; every pairing of Boneh–Franklin is one (P_pub when
 * encrypting, S_id when decrypting).
 *
 * α (see `pairing.ts`) is its own dual up to sign, so e'(S, U) = f_{q,R}(U)^((p²−1)/q) with R = α([−1/2]S): the lines
 * through multiples of R do not depend on U. The points (X, iY) of R's group are (−X, Y) of y² = x³ − 1, on which the
 * Jacobian formulas of `curve.ts` run in F_p; one inversion serves the whole table. A line is y = i(μx + ν). Two
 * tangents, L1 at V and L2 at 2V with abscissa t, make one function of degree two, divided by (x−t)², which is in F_p:
 *
 *     f ← f⁴·(y(x+b0) − i(a2x²+a1x+a0))
 *     b0 = 2t − μ1² − 2μ1μ2,  a2 = 2μ1 + μ2,  a1 = 2ν1 + ν2 − μ1²μ2 + 2t·a2,
 *     a0 = −μ1²ν2 − 2μ1μ2ν1 + 2t·a1 − t²·a2
 *
 * That is ten products and eight reductions for two bits of q.
 *
 * The table of a private key is as secret as the key. BigInt: not constant time (see `field.ts`).
 */
import { addMixed, double, multiply, type AffinePoint, type JacobianPoint } from './curve.ts';
import { IbeError } from './errors.ts';
import { invertAll, mod, type Fp2 } from './field.ts';
import type { Group } from './group.ts';
import { alpha, finalExponent } from './pairing.ts';

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

/* ------------------------------------------------- making the table */
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
