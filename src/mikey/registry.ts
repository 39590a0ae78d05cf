/**
 * The MIKEY registries as data: values of RFC 3830, with the additions of RFC 4563 (Key ID, Empty map), RFC 6043
 * (tickets, roles, SHA-256), RFC 6188 and RFC 7714 (SRTP policies), RFC 6267 (IBAKE) and RFC 6509 (SAKKE). Codecs keep
 * values that are not here; what to do about them is decided elsewhere. Ranges as clarified by RFC 6309 section 2.
 */

/** A name space: name as in its RFC → value. */
export type Registry = Readonly<Record<string, number>>;

/** The registered name of `value`, or `null`. */
export function nameOf(registry: Registry, value: number): string | null {
  return Object.entries(registry).find(([, v]) => v === value)?.[0] ?? null;
}

/** RFC 3830 6.1: the only version. */
export const MIKEY_VERSION = 1;

/** RFC 3830 table 6.1.a; 11–18 RFC 6043 table 6.1; 19–25 RFC 6267 table 2; 26 RFC 6509. */
export const DATA_TYPE = {
  PRE_SHARED: 0,
  PSK_VER_MSG: 1,
  PUBLIC_KEY: 2,
  PK_VER_MSG: 3,
  DH_INIT: 4,
  DH_RESP: 5,
  ERROR: 6,
  REQUEST_INIT_PSK: 11,
  REQUEST_INIT_PK: 12,
  REQUEST_RESP: 13,
  TRANSFER_INIT: 14,
  TRANSFER_RESP: 15,
  RESOLVE_INIT_PSK: 16,
  RESOLVE_INIT_PK: 17,
  RESOLVE_RESP: 18,
  REQUEST_KEY_PSK: 19,
  REQUEST_KEY_PKE: 20,
  REQUEST_KEY_RESP: 21,
  I_MESSAGE_1: 22,
  R_MESSAGE_1: 23,
  I_MESSAGE_2: 24,
  R_MESSAGE_2: 25,
  SAKKE: 26,
} as const;

/** Next payload: RFC 3830 table 6.1.b; 13–17 RFC 6043 table 6.2; 22–25 RFC 6267 table 3; 26 RFC 6509. */
export const PAYLOAD_TYPE = {
  LAST: 0,
  KEMAC: 1,
  PKE: 2,
  DH: 3,
  SIGN: 4,
  T: 5,
  ID: 6,
  CERT: 7,
  CHASH: 8,
  V: 9,
  SP: 10,
  RAND: 11,
  ERR: 12,
  TR: 13,
  IDR: 14,
  RANDR: 15,
  TP: 16,
  TICKET: 17,
  KEY_DATA: 20,
  EXT: 21,
  IBAKE: 22,
  ESK: 23,
  SK: 24,
  ECCPT: 25,
  SAKKE: 26,
} as const;

/** RFC 3830 table 6.1.c; RFC 6043 table 6.3. */
export const PRF_FUNC = { 'MIKEY-1': 0, 'PRF-HMAC-SHA-256': 1 } as const;

/** RFC 3830 table 6.1.d; RFC 4563 table 3; RFC 6043 table 6.4. */
export const CS_ID_MAP_TYPE = { 'SRTP-ID': 0, 'Empty map': 1, 'GENERIC-ID': 2 } as const;

/** RFC 3830 table 6.2.a; RFC 6043 table 6.5. */
export const ENCR_ALG = { NULL: 0, 'AES-CM-128': 1, 'AES-KW-128': 2, 'AES-CM-256': 3 } as const;

/** RFC 3830 table 6.2.b; RFC 6043 table 6.6. */
export const MAC_ALG = { NULL: 0, 'HMAC-SHA-1-160': 1, 'HMAC-SHA-256-256': 2 } as const;

/** Octets of a MAC by algorithm. An algorithm that is not here has a MAC of unknown extent. */
export const MAC_OCTETS: Readonly<Record<number, number>> = { 0: 0, 1: 20, 2: 32 };

/** RFC 3830 table 6.3: cache type of the envelope key, 2 bits. */
export const CACHE_TYPE = { 'No cache': 0, Cache: 1, 'Cache for CSB': 2 } as const;

/** RFC 3830 table 6.4. */
export const DH_GROUP = { 'OAKLEY 5': 0, 'OAKLEY 1': 1, 'OAKLEY 2': 2 } as const;

/** Octets of a DH value by group. */
export const DH_VALUE_OCTETS: Readonly<Record<number, number>> = { 0: 192, 1: 96, 2: 128 };

/** RFC 3830 table 6.5, 4 bits; 2 RFC 6509. */
export const SIGN_TYPE = { 'RSA/PKCS#1/1.5': 0, 'RSA/PSS': 1, ECCSI: 2 } as const;

/** RFC 3830 table 6.6; RFC 6043 table 6.8. */
export const TS_TYPE = { 'NTP-UTC': 0, NTP: 1, COUNTER: 2, 'NTP-UTC-32': 3 } as const;

/** Octets of a timestamp by type. */
export const TS_OCTETS: Readonly<Record<number, number>> = { 0: 8, 1: 8, 2: 4, 3: 4 };

/** RFC 6043 table 6.9. */
export const TS_ROLE = { TRi: 1, TRs: 2, TRe: 3, TRr: 4 } as const;

/** RFC 3830 table 6.7.a; RFC 6043 table 6.10. */
export const ID_TYPE = { NAI: 0, URI: 1, 'Byte string': 2 } as const;

/** RFC 6043 table 6.11; 6 and 7 RFC 6509. */
export const ID_ROLE = {
  IDRi: 1,
  IDRr: 2,
  IDRkms: 3,
  IDRpsk: 4,
  IDRapp: 5,
  IDRkmsi: 6,
  IDRkmsr: 7,
} as const;

/** RFC 3830 table 6.7.b. */
export const CERT_TYPE = { 'X.509v3': 0, 'X.509v3 URL': 1, 'X.509v3 Sign': 2, 'X.509v3 Encr': 3 } as const;

/** RFC 3830 table 6.8; RFC 6043 table 6.12. */
export const HASH_FUNC = { 'SHA-1': 0, MD5: 1, 'SHA-256': 2 } as const;

/** Octets of a hash by function. */
export const HASH_OCTETS: Readonly<Record<number, number>> = { 0: 20, 1: 16, 2: 32 };

/** RFC 6043 table 6.13. */
export const RAND_ROLE = { RANDRi: 1, RANDRr: 2, RANDRkms: 3 } as const;

/** RFC 3830 table 6.10. */
export const PROT_TYPE = { SRTP: 0 } as const;

/** RFC 3830 table 6.10.1.a; 20 RFC 7714 section 14.3. */
export const SRTP_PARAM = {
  'Encryption algorithm': 0,
  'Session Encr. key length': 1,
  'Authentication algorithm': 2,
  'Session Auth. key length': 3,
  'Session Salt key length': 4,
  'SRTP Pseudo Random Function': 5,
  'Key derivation rate': 6,
  'SRTP encryption off/on': 7,
  'SRTCP encryption off/on': 8,
  "sender's FEC order": 9,
  'SRTP authentication off/on': 10,
  'Authentication tag length': 11,
  'SRTP prefix length': 12,
  'AEAD authentication tag length': 20,
} as const;

/** RFC 3830 table 6.10.1.b; 6 RFC 7714 section 14.3. */
export const SRTP_ENCR_ALG = { NULL: 0, 'AES-CM': 1, 'AES-F8': 2, 'AES-GCM': 6 } as const;

/** RFC 3830 table 6.10.1.c. */
export const SRTP_AUTH_ALG = { NULL: 0, 'HMAC-SHA-1': 1 } as const;

/** RFC 3830 table 6.10.1.d. */
export const SRTP_PRF = { 'AES-CM': 0 } as const;

/** RFC 3830 table 6.10.1.e. */
export const FEC_ORDER = { 'FEC-SRTP': 0 } as const;

/** RFC 3830 table 6.12; RFC 6043 table 6.14. */
export const ERROR_NO = {
  'Auth failure': 0,
  'Invalid TS': 1,
  'Invalid PRF': 2,
  'Invalid MAC': 3,
  'Invalid EA': 4,
  'Invalid HA': 5,
  'Invalid DH': 6,
  'Invalid ID': 7,
  'Invalid Cert': 8,
  'Invalid SP': 9,
  'Invalid SPpar': 10,
  'Invalid DT': 11,
  'Unspecified error': 12,
  'Invalid TICKET': 14,
  'Invalid TPpar': 15,
} as const;

/**
 * RFC 3830 table 6.13.a; 4–6 RFC 6043 table 6.7; 7 RFC 6267 table 4. 15 is unassigned at IANA: local, the profile's
 * seed of the recoverable secret.
 */
export const KEY_DATA_TYPE = {
  TGK: 0,
  'TGK+SALT': 1,
  TEK: 2,
  'TEK+SALT': 3,
  GTGK: 4,
  'GTGK+SALT': 5,
  MPK: 6,
  K_PR: 7,
  LI_SEED: 15,
} as const;

/** Key data types that carry a salt. */
export const KEY_DATA_WITH_SALT: ReadonlySet<number> = new Set([1, 3, 5]);

/** RFC 3830 table 6.13.b, 4 bits. */
export const KV_TYPE = { Null: 0, SPI: 1, Interval: 2 } as const;

/** RFC 3830 table 6.15; 3 RFC 4563 table 1. */
export const EXT_TYPE = { 'Vendor ID': 0, 'SDP IDs': 1, 'Key ID': 3 } as const;

/** RFC 4563 table 2. */
export const KEY_ID_TYPE = {
  'MBMS Key Domain ID': 0,
  'MBMS Service Key ID': 1,
  'MBMS Traffic Key ID': 2,
} as const;

/** RFC 6043 table 6.15. */
export const TICKET_TYPE = { 'MIKEY Base Ticket': 1, '3GPP Base Ticket': 2 } as const;

/** RFC 6267 table 6. */
export const SK_TYPE = { SK: 1 } as const;

/** RFC 6509 section 4.2: the set of its appendix A. */
export const SAKKE_PARAMS = { 'Parameter Set 1': 1 } as const;

/** RFC 6509 section 4.2. */
export const SAKKE_ID_SCHEME = { 'tel URI with monthly keys': 1 } as const;

/** RFC 6267 table 5. */
export const ECC_CURVE = {
  secp192r1: 1,
  sect163r2: 2,
  sect163k1: 3,
  sect163r1: 4,
  secp224r1: 5,
  sect233r1: 6,
  sect233k1: 7,
  secp256r1: 8,
  sect283r1: 9,
  sect283k1: 10,
  secp384r1: 11,
  sect409r1: 12,
  sect409k1: 13,
  secp521r1: 14,
  sect571r1: 15,
  sect571k1: 16,
} as const;

/** Octets of a field element by curve: the bit length in the curve's name, rounded up. */
export const ECC_FIELD_OCTETS: Readonly<Record<number, number>> = {
  1: 24,
  2: 21,
  3: 21,
  4: 21,
  5: 28,
  6: 30,
  7: 30,
  8: 32,
  9: 36,
  10: 36,
  11: 48,
  12: 52,
  13: 52,
  14: 66,
  15: 72,
  16: 72,
};
