/**
 * The short authentication string that the users read to each other (profile, section 3):
 *
 *     first 60 bits of HMAC-SHA-256(MPK, "SAS v1" ‖ CSB ID ‖ RAND ‖ IDRi ‖ IDRr ‖ ECCPTi ‖ ECCPTr)
 *
 * ID data, IDRr as in R_MESSAGE_1; the points as sub-payloads without their next-payload octet. 12 characters of base 32
 * (RFC 4648 section 6, lower case) in groups of 4. A redrawn secret changes nothing of it.
 */
import { createHmac } from 'node:crypto';
import { concat, toBigInt, utf8 } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import type { Eccpt } from './eccpt.ts';
import type { Identities } from './plaintext.ts';
import type { Csb } from './session-keys.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const CHARACTERS = 12;

export function shortAuthenticationString(
  mpk: Secret,
  { csbId, rand }: Csb,
  { idri, idrr }: Identities,
  points: { readonly eccpti: Eccpt; readonly eccptr: Eccpt },
): string {
  const csb = new Writer(4).u32(csbId).finish();
  const input = concat(utf8('SAS v1'), csb, rand, idri, idrr, points.eccpti.octets, points.eccptr.octets);
  const mac = createHmac('sha256', mpk.expose()).update(input).digest();
  let bits = toBigInt(mac.subarray(0, 8)) >> 4n;
  let text = '';
  for (let i = 0; i < CHARACTERS; i++, bits >>= 5n) text = (ALPHABET[Number(bits & 31n)] ?? '') + text;
  return text.replace(/(.{4})(?=.)/g, '$1-');
}
