/** Boneh–Franklin on every engine: agreement with the textbook, and one answer to everything that is wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import type { BfCiphertext } from '../../src/ibe/blocks.ts';
import { bigIntEngine } from '../../src/ibe/bigint-engine.ts';
import { bfExponent } from '../../src/ibe/bf.ts';
import { isOnCurve, multiply, type AffinePoint } from '../../src/ibe/curve.ts';
import { hashToRange } from '../../src/ibe/hash.ts';
import { pointOfOrdinate } from '../../src/ibe/hash-to-point.ts';
import { wasmEngine } from '../../src/ibe/wasm-engine.ts';
import { smallDistrict, smallDistricts, somePoint } from './support/groups.ts';
import { reference } from './support/reference.ts';

const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });

describe.each([
  ['BigInt', bigIntEngine],
  ['WebAssembly', wasmEngine],
] as const)('%s', (_, makeEngine) => {
  describe.each(smallDistricts())('$name', ({ params, masterSecret, group }) => {
    const engine = makeEngine();
    const ref = reference(params.p, params.q);

    it('encrypts, extracts and decrypts as the textbook does', () => {
      fc.assert(
        fc.property(octets(0, 40), octets(0, 32), octets(32, 32), (id, message, rho) => {
          const ciphertext = engine.encrypt(params, id, message, rho);
          expect(ciphertext).toEqual(ref.encrypt(params, id, message, rho));
          const key = engine.extract(params, masterSecret, id);
          expect(key).toEqual(ref.extract('sha256', id, masterSecret));
          expect(engine.decrypt(params, key, ciphertext)).toEqual(message);
          expect(engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toEqual(message);
          expect(ref.decrypt(params, key, ciphertext)).toEqual(message);
        }),
        { numRuns: 5 },
      );
    });

    it('a ciphertext for somebody else, or under another master secret, opens to nothing', () => {
      const ciphertext = engine.encrypt(params, utf8('alice'), utf8('key'), new Uint8Array(32));
      const key = engine.extract(params, masterSecret, utf8('bob'));
      expect(engine.decrypt(params, key, ciphertext)).toBeNull();
      expect(engine.decryptWithMaster(params, masterSecret, utf8('bob'), ciphertext)).toBeNull();
      expect(engine.decryptWithMaster(params, masterSecret + 1n, utf8('alice'), ciphertext)).toBeNull();
    });

    it('a point of the whole curve in place of U opens to nothing', () => {
      const key = engine.extract(params, masterSecret, utf8('alice'));
      const good = engine.encrypt(params, utf8('alice'), utf8('key'), new Uint8Array(32));
      for (const u of [somePoint(5n, params.p), multiply(somePoint(6n, params.p), params.q, params.p)!]) {
        expect(isOnCurve(u, params.p)).toBe(true);
        expect(engine.decrypt(params, key, { ...good, u })).toBeNull();
        expect(engine.decryptWithMaster(params, masterSecret, utf8('alice'), { ...good, u })).toBeNull();
      }
      expect(group.cofactor % params.q).not.toBe(0n);
    });
  });

  describe('what decryption refuses', () => {
    const { params, masterSecret } = smallDistrict(largestQ(), 96, 424242n);
    const engine = makeEngine();
    const id = utf8('alice');
    const key = engine.extract(params, masterSecret, id);
    const good = engine.encrypt(params, id, utf8('a session key'), new Uint8Array(32).fill(3));
    const { p } = params;

    const refuses = (ciphertext: BfCiphertext): void => {
      expect(engine.decrypt(params, key, ciphertext)).toBeNull();
      expect(engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toBeNull();
    };
    const withU = (u: AffinePoint): BfCiphertext => ({ ...good, u });

    it('the good one is good', () => {
      expect(engine.decrypt(params, key, good)).toEqual(utf8('a session key'));
      expect(engine.decryptWithMaster(params, masterSecret, id, good)).toEqual(utf8('a session key'));
    });

    it('U out of range, though congruent to the right one', () => {
      refuses(withU({ x: good.u.x + p, y: good.u.y }));
      refuses(withU({ x: good.u.x, y: good.u.y + p }));
      refuses(withU({ x: good.u.x - p, y: good.u.y }));
      refuses(withU({ x: good.u.x, y: good.u.y - p }));
    });

    it('U off the curve', () => {
      refuses(withU({ x: good.u.x + 1n, y: good.u.y }));
      refuses(withU({ x: good.u.x, y: good.u.y ^ 1n }));
      refuses(withU({ x: 0n, y: 0n }));
      refuses(withU({ x: 1n, y: 1n }));
    });

    it('U of order 2 (y = 0) and of order 3 (x = 0)', () => {
      refuses(withU({ x: p - 1n, y: 0n }));
      refuses(withU({ x: 0n, y: 1n }));
      refuses(withU({ x: 0n, y: p - 1n }));
    });

    it('−U, 2U, P, P_pub in place of U', () => {
      refuses(withU({ x: good.u.x, y: p - good.u.y }));
      refuses(withU(multiply(good.u, 2n, p)!));
      refuses(withU(params.P));
      refuses(withU(params.Ppub));
    });

    it('any bit of V or W flipped', () => {
      for (const field of ['v', 'w'] as const) {
        for (let bit = 0; bit < 8 * good[field].length; bit += 3) {
          refuses({
            ...good,
            [field]: good[field].map((octet, at) => (at === bit >> 3 ? octet ^ (1 << (bit & 7)) : octet)),
          });
        }
      }
    });

    it('V or W of another length', () => {
      refuses({ ...good, v: good.v.subarray(1) });
      refuses({ ...good, v: new Uint8Array(33) });
      refuses({ ...good, v: new Uint8Array() });
      refuses({ ...good, w: good.w.subarray(0, 5) });
      refuses({ ...good, w: new Uint8Array(33) });
      refuses({ ...good, w: new Uint8Array() });
    });

    it('a private key that is not of order q is refused as such', () => {
      const point = expect.objectContaining({ code: 'point' }) as Error;
      for (const bad of [
        somePoint(9n, p),
        { x: 0n, y: 1n },
        { x: p - 1n, y: 0n },
        { x: 1n, y: 1n },
        { x: key.x + p, y: key.y },
      ]) {
        expect(() => engine.decrypt(params, bad, good)).toThrow(point);
      }
    });
  });

  describe('the holder of the master secret', () => {
    it('gets the same answers the third time, from lines, as the first, and also under a wrong secret', () => {
      const { params, masterSecret } = smallDistrict(largestQ(), 96, 424242n);
      const engine = makeEngine({ districts: 2, identities: 4, privateKeys: 2 });
      const ids = ['alice', 'bob', 'carol'].map(utf8);
      const ciphertexts = ids.map((id) => engine.encrypt(params, id, id, new Uint8Array(32).fill(9)));
      for (let round = 0; round < 5; round++) {
        for (const [at, id] of ids.entries()) {
          expect(engine.decryptWithMaster(params, masterSecret, id, ciphertexts[at]!)).toEqual(id);
          expect(engine.decryptWithMaster(params, masterSecret, id, ciphertexts[(at + 1) % 3]!)).toBeNull();
          expect(engine.decryptWithMaster(params, masterSecret + 1n, id, ciphertexts[at]!)).toBeNull();
        }
      }
    });
  });

  describe('what encryption refuses', () => {
    const range = expect.objectContaining({ code: 'range' }) as Error;

    it('rho of another length, a message longer than the hash', () => {
      const { params } = smallDistricts()[0]!;
      const engine = makeEngine();
      expect(() => engine.encrypt(params, utf8('a'), utf8('m'), new Uint8Array(31))).toThrow(range);
      expect(() => engine.encrypt(params, utf8('a'), new Uint8Array(33), new Uint8Array(32))).toThrow(range);
    });

    it('P_pub that is not of order q', () => {
      const { params } = smallDistricts()[0]!;
      const Ppub = somePoint(11n, params.p);
      expect(() =>
        makeEngine().encrypt({ ...params, Ppub }, utf8('a'), utf8('m'), new Uint8Array(32)),
      ).toThrow(expect.objectContaining({ code: 'point' }) as Error);
    });

    it('l = 0: rho and message that hash to a multiple of q', () => {
      const { params } = smallDistrict(13n, 40, 5n);
      const engine = makeEngine();
      const rho = new Uint8Array(32);
      const message = new Uint8Array(1);
      while (bfExponent(params, rho, message) !== 0n) message[0] = (message[0] ?? 0) + 1;
      expect(() => engine.encrypt(params, identityOfUse(params.p), message, rho)).toThrow(range);
    });

    it('Q_id = 0: an identity that hashes to a point without a part of order q', () => {
      // q = 13 and a small p: one identity in thirteen has Q_id = 0, and θ = 1 with it.
      const { params, masterSecret, group } = smallDistrict(13n, 24, 5n);
      const engine = makeEngine();
      let unusable = 0;
      for (let n = 0; n < 200; n++) {
        const id = utf8(`id ${n}`);
        const raw = pointOfOrdinate(hashToRange('sha256', id, params.p), params.p);
        if (multiply(raw, group.cofactor, params.p) !== null) continue;
        unusable++;
        const identity = expect.objectContaining({ code: 'identity' }) as Error;
        expect(() => engine.encrypt(params, id, utf8('m'), new Uint8Array(32))).toThrow(identity);
        expect(() => engine.extract(params, masterSecret, id)).toThrow(identity);
        const ciphertext = engine.encrypt(
          params,
          identityOfUse(params.p),
          utf8('m'),
          new Uint8Array(32).fill(1),
        );
        expect(engine.decryptWithMaster(params, masterSecret, id, ciphertext)).toBeNull();
      }
      expect(unusable).toBeGreaterThan(3);
    });

    /** An identity whose hash point has a part of order 13, in both groups above. */
    function identityOfUse(p: bigint): Uint8Array {
      for (let n = 0; ; n++) {
        const id = utf8(`usable ${n}`);
        const raw = pointOfOrdinate(hashToRange('sha256', id, p), p);
        if (multiply(raw, (p + 1n) / 13n, p) !== null) return id;
      }
    }
  });

  describe('what is kept', () => {
    it('answers stay right while districts, identities and keys push each other out', () => {
      const engine = makeEngine();
      const districts = [
        ...smallDistricts(),
        ...smallDistricts().map((d) => ({ ...d, params: { ...d.params } })),
      ];
      for (let n = 0; n < 3; n++) {
        for (const { params, masterSecret } of districts) {
          for (let who = 0; who < 40; who += 13) {
            const id = utf8(`user ${who} ${n}`);
            const rho = new Uint8Array(32).fill(who);
            const ciphertext = engine.encrypt(params, id, utf8('m'), rho);
            expect(engine.decrypt(params, engine.extract(params, masterSecret, id), ciphertext)).toEqual(
              utf8('m'),
            );
          }
        }
      }
    });
  });
});

/** The largest q among the test groups. */
function largestQ(): bigint {
  return smallDistricts()
    .map(({ params }) => params.q)
    .at(-1)!;
}
