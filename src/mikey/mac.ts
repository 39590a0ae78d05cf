/** The MAC algorithms of KEMAC and V (RFC 3830 section 4.2.4, RFC 6043 section 6.2). */
import { createHmac } from 'node:crypto';
import type { Secret } from '../bytes/secret.ts';
import { MikeyError } from './errors.ts';
import { MAC_ALG } from './registry.ts';

const HASH: Readonly<Record<number, string>> = {
  [MAC_ALG['HMAC-SHA-1-160']]: 'sha1',
  [MAC_ALG['HMAC-SHA-256-256']]: 'sha256',
};

/** auth_key octets by algorithm: the length of the hash (RFC 3830 4.2.4, RFC 6043 6.2). */
const KEY_OCTETS: Readonly<Record<number, number>> = {
  [MAC_ALG['HMAC-SHA-1-160']]: 20,
  [MAC_ALG['HMAC-SHA-256-256']]: 32,
};

/**
 * The MAC over `parts`, one after the other.
 * @throws MikeyError `unsupported-algorithm` for NULL and unregistered algorithms: there is nothing to compute
 */
export function computeMac(macAlg: number, authKey: Secret, ...parts: readonly Uint8Array[]): Uint8Array {
  const name = HASH[macAlg];
  if (name === undefined) throw new MikeyError('unsupported-algorithm', `MAC alg ${macAlg}`);
  const hmac = createHmac(name, authKey.expose());
  for (const part of parts) hmac.update(part);
  return new Uint8Array(hmac.digest());
}

/** Length of the auth_key for an algorithm. */
export function authKeyOctets(macAlg: number): number {
  const octets = KEY_OCTETS[macAlg];
  if (octets === undefined) throw new MikeyError('unsupported-algorithm', `MAC alg ${macAlg}`);
  return octets;
}
