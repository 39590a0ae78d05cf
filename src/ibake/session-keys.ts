/**
 * From K_SESSION to what protects messages and media (RFC 6267 sections 5.1, 5.2 and 5.4, RFC 3830 section 4.1.3).
 *
 *     MPK, TGK = PRF(K_SESSION, constant ‖ FF ‖ FFFFFFFF ‖ RAND)       as long as the PRF's hash
 *     V        = MAC(auth_key from MPK, message without MAC ‖ ID data of IDRi ‖ ID data of IDRr)
 *     TEK, salt = PRF(TGK, constant ‖ CS ID ‖ CSB ID ‖ RAND)           for each crypto session
 *
 * RFC 6267 5.1 gives "bit length of the MPK" as the length of inkey; all of K_SESSION is used. PRF-HMAC-SHA-256 and
 * HMAC-SHA-256-256 go with 128-bit ciphers too (RFC 6043 12.1 would pair them with longer ones).
 */
import { equalOctets } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import type { SrtpIdEntry } from '../mikey/header.ts';
import { deriveFromSession, deriveMessageKey, deriveSessionKey } from '../mikey/kdf.ts';
import { authKeyOctets, computeMac } from '../mikey/mac.ts';
import { MAC_ALG, PRF_FUNC } from '../mikey/registry.ts';
import type { VerifiedMessage } from './messages.ts';
import { identitiesOf } from './plaintext.ts';
import { policyByNumber, type PolicyTable, type SrtpPolicy } from './policy.ts';

/** What names a CSB in every derivation. */
export interface Csb {
  readonly csbId: number;
  readonly prfFunc: number;
  readonly rand: Uint8Array;
}

/** The keys of a CSB, in force until an update with new points. */
export interface CsbKeys {
  readonly mpk: Secret;
  readonly tgk: Secret;
}

/** SPIs by owner; `null` where the KMS has not seen one. */
export interface Spis {
  readonly initiator: Uint8Array | null;
  readonly responder: Uint8Array | null;
}

/** One direction of one m= line, keyed. */
export interface CryptoSession {
  readonly csId: number;
  readonly direction: 'initiator to responder' | 'responder to initiator';
  readonly ssrc: number;
  /** Roll-over counter at the start. */
  readonly roc: number;
  /** SPI of the point that the sender of this stream owns. */
  readonly mki: Uint8Array | null;
  /** As in the CS ID map. */
  readonly policyNo: number;
  readonly policy: SrtpPolicy;
  readonly tek: Secret;
  readonly salt: Secret;
}

/** MPK and TGK; K_SESSION is wiped. */
export function deriveCsbKeys(kSession: Secret, { prfFunc, rand }: Csb): CsbKeys {
  const keys = {
    mpk: deriveFromSession('mpk', kSession, prfFunc, rand),
    tgk: deriveFromSession('tgk', kSession, prfFunc, rand),
  };
  kSession.wipe();
  return keys;
}

/** The crypto sessions in use: those whose SSRC is not 0. @throws PolicyError for a policy number without its SP */
export function cryptoSessions(
  { tgk }: Pick<CsbKeys, 'tgk'>,
  csb: Csb,
  map: readonly SrtpIdEntry[],
  policies: PolicyTable,
  spis: Spis,
): CryptoSession[] {
  return map.flatMap(({ policyNo, ssrc, roc }, index) => {
    if (ssrc === 0) return [];
    const csId = index + 1;
    const isFromInitiator = csId % 2 === 1;
    const policy = policyByNumber(policies, policyNo);
    const context = { ...csb, csId };
    return {
      csId,
      direction: isFromInitiator ? ('initiator to responder' as const) : ('responder to initiator' as const),
      ssrc,
      roc,
      mki: isFromInitiator ? spis.initiator : spis.responder,
      policyNo,
      policy,
      tek: deriveSessionKey('tek', tgk, context, policy.keyOctets),
      salt: deriveSessionKey('salt', tgk, context, policy.saltOctets),
    };
  });
}

/**
 * The crypto sessions of content that the initiator leaves with a mailbox: its own streams, keyed from the SK of the ESK in
 * the place of the TGK, whose length it is cut to (profile, section 3). @throws PolicyError
 */
export function deferredSessions(
  sk: Secret,
  csb: Csb,
  map: readonly SrtpIdEntry[],
  policies: PolicyTable,
  mki: Uint8Array | null,
): CryptoSession[] {
  const tgk = Secret.of(sk.expose().slice(0, macOctets(csb.prfFunc)));
  const own = map.map((entry, index) => (index % 2 === 0 ? entry : { ...entry, ssrc: 0 }));
  const sessions = cryptoSessions({ tgk }, csb, own, policies, { initiator: mki, responder: null });
  tgk.wipe();
  return sessions;
}

/** The MAC algorithm that goes with a PRF. */
export function macAlgorithm(prfFunc: number): number {
  return prfFunc === PRF_FUNC['PRF-HMAC-SHA-256'] ? MAC_ALG['HMAC-SHA-256-256'] : MAC_ALG['HMAC-SHA-1-160'];
}

/** Octets of the MAC that goes with a PRF: of its hash, as MPK and TGK have. */
export function macOctets(prfFunc: number): number {
  return authKeyOctets(macAlgorithm(prfFunc));
}

/** The MAC of a message whose last octets it will be; there is no ESK in such a message. */
export function verificationMac(
  mpk: Secret,
  csb: Csb,
  withoutMac: Uint8Array,
  identities: { readonly idri: Uint8Array; readonly idrr: Uint8Array },
): Uint8Array {
  const algorithm = macAlgorithm(csb.prfFunc);
  const authKey = deriveMessageKey('auth', mpk, csb, authKeyOctets(algorithm));
  const mac = computeMac(algorithm, authKey, withoutMac, identities.idri, identities.idrr);
  authKey.wipe();
  return mac;
}

/** Whether the V of a message is the one that the MPK gives. */
export function verifies(message: VerifiedMessage, mpk: Secret, csb: Csb): boolean {
  const { octets, v } = message;
  if (v.authAlg !== macAlgorithm(csb.prfFunc)) return false;
  const withoutMac = octets.subarray(0, octets.length - v.data.length);
  return equalOctets(verificationMac(mpk, csb, withoutMac, identitiesOf(message)), v.data);
}
