/**
 * What the kernel makes of field operations in one call, against BigInt on primes of every size: points, F_p², powers
 * of elements of norm 1. Arguments are the edges 0, 1, p − 1, limbs at their bounds, and random numbers.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addMixed, double, type JacobianPoint } from '../../../src/ibe/curve.ts';
import {
  invert,
  mod,
  mod2,
  multiply2,
  powerUnitary,
  square2,
  unitary,
  type Fp2,
} from '../../../src/ibe/field.ts';
import { WasmField, type Place } from '../../../src/ibe/wasm/field.ts';
import { MillerValue } from '../../../src/ibe/wasm/miller.ts';
import { Points } from '../../../src/ibe/wasm/points.ts';
import { UnitaryGroup } from '../../../src/ibe/wasm/unitary.ts';
import { largeGroups } from '../support/groups.ts';
import { seededRandom } from '../support/octets.ts';
import { toBigInt } from '../../../src/bytes/octets.ts';

describe.each(largeGroups())('p of $pBits bits', ({ pBits, p }) => {
  const field = new WasmField(p);
  const points = new Points(field);
  const miller = new MillerValue(field);
  const group = new UnitaryGroup(field);
  const numRuns = pBits > 2000 ? 12 : 40;
  const { w, limbs } = field.layout;
  const unit = invert(1n << BigInt(w * limbs), p);

  /** Limbs at their bounds, in numbers within ±p. */
  const patterns: readonly ((k: number) => number)[] = [
    () => 2 ** (w - 1),
    () => -(2 ** (w - 1)),
    (k) => (k % 2 === 0 ? 2 ** (w - 1) : -(2 ** (w - 1))),
    (k) => (k % 22 < 11 ? -(2 ** (w - 1)) : 2 ** (w - 1)),
  ];
  const edges = [0n, 1n, 2n, p - 1n, p - 2n, (p - 1n) / 2n, (p + 1n) / 2n];
  const kinds = fc.integer({ min: 0, max: patterns.length + edges.length + 8 });

  /** Puts an argument of a kind into its place; its value. */
  function put(place: Place, kind: number): bigint {
    const pattern = patterns[kind];
    if (pattern !== undefined) {
      const view = field.view(place);
      const used = Math.floor((pBits - 1) / w);
      for (let k = 0; k < limbs; k++) view[k] = k < used ? pattern(k) : 0;
      return mod(view.reduce((sum, limb, k) => sum + (BigInt(limb) << BigInt(w * k)), 0n) * unit, p);
    }
    const random = (): bigint => toBigInt(seededRandom(`${kind}`).bytes(pBits / 8 + 8)) % p;
    const value = edges[kind - patterns.length] ?? random();
    field.set(place, value);
    return value;
  }

  const putPoint = (point: Place, [x, y, z]: readonly [number, number, number]): JacobianPoint => ({
    x: put(points.x(point), x),
    y: put(points.y(point), y),
    z: put(points.z(point), z),
  });
  const putPair = (place: Place, re: number, im: number): Fp2 => ({
    re: put(place, re),
    im: put(place + field.octets, im),
  });

  /** The same point, whatever Z; for infinity, Z = 0 on both sides. */
  function expectPoint(place: Place, expected: JacobianPoint): void {
    const [x, y, z] = [points.x(place), points.y(place), points.z(place)].map((at) => field.get(at));
    if (mod(expected.z, p) === 0n) {
      expect(z).toBe(0n);
      return;
    }
    const ratio = mod(z! * invert(expected.z, p), p);
    expect(x).toBe(mod(expected.x * ratio * ratio, p));
    expect(y).toBe(mod(expected.y * ratio * ratio * ratio, p));
  }

  it('doubles a point', () => {
    const point = points.take();
    fc.assert(
      fc.property(fc.tuple(kinds, kinds, kinds), (coordinates) => {
        const given = putPoint(point, coordinates);
        points.double(point);
        expectPoint(point, double(given, p));
      }),
      { numRuns },
    );
  });

  it('adds an affine point, and has Z = 0 for all that the formula cannot add', () => {
    const [point, affine] = [points.take(), field.take(2)];
    fc.assert(
      fc.property(fc.tuple(kinds, kinds, kinds), kinds, kinds, (coordinates, x, y) => {
        const given = putPoint(point, coordinates);
        const added = { x: put(affine, x), y: put(affine + field.octets, y) };
        points.addAffine(point, affine);
        const exceptional = mod((added.x * given.z * given.z - given.x) * given.z, p) === 0n;
        expectPoint(point, exceptional ? { x: 1n, y: 1n, z: 0n } : addMixed(given, added, p));
      }),
      { numRuns },
    );
  });

  it('squares and multiplies in F_p²', () => {
    fc.assert(
      fc.property(kinds, kinds, kinds, kinds, (a, b, c, d) => {
        const read = (): Fp2 => ({ re: field.get(miller.value), im: field.get(miller.value + field.octets) });
        const f = putPair(miller.value, a, b);
        miller.square();
        expect(read()).toEqual(mod2(square2(f, p), p));
        const [g, line] = [putPair(miller.value, a, b), putPair(miller.line, c, d)];
        miller.multiplyByLine();
        expect(read()).toEqual(mod2(multiply2(g, line, p), p));
      }),
      { numRuns },
    );
  });

  it('raises elements of norm 1 to powers, ±1 and ±i among them', () => {
    const [u, r] = [group.take(), field.take(2)];
    const random = toBigInt(seededRandom('norm').bytes(pBits / 8)) % p;
    // (a + i)/(a − i), which has norm 1.
    const inverse = invert(random * random + 1n, p);
    const general = { re: mod((random * random - 1n) * inverse, p), im: mod(2n * random * inverse, p) };
    const elements = [
      general,
      { re: 1n, im: 0n },
      { re: p - 1n, im: 0n },
      { re: 0n, im: 1n },
      { re: 0n, im: p - 1n },
    ];
    for (const element of elements) {
      field.set(u, element.re);
      field.set(u + field.octets, element.im);
      group.complete(u);
      for (const n of [0n, 1n, 2n, 3n, 4n, 1000003n, (1n << 40n) - 1n]) {
        const expected = powerUnitary(unitary(element, p), n, p);
        group.secretPower(r, u, n, 41);
        expect(group.get(r), `secret ${n}`).toEqual(expected);
        if (n > 0n) {
          group.publicPower(r, u, n);
          expect(group.get(r), `public ${n}`).toEqual(expected);
        }
      }
    }
  });
});
