/**
 * Carries, in parallel: every limb keeps its rest modulo 2^w, balanced, and hands the multiple of 2^w to the next limb,
 * all at once. One pass takes columns below 2^53 to 2^(w−1) + 2^(53−w); a second takes those to 2^(w−1) + 2^6. Nothing
 * ripples, so there is no worst case; limbs need not be the smallest possible, only small enough to multiply.
 *
 * The carry out of the last limb is dropped by not using `last`: for residues it is 0, since |value| < 2^(wn−1), and for
 * numbers modulo R it is a multiple of R.
 */
import { f64x2, get, i32, set, v128 } from './assembler.ts';
import type { Code, Declare, Local, ModuleText } from './assembler.ts';
import type { MemoryMap } from './memory-map.ts';

export interface CarryConstants {
  readonly module: ModuleText;
  /** −2^w and 2^−w. */
  readonly negatedRadix: Local;
  readonly inverseRadix: Local;
  /** Sets both; before any pass. */
  readonly load: Code;
}

export function carryConstants(
  { module, map }: { readonly module: ModuleText; readonly map: MemoryMap },
  declare: Declare,
): CarryConstants {
  const negatedRadix = declare('v128');
  const inverseRadix = declare('v128');
  return {
    module,
    negatedRadix,
    inverseRadix,
    load: [
      set(negatedRadix, v128.load(i32.const(0), map.negatedRadix)),
      set(inverseRadix, v128.load(i32.const(0), map.inverseRadix)),
    ],
  };
}

/** One pass over vectors of limbs, from the lowest up. */
export class CarryPass {
  readonly #constants: CarryConstants;
  readonly #value: Local;
  readonly #carry: Local;
  /** The carries of the vector before; its high lane enters the next vector. */
  readonly last: Local;

  constructor(constants: CarryConstants, declare: Declare) {
    this.#constants = constants;
    this.#value = declare('v128');
    this.#carry = declare('v128');
    this.last = declare('v128');
  }

  /** Before the first vector: the carry that enters it is the high lane of `carry`. */
  begin(carry: Code = v128.const(0, 0)): Code {
    return set(this.last, carry);
  }

  /** Takes the next vector of limbs to `result`. */
  step(vector: Code, result: Local): Code {
    const { module, negatedRadix, inverseRadix } = this.#constants;
    return [
      set(this.#value, vector),
      set(this.#carry, f64x2.nearest(f64x2.mul(get(this.#value), get(inverseRadix)))),
      set(
        result,
        f64x2.add(
          module.multiplyAdd(get(this.#carry), get(negatedRadix), get(this.#value)),
          f64x2.between(get(this.last), get(this.#carry)),
        ),
      ),
      set(this.last, get(this.#carry)),
    ];
  }
}
