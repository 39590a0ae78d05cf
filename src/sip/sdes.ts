/**
 * Keys in the SDP itself (RFC 4568, SDES): the value of one a=crypto line.
 *
 *     crypto:<tag> <crypto-suite> <key-params> [<session-params>]
 *     key-params    inline:<base64 of key ‖ salt>["|" lifetime]["|" MKI ":" octets]  *(";" …)
 *     session-params, of SRTP: KDR=n, UNENCRYPTED_SRTP, UNENCRYPTED_SRTCP, UNAUTHENTICATED_SRTP, FEC_…, WSH=n
 *
 * Whoever writes the line sends under its keys. What is said of suites and parameters is kept as it stands; what to make
 * of it is decided by who uses the keys.
 */
import { BytesError } from '../bytes/errors.ts';
import { fromBase64, toBase64, toBigInt } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';
import { SipError } from './errors.ts';

export interface SdesKey {
  /** Master key and salt, one after the other. */
  readonly keyAndSalt: Secret;
  /** Octets of the MKI in each packet; 0 without one. */
  readonly mkiLength: number;
}

export interface CryptoAttribute {
  readonly tag: number;
  /** As registered, in capitals: `AES_CM_128_HMAC_SHA1_80`. */
  readonly suite: string;
  readonly keys: readonly SdesKey[];
  /** In capitals, in order. */
  readonly sessionParameters: readonly string[];
}

/** What of a suite tells how its keys are cut apart. */
export interface SdesSuite {
  readonly keyLength: number;
  readonly saltLength: number;
}

/** Session parameters that change nothing in RTP packets. */
const HARMLESS = /^(?:UNENCRYPTED_SRTCP|WSH=\d+|KDR=0)$/;

/** RFC 4568 section 9.2: at most 128 octets of MKI. */
const MAX_MKI = 128;

/**
 * The line's meaning, or `null` if `value` is another attribute. White space between the parts may be of any length.
 * @throws SipError `syntax` without a word of the key
 */
export function parseCryptoAttribute(value: string): CryptoAttribute | null {
  if (!/^crypto:/i.test(value)) return null;
  const [tag = '', suite = '', keyParameters = '', ...sessionParameters] = value
    .slice(7)
    .trim()
    .split(/[ \t]+/);
  if (!/^\d{1,9}$/.test(tag) || !/^\w+$/.test(suite))
    throw new SipError('syntax', 'SDP: a=crypto is malformed');
  return {
    tag: Number(tag),
    suite: suite.toUpperCase(),
    keys: keyParameters.split(';').map(keyOf),
    sessionParameters: sessionParameters.map((parameter) => parameter.toUpperCase()),
  };
}

/**
 * The value of a line with one key. @param mki as in the packets; empty: they have none. It is a decimal number in the
 * line, of as many octets as it has in packets (RFC 4568 section 6.1)
 */
export function formatCryptoAttribute(
  tag: number,
  suite: string,
  keyAndSalt: Secret,
  mki: Uint8Array,
): string {
  const marked = mki.length === 0 ? '' : `|${toBigInt(mki)}:${mki.length}`;
  return `crypto:${tag} ${suite} inline:${toBase64(keyAndSalt.expose())}${marked}`;
}

/**
 * The suite of a line, and those of its keys that are as long as the suite demands; `null` if there is none, or the
 * suite, or a session parameter, is one that cannot be undone.
 */
export function usableSdesKeys<Suite extends SdesSuite>(
  { suite: name, keys, sessionParameters }: CryptoAttribute,
  suiteByName: (name: string) => Suite | null,
): { readonly suite: Suite; readonly keys: readonly SdesKey[] } | null {
  const suite = suiteByName(name);
  if (suite === null || !sessionParameters.every((parameter) => HARMLESS.test(parameter))) return null;
  const fitting = keys.filter(({ keyAndSalt }) => keyAndSalt.length === suite.keyLength + suite.saltLength);
  return fitting.length === 0 ? null : { suite, keys: fitting };
}

function keyOf(text: string): SdesKey {
  const match = /^inline:([A-Za-z0-9+/=]+)((?:\|[^|]*){0,2})$/i.exec(text);
  if (match === null) throw new SipError('syntax', 'SDP: a key of a=crypto is malformed');
  const [, base64 = '', rest = ''] = match;
  // A lifetime has no colon, an MKI has one.
  const mki = rest.split('|').find((part) => part.includes(':'));
  const octets = mki === undefined ? '0' : /^\d+:(\d{1,3})$/.exec(mki)?.[1];
  if (octets === undefined || Number(octets) > MAX_MKI) {
    throw new SipError('syntax', 'SDP: an MKI of a=crypto is malformed');
  }
  try {
    // Some leave out the padding.
    const bare = base64.replace(/=+$/, '');
    const padded = bare.padEnd(4 * Math.ceil(bare.length / 4), '=');
    return { keyAndSalt: Secret.of(fromBase64(padded)), mkiLength: Number(octets) };
  } catch (cause) {
    if (cause instanceof BytesError)
      throw new SipError('syntax', 'SDP: a key of a=crypto is not base64', { cause });
    throw cause;
  }
}
