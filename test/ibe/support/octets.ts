/** Numbers and points of vector files. */
import type { AffinePoint } from '../../../src/ibe/curve.ts';
import type { Random } from '../../../src/bytes/ports.ts';
import { digest } from '../../../src/ibe/hash.ts';
import { utf8 } from '../../../src/bytes/octets.ts';

export function pointOf([x, y]: readonly [string, string]): AffinePoint {
  return { x: BigInt(x), y: BigInt(y) };
}

/** Octets from a name: the same on every run. */
export function seededRandom(seed: string): Random {
  let count = 0;
  return {
    bytes: (length) => {
      const octets = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) {
        const block = digest('sha256', utf8(`${seed} ${count++}`));
        octets.set(block.subarray(0, Math.min(32, length - at)), at);
      }
      return octets;
    },
  };
}
