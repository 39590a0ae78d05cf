/** The pairing and the group law against the textbook, over every shape of q, and on arguments of other orders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FixedBase,
  add,
  equalsAffine,
  hasOrder,
  isOnCurve,
  multiply,
  toAffine,
} from '../../src/ibe/curve.ts';
import { bitLength, invert, mod, mod2, power, powerUnitary, unitary, type Fp2 } from '../../src/ibe/field.ts';
import { checkShape, groupOf, solinas } from '../../src/ibe/group.ts';
import { FixedPairing } from '../../src/ibe/fixed-pairing.ts';
import { alpha, pairSquared, pairing, powerOf } from '../../src/ibe/pairing.ts';
import { pointOfOrderQ, primeOver, smallDistricts, somePoint } from './support/groups.ts';
import { reference } from './support/reference.ts';

const districts = smallDistricts();
const asFp2 = ({ a, b }: { a: bigint; b: bigint }): Fp2 => ({ re: a, im: b });
const seeds = fc.bigInt({ min: 2n, max: 1n << 40n });

describe('group shapes', () => {
  it('all four signs and both parities are among the test groups', () => {
    expect(new Set(districts.map(({ group: { shape } }) => `${shape.s} ${shape.c}`)).size).toBe(4);
    expect(new Set(districts.map(({ group: { shape } }) => (shape.a - shape.b) % 2)).size).toBe(2);
    expect(new Set(districts.map(({ group: { shape } }) => shape.b % 2)).size).toBe(2);
  });

  it('a Solinas shape multiplies out; other numbers have none', () => {
    for (const { params } of districts) {
      const { a, b, s, c } = solinas(params.q)!;
      expect((1n << BigInt(a)) + BigInt(s) * (1n << BigInt(b)) + BigInt(c)).toBe(params.q);
      expect(a).toBeGreaterThan(b);
    }
    for (const q of [0n, 1n, 2n, -7n, 0b1010101n, 1000003n]) expect(solinas(q)).toBeNull();
  });

  it('p of another form is refused', () => {
    const { p, q } = districts[0]!.params;
    for (const [bp, bq] of [
      [p + 12n, q],
      [p, q + 2n],
      [p + 2n, q],
      [-p, q],
      [0n, q],
      [12n * q * q - 1n, q],
    ] as const) {
      expect(() => checkShape(bp, bq)).toThrow(expect.objectContaining({ code: 'parameters' }) as Error);
    }
  });
});

describe.each(districts)('$name', ({ params, group }) => {
  const { p, q } = params;
  const ref = reference(p, q);
  const one: Fp2 = { re: 1n, im: 0n };

  it('has P and P_pub of order q', () => {
    expect(hasOrder(params.P, q, p)).toBe(true);
    expect(hasOrder(params.Ppub, q, p)).toBe(true);
  });

  it('pairs as the textbook does: generic, from a table, either way round', () => {
    fc.assert(
      fc.property(seeds, seeds, (m, n) => {
        const A = pointOfOrderQ(m, group);
        const B = pointOfOrderQ(n, group);
        const expected = asFp2(ref.pairing(A, B));
        expect(pairing(A, B, group)).toEqual(expected);
        expect(mod2(new FixedPairing(A, group).pair(B), p)).toEqual(expected);
        expect(mod2(new FixedPairing(B, group).pair(A), p)).toEqual(expected);
      }),
      { numRuns: 6 },
    );
  });

  it('is bilinear and not degenerate', () => {
    fc.assert(
      fc.property(seeds, seeds, (m, n) => {
        const base = pairing(params.P, params.P, group);
        const [A, B] = [multiply(params.P, m, p), multiply(params.P, n, p)];
        if (A === null || B === null) return;
        expect(pairing(A, B, group)).toEqual(powerOf(base, (m * n) % q, p));
        expect(base).not.toEqual(one);
        expect(powerOf(base, q, p)).toEqual(one);
      }),
      { numRuns: 6 },
    );
  });

  it('takes a raw point: its power by the cofactor is the pairing with the cleared one', () => {
    fc.assert(
      fc.property(seeds, seeds, (m, n) => {
        const A = pointOfOrderQ(m, group);
        const raw = somePoint(n, p);
        const cleared = multiply(raw, group.cofactor, p);
        if (cleared === null || raw.x === 0n) return;
        const expected = pairing(A, cleared, group);
        expect(powerOf(new FixedPairing(A, group).pair(raw), group.cofactor % q, p)).toEqual(expected);
        const squared = powerOf(pairSquared(A, raw, group), group.cofactor % q, p);
        expect(powerOf(squared, (q + 1n) / 2n, p)).toEqual(expected);
      }),
      { numRuns: 6 },
    );
  });

  it('pairs points of order dividing the cofactor to 1 and never fails', () => {
    const fixed = new FixedPairing(params.P, group);
    const small = [
      { x: p - 1n, y: 0n },
      { x: 0n, y: 1n },
      { x: 0n, y: p - 1n },
      multiply(somePoint(7n, p), q, p)!,
    ];
    for (const point of small) {
      expect(isOnCurve(point, p)).toBe(true);
      expect(mod2(fixed.pair(point), p)).toEqual(one);
      expect(() => pairSquared(point, params.P, group)).not.toThrow();
    }
  });

  it('adds and multiplies as the textbook does', () => {
    fc.assert(
      fc.property(seeds, seeds, fc.bigInt({ min: 0n, max: p + 5n }), (m, n, k) => {
        const [A, B] = [somePoint(m, p), somePoint(n, p)];
        expect(add(A, B, p)).toEqual(ref.add(A, B));
        expect(add(A, A, p)).toEqual(ref.add(A, A));
        expect(add(A, { x: A.x, y: mod(-A.y, p) }, p)).toBeNull();
        expect(multiply(A, k, p)).toEqual(ref.multiply(A, k));
      }),
      { numRuns: 8 },
    );
  });

  it('multiplies points of order 2 and 3, and by 0', () => {
    for (const point of [
      { x: p - 1n, y: 0n },
      { x: 0n, y: 1n },
    ]) {
      for (let k = 0n; k < 40n; k++) expect(multiply(point, k, p)).toEqual(ref.multiply(point, k));
    }
  });

  it('has the same multiples from a table', () => {
    const base = new FixedBase(params.P, q, p);
    const edges = [
      1n,
      2n,
      31n,
      32n,
      33n,
      63n,
      64n,
      65n,
      q - 1n,
      q + 1n,
      q / 2n,
      (1n << BigInt(bitLength(q) - 1)) - 1n,
    ];
    for (const l of edges) expect(toAffine(base.multiply(l), p)).toEqual(multiply(params.P, l % q, p));
    expect(toAffine(base.multiply(0n), p)).toBeNull();
    expect(toAffine(base.multiply(q), p)).toBeNull();
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: q - 1n }), (l) => {
        const expected = ref.multiply(params.P, l)!;
        expect(equalsAffine(base.multiply(l), expected, p)).toBe(true);
        expect(equalsAffine(base.multiply(l), { x: expected.x, y: p - expected.y }, p)).toBe(false);
      }),
      { numRuns: 8 },
    );
  });

  it('α lands on y = iY: −Y² = X³ + 1', () => {
    const { x, y } = alpha(params.P, group);
    expect(mod(-(y * y) - x * x * x - 1n, p)).toBe(0n);
  });
});

describe('smallest groups', () => {
  it.each([5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 61n, 67n])(
    'q = %s: every multiple and every pairing',
    (q) => {
      const p = primeOver(q, 32);
      const group = groupOf(p, q);
      const ref = reference(p, q);
      const P = pointOfOrderQ(3n, group);
      const base = new FixedBase(P, q, p);
      const e = asFp2(ref.pairing(P, P));
      for (let l = 0n; l < q; l++) {
        const point = toAffine(base.multiply(l), p);
        expect(point).toEqual(ref.multiply(P, l));
        if (point !== null) expect(pairing(P, point, group)).toEqual(powerOf(e, l, p));
      }
    },
  );
});

describe('field', () => {
  const { p } = districts[0]!.params;

  it('inverts, and refuses 0', () => {
    fc.assert(fc.property(fc.bigInt({ min: 1n, max: p - 1n }), (a) => mod(invert(a, p) * a, p) === 1n));
    expect(() => invert(0n, p)).toThrow(expect.objectContaining({ code: 'parameters' }) as Error);
    expect(() => invert(p, p)).toThrow();
  });

  it('raises to powers as square-and-multiply does', () => {
    const slow = (a: bigint, e: bigint): bigint => {
      let [r, b] = [1n, mod(a, p)];
      for (let n = e; n > 0n; n >>= 1n) {
        if (n & 1n) r = (r * b) % p;
        b = (b * b) % p;
      }
      return r;
    };
    fc.assert(
      fc.property(fc.bigInt({ min: -p, max: p }), fc.bigInt({ min: 0n, max: p }), (a, e) => {
        expect(power(a, e, p)).toBe(slow(a, e));
      }),
    );
  });

  it('powers of ±1 in F_p² come out of the ladder too', () => {
    const minusOne = unitary({ re: -1n, im: 0n }, p);
    expect(powerUnitary(minusOne, 7n, p)).toEqual({ re: p - 1n, im: 0n });
    expect(powerUnitary(minusOne, 8n, p)).toEqual({ re: 1n, im: 0n });
    expect(powerUnitary(unitary({ re: 1n, im: 0n }, p), 0n, p)).toEqual({ re: 1n, im: 0n });
  });
});
