/** Which RSA keys are used (RFC 9325 section 4.5). */
import type { KeyObject } from 'node:crypto';

/** Bits of a modulus: below, a key is weak; above, it costs more than it gives. */
export const RSA_BITS = { least: 2048, most: 8192 } as const;

/** Whether a key is RSA, of a size that is used. */
export function isUsableRsaKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return asymmetricKeyType === 'rsa' && bits >= RSA_BITS.least && bits <= RSA_BITS.most;
}
