/**
 * Encryption of the key data in KEMAC (RFC 3830 section 4.2.3; AES-CM-256 RFC 6043 section 6.2): AES in counter mode with
 *
 *     IV = (S XOR (0x0000 ‖ CSB ID ‖ T)) ‖ 0x0000
 *
 * S is a 112-bit salt, T the initiator's timestamp as 64 bits. Key and salt depend on pre-shared key, CSB ID and RAND, the
 * IV on T: the same four must never encrypt two plaintexts.
 */
import { createCipheriv } from 'node:crypto';
import type { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import { MikeyError } from './errors.ts';
import { deriveMessageKey } from './kdf.ts';
import type { TPayload } from './payloads/t.ts';
import { ENCR_ALG, TS_TYPE } from './registry.ts';

const CIPHER: Readonly<Record<number, { readonly name: string; readonly keyOctets: number }>> = {
  [ENCR_ALG['AES-CM-128']]: { name: 'aes-128-ctr', keyOctets: 16 },
  [ENCR_ALG['AES-CM-256']]: { name: 'aes-256-ctr', keyOctets: 32 },
};
const SALT_OCTETS = 14;

/** What the keys of one KEMAC are derived from. */
export interface KemacContext {
  /** Pre-shared or envelope key. */
  readonly key: Secret;
  readonly prfFunc: number;
  readonly csbId: number;
  readonly rand: Uint8Array;
  readonly t: TPayload;
}

/** Encr data of `plaintext`, or the plaintext of Encr data: counter mode is its own inverse. */
export function cryptKemac(encrAlg: number, context: KemacContext, data: Uint8Array): Uint8Array {
  const cipher = CIPHER[encrAlg];
  if (cipher === undefined) throw new MikeyError('unsupported-algorithm', `Encr alg ${encrAlg}`);
  const key = deriveMessageKey('encr', context.key, context, cipher.keyOctets);
  const salt = deriveMessageKey('salt', context.key, context, SALT_OCTETS);
  const iv = kemacIv(salt, context.csbId, context.t);
  const out = new Uint8Array(createCipheriv(cipher.name, key.expose(), iv).update(data));
  key.wipe();
  salt.wipe();
  return out;
}

/** The initial counter block of 4.2.3. */
export function kemacIv(salt: Secret, csbId: number, t: TPayload): Uint8Array {
  const mask = new Writer(14).u16(0).u32(csbId).bytes(timestamp64(t)).finish();
  const iv = new Uint8Array(16);
  salt.expose().forEach((octet, i) => (iv[i] = octet ^ (mask[i] ?? 0)));
  return iv;
}

/** T as 64 bits: COUNTER gets leading zeros (RFC 3830 6.6), NTP-UTC-32 trailing ones (RFC 6043 6.3). */
export function timestamp64(t: TPayload): Uint8Array {
  const out = new Uint8Array(8);
  out.set(t.value, t.tsType === TS_TYPE.COUNTER ? 8 - t.value.length : 0);
  return out;
}
