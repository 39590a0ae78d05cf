import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonAdjacentForm } from '../../../src/ibe/curve.ts';
import { secretBits, secretDigits, slidingWindows } from '../../../src/ibe/wasm/scalars.ts';

const q = (1n << 255n) + (1n << 41n) + 1n;
const scalars = fc.oneof(
  fc.bigInt({ min: 0n, max: q - 1n }),
  fc.constantFrom(0n, 1n, 2n, 31n, 32n, 33n, q - 1n, q - 2n, (q - 1n) / 2n, 1n << 254n, (1n << 254n) - 1n),
);

describe('scalars as digits', () => {
  it('secret ones: always as many, all odd and in range, their sum k or k + q', () => {
    fc.assert(
      fc.property(scalars, fc.integer({ min: 2, max: 7 }), (k, width) => {
        const digits = [...secretDigits(k, q, width)];
        expect(digits.length).toBe(Math.ceil(257 / width));
        for (const digit of digits) {
          expect(Math.abs(digit) % 2).toBe(1);
          expect(Math.abs(digit)).toBeLessThan(2 ** width);
        }
        const sum = digits.reduceRight((total, digit) => (total << BigInt(width)) + BigInt(digit), 0n);
        expect(sum).toBe(k % 2n === 1n ? k : k + q);
      }),
    );
  });

  it('secret bits, from the lowest', () => {
    fc.assert(
      fc.property(scalars, (k) => {
        const bits = [...secretBits(k, 256)];
        expect(bits.reduceRight((total, bit) => 2n * total + BigInt(bit), 0n)).toBe(k);
      }),
    );
  });

  it('public ones: non-adjacent, their sum k', () => {
    fc.assert(
      fc.property(scalars, fc.integer({ min: 2, max: 6 }), (k, width) => {
        const digits = nonAdjacentForm(k, width);
        expect(digits.reduce((total, digit) => 2n * total + BigInt(digit), 0n)).toBe(k);
        digits.forEach((digit, at) => {
          if (digit === 0) return;
          expect(Math.abs(digit)).toBeLessThan(2 ** (width - 1));
          expect(digits.slice(at + 1, at + width).every((next) => next === 0)).toBe(true);
        });
      }),
    );
  });

  it('sliding windows: odd factors, their product of powers k', () => {
    fc.assert(
      fc.property(scalars, fc.integer({ min: 2, max: 6 }), (k, width) => {
        const windows = slidingWindows(k, width);
        const sum = windows.reduce(
          (total, { squarings, factor }) => (total << BigInt(squarings)) + BigInt(factor),
          0n,
        );
        expect(sum).toBe(k);
        for (const { factor } of windows) expect(factor === 0 || factor % 2 === 1).toBe(true);
      }),
    );
  });
});
