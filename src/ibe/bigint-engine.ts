/**
 * The arithmetic of Boneh–Franklin on BigInt: the reference that other arithmetics are compared with.
 *
 * **Not constant time.** BigInt's time depends on its values, secret ones included (see `field.ts`), and nothing can be
 * wiped. What holds is only that the sequence of operations of pairing and decryption does not depend on the verdict.
 */
import { BfEngine, DEFAULT_BOUNDS, isOne, type BfArithmetic, type Bounds } from './bf-engine.ts';
import { FixedBase, equalsAffine, multiply, toAffine, type AffinePoint } from './curve.ts';
import type { IbeEngine } from './engine.ts';
import { powerUnitary, unitary, type Fp2, type Unitary } from './field.ts';
import { FixedPairing } from './fixed-pairing.ts';
import { groupOf, type Group } from './group.ts';
import { rawHashPoint } from './hash-to-point.ts';
import { pairSquared } from './pairing.ts';
import { requireOrderQ, type BfParameters } from './parameters.ts';

export function bigIntEngine(bounds: Bounds = DEFAULT_BOUNDS): IbeEngine {
  return new BfEngine((params) => new BigIntArithmetic(params), bounds);
}

class BigIntArithmetic implements BfArithmetic<Unitary, FixedPairing> {
  readonly #params: BfParameters;
  readonly #group: Group;
  /** Multiples of P and lines of P_pub, made when first needed: who only extracts needs neither. */
  #base: FixedBase | null = null;
  #ppub: FixedPairing | null = null;

  constructor(params: BfParameters) {
    this.#params = params;
    this.#group = groupOf(params.p, params.q);
  }

  hashPoint(id: Uint8Array): AffinePoint {
    return rawHashPoint(this.#params.hash, id, this.#params.p);
  }

  theta(point: AffinePoint): Unitary | null {
    this.#ppub ??= this.lines(this.#params.Ppub);
    const theta = unitary(this.#ppub.pair(point), this.#group.p);
    return isOne(theta, this.#group.p) ? null : theta;
  }

  thetaPower(theta: Unitary, exponent: bigint): Fp2 {
    return powerUnitary(theta, exponent, this.#group.p);
  }

  baseMultiple(l: bigint): AffinePoint | null {
    return toAffine(this.#multiples().multiply(l), this.#group.p);
  }

  isBaseMultiple(l: bigint, u: AffinePoint): boolean {
    return equalsAffine(this.#multiples().multiply(l), u, this.#group.p);
  }

  lines(privateKey: AffinePoint): FixedPairing {
    requireOrderQ(privateKey, this.#params);
    return new FixedPairing(privateKey, this.#group);
  }

  pair(lines: FixedPairing, u: AffinePoint): Fp2 {
    return lines.pair(u);
  }

  pairWithMaster(u: AffinePoint, point: AffinePoint, masterSecret: bigint): Fp2 {
    const { p, q, cofactor } = this.#group;
    // The pairing of `pairSquared` is squared: (q + 1)/2 takes the root.
    const exponent = (((cofactor * masterSecret) % q) * ((q + 1n) / 2n)) % q;
    return powerUnitary(unitary(pairSquared(u, point, this.#group), p), exponent, p);
  }

  privateKey(point: AffinePoint, masterSecret: bigint): AffinePoint | null {
    const { p, cofactor } = this.#group;
    return multiply(point, (cofactor * masterSecret) % (p + 1n), p);
  }

  /** Nothing of BigInt can be overwritten. */
  forgetTheta(): void {
    return;
  }

  forgetLines(): void {
    return;
  }

  #multiples(): FixedBase {
    const { P, q, p } = this.#params;
    this.#base ??= new FixedBase(P, q, p);
    return this.#base;
  }
}
