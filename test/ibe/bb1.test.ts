/** Boneh–Boyen beyond the RFC's vectors: both arithmetics agree, and only the right key opens. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bb1Decrypt,
  bb1Encrypt,
  bb1Extract,
  bb1Parameters,
  bigIntBb1,
  type Bb1Parameters,
} from '../../src/ibe/bb1.ts';
import { wasmBb1 } from '../../src/ibe/wasm-engine.ts';
import { smallDistricts } from './support/groups.ts';

const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });

describe.each(smallDistricts())('$name', ({ params: group }) => {
  const { p, q } = group;
  const [slow, fast] = [bigIntBb1(p, q), wasmBb1(group)];
  const nonzero = fc.bigInt({ min: 1n, max: q - 1n });

  it('makes the same parameters, keys and ciphertexts on both, and opens them', () => {
    fc.assert(
      fc.property(
        fc.record({ alpha: nonzero, beta: nonzero, gamma: nonzero }),
        nonzero,
        nonzero,
        octets(0, 20),
        octets(0, 40),
        (master, r, s, id, message) => {
          const params: Bb1Parameters = bb1Parameters(group, master, slow);
          expect(bb1Parameters(group, master, fast)).toEqual(params);
          const key = bb1Extract(params, master, id, r, slow);
          expect(bb1Extract(params, master, id, r, fast)).toEqual(key);
          const ciphertext = bb1Encrypt(params, id, message, s, slow);
          expect(bb1Encrypt(params, id, message, s, fast)).toEqual(ciphertext);
          for (const arithmetic of [slow, fast]) {
            expect(bb1Decrypt(params, key, ciphertext, arithmetic)).toEqual(message);
            const other = bb1Extract(params, master, Uint8Array.of(...id, 1), r, arithmetic);
            expect(bb1Decrypt(params, other, ciphertext, arithmetic)).toBeNull();
          }
        },
      ),
      { numRuns: 6 },
    );
  });
});
