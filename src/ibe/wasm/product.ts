/**
 * Products and Montgomery reduction of numbers of several blocks.
 *
 * **Karatsuba over all pairs of blocks.** a_i·b_j + a_j·b_i = (a_i + a_j)(b_i + b_j) − a_i·b_i − a_j·b_j, so m blocks by m
 * blocks takes m(m+1)/2 block products instead of m². Sums of two blocks need no carry: their limbs stay below 2^(w+1),
 * and 22·2^(2w+2) and a little is below 2^53. With X = 2^(22w):
 *
 *     a·b = Σ_k X^k·T_k,   T_k = Σ_(i<j, i+j=k) (a_i + a_j)(b_i + b_j) − Σ_(i≠k−i) a_i·b_i + [k even] a_(k/2)·b_(k/2)
 *
 * **Reduction (Montgomery).** Q = T·(−1/p) mod R, then (T + Q·p)/R: a low half product and a high half product, both by
 * Karatsuba with the sums of p's blocks made once. Where half a block product is wanted, half is computed. The low
 * columns of T + Q·p are never computed: their sum is a multiple of R, and which one, c, shows in its two highest
 * columns, since all those below add less than 2^(53−3w) to
 *
 *     c = ⌊(S_(n−1) + S_(n−2)·2^−w)·2^−w⌉
 *
 * Limbs of factors must be below 2^(w−1) + 2^7. `wide` numbers have 2n limbs below 2^36, so that a few of them may be
 * added before they are reduced.
 */
import { countedLoop, f64, f64x2, get, i32, set, v128 } from './assembler.ts';
import type { Code, Declare, Local, ModuleText, Routine } from './assembler.ts';
import { CarryPass, carryConstants } from './carries.ts';
import type { Convolutions } from './convolution.ts';
import { BLOCK_OCTETS, type Layout } from './layout.ts';
import { SLOT_OCTETS, pairsOf, type MemoryMap } from './memory-map.ts';

/** What the routines are written for. */
export interface Setting {
  readonly module: ModuleText;
  readonly layout: Layout;
  readonly map: MemoryMap;
  readonly blocks: Convolutions;
}

export interface Products {
  /** (t, a, b): t = a·b. */
  readonly product: Routine;
  /** (t, a): t = a². */
  readonly square: Routine;
  /** (r, t, c): r = t/R + c modulo p; t is overwritten. */
  readonly reduce: Routine;
  /** (r, a, b, c): r = ab/R + c modulo p. */
  readonly multiplyAdd: Routine;
  /** (r, a, c): r = a²/R + c modulo p. */
  readonly squareAdd: Routine;
}

export function writeProducts(setting: Setting): Products {
  const { module, layout, map } = setting;
  const text: Text = {
    ...setting,
    factors: new Slots(layout.blocks, map.slots),
    multiples: new Slots(layout.blocks, map.multipleSlots),
  };
  return {
    product: module.routine('product', 3, ([t, a, b], declare) => [
      blockProducts(text, a, b),
      storeWide(text, t, declare),
    ]),
    square: module.routine('square', 2, ([t, a], declare) => [
      blockSquares(text, a),
      storeWide(text, t, declare),
    ]),
    reduce: module.routine('reduce', 3, ([r, t, c], declare) => {
      const work = reductionWork(text, declare);
      const wide = (k: number, vectors: Vectors): Code => v128.load(...vectors(t, k * BLOCK_OCTETS));
      return [carryLow(text, work, t), reduction(text, work, { r, c, low: get(t), high: wide })];
    }),
    multiplyAdd: module.routine('multiplyAdd', 4, ([r, a, b, c], declare) => [
      blockProducts(text, a, b),
      reduceSlots(text, r, c, declare),
    ]),
    squareAdd: module.routine('squareAdd', 3, ([r, a, c], declare) => [
      blockSquares(text, a),
      reduceSlots(text, r, c, declare),
    ]),
  };
}

interface Text extends Setting {
  /** Block products of two factors; and of what the reduction multiplies. */
  readonly factors: Slots;
  readonly multiples: Slots;
}

/* ------------------------------------------------- products */

function blockProducts({ layout, map, blocks, factors }: Text, a: Local, b: Local): Code {
  const sumA = i32.const(map.sums[0]);
  const sumB = i32.const(map.sums[1]);
  return [
    each(layout.blocks, (i) => blocks.full(factors.own(i), block(get(a), i), block(get(b), i))),
    pairsOf(layout.blocks).map(([i, j]) => [
      addBlocks(sumA, block(get(a), i), block(get(a), j)),
      addBlocks(sumB, block(get(b), i), block(get(b), j)),
      blocks.full(factors.pair(i, j), sumA, sumB),
    ]),
  ];
}

function blockSquares({ layout, map, blocks, factors }: Text, a: Local): Code {
  const sumA = i32.const(map.sums[0]);
  return [
    each(layout.blocks, (i) => blocks.square(factors.own(i), block(get(a), i))),
    pairsOf(layout.blocks).map(([i, j]) => [
      addBlocks(sumA, block(get(a), i), block(get(a), j)),
      blocks.square(factors.pair(i, j), sumA),
    ]),
  ];
}

/** The product from its slots, after one pass of carries. */
function storeWide(text: Text, t: Local, declare: Declare): Code {
  const { layout, factors } = text;
  const constants = carryConstants(text, declare);
  const pass = new CarryPass(constants, declare);
  const [at, vector] = [declare('i32'), declare('v128')];
  return [
    constants.load,
    pass.begin(),
    each(2 * layout.blocks, (k) =>
      overBlock(at, (vectors) => [
        pass.step(factors.block(k, vectors), vector),
        v128.store(...vectors(t, k * BLOCK_OCTETS), get(vector)),
      ]),
    ),
  ];
}

/* ------------------------------------------------- reduction */

/** Registers of a reduction. */
interface ReductionWork {
  readonly load: Code;
  readonly first: CarryPass;
  readonly second: CarryPass;
  readonly at: Local;
  readonly vector: Local;
  /** In the high lane, what is carried into limb n. */
  readonly carry: Local;
  readonly low: Local;
  readonly high: Local;
}

function reductionWork(text: Text, declare: Declare): ReductionWork {
  const constants = carryConstants(text, declare);
  return {
    load: constants.load,
    first: new CarryPass(constants, declare),
    second: new CarryPass(constants, declare),
    at: declare('i32'),
    vector: declare('v128'),
    carry: declare('v128'),
    low: declare('f64'),
    high: declare('f64'),
  };
}

/** One pass over the low half of t, which had one before. */
function carryLow({ layout }: Text, { load, first, at, vector, carry }: ReductionWork, t: Local): Code {
  return [
    load,
    first.begin(),
    each(layout.blocks, (k) =>
      overBlock(at, (vectors) => [
        first.step(v128.load(...vectors(t, k * BLOCK_OCTETS)), vector),
        v128.store(...vectors(t, k * BLOCK_OCTETS), get(vector)),
      ]),
    ),
    set(carry, get(first.last)),
  ];
}

/** Reduces the product that is in its slots. Its high half stays there, columns as they are, until the end. */
function reduceSlots(text: Text, r: Local, c: Local, declare: Declare): Code {
  const { layout, map, factors } = text;
  const work = reductionWork(text, declare);
  const { first, second, at, vector, carry } = work;
  return [
    work.load,
    first.begin(),
    second.begin(),
    each(layout.blocks, (k) =>
      overBlock(at, (vectors) => [
        first.step(factors.block(k, vectors), vector),
        second.step(get(vector), vector),
        v128.store(...vectors(null, map.wide + k * BLOCK_OCTETS), get(vector)),
      ]),
    ),
    set(carry, f64x2.add(get(first.last), get(second.last))),
    reduction(text, work, {
      r,
      c,
      low: i32.const(map.wide),
      high: (k, vectors) => factors.block(k, vectors),
    }),
  ];
}

interface Reduced {
  readonly r: Local;
  readonly c: Local;
  /** Address of the low half, carried. */
  readonly low: Code;
  /** A vector of block k of the whole, k ≥ m. */
  readonly high: (k: number, vectors: Vectors) => Code;
}

/** r = t/R + c, once the low half of t is carried. */
function reduction(text: Text, work: ReductionWork, { r, c, low, high }: Reduced): Code {
  const { layout, multiples } = text;
  const { first, second, at, vector, carry } = work;
  return [
    quotientOf(text, work, low),
    multipleOf(text),
    carryOfLowColumns(text, work, low),
    first.begin(get(carry)),
    second.begin(),
    each(layout.blocks, (k) =>
      overBlock(at, (vectors) => [
        first.step(
          f64x2.add(
            f64x2.add(multiples.block(layout.blocks + k, vectors), high(layout.blocks + k, vectors)),
            v128.load(...vectors(c, k * BLOCK_OCTETS)),
          ),
          vector,
        ),
        second.step(get(vector), vector),
        v128.store(...vectors(r, k * BLOCK_OCTETS), get(vector)),
      ]),
    ),
  ];
}

/** Q = T·(−1/p) mod R: the low half of a product. */
function quotientOf(
  { layout, map, blocks, multiples }: Text,
  { first, second, at, vector }: ReductionWork,
  low: Code,
): Code {
  const top = layout.blocks - 1;
  const sum = i32.const(map.sums[0]);
  const { limbs, sums } = map.negatedInverse;
  return [
    each(layout.blocks, (i) =>
      (i < top ? blocks.full : blocks.low)(multiples.own(i), block(low, i), block(i32.const(limbs), i)),
    ),
    pairsOf(layout.blocks).map(([i, j], index) =>
      i + j > top
        ? []
        : [
            addBlocks(sum, block(low, i), block(low, j)),
            (i + j < top ? blocks.full : blocks.low)(
              multiples.pair(i, j),
              sum,
              block(i32.const(sums), index),
            ),
          ],
    ),
    first.begin(),
    second.begin(),
    each(layout.blocks, (k) =>
      overBlock(at, (vectors) => [
        first.step(multiples.block(k, vectors), vector),
        second.step(get(vector), vector),
        v128.store(...vectors(null, map.quotient + k * BLOCK_OCTETS), get(vector)),
      ]),
    ),
  ];
}

/** The block products of Q·p from column n − 2 up. */
function multipleOf({ layout, map, blocks, multiples }: Text): Code {
  const top = layout.blocks - 1;
  const sum = i32.const(map.sums[0]);
  const quotient = i32.const(map.quotient);
  const { limbs, sums } = map.prime;
  return [
    each(layout.blocks, (i) =>
      (i > 0 ? blocks.full : blocks.high)(multiples.own(i), block(quotient, i), block(i32.const(limbs), i)),
    ),
    pairsOf(layout.blocks).map(([i, j], index) =>
      i + j < top
        ? []
        : [
            addBlocks(sum, block(quotient, i), block(quotient, j)),
            (i + j > top ? blocks.full : blocks.high)(
              multiples.pair(i, j),
              sum,
              block(i32.const(sums), index),
            ),
          ],
    ),
  ];
}

/**
 * Adds c to the carry. The columns n − 2 and n − 1 are the last vector of block m − 1; column 42 of block m − 2 is of
 * them too: the products of the last limbs of its blocks.
 */
function carryOfLowColumns(
  { layout, map, multiples }: Text,
  { vector, carry, low: lower, high: upper }: ReductionWork,
  low: Code,
): Code {
  const top = layout.blocks - 1;
  const last = BLOCK_OCTETS - 16;
  const lastLimb = (address: number, i: number): Code =>
    f64.load(i32.const(0), address + (i + 1) * BLOCK_OCTETS - 8);
  const inverse = f64.const(2 ** -layout.w);
  const round = f64.const(1.5 * 2 ** 52);
  return [
    set(
      vector,
      f64x2.add(
        v128.load(low, top * BLOCK_OCTETS + last),
        multiples.lowHalf(top, (_, offset) => [i32.const(0), offset + last]),
      ),
    ),
    set(lower, f64x2.lane0(get(vector))),
    set(upper, f64x2.lane1(get(vector))),
    each(top, (i) =>
      set(
        lower,
        f64.add(get(lower), f64.mul(lastLimb(map.quotient, i), lastLimb(map.prime.limbs, top - 1 - i))),
      ),
    ),
    set(upper, f64.mul(f64.add(get(upper), f64.mul(get(lower), inverse)), inverse)),
    set(upper, f64.sub(f64.add(get(upper), round), round)),
    set(carry, f64x2.add(get(carry), f64x2.splat(get(upper)))),
  ];
}

/* ------------------------------------------------- blocks */

/** A block s = a + b; its limbs are not carried. */
function addBlocks(s: Code, a: Code, b: Code): Code {
  return each(BLOCK_OCTETS / 16, (at) =>
    v128.store(s, 16 * at, f64x2.add(v128.load(a, 16 * at), v128.load(b, 16 * at))),
  );
}

/** Where the vector at hand is, of the block at base + offset; no base is 0. */
type Vectors = (base: Local | null, offset: number) => readonly [Code, number];

/** Every vector of a block, in a loop: written out, V8's code for it is slower. */
function overBlock(at: Local, write: (vectors: Vectors) => Code): Code {
  const vectors: Vectors = (base, offset) => [base === null ? get(at) : i32.add(get(base), get(at)), offset];
  return countedLoop(at, 0, BLOCK_OCTETS, 16, write(vectors));
}

/** Block products, and the sums T_k that they make. */
class Slots {
  readonly #blocks: number;
  readonly #base: number;
  readonly #pairs: readonly (readonly [number, number])[];

  constructor(blocks: number, base: number) {
    this.#blocks = blocks;
    this.#base = base;
    this.#pairs = pairsOf(blocks);
  }

  own(i: number): Code {
    return i32.const(this.#address(i));
  }

  pair(i: number, j: number): Code {
    return i32.const(this.#pairAddress(i, j));
  }

  /** Vector `at` of block k of the whole: the low half of T_k and the high half of T_(k−1). */
  block(k: number, vectors: Vectors): Code {
    const last = 2 * this.#blocks - 2;
    if (k === 0) return this.lowHalf(0, vectors);
    if (k > last) return this.#sum(last, vectors, BLOCK_OCTETS);
    return f64x2.add(this.lowHalf(k, vectors), this.#sum(k - 1, vectors, BLOCK_OCTETS));
  }

  lowHalf(k: number, vectors: Vectors): Code {
    return this.#sum(k, vectors, 0);
  }

  /** Vector `at` of T_k. The order keeps partial sums below 2^53. */
  #sum(k: number, vectors: Vectors, half: number): Code {
    const m = this.#blocks;
    const load = (address: number): Code => v128.load(...vectors(null, address + half));
    const own = each(m, (i) => i).filter((i) => k - i >= 0 && k - i < m);
    const middle = own.filter((i) => 2 * i === k).map((i) => load(this.#address(i)));
    const cross = this.#pairs
      .filter(([i, j]) => i + j === k)
      .map(([i, j]) =>
        f64x2.sub(f64x2.sub(load(this.#pairAddress(i, j)), load(this.#address(i))), load(this.#address(j))),
      );
    return [...cross, ...middle].reduce((sum, term) => f64x2.add(sum, term));
  }

  #address(i: number): number {
    return this.#base + i * SLOT_OCTETS;
  }

  #pairAddress(i: number, j: number): number {
    const index = this.#pairs.findIndex(([a, b]) => a === i && b === j);
    return this.#address(this.#blocks + index);
  }
}

function block(base: Code, i: number): Code {
  return i === 0 ? base : i32.add(base, i32.const(i * BLOCK_OCTETS));
}

function each<T>(times: number, write: (index: number) => T): T[] {
  return Array.from({ length: times }, (_, index) => write(index));
}
