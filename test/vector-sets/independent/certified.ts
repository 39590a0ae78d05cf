/**
 * RSA of REQUEST_KEY with certificates, by node:crypto alone: OpenSSL opens OAEP and judges PSS, and what their encodings rest
 * on is read back from them (RFC 8017 sections 7.1.2 and 9.1.2). It shares no code with the product, nor with what made a set.
 */
import {
  constants,
  createHash,
  createPrivateKey,
  privateDecrypt,
  publicDecrypt,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import type { CertifiedForm } from '../form.ts';

const HASH = 32;

export type Role = keyof CertifiedForm['certificates'];

/** The certificates of a set and their keys. @throws where a key is another certificate's */
export function holdersIn({
  certificates,
  privateKeys,
}: CertifiedForm): Readonly<Record<Role, { certificate: X509Certificate; key: KeyObject }>> {
  const holder = (role: Role) => {
    const certificate = new X509Certificate(Buffer.from(certificates[role], 'base64'));
    const der = Buffer.from(privateKeys[role], 'base64');
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    if (!certificate.checkPrivateKey(key)) throw new Error(`not the key of ${role}`);
    return { certificate, key };
  };
  return { device: holder('device'), kms: holder('kms'), authority: holder('authority') };
}

/** What OAEP holds, and the seed that it was made with. */
export function openedOaep(
  key: KeyObject,
  data: Buffer,
): { readonly message: string; readonly seed: string } {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const message = privateDecrypt({ key, padding, oaepHash: 'sha256' }, data);
  const encoded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, data);
  const [maskedSeed, maskedBlock] = [encoded.subarray(1, 1 + HASH), encoded.subarray(1 + HASH)];
  const seed = unmasked(maskedSeed, maskedBlock);
  return { message: message.toString('hex'), seed: seed.toString('hex') };
}

/** The salt of a PSS signature; `null`: it is not one of this key's over `covered`, with a salt of 32 octets. */
export function saltOfPss(key: KeyObject, covered: Buffer, signature: Buffer): string | null {
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH };
  if (!verify('sha256', covered, options, signature)) return null;
  const encoded = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  const end = encoded.length - HASH - 1;
  const block = unmasked(encoded.subarray(0, end), encoded.subarray(end, end + HASH));
  return block.subarray(-HASH).toString('hex');
}

/** What MGF1 of a seed hides. */
function unmasked(masked: Buffer, seed: Buffer): Buffer {
  let mask = Buffer.alloc(0);
  for (let counter = 0; mask.length < masked.length; counter++) {
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(counter);
    mask = Buffer.concat([mask, createHash('sha256').update(seed).update(octets).digest()]);
  }
  return Buffer.from(masked.map((octet, at) => octet ^ (mask[at] ?? 0)));
}
