/**
 * Security policies of SRTP in I_MESSAGE_1 (profile, section 3; RFC 3830 section 6.10, RFC 6188, RFC 7714 section 14.3).
 * RFC 6267 lists no SP payload; the profile adds it.
 *
 *     number 0, no SP   RFC 3830's default: AES-CM-128, HMAC-SHA-1-80
 *     numbers from 1    one SP each
 *     AES-CM-256        the default but for type 1 (key length) = 32
 *     AES-GCM           exactly 00 01 06 | 01 01 10 or 20 | 02 01 00 | 04 01 0c | 05 01 00 | 07 01 01 | 08 01 01 |
 *                       0a 01 00 | 14 01 10, once each, in any order
 *
 * With AES-CM a parameter may be spelt out with its default. Anything else is refused: encryption or authentication
 * off, short tags, other algorithms.
 */
import type { SrtpIdEntry } from '../mikey/header.ts';
import type { PolicyParam, SpPayload } from '../mikey/payloads/sp.ts';
import { ERROR_NO, PROT_TYPE, PRF_FUNC, SRTP_PARAM } from '../mikey/registry.ts';
import { PolicyError } from './errors.ts';

/** A policy by the registered name of its suite (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.1). */
export interface SrtpPolicy {
  readonly name:
    'AES_CM_128_HMAC_SHA1_80' | 'AES_256_CM_HMAC_SHA1_80' | 'AEAD_AES_128_GCM' | 'AEAD_AES_256_GCM';
  /** Octets of a TEK. */
  readonly keyOctets: 16 | 32;
  /** Octets of a salt. */
  readonly saltOctets: 12 | 14;
}

export const SRTP_POLICY = {
  aesCm128: { name: 'AES_CM_128_HMAC_SHA1_80', keyOctets: 16, saltOctets: 14 },
  aesCm256: { name: 'AES_256_CM_HMAC_SHA1_80', keyOctets: 32, saltOctets: 14 },
  aesGcm128: { name: 'AEAD_AES_128_GCM', keyOctets: 16, saltOctets: 12 },
  aesGcm256: { name: 'AEAD_AES_256_GCM', keyOctets: 32, saltOctets: 12 },
} as const satisfies Record<string, SrtpPolicy>;

export const DEFAULT_POLICY: SrtpPolicy = SRTP_POLICY.aesCm128;

/** Policies by number; 0 is always the default. */
export type PolicyTable = ReadonlyMap<number, SrtpPolicy>;

const P = SRTP_PARAM;

/** RFC 3830 table 6.10.1.a's defaults (and 12, the prefix, none). */
const CM_DEFAULTS: ReadonlyMap<number, number> = new Map([
  [P['Encryption algorithm'], 1],
  [P['Session Encr. key length'], 16],
  [P['Authentication algorithm'], 1],
  [P['Session Auth. key length'], 20],
  [P['Session Salt key length'], 14],
  [P['SRTP Pseudo Random Function'], 0],
  [P['Key derivation rate'], 0],
  [P['SRTP encryption off/on'], 1],
  [P['SRTCP encryption off/on'], 1],
  [P["sender's FEC order"], 0],
  [P['SRTP authentication off/on'], 1],
  [P['Authentication tag length'], 10],
  [P['SRTP prefix length'], 0],
]);

/** In the order in which they are sent; the key length is in place of the 0. */
const GCM_PARAMS: readonly (readonly [type: number, value: number])[] = [
  [P['Encryption algorithm'], 6],
  [P['Session Encr. key length'], 0],
  [P['Authentication algorithm'], 0],
  [P['Session Salt key length'], 12],
  [P['SRTP Pseudo Random Function'], 0],
  [P['SRTP encryption off/on'], 1],
  [P['SRTCP encryption off/on'], 1],
  [P['SRTP authentication off/on'], 0],
  [P['AEAD authentication tag length'], 16],
];

/** The SP payload that announces a policy under a number from 1. */
export function policyPayload(policyNo: number, policy: SrtpPolicy): SpPayload {
  const params = paramsOf(policy).map(([type, value]) => ({ type, value: Uint8Array.of(value) }));
  return { kind: 'sp', policyNo, protType: PROT_TYPE.SRTP, params };
}

/** The policies of an I_MESSAGE_1. @throws PolicyError */
export function readPolicies(payloads: readonly SpPayload[], prfFunc: number): PolicyTable {
  const table = new Map<number, SrtpPolicy>([[0, DEFAULT_POLICY]]);
  for (const { policyNo, protType, params } of payloads) {
    if (table.has(policyNo)) throw new PolicyError(ERROR_NO['Invalid SP'], 'policy number 0, or twice');
    if (protType !== PROT_TYPE.SRTP)
      throw new PolicyError(ERROR_NO['Invalid SP'], 'policy of another protocol');
    const policy = policyOf(params);
    if (policy === null) throw new PolicyError(ERROR_NO['Invalid SPpar'], 'policy not supported');
    if (policy.keyOctets === 32 && prfFunc !== PRF_FUNC['PRF-HMAC-SHA-256'])
      throw new PolicyError(ERROR_NO['Invalid SPpar'], 'TEKs of 32 octets need PRF-HMAC-SHA-256');
    table.set(policyNo, policy);
  }
  return table;
}

/** That every crypto session's policy is there. @throws PolicyError */
export function requirePolicies(entries: readonly SrtpIdEntry[], table: PolicyTable): void {
  for (const { policyNo } of entries) policyByNumber(table, policyNo);
}

/** @throws PolicyError for a number without its SP */
export function policyByNumber(table: PolicyTable, policyNo: number): SrtpPolicy {
  const policy = table.get(policyNo);
  if (policy === undefined) throw new PolicyError(ERROR_NO['Invalid SP'], 'policy number without its SP');
  return policy;
}

/* ---------------------------------------------------------------- helpers */

function paramsOf({ name, keyOctets }: SrtpPolicy): (readonly [type: number, value: number])[] {
  if (name.startsWith('AEAD'))
    return GCM_PARAMS.map(([type, value]) =>
      type === P['Session Encr. key length'] ? [type, keyOctets] : [type, value],
    );
  return [
    [P['Encryption algorithm'], 1],
    [P['Session Encr. key length'], keyOctets],
  ];
}

/** `null`: not supported. */
function policyOf(params: readonly PolicyParam[]): SrtpPolicy | null {
  const values = new Map<number, number>();
  for (const { type, value } of params) {
    const [octet] = value;
    if (values.has(type) || value.length !== 1 || octet === undefined) return null;
    values.set(type, octet);
  }
  return values.get(P['Encryption algorithm']) === 6 ? gcmPolicy(values) : cmPolicy(values);
}

function gcmPolicy(values: ReadonlyMap<number, number>): SrtpPolicy | null {
  return (
    [SRTP_POLICY.aesGcm128, SRTP_POLICY.aesGcm256].find((policy) => {
      const expected = paramsOf(policy);
      return values.size === expected.length && expected.every(([type, value]) => values.get(type) === value);
    }) ?? null
  );
}

function cmPolicy(values: ReadonlyMap<number, number>): SrtpPolicy | null {
  const keyType = P['Session Encr. key length'];
  for (const [type, value] of values) {
    if (type !== keyType && CM_DEFAULTS.get(type) !== value) return null;
  }
  const keyOctets = values.get(keyType) ?? 16;
  return (
    [SRTP_POLICY.aesCm128, SRTP_POLICY.aesCm256].find((policy) => policy.keyOctets === keyOctets) ?? null
  );
}
