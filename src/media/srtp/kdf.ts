/**
 * Session keys from a master key (RFC 3711 section 4.3, RFC 6188 section 3 for 256 bits, RFC 7714 section 11):
 *
 *     x       = (label ‖ r) XOR master_salt            r = index DIV key_derivation_rate = 0: the rate is always 0 here
 *     PRF_n   = first n octets of AES-CM keystream under the master key, from the counter x · 2^16
 *
 *      0             7             14    16
 *     +-------------+-------------+-----+
 *     |         master salt       |  0  |    a 96-bit salt (GCM) is filled with zero octets on the right;
 *     +-------------+-------------+-----+    label is XORed into octet 7
 */
import { createCipheriv } from 'node:crypto';
import type { SrtpKeying } from './suites.ts';
import { checkKeying } from './suites.ts';

/** Section 4.3.1, 4.3.2: labels of the derivation. */
const LABEL = {
  rtp: { encryption: 0, authentication: 1, salt: 2 },
  rtcp: { encryption: 3, authentication: 4, salt: 5 },
} as const;

/** Octets of the key of HMAC-SHA-1 (section 5.2). */
const AUTH_KEY_LENGTH = 20;

export interface SessionKeys {
  readonly encryption: Uint8Array;
  readonly authentication: Uint8Array;
  readonly salt: Uint8Array;
}

/** The session keys of SRTP or SRTCP under a master key. */
export function sessionKeys(keying: SrtpKeying, protocol: 'rtp' | 'rtcp'): SessionKeys {
  checkKeying(keying);
  const label = LABEL[protocol];
  const key = keying.masterKey.expose();
  const salt = keying.masterSalt.expose();
  return {
    encryption: derive(key, salt, label.encryption, keying.suite.keyLength),
    authentication: derive(key, salt, label.authentication, AUTH_KEY_LENGTH),
    salt: derive(key, salt, label.salt, keying.suite.saltLength),
  };
}

/** `length` octets of the pseudorandom function for one label. */
export function derive(
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
  label: number,
  length: number,
): Uint8Array {
  const counter = new Uint8Array(16);
  counter.set(masterSalt);
  counter[7] = (counter[7] ?? 0) ^ label;
  return aesCounterMode(masterKey, counter, new Uint8Array(length));
}

/** AES in counter mode with a full 128-bit counter block (section 4.1.1): the keystream XORed onto `input`. */
export function aesCounterMode(key: Uint8Array, counter: Uint8Array, input: Uint8Array): Uint8Array {
  const cipher = createCipheriv(`aes-${8 * key.length}-ctr`, key, counter);
  return new Uint8Array(cipher.update(input));
}
