/** The kernel against BigInt: every layout, edge cases, and limbs as large as they may be. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitLength, mod } from '../../../src/ibe/field.ts';
import { WasmField, type Place } from '../../../src/ibe/wasm/field.ts';
import { kernelOctets } from '../../../src/ibe/wasm/kernel.ts';
import { layoutFor } from '../../../src/ibe/wasm/layout.ts';
import { webAssembly } from '../../../src/ibe/wasm/platform.ts';
import { largeGroups } from '../support/groups.ts';

/** The odd number of so many digits in base 2^w, all of them as small, or as large, as balanced digits may be. */
function extreme(w: number, digits: number, sign: 1 | -1): { bits: number; p: bigint } {
  const radix = 1n << BigInt(w);
  const all = (radix ** BigInt(digits) - 1n) / (radix - 1n);
  const p = sign === 1 ? all * (radix / 2n - 1n) : radix ** BigInt(digits) - all * (radix / 2n) + 1n;
  return { bits: bitLength(p), p };
}

/** Moduli of every size: odd, of exactly these bits; the kernel does not ask for primes. */
const moduli = [
  ...([1, -1] as const).flatMap((sign) => [
    extreme(24, 21, sign),
    extreme(24, 42, sign),
    extreme(24, 64, sign),
    extreme(22, 174, sign),
    extreme(22, 349, sign),
  ]),
  { bits: 16, p: 65521n },
  { bits: 192, p: (1n << 192n) - 237n },
  { bits: 512, p: (1n << 512n) - 569n },
  { bits: 513, p: (1n << 512n) + 75n },
  { bits: 1024, p: (1n << 1023n) + 1155n },
  { bits: 1536, p: (1n << 1536n) - 1n },
  { bits: 1536, p: (1n << 1535n) + 1n },
  { bits: 2000, p: (1n << 2000n) - 2049n },
  { bits: 3840, p: (1n << 3840n) - (1n << 1919n) - 1n },
  { bits: 7680, p: (1n << 7680n) - 101n },
];

/** A number below p from a seed, of the kinds that carry most: random, all ones, one bit, near p. */
function number(seed: number, p: bigint): bigint {
  const kinds: bigint[] = [
    0n,
    1n,
    2n,
    p - 1n,
    p - 2n,
    (p - 1n) / 2n,
    (p + 1n) / 2n,
    p >> 1n,
    BigInt.asUintN(p.toString(2).length - 1, -1n),
    1n << BigInt(p.toString(2).length - 1),
  ];
  const kind = kinds[seed];
  if (kind !== undefined) return mod(kind, p);
  let value = 0n;
  for (let block = 0; block * 512 <= p.toString(2).length; block++) {
    value = (value << 512n) | BigInt(`0x${createHash('sha512').update(`${seed} ${block}`).digest('hex')}`);
  }
  return value % p;
}

function valueOf(field: WasmField, place: Place): bigint {
  return field.view(place).reduce((sum, limb, k) => sum + (BigInt(limb) << BigInt(field.layout.w * k)), 0n);
}

describe('the module', () => {
  const sizes = [512, 1024, 1536, 3840, 7680];

  it('is what the generator gives, every time', () => {
    for (const bits of sizes) {
      for (const relaxed of [false, true]) {
        const octets = kernelOctets(layoutFor(bits), relaxed);
        expect(Buffer.compare(octets, kernelOctets(layoutFor(bits), relaxed))).toBe(0);
      }
    }
  });

  it('is valid WebAssembly that asks for a memory and nothing else, without relaxed SIMD too', () => {
    const { validate, Module } = webAssembly as unknown as {
      validate: (octets: Uint8Array) => boolean;
      Module: { imports(module: object): unknown[]; exports(module: object): { kind: string }[] };
    };
    for (const bits of sizes) {
      expect(validate(kernelOctets(layoutFor(bits), false))).toBe(true);
      const module = new webAssembly.Module(kernelOctets(layoutFor(bits), false));
      expect(Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
      expect(new Set(Module.exports(module).map(({ kind }) => kind))).toEqual(new Set(['function']));
    }
  });

  it('has exact columns in every layout', () => {
    for (let bits = 8; bits <= 7720; bits += 8) {
      const { w, limbs } = layoutFor(bits);
      expect(w * limbs - bits).toBeGreaterThanOrEqual(16);
      const limb = 2 ** (w - 1) + 2 ** 7;
      expect(limbs * limb ** 2).toBeLessThan(2 ** 53);
      // A product of sums of two blocks, before what is too much in it is subtracted.
      expect(22 * (2 * limb) ** 2).toBeLessThan(2 ** 53);
    }
  });
});

const kinds = moduli.flatMap((modulus) => [true, false].map((relaxed) => ({ ...modulus, relaxed })));

describe.each(kinds)('modulus %# of $bits bits, relaxed SIMD: $relaxed', ({ p, bits, relaxed }) => {
  const field = new WasmField(p, relaxed);
  const [r, a, b, c] = [field.take(), field.take(), field.take(), field.take()];
  const seeds = fc.integer({ min: 0, max: 60 });
  const numRuns = bits > 2000 ? 20 : 60;

  it('takes numbers in and gives them back', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const x = number(seed, p);
        field.set(a, x);
        expect(field.get(a)).toBe(x);
        expect(field.isZero(a)).toBe(x === 0n);
        field.set(a, x - p);
        expect(field.get(a)).toBe(x);
      }),
      { numRuns },
    );
  });

  it('computes as BigInt does', () => {
    fc.assert(
      fc.property(seeds, seeds, seeds, (i, j, k) => {
        const [x, y, z] = [number(i, p), number(j, p), number(k, p)];
        field.set(a, x);
        field.set(b, y);
        field.set(c, z);
        field.multiply(r, a, b);
        expect(field.get(r)).toBe(mod(x * y, p));
        field.square(r, a);
        expect(field.get(r)).toBe(mod(x * x, p));
        field.add(r, a, b);
        expect(field.get(r)).toBe(mod(x + y, p));
        field.subtract(r, a, b);
        expect(field.get(r)).toBe(mod(x - y, p));
        field.multiplyAdd(r, a, b, c);
        expect(field.get(r)).toBe(mod(x * y + z, p));
        field.squareAdd(r, a, c);
        expect(field.get(r)).toBe(mod(x * x + z, p));
        field.multiply(a, a, a);
        expect(field.get(a)).toBe(mod(x * x, p));
      }),
      { numRuns },
    );
  });

  it('adds products before it reduces them', () => {
    const [s, t] = [field.take(2), field.take(2)];
    fc.assert(
      fc.property(seeds, seeds, seeds, (i, j, k) => {
        const [x, y, z] = [number(i, p), number(j, p), number(k, p)];
        field.set(a, x);
        field.set(b, y);
        field.set(c, z);
        field.kernel.product(s, a, b);
        field.kernel.square(t, c);
        field.kernel.subtractWide(s, s, t);
        field.kernel.addWide(s, s, s);
        field.kernel.reduce(r, s, a);
        expect(field.get(r)).toBe(mod(2n * (x * y - z * z) + x, p));
      }),
      { numRuns },
    );
  });

  it('keeps limbs small and values near p, whatever comes in: no carry is lost', () => {
    const { w, limbs } = field.layout;
    const most = 2 ** (w - 1) + 2 ** 7;
    const R = 1n << BigInt(w * limbs);
    const patterns: ((k: number) => number)[] = [
      () => most,
      () => -most,
      (k) => (k % 2 === 0 ? most : -most),
      (k) => (k % 22 < 11 ? most : -most),
      (k) => (k === 0 ? most : 0),
      (k) => (k < limbs - 1 ? -(2 ** (w - 1)) : 0),
      (k) => (k < limbs - 1 ? 2 ** (w - 1) : 0),
    ];
    // Limbs that high would make values far above p: the top ones stay empty.
    const used = Math.floor((bits + 8) / w);
    for (const left of patterns) {
      for (const right of patterns) {
        field.view(a).forEach((_, k) => (field.view(a)[k] = k < used ? left(k) : 0));
        field.view(b).forEach((_, k) => (field.view(b)[k] = k < used ? right(k) : 0));
        const [x, y] = [valueOf(field, a), valueOf(field, b)];
        field.multiply(r, a, b);
        const value = valueOf(field, r);
        expect(mod(value * R - x * y, p)).toBe(0n);
        expect(value < 4n * p && value > -4n * p).toBe(true);
        expect(Math.max(...field.view(r).map(Math.abs))).toBeLessThanOrEqual(most);
        field.square(r, a);
        expect(mod(valueOf(field, r) * R - x * x, p)).toBe(0n);
        field.subtract(r, a, b);
        expect(valueOf(field, r)).toBe(x - y);
      }
    }
  });

  it('reduces where the multiple of p that is added has limbs at their bounds', () => {
    const { w, limbs } = field.layout;
    const most = 2 ** (w - 1) + 2 ** 7;
    const R = 1n << BigInt(w * limbs);
    const bounds: ((k: number) => number)[] = [
      () => 2 ** (w - 1) - 1,
      () => -(2 ** (w - 1)),
      (k) => (k % 2 === 0 ? -(2 ** (w - 1)) : 2 ** (w - 1) - 1),
      (k) => (k < limbs - 2 ? -(2 ** (w - 1)) : 0),
    ];
    const t = field.take(2);
    const used = Math.floor((bits - 16) / w);
    for (const quotient of bounds) {
      const Q = Array.from({ length: limbs }, (_, k) => BigInt(quotient(k)) << BigInt(w * k));
      const low = mod(-Q.reduce((sum, limb) => sum + limb) * p, R);
      for (const high of [0, 2 ** 35, -(2 ** 35)]) {
        const view = field.view(t, 2);
        for (let k = 0; k < limbs; k++) {
          view[k] = Number(BigInt.asUintN(w, low >> BigInt(w * k)));
          view[limbs + k] = k < used ? high : 0;
        }
        const value = view.reduce((sum, limb, k) => sum + (BigInt(limb) << BigInt(w * k)), 0n);
        field.kernel.reduce(r, t, field.zero);
        expect(mod(valueOf(field, r) * R - value, p)).toBe(0n);
        expect(Math.max(...field.view(r).map(Math.abs))).toBeLessThanOrEqual(most);
      }
    }
  });

  it('exchanges and chooses without branches', () => {
    field.set(a, 1n);
    field.set(b, p - 1n);
    field.kernel.exchange(a, b, 0);
    expect([field.get(a), field.get(b)]).toEqual([1n, p - 1n]);
    field.kernel.exchange(a, b, 1);
    expect([field.get(a), field.get(b)]).toEqual([p - 1n, 1n]);
    const table = field.take(5);
    for (let k = 0; k < 5; k++) field.set(table + k * field.octets, BigInt(k) + 3n);
    for (let k = 0; k < 5; k++) {
      field.kernel.choose(r, table, 5, field.octets, k);
      expect(field.get(r)).toBe(mod(BigInt(k) + 3n, p));
    }
    field.kernel.choose(r, table, 5, field.octets, 5);
    expect(field.isZero(r)).toBe(true);
  });

  it('overwrites what is released', () => {
    const place = field.take();
    field.set(place, p - 5n);
    field.release(place);
    expect(field.view(place).every((limb) => limb === 0)).toBe(true);
    expect(field.take()).toBe(place);
  });
});

const primes = [
  65521n,
  (1n << 192n) - 237n,
  (1n << 521n) - 1n,
  (1n << 1279n) - 1n,
  (1n << 2203n) - 1n,
  ...largeGroups().map(({ p }) => p),
].flatMap((p) => [true, false].map((relaxed) => ({ p, bits: bitLength(p), relaxed })));

describe.each(primes)('inversion modulo a prime of $bits bits, relaxed SIMD: $relaxed', ({ p, relaxed }) => {
  const field = new WasmField(p, relaxed);
  const [r, a] = [field.take(), field.take()];

  it('is the inverse; of 0 it is 0', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), (seed) => {
        const x = number(seed, p);
        field.set(a, x);
        field.invert(r, a);
        expect(mod(field.get(r) * x, p)).toBe(x === 0n ? 0n : 1n);
      }),
      { numRuns: 25 },
    );
  });

  it('takes residues that are not canonical', () => {
    field.set(a, 7n);
    for (let n = 0; n < 4; n++) field.add(a, a, a);
    field.invert(r, a);
    expect(mod(field.get(r) * 112n, p)).toBe(1n);
  });
});

it('wiping scratch memory leaves the constants working', () => {
  const field = new WasmField((1n << 512n) - 569n);
  const [r, a] = [field.take(), field.take()];
  field.set(a, 12345n);
  field.invert(r, a);
  field.wipeScratch();
  field.multiply(r, r, a);
  expect(field.get(r)).toBe(1n);
});
