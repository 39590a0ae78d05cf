/**
 * What protects REQUEST_KEY_INIT_PKE (RFC 6267 section 4.2.1.1.2, RFC 3830 sections 3.2 and 4.2.5 to 4.2.6; algorithms by
 * the profile, section 4):
 *
 *     PKE   = RSA-OAEP(public key of the KMS, envelope key)              SHA-256, MGF1 with SHA-256, empty label
 *     CHASH = SHA-256(certificate of that key)
 *     SIGN  = RSA-PSS(private key of the device,
 *                     message without signature ‖ ID data of each IDRi ‖ ID data of IDRkms)          SHA-256
 *
 * The envelope key is drawn for one request, and stands where the pre-shared key would: it protects the answer. Nothing in
 * PKE says whose it is: whoever signs another one's PKE would be answered under a key that they need not know. So a KMS takes
 * an envelope key once for a CSB ID, T and RAND, whoever signs.
 */
import { constants, createHash, privateDecrypt, publicEncrypt, sign, verify } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { concat } from '../../bytes/octets.ts';
import type { Random } from '../../bytes/ports.ts';
import { isUsableRsaKey } from '../../bytes/rsa-keys.ts';
import { Secret } from '../../bytes/secret.ts';
import { coveredBy } from './protection.ts';
import type { RequestKeyContext } from './protection.ts';

/** Octets of an envelope key: ours, and of others at least and at most. */
const ENVELOPE_OCTETS = { own: 32, least: 16, most: 64 } as const;

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING } as const;

/** Octets of a signature by this key. */
export function signatureOctets({ asymmetricKeyDetails }: KeyObject): number {
  return Math.ceil((asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

/** What CHASH says of a certificate. */
export function certificateHash({ raw }: Pick<X509Certificate, 'raw'>): Uint8Array {
  return new Uint8Array(createHash('sha256').update(raw).digest());
}

/** A new envelope key, and Data of PKE. */
export function newEnvelope(
  kms: KeyObject,
  random: Random,
): { readonly key: Secret; readonly data: Uint8Array } {
  const key = Secret.of(random.bytes(ENVELOPE_OCTETS.own));
  return { key, data: new Uint8Array(publicEncrypt({ key: kms, ...OAEP }, key.expose())) };
}

/** The envelope key in Data of PKE; `null` if there is none that this private key opens. */
export function openEnvelope(kms: KeyObject, data: Uint8Array): Secret | null {
  let opened: Buffer;
  try {
    opened = privateDecrypt({ key: kms, ...OAEP }, data);
  } catch {
    return null;
  }
  const isFit = opened.length >= ENVELOPE_OCTETS.least && opened.length <= ENVELOPE_OCTETS.most;
  const key = isFit ? Secret.of(new Uint8Array(opened)) : null;
  opened.fill(0);
  return key;
}

/** The signature of SIGN for a message whose last field it is. */
export function signRequestKey(
  context: RequestKeyContext,
  device: KeyObject,
  message: Uint8Array,
): Uint8Array {
  const covered = concat(...coveredBy(context, message, signatureOctets(device)));
  const options = { key: device, ...PSS, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return new Uint8Array(sign('sha256', covered, options));
}

/** Whether the private key that belongs to `device` made the signature at the end of a message. */
export function isSignedBy(
  context: RequestKeyContext,
  device: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!isUsableRsaKey(device)) return false;
  const covered = concat(...coveredBy(context, message, signature.length));
  // The standard leaves the length of the salt to the signer.
  const options = { key: device, ...PSS, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  try {
    return verify('sha256', covered, options, signature);
  } catch {
    return false;
  }
}
