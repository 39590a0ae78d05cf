/**
 * HashToPoint (RFC 5091 section 4.4): y = HashToRange(id, p), x = (y² − 1)^((2p−1)/3), Q′ = (x, y), and
 * Q_id = [(p + 1)/q]Q′.
 *
 * The cube root is unique because p ≡ 2 (mod 3). Pairings take the raw Q′ (see `pairing.ts`); only Q_id itself and
 * extraction multiply by the cofactor.
 */
import { multiply, type AffinePoint } from './curve.ts';
import { power } from './field.ts';
import type { GroupShape } from './group.ts';
import { hashToRange, type BfHash } from './hash.ts';

/** Q′, of whatever order; steps 1 to 3 of Algorithm 4.4.2. */
export function rawHashPoint(hash: BfHash, id: Uint8Array, p: bigint): AffinePoint {
  return pointOfOrdinate(hashToRange(hash, id, p), p);
}

/** The point of E(F_p) with this ordinate. */
export function pointOfOrdinate(y: bigint, p: bigint): AffinePoint {
  return { x: power((y * y - 1n) % p, (2n * p - 1n) / 3n, p), y };
}

/** Q_id; `null` where it is 0, as for an ordinate of ±1, whose point has order 3. */
export function hashToPoint(hash: BfHash, id: Uint8Array, { p, cofactor }: GroupShape): AffinePoint | null {
  return multiply(rawHashPoint(hash, id, p), cofactor, p);
}
