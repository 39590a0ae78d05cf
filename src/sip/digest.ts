/**
 * HTTP digest as SIP uses it (RFC 3261 section 22, RFC 7616, RFC 8760 for the order of algorithms).
 *
 *     A1       = username ":" realm ":" password
 *     A2       = method ":" digest-uri
 *     response = H( H(A1) ":" nonce ":" nc ":" cnonce ":" "auth" ":" H(A2) )      H: SHA-256 or MD5
 *
 * qop is always `auth`: without it a response could be replayed for ever, so a credential without qop is refused.
 * Comparison is in constant time. The body is not covered (`auth-int` is offered by nobody).
 */
import { hash } from 'node:crypto';
import { concat, equalOctets, utf8 } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { SipError } from './errors.ts';
import { isToken, paramOf, parseParams, quote, split } from './text.ts';

export const ALGORITHMS = ['SHA-256', 'MD5'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** WWW-Authenticate or Proxy-Authenticate. */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: Algorithm;
  readonly opaque: string | null;
  readonly stale: boolean;
}

/** Authorization or Proxy-Authorization. */
export interface Authorization {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly algorithm: Algorithm;
  readonly response: string;
  readonly cnonce: string;
  readonly nonceCount: number;
  readonly opaque: string | null;
}

export interface Credentials {
  readonly username: string;
  readonly password: Secret;
}

export function formatChallenge(challenge: Challenge): string {
  const opaque = challenge.opaque === null ? '' : `, opaque=${quote(challenge.opaque)}`;
  const stale = challenge.stale ? ', stale=true' : '';
  const { realm, nonce, algorithm } = challenge;
  return `Digest realm=${quote(realm)}, nonce=${quote(nonce)}, qop="auth", algorithm=${algorithm}${opaque}${stale}`;
}

/** A challenge that can be answered here; `null` for other schemes, algorithms and qops. @throws SipError `syntax` */
export function parseChallenge(value: string): Challenge | null {
  const read = digestParams(value);
  if (read === null) return null;
  const algorithm = algorithmOf(read('algorithm') ?? 'MD5');
  const [realm, nonce, qop] = [read('realm'), read('nonce'), read('qop')];
  if (realm === null || nonce === null) throw new SipError('syntax', 'a challenge needs realm and nonce');
  const offered = (qop ?? '').split(',').map((each) => each.trim().toLowerCase());
  if (algorithm === null || !offered.includes('auth')) return null;
  return { realm, nonce, algorithm, opaque: read('opaque'), stale: read('stale')?.toLowerCase() === 'true' };
}

/** The challenge to answer among several: the strongest algorithm (RFC 8760 section 2.3). */
export function bestChallenge(values: readonly string[]): Challenge | null {
  const challenges = values.flatMap((value) => parseChallenge(value) ?? []);
  return (
    challenges.sort((a, b) => ALGORITHMS.indexOf(a.algorithm) - ALGORITHMS.indexOf(b.algorithm))[0] ?? null
  );
}

/** The answer to a challenge, for use number `nonceCount` of its nonce. */
export function authorize(
  challenge: Challenge,
  credentials: Credentials,
  request: { readonly method: string; readonly uri: string },
  use: { readonly cnonce: string; readonly nonceCount: number },
): string {
  const { realm, nonce, algorithm, opaque } = challenge;
  const { username, password } = credentials;
  const parts = { nonce, algorithm, ...use, uri: request.uri };
  const response = digestResponse(parts, request.method, hashA1(algorithm, username, realm, password));
  const last = opaque === null ? '' : `, opaque=${quote(opaque)}`;
  return (
    `Digest username=${quote(username)}, realm=${quote(realm)}, nonce=${quote(nonce)}, uri=${quote(request.uri)}, ` +
    `response="${response}", algorithm=${algorithm}, cnonce=${quote(use.cnonce)}, qop=auth, nc=${hex8(use.nonceCount)}${last}`
  );
}

/** Credentials that can be checked here; `null` for other schemes, algorithms and qops. @throws SipError `syntax` */
export function parseAuthorization(value: string): Authorization | null {
  const read = digestParams(value);
  if (read === null) return null;
  const algorithm = algorithmOf(read('algorithm') ?? 'MD5');
  const need = (name: string): string => {
    const found = read(name);
    if (found === null) throw new SipError('syntax', `credentials without ${name}`);
    return found;
  };
  const fields = {
    username: need('username'),
    realm: need('realm'),
    nonce: need('nonce'),
    uri: need('uri'),
    response: need('response'),
  };
  if (algorithm === null || read('qop')?.toLowerCase() !== 'auth') return null;
  const nc = need('nc');
  if (!/^[0-9a-fA-F]{8}$/.test(nc)) throw new SipError('syntax', 'nc is not eight hex digits');
  return {
    ...fields,
    algorithm,
    cnonce: need('cnonce'),
    nonceCount: parseInt(nc, 16),
    opaque: read('opaque'),
  };
}

/** Whether the response is the one that this password gives. */
export function verify(authorization: Authorization, method: string, password: Secret): boolean {
  const { algorithm, username, realm } = authorization;
  const expected = digestResponse(authorization, method, hashA1(algorithm, username, realm, password));
  return equalOctets(utf8(expected), utf8(authorization.response.toLowerCase()));
}

function digestResponse(
  parts: Pick<Authorization, 'nonce' | 'algorithm' | 'cnonce' | 'nonceCount' | 'uri'>,
  method: string,
  a1: string,
): string {
  const a2 = hashed(parts.algorithm, `${method}:${parts.uri}`);
  const { algorithm, nonce, nonceCount, cnonce } = parts;
  return hashed(algorithm, [a1, nonce, hex8(nonceCount), cnonce, 'auth', a2].join(':'));
}

function hashA1(algorithm: Algorithm, username: string, realm: string, password: Secret): string {
  const octets = concat(utf8(`${username}:${realm}:`), password.expose());
  try {
    return hashed(algorithm, octets);
  } finally {
    octets.fill(0);
  }
}

function hashed(algorithm: Algorithm, data: string | Uint8Array): string {
  return hash(algorithm === 'MD5' ? 'md5' : 'sha256', data, 'hex');
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function algorithmOf(name: string): Algorithm | null {
  return ALGORITHMS.find((algorithm) => algorithm.toLowerCase() === name.toLowerCase()) ?? null;
}

/** Reader of the `name=value` list behind `Digest`; `null` for another scheme. */
function digestParams(value: string): ((name: string) => string | null) | null {
  const match = /^([^\s]+)\s+(.*)$/s.exec(value);
  if (match?.[1]?.toLowerCase() !== 'digest') return null;
  const params = split(match[2] ?? '', ',').flatMap((part) => {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(at, 0)).trim();
    if (!isToken(name)) throw new SipError('syntax', 'a digest parameter has no name');
    // Values such as URIs and base64 are quoted; what is not must be a token.
    const text = part.slice(at + 1).trim();
    return text.startsWith('"') ? [{ name, value: text }] : parseParams(`${name}=${text}`, 'digest');
  });
  return (name) => paramOf(params, name);
}
