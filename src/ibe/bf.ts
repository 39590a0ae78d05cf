/**
 * What Boneh–Franklin does around its pairing (RFC 5091 sections 5.4 and 5.5), for any engine:
 *
 *     l = HashToRange(rho ‖ H(m), q)
 *     V = H(Canonical(θ′)) ⊕ rho,  W = HashBytes(|m|, rho) ⊕ m
 *
 * θ′ = e'(P_pub, Q_id)^l for the sender, e'(U, S_id) for the recipient. The recipient recomputes l and accepts if U =
 * [l]P, which also proves that U has order q.
 */
import { concat } from '../bytes/octets.ts';
import { canonical } from './canonical.ts';
import type { Fp2 } from './field.ts';
import { digest, hashBytes, hashToRange, HASHES, xorOctets } from './hash.ts';
import type { BfParameters } from './parameters.ts';

/** l of Algorithm 5.4.1 step 5. */
export function bfExponent({ hash, q }: BfParameters, rho: Uint8Array, message: Uint8Array): bigint {
  return hashToRange(hash, concat(rho, digest(hash, message)), q);
}

/** V and W. */
export function bfMask(
  { hash, p }: BfParameters,
  theta: Fp2,
  rho: Uint8Array,
  message: Uint8Array,
): { readonly v: Uint8Array; readonly w: Uint8Array } {
  return {
    v: xorOctets(digest(hash, canonical(theta, 0, p)), rho),
    w: xorOctets(hashBytes(hash, message.length, rho), message),
  };
}

/** What V and W open to under θ′: the message and the l that it must have been encrypted with. */
export function bfUnmask(
  params: BfParameters,
  theta: Fp2,
  { v, w }: { readonly v: Uint8Array; readonly w: Uint8Array },
): { readonly message: Uint8Array; readonly l: bigint } {
  const rho = xorOctets(digest(params.hash, canonical(theta, 0, params.p)), v);
  const message = xorOctets(hashBytes(params.hash, w.length, rho), w);
  return { message, l: bfExponent(params, rho, message) };
}

/** Octets of rho and V, and the most that a message may have (HashBytes is defined to one hash length only). */
export function bfHashLength({ hash }: BfParameters): number {
  return HASHES[hash].length;
}
