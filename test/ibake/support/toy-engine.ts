/**
 * An engine that hides nothing and costs nothing: for tests that make hundreds of containers and are not about their
 * encryption. A ciphertext opens for the identity that it was made for, and for no other.
 */
import { createHash } from 'node:crypto';
import type { AffinePoint } from '../../../src/ibe/curve.ts';
import type { IbeEngine } from '../../../src/ibe/engine.ts';

function masked(id: Uint8Array, message: Uint8Array): Uint8Array {
  const mask = createHash('sha256').update(id).digest();
  return message.map((octet, at) => octet ^ (mask[at] ?? 0));
}

/** Its private keys are the points that `extract` of the real engine gives; `identityOf` tells whose they are. */
export function toyEngine(identityOf: (privateKey: AffinePoint) => Uint8Array): IbeEngine {
  return {
    encrypt: ({ P }, id, message) => ({ u: P, v: new Uint8Array(32), w: masked(id, message) }),
    decrypt: (_, privateKey, { w }) => masked(identityOf(privateKey), w),
    decryptWithMaster: (_, _master, id, { w }) => masked(id, w),
    extract: () => {
      throw new Error('a toy engine extracts no keys');
    },
  };
}
