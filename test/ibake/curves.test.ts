/** Points: OpenSSL's multiples against those of @noble/curves, and what is no point. */
import { p256, p384, p521 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromBigInt, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { curveById, isPoint, publicPoint, sharedPoint } from '../../src/ibake/curves.ts';
import { IbakeError } from '../../src/ibake/errors.ts';

describe.each([
  ['P-256', 8, p256],
  ['P-384', 11, p384],
  ['P-521', 14, p521],
])('%s', (name, id, { Point }) => {
  const curve = curveById(id)!;
  const secretOf = (value: bigint) => Secret.of(fromBigInt(value, curve.octets));
  const scalars = [1n, 2n, 3n, curve.n / 2n, curve.n - 3n, curve.n - 2n, curve.n - 1n];
  const peer = Point.BASE.multiply(0xc0ffeen);

  it('has its name and its order', () => {
    expect(curve.name).toBe(name);
    expect(curve.n).toBe(Point.Fn.ORDER);
  });

  it.each(scalars)('[k]P and both coordinates of [k]Q for k = %s', (k) => {
    expect(toHex(publicPoint(curve, secretOf(k)))).toBe(Point.BASE.multiply(k).toHex(false));
    const shared = sharedPoint(curve, secretOf(k), peer.toBytes(false));
    expect(toHex(shared.expose())).toBe(peer.multiply(k).toHex(false));
  });

  it('[k]Q and [l]P for any k and l; Q = ±P among them', () => {
    const scalar = fc.bigInt({ min: 1n, max: curve.n - 1n });
    fc.assert(
      fc.property(scalar, fc.oneof(scalar, fc.constantFrom(1n, curve.n - 1n)), (k, l) => {
        const q = publicPoint(curve, secretOf(l));
        const shared = sharedPoint(curve, secretOf(k), q);
        expect(toHex(shared.expose())).toBe(Point.fromBytes(q).multiply(k).toHex(false));
      }),
      { numRuns: 10 },
    );
  });

  it('no point: compressed, hybrid, infinity, off the curve, unreduced, of another length', () => {
    const good = peer.toBytes(false);
    const { p } = Point.CURVE();
    const x = good.slice(1, 1 + curve.octets);
    const y = good.slice(1 + curve.octets);
    // Unreduced: a point with small coordinates does not exist for certain, but octets at and above p do.
    const bad = [
      peer.toBytes(true),
      concat(Uint8Array.of(0x06), x, y),
      concat(Uint8Array.of(0x07), x, y),
      Uint8Array.of(0),
      new Uint8Array(),
      concat(Uint8Array.of(0x04), x, x),
      concat(Uint8Array.of(0x04), new Uint8Array(2 * curve.octets)),
      concat(Uint8Array.of(0x04), fromBigInt(p, curve.octets), y),
      concat(Uint8Array.of(0x04), x, fromBigInt(p + 1n, curve.octets)),
      good.subarray(0, -1),
      concat(good, Uint8Array.of(0)),
    ];
    for (const octets of bad) {
      expect(isPoint(curve, octets), toHex(octets).slice(0, 8)).toBe(false);
      expect(() => sharedPoint(curve, secretOf(5n), octets)).toThrow(IbakeError);
    }
    expect(isPoint(curve, good)).toBe(true);
  });
});

it('the other curves of the table are none of ours', () => {
  for (const id of [0, 1, 2, 5, 7, 9, 10, 12, 13, 15, 16, 255]) expect(curveById(id)).toBeNull();
});
