/**
 * The SRTP suite that a security policy of MIKEY names (RFC 3830 section 6.10.1 with its defaults, RFC 7714 section
 * 14.3). Policy number 0, or no SP payload, is RFC 3830's default: AES-CM-128 with HMAC-SHA-1-80.
 */
import { SRTP_AUTH_ALG, SRTP_ENCR_ALG, SRTP_PARAM } from '../../mikey/registry.ts';
import type { SpPayload } from '../../mikey/payloads/sp.ts';
import { SRTP_SUITE } from '../../media/srtp/suites.ts';
import type { SrtpSuite } from '../../media/srtp/suites.ts';

export const DEFAULT_SUITE: SrtpSuite = SRTP_SUITE.aesCm128HmacSha1Tag80;

/** The suite, or `null` if it is none that can be decrypted here. */
export function suiteOf({ params }: Pick<SpPayload, 'params'>): SrtpSuite | null {
  const values = new Map(params.map(({ type, value }) => [type, numberOf(value)]));
  const value = (name: keyof typeof SRTP_PARAM, fallback: number) => values.get(SRTP_PARAM[name]) ?? fallback;
  const keyLength = value('Session Encr. key length', 16);
  const encryption = value('Encryption algorithm', SRTP_ENCR_ALG['AES-CM']);
  if (encryption === SRTP_ENCR_ALG['AES-GCM']) {
    const tagLength = value('AEAD authentication tag length', 16);
    return find('aes-gcm', keyLength, tagLength);
  }
  const plain = value('SRTP encryption off/on', 1) === 0 || value('SRTP authentication off/on', 1) === 0;
  const hmac = value('Authentication algorithm', SRTP_AUTH_ALG['HMAC-SHA-1']) === SRTP_AUTH_ALG['HMAC-SHA-1'];
  if (encryption !== SRTP_ENCR_ALG['AES-CM'] || plain || !hmac) return null;
  return find('aes-cm', keyLength, value('Authentication tag length', 10));
}

/** Suites whose key and salt have these lengths: what is left to try where no policy is known. */
export function suitesFor(keyLength: number, saltLength: number): SrtpSuite[] {
  return Object.values<SrtpSuite>(SRTP_SUITE).filter(
    (suite) => suite.keyLength === keyLength && suite.saltLength === saltLength && suite.tagLength >= 10,
  );
}

function find(cipher: SrtpSuite['cipher'], keyLength: number, tagLength: number): SrtpSuite | null {
  return (
    Object.values<SrtpSuite>(SRTP_SUITE).find(
      (suite) => suite.cipher === cipher && suite.keyLength === keyLength && suite.tagLength === tagLength,
    ) ?? null
  );
}

function numberOf(value: Uint8Array): number {
  return value.reduce((sum, octet) => sum * 256 + octet, 0);
}
