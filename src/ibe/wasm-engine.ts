/**
 * The arithmetic of Boneh–Franklin on the WebAssembly kernel (`wasm/`), one instance of it for each district.
 *
 * **Constant time** as far as the kernel reaches: field arithmetic, inversion, the pairing (its sequence is public), the
 * Lucas ladder of secret powers, [l]P and [s]Q (masked scans of tables). Not constant time: BigInt at the borders, and
 * what treats public values (hash points, Q_id = [h]Q′); docs/security.md has the list.
 *
 * Temporary places are overwritten after every operation with a secret, tables of private keys when they are forgotten.
 */
import type { Bb1Arithmetic } from './bb1.ts';
import { BfEngine, DEFAULT_BOUNDS, type BfArithmetic, type Bounds } from './bf-engine.ts';
import { FixedBase, equalsAffine, isOnCurve, toAffine, type AffinePoint } from './curve.ts';
import type { IbeEngine } from './engine.ts';
import { IbeError } from './errors.ts';
import { bitLength, mod, type Fp2 } from './field.ts';
import { checkShape, type GroupShape } from './group.ts';
import { hashToRange } from './hash.ts';
import type { BfParameters } from './parameters.ts';
import { BaseMultiples } from './wasm/base-multiples.ts';
import { WasmField, type Place } from './wasm/field.ts';
import { FixedLines, type Lines } from './wasm/fixed-lines.ts';
import { GenericPairing } from './wasm/generic-pairing.ts';
import { Points } from './wasm/points.ts';
import { UnitaryGroup } from './wasm/unitary.ts';

export function wasmEngine(bounds: Bounds = DEFAULT_BOUNDS): IbeEngine {
  return new BfEngine((params) => new WasmArithmetic(params), bounds);
}

/** The arithmetic of Boneh–Boyen on the kernel. */
export function wasmBb1(group: Pick<BfParameters, 'hash' | 'p' | 'q' | 'P'>): Bb1Arithmetic {
  const arithmetic = new WasmArithmetic({ ...group, Ppub: group.P });
  return {
    pairing: (a, b) => arithmetic.pairGeneric(a, b),
    power: (v, n) => arithmetic.power(v, n),
    multiple: (point, k) => arithmetic.secretMultiple(point, k),
  };
}

/** Below, multiples of P meet exceptional cases often: the reference computes them. Only tests have such groups. */
const SMALLEST_Q = 40;

export class WasmArithmetic implements BfArithmetic<Place, Lines> {
  readonly field: WasmField;
  readonly #params: BfParameters;
  readonly #shape: GroupShape;
  readonly #points: Points;
  readonly #unitary: UnitaryGroup;
  readonly #lines: FixedLines;
  readonly #generic: GenericPairing;
  readonly #value: Place;
  #base: BaseMultiples | SmallBase | null = null;
  #ppub: Lines | null = null;

  constructor(params: BfParameters) {
    this.#params = params;
    this.#shape = checkShape(params.p, params.q);
    this.field = new WasmField(params.p);
    this.#points = new Points(this.field);
    this.#unitary = new UnitaryGroup(this.field);
    const root3 = this.field.take();
    this.field.set(root3, 3n);
    this.field.power(root3, root3, (params.p + 1n) / 4n);
    this.#lines = new FixedLines(this.#points, this.#shape, root3);
    this.#generic = new GenericPairing(this.#points, this.#shape, root3);
    this.#value = this.field.take(2);
  }

  hashPoint(id: Uint8Array): AffinePoint {
    const { hash, p } = this.#params;
    return this.pointOfOrdinate(hashToRange(hash, id, p));
  }

  /** The point of E(F_p) with this ordinate: x = (y² − 1)^((2p−1)/3). */
  pointOfOrdinate(y: bigint): AffinePoint {
    const { field } = this;
    const t = field.take();
    field.set(t, y * y - 1n);
    field.power(t, t, ((2n * field.p - 1n) / 3n) % (field.p - 1n));
    const x = field.get(t);
    field.release(t);
    return { x, y };
  }

  theta(point: AffinePoint): Place | null {
    this.#ppub ??= this.lines(this.#params.Ppub);
    const theta = this.#unitary.take();
    this.#pairTo(theta, this.#ppub, point);
    if (this.#unitary.isOne(theta)) {
      this.#unitary.release(theta);
      return null;
    }
    this.#unitary.complete(theta);
    return theta;
  }

  thetaPower(theta: Place, exponent: bigint): Fp2 {
    this.#unitary.secretPower(this.#value, theta, exponent, bitLength(this.#params.q));
    return this.#take(this.#value);
  }

  baseMultiple(l: bigint): AffinePoint | null {
    return this.#multiples().multiply(l);
  }

  isBaseMultiple(l: bigint, u: AffinePoint): boolean {
    return this.#multiples().equals(l, u);
  }

  lines(privateKey: AffinePoint): Lines {
    const lines = isOnCurve(privateKey, this.field.p) ? this.#lines.make(privateKey) : null;
    if (lines === null) throw new IbeError('point', 'point is not a point of order q');
    return lines;
  }

  /** Octets that a private key's lines take. */
  get linesOctets(): number {
    return this.#lines.octets;
  }

  pair(lines: Lines, u: AffinePoint): Fp2 {
    this.#pairTo(this.#value, lines, u);
    return this.#take(this.#value);
  }

  pairWithMaster(u: AffinePoint, point: AffinePoint, masterSecret: bigint): Fp2 {
    const { q, cofactor } = this.#shape;
    return this.#pairToPower(u, point, (cofactor * masterSecret) % q);
  }

  /** e'(A, B) for points of order q. */
  pairGeneric(a: AffinePoint, b: AffinePoint): Fp2 {
    return this.#pairToPower(a, b, 1n);
  }

  /** v^n for v of norm 1 and 0 ≤ n < q. */
  power(v: Fp2, n: bigint): Fp2 {
    const u = this.#unitary.take();
    this.field.set(u, v.re);
    this.field.set(u + this.field.octets, v.im);
    this.#unitary.complete(u);
    const power = this.thetaPower(u, n);
    this.#unitary.release(u);
    return power;
  }

  #pairToPower(u: AffinePoint, point: AffinePoint, power: bigint): Fp2 {
    const { q, cofactor } = this.#shape;
    const squared = this.#unitary.take();
    const miller = this.#generic.evaluate(u, point);
    this.#unitary.finalExponent(squared, miller.value, cofactor);
    this.#unitary.complete(squared);
    // The pairing is squared: (q + 1)/2 takes the root.
    const value = this.thetaPower(squared, (power * ((q + 1n) / 2n)) % q);
    this.#generic.wipe();
    this.#unitary.release(squared);
    return value;
  }

  privateKey(point: AffinePoint, masterSecret: bigint): AffinePoint | null {
    const identity = this.clearCofactor(point);
    return identity === null ? null : this.secretMultiple(identity, mod(masterSecret, this.#shape.q));
  }

  /** Q_id = [h]Q′, of order q; `null` is the point at infinity. */
  clearCofactor(point: AffinePoint): AffinePoint | null {
    return this.#points.multiple(point, this.#shape.cofactor);
  }

  /** [s]Q for a secret s below q and Q of order q. */
  secretMultiple(point: AffinePoint, s: bigint): AffinePoint | null {
    return this.#points.secretMultiple(point, s, this.#shape.q);
  }

  forgetTheta(theta: Place): void {
    this.#unitary.release(theta);
  }

  forgetLines(lines: Lines): void {
    this.#lines.release(lines);
  }

  /** to = e'(S, U), two residues. */
  #pairTo(to: Place, lines: Lines, u: AffinePoint): void {
    const miller = this.#lines.evaluate(lines, u);
    this.#unitary.finalExponent(to, miller.value, this.#shape.cofactor);
    this.#lines.wipe();
    this.#unitary.wipe();
  }

  /** The value of two residues, which are overwritten. */
  #take(place: Place): Fp2 {
    const value = this.#unitary.get(place);
    this.field.wipe(place, 2);
    this.field.wipeScratch();
    return value;
  }

  #multiples(): BaseMultiples | SmallBase {
    const { P, q, p } = this.#params;
    if (this.#base !== null) return this.#base;
    if (bitLength(q) < SMALLEST_Q) this.#base = new SmallBase(P, q, p);
    else {
      if (!this.#hasOrderQ(P)) throw new IbeError('point', 'base point is not of order q');
      this.#base = new BaseMultiples(this.#points, P, q);
    }
    return this.#base;
  }

  #hasOrderQ(point: AffinePoint): boolean {
    const lines = isOnCurve(point, this.field.p) ? this.#lines.make(point) : null;
    if (lines !== null) this.#lines.release(lines);
    return lines !== null;
  }
}

/** [l]P in tiny groups. */
class SmallBase {
  readonly #base: FixedBase;
  readonly #p: bigint;

  constructor(point: AffinePoint, q: bigint, p: bigint) {
    this.#base = new FixedBase(point, q, p);
    this.#p = p;
  }

  multiply(l: bigint): AffinePoint | null {
    return toAffine(this.#base.multiply(l), this.#p);
  }

  equals(l: bigint, u: AffinePoint): boolean {
    return equalsAffine(this.#base.multiply(l), u, this.#p);
  }
}
