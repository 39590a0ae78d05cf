/**
 * The hash functions of RFC 5091 and what is built on them (section 4.1 and 4.2).
 *
 * HashToRange(s, n): h_0 = 0…0, h_i = H(h_(i−1) ‖ s), v = (h_1 ‖ h_2) mod n. The RFC's last step says v_l where v_2 is
 * meant, and asks for n < 2^hashlen, which cannot hold where n = p: there its two rounds give 2·hashlen octets only,
 * and are applied literally.
 *
 * HashBytes(b, s): K = H(s), h_i = H(h_(i−1)), r_i = H(h_i ‖ K), the first b octets of r_1 ‖ r_2 ‖ …
 */
import { createHash } from 'node:crypto';
import { concat, toBigInt } from '../bytes/octets.ts';

export type BfHash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** RFC 5091 section 8 (object identifiers) and FIPS 180 (octets of output). */
export const HASHES: Readonly<Record<BfHash, { readonly oid: string; readonly length: number }>> = {
  sha1: { oid: '1.3.14.3.2.26', length: 20 },
  sha224: { oid: '2.16.840.1.101.3.4.2.4', length: 28 },
  sha256: { oid: '2.16.840.1.101.3.4.2.1', length: 32 },
  sha384: { oid: '2.16.840.1.101.3.4.2.2', length: 48 },
  sha512: { oid: '2.16.840.1.101.3.4.2.3', length: 64 },
};

/** The hash function of an object identifier; `null` if it is none of the five. */
export function hashOfOid(oid: string): BfHash | null {
  for (const hash of Object.keys(HASHES) as BfHash[]) {
    if (HASHES[hash].oid === oid) return hash;
  }
  return null;
}

/** One hash over the parts joined. */
export function digest(hash: BfHash, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

/** Algorithm 4.1.1: an integer from 0 to n − 1. */
export function hashToRange(hash: BfHash, s: Uint8Array, n: bigint): bigint {
  const h1 = digest(hash, new Uint8Array(HASHES[hash].length), s);
  const h2 = digest(hash, h1, s);
  return toBigInt(concat(h1, h2)) % n;
}

/** Algorithm 4.2.1: `length` octets keyed by `s`. */
export function hashBytes(hash: BfHash, length: number, s: Uint8Array): Uint8Array {
  const key = digest(hash, s);
  const blocks: Uint8Array[] = [];
  let h: Uint8Array = new Uint8Array(HASHES[hash].length);
  for (let made = 0; made < length; made += h.length) {
    h = digest(hash, h);
    blocks.push(digest(hash, h, key));
  }
  return concat(...blocks).subarray(0, length);
}

/** Bit-wise XOR of two strings of one length. */
export function xorOctets(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, at) => octet ^ (b[at] ?? 0));
}
