/**
 * Boneh–Franklin as the rest of the system sees it (RFC 5091 section 5). The interface is drawn at this level, not at
 * that of pairings, because an engine is fast by what it does *not* compute: no cofactor is cleared, pairings with a
 * fixed argument are tables, and a recipient's pairing value is kept. Implementations keep such precomputations
 * inside, bounded, and give the RFC's values bit for bit.
 */
import type { BfCiphertext } from './blocks.ts';
import type { AffinePoint } from './curve.ts';
import type { BfParameters } from './parameters.ts';

export interface IbeEngine {
  /**
   * Algorithm 5.4.1 with the given rho (hashlen random octets, fresh for every message).
   * @throws IbeError `identity` if the identity hashes to no usable point, `range` if rho has the wrong length, the
   *   message is longer than hashlen octets, or rho and message give l = 0 (draw another rho)
   */
  encrypt(params: BfParameters, id: Uint8Array, message: Uint8Array, rho: Uint8Array): BfCiphertext;

  /**
   * Algorithm 5.5.1. `null`: not a valid ciphertext for this key, one answer at one cost for every cause.
   * @throws IbeError `point` if the private key is not a point of order q
   */
  decrypt(params: BfParameters, privateKey: AffinePoint, ciphertext: BfCiphertext): Uint8Array | null;

  /**
   * Algorithm 5.5.1 for whoever holds the master secret: the same answers as extracting the key and decrypting with
   * it, without computing the key.
   * @throws IbeError `identity` if the identity hashes to a point of order 3, for which there is no key
   */
  decryptWithMaster(
    params: BfParameters,
    masterSecret: bigint,
    id: Uint8Array,
    ciphertext: BfCiphertext,
  ): Uint8Array | null;

  /**
   * Algorithm 5.3.1: the private key S_id = [s]Q_id.
   * @throws IbeError `identity` if the identity hashes to no usable point
   */
  extract(params: BfParameters, masterSecret: bigint, id: Uint8Array): AffinePoint;
}
