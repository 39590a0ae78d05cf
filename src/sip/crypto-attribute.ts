/**
 * Keys in session descriptions (SDES, RFC 4568 sections 4 and 9): in the open, for whoever sees the signalling.
 *
 *     a=crypto:<tag> <crypto-suite> <key-params> [<session-params>]        tag = 1*9DIGIT
 *     key-params = key-param *(";" key-param)       key-param = "inline:" key-salt ["|" lifetime] ["|" mki ":" length]
 *
 * The tag ties an answer to its offer: the answer repeats the tag of the line that it takes, with keys of its own. Each
 * party sends with the keys of its own line.
 */
import { BytesError } from '../bytes/errors.ts';
import { fromBase64 } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { attributeValues } from './attributes.ts';

export interface CryptoKey {
  /** Master key, then master salt. */
  readonly keyAndSalt: Secret;
  /** The MKI as it stands in packets; `null` without. */
  readonly mki: Uint8Array | null;
}

export interface CryptoAttribute {
  readonly tag: number;
  /** A registered name in upper case: `AES_CM_128_HMAC_SHA1_80`. */
  readonly suite: string;
  readonly keys: readonly CryptoKey[];
  /** Session parameters in upper case: `UNENCRYPTED_SRTP`, `KDR=4`. */
  readonly sessionParameters: readonly string[];
}

/** MKIs of 1 to 128 octets (section 6.1). */
const MAX_MKI_OCTETS = 128;

/** The value after `crypto:`; `null` where it is not of this grammar, or of another method than `inline`. */
export function parseCryptoAttribute(value: string): CryptoAttribute | null {
  const [tag = '', suite = '', keyParams = '', ...parameters] = value.trim().split(/[ \t]+/);
  const keys = keyParams.split(';').map(keyOf);
  const whole = keys.filter((key) => key !== null);
  if (!/^[0-9]{1,9}$/.test(tag) || !/^[A-Za-z0-9_]+$/.test(suite) || whole.length < keys.length) return null;
  return {
    tag: Number(tag),
    suite: suite.toUpperCase(),
    keys: whole,
    sessionParameters: parameters.map((parameter) => parameter.toUpperCase()),
  };
}

/** The readable `crypto` lines among attributes, in order of preference. */
export function cryptoIn(attributes: readonly string[]): CryptoAttribute[] {
  return attributeValues(attributes, 'crypto').flatMap((value) => parseCryptoAttribute(value) ?? []);
}

/** Lifetime and MKI may each be missing; an MKI is what has a colon. */
function keyOf(text: string): CryptoKey | null {
  const match = /^inline:([^|]+)(?:\|([^|]+))?(?:\|([^|]+))?$/i.exec(text);
  const [keySalt = '', ...further]: readonly (string | undefined)[] = match?.slice(1) ?? [];
  const parts = further.flatMap((part) => part ?? []);
  const mkis = parts.filter((part) => part.includes(':')).map(mkiOf);
  if (keySalt === '' || mkis.length > 1 || mkis.includes(null)) return null;
  try {
    return { keyAndSalt: Secret.of(fromBase64(padded(keySalt))), mki: mkis[0] ?? null };
  } catch (error) {
    if (error instanceof BytesError) return null;
    throw error;
  }
}

/** `<value>:<octets>`, the value decimal, big-endian in the packets. */
function mkiOf(text: string): Uint8Array | null {
  const match = /^([0-9]{1,309}):([0-9]{1,3})$/.exec(text);
  if (match === null) return null;
  const [value, length] = [BigInt(match[1] ?? ''), Number(match[2])];
  if (length < 1 || length > MAX_MKI_OCTETS || value >> BigInt(8 * length) !== 0n) return null;
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn));
}

/** Some leave the padding out. */
function padded(base64: string): string {
  return base64.includes('=') ? base64 : base64.padEnd(Math.ceil(base64.length / 4) * 4, '=');
}
