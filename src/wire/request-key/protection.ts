/**
 * What protects REQUEST_KEY under a pre-shared key (RFC 6267 section 4.2.1, profile section 4), the same for both
 * messages:
 *
 *     V     = MAC(auth_key, message without MAC ‖ ID data of each IDRi ‖ ID data of IDRkms)
 *     KEMAC = E(encr_key, sub-payloads)
 *
 * Both keys come from the pre-shared key, CSB ID and RAND, so the answer proves that it is the KMS's and that it is to
 * this request.
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
export function requestKeyMac(context: RequestKeyContext, psk: Secret, message: Uint8Array): Uint8Array {
  const authAlg = requestKeyMacAlg(context.prfFunc);
  const authKey = deriveMessageKey('auth', psk, context, authKeyOctets(authAlg));
  const covered = message.subarray(0, message.length - authKeyOctets(authAlg));
  const identities = [...context.idri, context.idrkms].map(({ data }) => data);
  const mac = computeMac(authAlg, authKey, covered, ...identities);
  authKey.wipe();
  return mac;
}

/** Encrypts, or decrypts, the sub-payloads of KEMAC. */
export function cryptRequestKey(
  encrAlg: number,
  context: RequestKeyContext,
  psk: Secret,
  octets: Uint8Array,
): Uint8Array {
  return cryptKemac(encrAlg, { ...context, key: psk }, octets);
}
