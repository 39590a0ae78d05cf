/**
 * The field of p elements on the kernel: residues are places in the module's memory, in Montgomery's form xR, and this
 * class is what turns numbers into places and back.
 *
 * Places are taken and given back in pools; `wipe` overwrites what a place held. Numbers enter and leave as BigInt or as
 * octets, since that is what the rest of the system speaks; their conversion goes digit by digit and does not branch on
 * them, but a BigInt's own arithmetic is not constant time (see docs/security.md).
 */
import { bitLength } from '../field.ts';
import { inversionTurns } from './inversion.ts';
import { kernelModule, type Kernel } from './kernel.ts';
import { BLOCK, layoutFor, type Layout } from './layout.ts';
import { memoryMap, pairsOf, type MemoryMap } from './memory-map.ts';
import { webAssembly, type LinearMemory } from './platform.ts';
import { slidingWindows } from './scalars.ts';

/** The address of a residue. */
export type Place = number;

/** Two factors. */
export type Pair = readonly [Place, Place];

const PAGE = 65536;
const POWER_WINDOW = 6;
const POWERS = 1 << (POWER_WINDOW - 1);

export class WasmField {
  readonly p: bigint;
  readonly bits: number;
  readonly layout: Layout;
  /** Octets of a residue in memory. */
  readonly octets: number;
  readonly kernel: Kernel;
  readonly zero: Place;
  readonly one: Place;
  /** 2n limbs for a product before its reduction; `multiply` and others overwrite it. */
  readonly wide: number;
  readonly #map: MemoryMap;
  readonly #memory: LinearMemory;
  readonly #turns: number;
  /** As `wide`, for the second of two products. */
  readonly #other: Place;
  #limbs: Float64Array;
  #digits: Int32Array;
  #free: number;
  readonly #returned = new Map<number, number[]>();

  /** Without relaxed SIMD where `relaxed` is false: for tests, which compare both. */
  constructor(p: bigint, relaxed = true) {
    this.p = p;
    this.bits = bitLength(p);
    this.layout = layoutFor(this.bits);
    this.octets = this.layout.octets;
    this.#map = memoryMap(this.layout);
    this.#free = this.#map.free;
    this.#memory = new webAssembly.Memory({ initial: Math.ceil(this.#free / PAGE) + 1 });
    this.#limbs = new Float64Array(this.#memory.buffer);
    this.#digits = new Int32Array(this.#memory.buffer);
    this.#turns = inversionTurns(this.bits, this.layout.w);
    const module = kernelModule(this.layout, relaxed);
    const { exports } = new webAssembly.Instance(module, { env: { memory: this.#memory } });
    this.kernel = exports as Kernel;
    this.zero = this.#map.zero;
    this.wide = this.#map.wide;
    this.#writeConstants();
    this.#other = this.take(2);
    this.one = this.take();
    this.set(this.one, 1n);
  }

  /** Octets of memory in use, the kernel's own included. */
  get used(): number {
    return this.#free;
  }

  /* ------------------------------------------------- places */

  /** Room for `count` residues in a row. */
  take(count = 1): Place {
    const size = count * this.octets;
    const again = this.#returned.get(size)?.pop();
    if (again !== undefined) return again;
    const at = this.#free;
    this.#free += Math.ceil(size / 64) * 64;
    const missing = this.#free - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.max(16, Math.ceil(missing / PAGE)));
      this.#limbs = new Float64Array(this.#memory.buffer);
      this.#digits = new Int32Array(this.#memory.buffer);
    }
    return at;
  }

  /** Overwrites room and gives it back. */
  release(place: Place, count = 1): void {
    this.wipe(place, count);
    const size = count * this.octets;
    const list = this.#returned.get(size);
    if (list === undefined) this.#returned.set(size, [place]);
    else list.push(place);
  }

  wipe(place: Place, count = 1): void {
    this.#limbs.fill(0, place / 8, (place + count * this.octets) / 8);
  }

  /** Overwrites what scratch memory, the kernel's and this class's own, holds of the last computations. */
  wipeScratch(): void {
    const { sums, square, inversion, delta } = this.#map;
    this.#limbs.fill(0, sums[0] / 8, square / 8);
    this.#limbs.fill(0, (inversion[0] - 64) / 8, delta / 8);
    this.#limbs.fill(0, delta / 8, this.#map.free / 8);
    this.wipe(this.#other, 2);
  }

  /** The limbs as they lie: p and so on are Σ limb·2^(wk), not canonical, times R. */
  view(place: Place, count = 1): Float64Array {
    return this.#limbs.subarray(place / 8, (place + count * this.octets) / 8);
  }

  copy(to: Place, from: Place, count = 1): void {
    this.#limbs.copyWithin(to / 8, from / 8, (from + count * this.octets) / 8);
  }

  /* ------------------------------------------------- numbers */

  /** r = value·R; the value is taken modulo p. */
  set(r: Place, value: bigint): void {
    const reduced = value >= 0n && value < this.p ? value : ((value % this.p) + this.p) % this.p;
    this.#writeDigits(r, reduced);
    this.kernel.add(r, r, this.zero);
    this.multiply(r, r, this.#map.square);
  }

  /** The number from 0 to p − 1. */
  get(a: Place): bigint {
    const octets = this.getOctets(a, Math.ceil(this.bits / 8));
    const value = BigInt(`0x${Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex')}`);
    octets.fill(0);
    return value;
  }

  /** The number from 0 to p − 1, big endian. */
  getOctets(a: Place, length: number): Uint8Array {
    this.kernel.canonical(a);
    const { w, limbs } = this.layout;
    const octets = new Uint8Array(length);
    const first = this.#map.digits[0] / 4;
    let held = 0;
    let bits = 0;
    let at = length;
    for (let k = 0; k < limbs && at > 0; k++) {
      held |= (this.#digits[first + k] ?? 0) << bits;
      for (bits += w; bits >= 8 && at > 0; bits -= 8) {
        octets[--at] = held;
        held >>>= 8;
      }
    }
    return octets;
  }

  /** Whether a ≡ 0 modulo p. */
  isZero(a: Place): boolean {
    this.kernel.canonical(a);
    const first = this.#map.digits[0] / 4;
    let any = 0;
    for (let k = 0; k < this.layout.limbs; k++) any |= this.#digits[first + k] ?? 0;
    return any === 0;
  }

  /* ------------------------------------------------- arithmetic */

  multiply(r: Place, a: Place, b: Place): void {
    this.kernel.multiplyAdd(r, a, b, this.zero);
  }

  square(r: Place, a: Place): void {
    this.kernel.squareAdd(r, a, this.zero);
  }

  /** r = ab + c. */
  multiplyAdd(r: Place, a: Place, b: Place, c: Place): void {
    this.kernel.multiplyAdd(r, a, b, c);
  }

  /** r = a² + c. */
  squareAdd(r: Place, a: Place, c: Place): void {
    this.kernel.squareAdd(r, a, c);
  }

  add(r: Place, a: Place, b: Place): void {
    this.kernel.add(r, a, b);
  }

  subtract(r: Place, a: Place, b: Place): void {
    this.kernel.subtract(r, a, b);
  }

  /** r = 1/a; 0 for 0. */
  invert(r: Place, a: Place): void {
    this.kernel.invert(r, a, this.#turns);
  }

  negate(r: Place, a: Place): void {
    this.kernel.subtract(r, this.zero, a);
  }

  double(r: Place, a: Place): void {
    this.kernel.add(r, a, a);
  }

  /** r = ab ± cd with one reduction. */
  sumOfProducts(r: Place, [a, b]: Pair, [c, d]: Pair, sign: 1 | -1, addend = this.zero): void {
    const { kernel, wide } = this;
    kernel.product(this.#other, c, d);
    kernel.product(wide, a, b);
    if (sign === 1) kernel.addWide(wide, wide, this.#other);
    else kernel.subtractWide(wide, wide, this.#other);
    kernel.reduce(r, wide, addend);
  }

  /**
   * Inverses of all (none of them 0), each in its place, by one inversion and three products each.
   */
  invertAll(places: readonly Place[]): void {
    const prefix = this.take(places.length + 1);
    const product = this.take();
    const saved = this.take();
    this.copy(product, this.one);
    places.forEach((place, at) => {
      this.copy(prefix + at * this.octets, product);
      this.multiply(product, product, place);
    });
    this.invert(product, product);
    for (const [at, place] of [...places.entries()].reverse()) {
      this.copy(saved, place);
      this.multiply(place, product, prefix + at * this.octets);
      this.multiply(product, product, saved);
    }
    this.release(prefix, places.length + 1);
    this.release(product);
    this.release(saved);
  }

  /** r = a^exponent for a public exponent > 0, by a sliding window: odd powers of a up to the 63rd. */
  power(r: Place, a: Place, exponent: bigint): void {
    const table = this.take(POWERS);
    const odd = (power: number): Place => table + (power >> 1) * this.octets;
    const square = this.take();
    this.square(square, a);
    this.copy(table, a);
    for (let at = 1; at < POWERS; at++) this.multiply(odd(2 * at + 1), odd(2 * at - 1), square);
    let begun = false;
    for (const { squarings, factor } of slidingWindows(exponent, POWER_WINDOW)) {
      if (begun) for (let at = 0; at < squarings; at++) this.square(r, r);
      if (factor > 0) {
        if (begun) this.multiply(r, r, odd(factor));
        else this.copy(r, odd(factor));
        begun = true;
      }
    }
    this.release(table, POWERS);
    this.release(square);
  }

  /* ------------------------------------------------- constants */

  #writeConstants(): void {
    const { w, limbs } = this.layout;
    const map = this.#map;
    const radix = 1n << BigInt(w);
    const R = 1n << BigInt(w * limbs);
    const negatedInverse = inverseModuloPower(-this.p, w * limbs);
    this.#limbs.fill(-(2 ** w), map.negatedRadix / 8, map.negatedRadix / 8 + 2);
    this.#limbs.fill(2 ** -w, map.inverseRadix / 8, map.inverseRadix / 8 + 2);
    this.#digits[map.digitInverse / 4] = Number(BigInt.asIntN(32, negatedInverse % radix));
    this.#writeBalanced(map.square, (R * R) % this.p);
    for (const [{ limbs: place, sums }, value] of [
      [map.prime, this.p],
      [map.negatedInverse, negatedInverse],
    ] as const) {
      this.#writeBalanced(place, value);
      for (const [index, [i, j]] of pairsOf(this.layout.blocks).entries()) {
        for (let k = 0; k < BLOCK; k++) {
          const limb = (blockIndex: number): number => this.#limbs[place / 8 + blockIndex * BLOCK + k] ?? 0;
          this.#limbs[sums / 8 + index * BLOCK + k] = limb(i) + limb(j);
        }
      }
    }
  }

  /** Digits from −2^(w−1) to 2^(w−1) − 1; a carry out of the last is a multiple of R and dropped. */
  #writeBalanced(place: Place, value: bigint): void {
    const { w, limbs } = this.layout;
    this.#writeDigits(place, value);
    let carry = 0;
    for (let k = 0; k < limbs; k++) {
      const digit = (this.#limbs[place / 8 + k] ?? 0) + carry;
      carry = digit >= 2 ** (w - 1) ? 1 : 0;
      this.#limbs[place / 8 + k] = digit - carry * 2 ** w;
    }
  }

  /** Digits from 0 to 2^w − 1. */
  #writeDigits(place: Place, value: bigint): void {
    const { w, limbs } = this.layout;
    const hex = value.toString(16).padStart(Math.ceil((w * limbs) / 8) * 2, '0');
    const octets = Buffer.from(hex, 'hex');
    let held = 0;
    let bits = 0;
    let at = octets.length;
    for (let k = 0; k < limbs; k++) {
      for (; bits < w && at > 0; bits += 8) held |= (octets[--at] ?? 0) << bits;
      this.#limbs[place / 8 + k] = held & (2 ** w - 1);
      held >>>= w;
      bits -= w;
    }
    octets.fill(0);
  }
}

/** 1/a modulo 2^bits, a odd, by Newton. */
function inverseModuloPower(a: bigint, bits: number): bigint {
  let inverse = 1n;
  for (let good = 1; good < bits; good *= 2) {
    inverse = BigInt.asUintN(Math.min(2 * good, bits), inverse * (2n - a * inverse));
  }
  return BigInt.asUintN(bits, inverse);
}
