/**
 * The SRTP transforms of RFC 3711 (AES-CM, HMAC-SHA-1), RFC 6188 (AES-256-CM) and RFC 7714 (AES-GCM) as a table, and
 * what one master key consists of. Which of them may be used is decided elsewhere: short tags, for one, are
 * understood here and refused there.
 */
import type { Secret } from '../../bytes/secret.ts';
import { MediaError } from '../errors.ts';

export interface SrtpSuite {
  readonly name: string;
  readonly cipher: 'aes-cm' | 'aes-gcm';
  /** Octets of master key and session encryption key. */
  readonly keyLength: 16 | 32;
  /** Octets of master salt and session salt. */
  readonly saltLength: 14 | 12;
  /** Octets of the authentication tag; with GCM that of the AEAD. */
  readonly tagLength: 4 | 10 | 16;
}

/** Names as registered for SDES (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.1). */
export const SRTP_SUITE = {
  aesCm128HmacSha1Tag80: suite('AES_CM_128_HMAC_SHA1_80', 'aes-cm', 16, 14, 10),
  aesCm128HmacSha1Tag32: suite('AES_CM_128_HMAC_SHA1_32', 'aes-cm', 16, 14, 4),
  aesCm256HmacSha1Tag80: suite('AES_256_CM_HMAC_SHA1_80', 'aes-cm', 32, 14, 10),
  aesCm256HmacSha1Tag32: suite('AES_256_CM_HMAC_SHA1_32', 'aes-cm', 32, 14, 4),
  aeadAes128Gcm: suite('AEAD_AES_128_GCM', 'aes-gcm', 16, 12, 16),
  aeadAes256Gcm: suite('AEAD_AES_256_GCM', 'aes-gcm', 32, 12, 16),
} as const;

/** The suite of that registered name, or `null`. */
export function suiteByName(name: string): SrtpSuite | null {
  return Object.values<SrtpSuite>(SRTP_SUITE).find((candidate) => candidate.name === name) ?? null;
}

/** A master key with its salt. */
export interface SrtpKeying {
  readonly suite: SrtpSuite;
  readonly masterKey: Secret;
  readonly masterSalt: Secret;
}

/** @throws MediaError `key` if the lengths are not those of the suite */
export function checkKeying({ suite: { name, keyLength, saltLength }, ...keying }: SrtpKeying): void {
  if (keying.masterKey.length !== keyLength) {
    throw new MediaError('key', `${name}: master key of ${keying.masterKey.length} octets`);
  }
  if (keying.masterSalt.length !== saltLength) {
    throw new MediaError('key', `${name}: master salt of ${keying.masterSalt.length} octets`);
  }
}

function suite(
  name: string,
  cipher: SrtpSuite['cipher'],
  keyLength: SrtpSuite['keyLength'],
  saltLength: SrtpSuite['saltLength'],
  tagLength: SrtpSuite['tagLength'],
): SrtpSuite {
  return { name, cipher, keyLength, saltLength, tagLength };
}
