/**
 * Elements of norm 1 in F_p² = F_p[i] on the kernel, and the final exponent that makes them (formulas in `field.ts` and
 * `pairing.ts`): four residues in a row, re, im, 1/im (0 for ±1) and −2·re, the last being what the ladder subtracts.
 */
import { bitLength, type Fp2 } from '../field.ts';
import type { Place, WasmField } from './field.ts';
import { secretBits } from './scalars.ts';

/** Residues of an element of norm 1. */
export const UNITARY = 4;

export class UnitaryGroup {
  readonly field: WasmField;
  readonly #minusTwo: Place;
  readonly #half: Place;
  readonly #v: Place;
  readonly #w: Place;
  readonly #t: readonly [Place, Place, Place, Place];
  readonly #u: Place;

  constructor(field: WasmField) {
    this.field = field;
    this.#minusTwo = field.take();
    field.set(this.#minusTwo, -2n);
    this.#half = field.take();
    field.set(this.#half, (field.p + 1n) / 2n);
    this.#v = field.take();
    this.#w = field.take();
    this.#t = [field.take(), field.take(), field.take(), field.take()];
    this.#u = this.take();
  }

  take(): Place {
    return this.field.take(UNITARY);
  }

  release(u: Place): void {
    this.field.release(u, UNITARY);
  }

  /** From re and im in the first two places, the other two. */
  complete(u: Place): void {
    const { field } = this;
    const { octets } = field;
    field.invert(u + 2 * octets, u + octets);
    this.#complete(u);
  }

  #complete(u: Place): void {
    const { field } = this;
    const last = u + 3 * field.octets;
    field.double(last, u);
    field.negate(last, last);
  }

  get(u: Place): Fp2 {
    return { re: this.field.get(u), im: this.field.get(u + this.field.octets) };
  }

  isOne(u: Place): boolean {
    const { field } = this;
    const [t] = this.#t;
    field.subtract(t, u, field.one);
    const real = field.isZero(u + field.octets);
    const one = field.isZero(t);
    return real && one;
  }

  /** r = u^n (two residues, re and im) for a secret n of at most `bits` bits: the same work for every n. */
  secretPower(r: Place, u: Place, n: bigint, bits: number): void {
    const { field } = this;
    const [v, w] = [this.#v, this.#w];
    const minusV1 = u + 3 * field.octets;
    this.#begin(u);
    const scalar = secretBits(n, bits);
    let before = 0;
    for (let at = bits - 1; at >= 0; at--) {
      const bit = scalar[at] ?? 0;
      field.kernel.exchange(v, w, bit ^ before);
      field.kernel.ladderStep(v, w, minusV1, this.#minusTwo);
      before = bit;
    }
    field.kernel.exchange(v, w, before);
    scalar.fill(0);
    this.#end(r, u, v, w);
    this.wipe();
  }

  /** r = u^n for a public n. */
  publicPower(r: Place, u: Place, n: bigint): void {
    const { field } = this;
    let [v, w] = [this.#v, this.#w];
    const minusV1 = u + 3 * field.octets;
    this.#begin(u);
    for (const bit of n.toString(2)) {
      if (bit === '1') [v, w] = [w, v];
      field.kernel.ladderStep(v, w, minusV1, this.#minusTwo);
      if (bit === '1') [v, w] = [w, v];
    }
    this.#end(r, u, v, w);
  }

  /** V_0 = 2, V_1 = 2·re. */
  #begin(u: Place): void {
    const { field } = this;
    field.negate(this.#v, this.#minusTwo);
    field.double(this.#w, u);
  }

  /** Re = V_n/2, Im = (Re(u^n)·re − V_(n+1)/2)/im. */
  #end(r: Place, u: Place, v: Place, w: Place): void {
    const { field } = this;
    const { octets } = field;
    const [re, t] = this.#t;
    field.multiply(re, v, this.#half);
    field.multiply(w, w, this.#half);
    field.multiply(t, re, u);
    field.subtract(t, t, w);
    field.multiply(r + octets, t, u + 2 * octets);
    field.copy(r, re);
  }

  /**
   * r = f^((p²−1)/q) (two residues); 1 where f is real, imaginary or 0, after as much work. f^(p−1) = f̄²/N(f); one
   * inversion serves it and the end of the ladder.
   */
  finalExponent(r: Place, f: Place, cofactor: bigint): void {
    const { field } = this;
    const { octets } = field;
    const [norm, cross, both, t] = this.#t;
    const u = this.#u;
    const [re, im] = [f, f + octets];
    field.multiply(cross, re, im);
    const trivial = field.isZero(cross);
    if (trivial) {
      field.double(re, field.one);
      field.copy(im, field.one);
      field.copy(cross, re);
    }
    field.double(cross, cross);
    field.sumOfProducts(norm, [re, re], [im, im], 1);
    field.multiply(both, norm, cross);
    field.invert(both, both);
    field.square(t, norm);
    field.multiply(t, t, both);
    field.negate(u + 2 * octets, t);
    field.multiply(both, both, cross);
    field.add(t, re, im);
    field.subtract(norm, re, im);
    field.multiply(t, t, norm);
    field.multiply(u, t, both);
    field.multiply(t, cross, both);
    field.negate(u + octets, t);
    this.#complete(u);
    this.publicPower(r, u, cofactor);
    if (trivial) {
      field.copy(r, field.one);
      field.copy(r + octets, field.zero);
    }
  }

  /** Overwrites temporary places. */
  wipe(): void {
    const { field } = this;
    for (const place of [this.#v, this.#w, ...this.#t]) field.wipe(place);
    field.wipe(this.#u, UNITARY);
    field.wipeScratch();
  }

  /** How many bits a secret exponent modulo q has. */
  static bits(q: bigint): number {
    return bitLength(q);
  }
}
