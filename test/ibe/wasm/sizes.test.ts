/** The WebAssembly engine against the BigInt engine, on primes of every size that the RFC's table has. */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { bigIntEngine } from '../../../src/ibe/bigint-engine.ts';
import type { AffinePoint } from '../../../src/ibe/curve.ts';
import { add, hasOrder, isOnCurve, multiply } from '../../../src/ibe/curve.ts';
import { power, powerUnitary, unitary, mod2 } from '../../../src/ibe/field.ts';
import { FixedPairing } from '../../../src/ibe/fixed-pairing.ts';
import { groupOf } from '../../../src/ibe/group.ts';
import { pointOfOrdinate, rawHashPoint } from '../../../src/ibe/hash-to-point.ts';
import type { BfParameters } from '../../../src/ibe/parameters.ts';
import { WasmArithmetic, wasmEngine } from '../../../src/ibe/wasm-engine.ts';
import { largeGroups } from '../support/groups.ts';

/**
 * Bits of p up to which BigInt is quick enough for all that is compared; above, it has the least scalars and the powers.
 * `CLAVIGER_SLOW` lifts that.
 */
const QUICK = process.env['CLAVIGER_SLOW'] === undefined ? 2048 : Infinity;

describe.each(largeGroups())('p of $pBits bits', ({ pBits, p, q }) => {
  const group = groupOf(p, q);
  const masterSecret = power(3n, 1000003n, q);
  const params = makeParameters(p, q, masterSecret);
  const { P, Ppub } = params;
  const engine = wasmEngine();
  const reference = bigIntEngine();
  const arithmetic = new WasmArithmetic(params);
  const id = utf8('sip:alice@home1.example');
  const message = utf8('content-encryption key');
  const rho = new Uint8Array(64).fill(0x5a);

  it('hashes to the same point, which is on the curve', () => {
    const point = arithmetic.hashPoint(id);
    expect(isOnCurve(point, p)).toBe(true);
    expect(point).toEqual(rawHashPoint('sha512', id, p));
  });

  it('multiplies P as BigInt does, at the edges too', () => {
    const edges = [0n, 63n, masterSecret];
    const more = [1n, 2n, 3n, 62n, 64n, 65n, q - 2n, q - 1n, (q + 1n) / 2n];
    const scalars = pBits > QUICK ? edges : [...edges, ...more];
    for (const l of scalars) {
      const expected = multiply(P, l, p);
      expect(arithmetic.baseMultiple(l)).toEqual(expected);
      if (expected !== null) {
        expect(arithmetic.isBaseMultiple(l, expected)).toBe(true);
        expect(arithmetic.isBaseMultiple(l, { x: expected.x, y: p - expected.y })).toBe(false);
        expect(arithmetic.isBaseMultiple((l + 1n) % q, expected)).toBe(false);
      }
    }
  });

  it('pairs as BigInt does', () => {
    const u = arithmetic.baseMultiple(987654321n)!;
    const lines = arithmetic.lines(Ppub);
    const value = arithmetic.pair(lines, u);
    if (pBits <= QUICK) expect(mod2(new FixedPairing(Ppub, group).pair(u), p)).toEqual(value);
    // P_pub = [s]P and U = [k]P: e(P_pub, U) = e(P, [s·k]P).
    const other = arithmetic.pairGeneric(P, arithmetic.baseMultiple((masterSecret * 987654321n) % q)!);
    expect(other).toEqual(value);
    // e(U, Q′)^(h·s), from either algorithm.
    const raw = arithmetic.hashPoint(id);
    const cold = arithmetic.pairWithMaster(P, raw, masterSecret);
    const theta = arithmetic.theta(raw)!;
    expect(arithmetic.thetaPower(theta, group.cofactor % q)).toEqual(cold);
    arithmetic.forgetTheta(theta);
    arithmetic.forgetLines(lines);
  });

  if (pBits <= QUICK) {
    it('pairs points of small order without failing, to 1 where BigInt does', () => {
      const lines = arithmetic.lines(Ppub);
      const fixed = new FixedPairing(Ppub, group);
      const small: AffinePoint[] = [
        { x: p - 1n, y: 0n },
        { x: 0n, y: 1n },
        { x: 0n, y: p - 1n },
        multiply(rawHashPoint('sha512', id, p), q, p)!,
      ];
      for (const point of small) expect(arithmetic.pair(lines, point)).toEqual(mod2(fixed.pair(point), p));
      arithmetic.forgetLines(lines);
    });

    it('finds that hash points of order 2 and 3 make no key: θ = 1, and Q_id = 0', () => {
      const one = { re: 1n, im: 0n };
      for (const point of [
        { x: p - 1n, y: 0n },
        { x: 0n, y: 1n },
        { x: 0n, y: p - 1n },
      ]) {
        expect(arithmetic.theta(point)).toBeNull();
        expect(arithmetic.privateKey(point, masterSecret)).toBeNull();
        expect(arithmetic.pairWithMaster(P, point, masterSecret)).toEqual(one);
      }
    });

    it('extracts the key that BigInt does, and opens with it and without', () => {
      const key = engine.extract(params, masterSecret, id);
      expect(hasOrder(key, q, p)).toBe(true);
      expect(key).toEqual(reference.extract(params, masterSecret, id));
      const ciphertext = engine.encrypt(params, id, message, rho);
      expect(engine.decrypt(params, key, ciphertext)).toEqual(message);
      expect(engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toEqual(message);
      expect(engine.decrypt(params, key, { ...ciphertext, u: P })).toBeNull();
    });
  }

  it('refuses lines of a point that is not of order q', () => {
    const point = expect.objectContaining({ code: 'point' }) as Error;
    const raw = rawHashPoint('sha512', id, p);
    for (const bad of [
      raw,
      { x: p - 1n, y: 0n },
      { x: 0n, y: 1n },
      { x: 1n, y: 1n },
      add(P, { x: p - 1n, y: 0n }, p)!,
      add(P, { x: 0n, y: 1n }, p)!,
    ]) {
      expect(() => arithmetic.lines(bad)).toThrow(point);
    }
  });

  it('raises to secret powers as BigInt does', () => {
    const theta = arithmetic.theta(arithmetic.hashPoint(id))!;
    const value = unitary(arithmetic.thetaPower(theta, 1n), p);
    for (const n of [0n, 1n, 2n, q - 1n, masterSecret]) {
      expect(arithmetic.thetaPower(theta, n)).toEqual(powerUnitary(value, n, p));
    }
    arithmetic.forgetTheta(theta);
  });

  it('encrypts as BigInt does', () => {
    const ciphertext = engine.encrypt(params, id, message, rho);
    // Its steps are those above: where they take BigInt long, what the master secret opens has to do.
    if (pBits <= QUICK) expect(ciphertext).toEqual(reference.encrypt(params, id, message, rho));
    expect(engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toEqual(message);
  });

  it("makes a key's lines with one inversion, and keeps nothing else", () => {
    const { field } = arithmetic;
    arithmetic.forgetLines(arithmetic.lines(P));
    const first = arithmetic.lines(P);
    const before = field.used;
    const inversions = vi.spyOn(field, 'invert');
    const second = arithmetic.lines(Ppub);
    expect(inversions).toHaveBeenCalledTimes(1);
    inversions.mockRestore();
    // Temporary room was there already; the table alone is new.
    const taken = field.used - before;
    expect(taken - arithmetic.linesOctets).toBeGreaterThanOrEqual(0);
    expect(taken - arithmetic.linesOctets).toBeLessThan(64);
    if (pBits === 1536) expect(taken).toBeLessThanOrEqual(256_000);
    for (const lines of [first, second]) arithmetic.forgetLines(lines);
  });

  afterAll(() => {
    expect(arithmetic.field.isZero(arithmetic.field.zero)).toBe(true);
  });
});

/** P of order q from a name; the multiples by the engine under test, whose results the other tests compare. */
function makeParameters(p: bigint, q: bigint, masterSecret: bigint): BfParameters {
  const raw = pointOfOrdinate(1234567n, p);
  const first = new WasmArithmetic({ hash: 'sha512', p, q, P: raw, Ppub: raw });
  const P = first.clearCofactor(raw)!;
  return { hash: 'sha512', p, q, P, Ppub: first.privateKey(raw, masterSecret)! };
}
