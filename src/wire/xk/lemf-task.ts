/**
 * Under which task a LEMF asks over Xk, where it may. It knows the LIIDs of its warrants and not the XIDs of tasks;
 * so the ADMF gives its task at the KMS an XID that follows from the LIID:
 *
 *     the first 16 octets of SHA-256("claviger/xk/lemf/" | LIID), as a UUID of version 4 (RFC 9562 section 5.4)
 *
 * That XID is not a secret and admits nobody: the task names the LEMF, whose certificate proves that it is the one.
 */
import { createHash } from 'node:crypto';

/** @param liid as text, in hex where it is not text */
export function lemfTaskXid(liid: string): string {
  const octets = createHash('sha256').update(`claviger/xk/lemf/${liid}`).digest().subarray(0, 16);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
