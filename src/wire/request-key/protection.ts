/**
 * What protects REQUEST_KEY under a key that both ends have (RFC 6267 section 4.2.1, profile section 4): V of a request with
 * a pre-shared key, V and KEMAC of every answer.
 *
 *     V     = MAC(auth_key, message without MAC ‖ ID data of each IDRi ‖ ID data of IDRkms)
 *     KEMAC = E(encr_key, sub-payloads)
 *
 * Both keys come from that key, CSB ID and RAND, so the answer proves that it is the KMS's and that it is to this request.
 * The key is the pre-shared one, or the envelope key that a request with a certificate brings (`signature.ts`).
 */
import type { Secret } from '../../bytes/secret.ts';
import { deriveMessageKey } from '../../mikey/kdf.ts';
import { cryptKemac } from '../../mikey/kemac.ts';
import { authKeyOctets, computeMac } from '../../mikey/mac.ts';
import type { IdrPayload } from '../../mikey/payloads/idr.ts';
import type { TPayload } from '../../mikey/payloads/t.ts';
import { MAC_ALG, PRF_FUNC } from '../../mikey/registry.ts';

/** What one exchange is known by, and its keys are made from. */
export interface RequestKeyContext {
  readonly prfFunc: number;
  readonly csbId: number;
  readonly t: TPayload;
  readonly rand: Uint8Array;
  readonly idri: readonly IdrPayload[];
  readonly idrkms: IdrPayload;
}

/** The MAC algorithm that goes with a PRF func (profile, section 4). */
export function requestKeyMacAlg(prfFunc: number): number {
  return prfFunc === PRF_FUNC['MIKEY-1'] ? MAC_ALG['HMAC-SHA-1-160'] : MAC_ALG['HMAC-SHA-256-256'];
}

/** The MAC of V over a message whose last field it is. */
export function requestKeyMac(context: RequestKeyContext, key: Secret, message: Uint8Array): Uint8Array {
  const authAlg = requestKeyMacAlg(context.prfFunc);
  const authKey = deriveMessageKey('auth', key, context, authKeyOctets(authAlg));
  const mac = computeMac(authAlg, authKey, ...coveredBy(context, message, authKeyOctets(authAlg)));
  authKey.wipe();
  return mac;
}

/** What V and SIGN cover, in parts: the message without the octets at its end that they are, then the identities. */
export function coveredBy(
  { idri, idrkms }: RequestKeyContext,
  message: Uint8Array,
  without: number,
): readonly Uint8Array[] {
  return [message.subarray(0, message.length - without), ...[...idri, idrkms].map(({ data }) => data)];
}

/** Encrypts, or decrypts, the sub-payloads of KEMAC. */
export function cryptRequestKey(
  encrAlg: number,
  context: RequestKeyContext,
  key: Secret,
  octets: Uint8Array,
): Uint8Array {
  return cryptKemac(encrAlg, { ...context, key }, octets);
}
