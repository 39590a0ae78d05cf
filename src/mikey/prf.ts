/**
 * The pseudo-random functions of MIKEY: RFC 3830 section 4.1.2 (MIKEY-1, HMAC-SHA-1) and RFC 6043 section 6.1
 * (PRF-HMAC-SHA-256).
 *
 *     P(s, label, m) = HMAC(s, A_1 ‖ label) ‖ … ‖ HMAC(s, A_m ‖ label),   A_0 = label, A_i = HMAC(s, A_(i−1))
 *     PRF(inkey, label) = P(s_1, label, m) XOR … XOR P(s_n, label, m),   inkey = s_1 ‖ … ‖ s_n in 256-bit blocks
 *
 * RFC 6043 changes the hash and the divisor of m (160 to 256), not the 256-bit splitting of inkey. The output is cut to
 * the length asked for. RFC 6267 section 5.1 gives "bit length of the MPK" as inkey_len for a K_SESSION that is longer:
 * all of inkey is used here, always.
 */
import { createHmac } from 'node:crypto';
import { concat } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { MikeyError } from './errors.ts';
import { PRF_FUNC } from './registry.ts';

const BLOCK_OCTETS = 32;

const HASH: Readonly<Record<number, { readonly name: string; readonly octets: number }>> = {
  [PRF_FUNC['MIKEY-1']]: { name: 'sha1', octets: 20 },
  [PRF_FUNC['PRF-HMAC-SHA-256']]: { name: 'sha256', octets: 32 },
};

/**
 * `outLength` octets derived from `inkey` under `label`.
 * @throws MikeyError `unsupported-algorithm` for a PRF func that is not in the table
 */
export function mikeyPrf(prfFunc: number, inkey: Secret, label: Uint8Array, outLength: number): Secret {
  const hash = hashOf(prfFunc);
  const key = inkey.expose();
  if (key.length === 0) throw new MikeyError('unencodable', 'PRF: empty inkey');
  const m = Math.ceil(outLength / hash.octets);
  const out = new Uint8Array(m * hash.octets);
  for (let at = 0; at < key.length; at += BLOCK_OCTETS) {
    const block = p(hash.name, key.subarray(at, at + BLOCK_OCTETS), label, m);
    block.forEach((octet, i) => (out[i] = (out[i] ?? 0) ^ octet));
    block.fill(0);
  }
  const cut = Secret.of(out.slice(0, outLength));
  out.fill(0);
  return cut;
}

/** Whether `mikeyPrf` can compute this PRF func. */
export function isSupportedPrf(prfFunc: number): boolean {
  return HASH[prfFunc] !== undefined;
}

/** Output octets of the hash below this PRF func: the size of MPK and TGK, and of an auth_key, that go with it. */
export function prfHashOctets(prfFunc: number): number {
  return hashOf(prfFunc).octets;
}

function p(hash: string, s: Uint8Array, label: Uint8Array, m: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let a = label;
  for (let i = 0; i < m; i++) {
    a = createHmac(hash, s).update(a).digest();
    parts.push(createHmac(hash, s).update(a).update(label).digest());
  }
  return concat(...parts);
}

function hashOf(prfFunc: number): { readonly name: string; readonly octets: number } {
  const hash = HASH[prfFunc];
  if (hash === undefined) throw new MikeyError('unsupported-algorithm', `PRF func ${prfFunc}`);
  return hash;
}
