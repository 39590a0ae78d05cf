/**
 * Addresses: SIP and SIPS URIs (RFC 3261 section 19.1), tel URIs (RFC 3966), and any other scheme as it is.
 *
 *     SIP-URI = "sip:" [ userinfo "@" ] hostport *( ";" uri-parameter ) [ "?" headers ]
 *     tel-URI = "tel:" ( "+" digits and visual separators / local digits ) *( ";" parameter )
 *
 * A parsed URI keeps its text: forwarding it changes no octet. Comparison is by section 19.1.4, with escapes undone
 * once where they are escapes.
 */
import { isIPv6 } from 'node:net';
import { bareHost, sameHost } from '../bytes/network-address.ts';
import { RecentlyMade } from '../bytes/recently-made.ts';
import { SipError } from './errors.ts';
import { decimal, formatParams, paramOf, parseParams } from './text.ts';
import type { Param } from './text.ts';

export interface SipUri {
  readonly kind: 'sip';
  readonly scheme: 'sip' | 'sips';
  /** As received, escapes included; `null` without user part. */
  readonly user: string | null;
  readonly password: string | null;
  /** As received; brackets of IPv6 included. */
  readonly host: string;
  readonly port: number | null;
  readonly params: readonly Param[];
  /** What follows `?`, without it. */
  readonly headers: string | null;
  readonly text: string;
}

export interface TelUri {
  readonly kind: 'tel';
  /** As received, with visual separators. */
  readonly number: string;
  readonly params: readonly Param[];
  readonly text: string;
}

export interface OtherUri {
  readonly kind: 'other';
  readonly scheme: string;
  readonly text: string;
}

export type Uri = SipUri | TelUri | OtherUri;

/** Parameters at most: URIs are compared by each of them. */
const MAX_PARAMS = 64;

const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})*$/;
const PASSWORD = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*$/;
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9.])?$/;
const HEADERS = /^(?:[A-Za-z0-9\-_.!~*'()[\]/?:+$=&]|%[0-9A-Fa-f]{2})*$/;
const URI_PARAM =
  /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+(?:=(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})*)?$/;

/**
 * URIs that were read lately: one message names the same few again and again, and so do those that follow it. A URI that is
 * known takes 0.01 to 0.2 µs, one that is not 3 µs, and as long without this table: who fills it with URIs of their own
 * takes from others no more than what it saves, and 1.5 MiB at most.
 */
const READ = new RecentlyMade<Uri>(2_048);
const LONGEST_READ = 128;

/** What is read never changes, so that the same text may give the same object. @throws SipError `syntax` */
export function parseUri(text: string): Uri {
  const known = READ.get(text);
  if (known !== undefined) return known;
  if (text.length > LONGEST_READ) return readUri(text);
  // The text may be part of a message, which must not be kept for it.
  const own = Buffer.from(text, 'latin1').toString('latin1');
  return own === text ? READ.put(own, readUri(own)) : readUri(text);
}

function readUri(text: string): Uri {
  const match = /^([A-Za-z][A-Za-z0-9+\-.]*):([^\s<>"]*)$/.exec(text);
  if (match === null) throw new SipError('syntax', 'not a URI');
  const scheme = (match[1] ?? '').toLowerCase();
  const rest = match[2] ?? '';
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, rest, text);
  if (scheme === 'tel') return parseTel(rest, text);
  return { kind: 'other', scheme, text };
}

/** Whether a URI is to be reached over TLS alone (RFC 3261 section 26.2.2). */
export function isSips(uri: string): boolean {
  return /^sips:/i.test(uri);
}

/** The text of a SIP URI made of its parts. */
export function formatSipUri(uri: Omit<SipUri, 'text' | 'kind'>): string {
  const user = uri.user === null ? '' : `${uri.user}${uri.password === null ? '' : `:${uri.password}`}@`;
  const port = uri.port === null ? '' : `:${uri.port}`;
  const headers = uri.headers === null ? '' : `?${uri.headers}`;
  return `${uri.scheme}:${user}${uri.host}${port}${formatParams(uri.params)}${headers}`;
}

/** Section 19.1.4: equality of URIs. tel: numbers compare without visual separators (RFC 3966 section 4). */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.kind === 'sip' && b.kind === 'sip') return sameSip(a, b);
  if (a.kind === 'tel' && b.kind === 'tel') return telNumber(a) === telNumber(b);
  return a.text === b.text;
}

/** The address of record of a URI: scheme, user (escapes of plain characters undone) and host in lower case. */
export function addressOfRecord(uri: Uri): string {
  if (uri.kind === 'sip') {
    const user = uri.user === null ? '' : `${unescapePlain(uri.user)}@`;
    return `${uri.scheme === 'sips' ? 'sip' : uri.scheme}:${user}${uri.host.toLowerCase()}`;
  }
  return uri.kind === 'tel' ? `tel:${telNumber(uri)}` : uri.text;
}

/** The number of a tel URI without visual separators (`-`, `.`, `(`, `)`), hex digits in lower case. */
export function telNumber(uri: TelUri): string {
  return uri.number.replace(/[-.()]/g, '').toLowerCase();
}

/** `%HH` undone where it encodes an unreserved character, else kept with upper-case hex; never recursively. */
export function unescapePlain(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
    const c = String.fromCharCode(parseInt(hex, 16));
    return /[A-Za-z0-9\-_.!~*'()]/.test(c) ? c : escape.toUpperCase();
  });
}

function parseSip(scheme: 'sip' | 'sips', rest: string, text: string): SipUri {
  const at = rest.indexOf('@');
  const userinfo = at < 0 ? null : rest.slice(0, at);
  const hostpart = rest.slice(at + 1);
  const match = /^([^;?]*)((?:;[^?]*)?)(?:\?(.*))?$/.exec(hostpart);
  const [, hostport = '', params = '', headers] = match ?? [];
  const colon = userinfo === null ? -1 : userinfo.indexOf(':');
  const user = userinfo === null ? null : colon < 0 ? userinfo : userinfo.slice(0, colon);
  const password = userinfo === null || colon < 0 ? null : userinfo.slice(colon + 1);
  const { host, port } = parseHostPort(hostport);
  const valid =
    (user === null || (user !== '' && USER.test(user))) &&
    (password === null || PASSWORD.test(password)) &&
    (headers === undefined || HEADERS.test(headers));
  if (!valid) throw new SipError('syntax', 'not a SIP URI');
  return {
    kind: 'sip',
    scheme,
    user,
    password,
    host,
    port,
    params: parseUriParams(params),
    headers: headers ?? null,
    text,
  };
}

function parseTel(rest: string, text: string): TelUri {
  const match = /^(\+?[0-9A-Fa-f*#\-.()]+)((?:;.*)?)$/.exec(rest);
  if (match === null || !/[0-9A-Fa-f*#]/.test(match[1] ?? '')) throw new SipError('syntax', 'not a tel URI');
  return { kind: 'tel', number: match[1] ?? '', params: parseUriParams(match[2] ?? ''), text };
}

/** `host[:port]`. @throws SipError `syntax` */
export function parseHostPort(text: string): { host: string; port: number | null } {
  const match = /^(\[[^\]]*\]\s*|[^:]*)(?::\s*([0-9]+))?$/.exec(text);
  const host = match?.[1]?.trim() ?? '';
  const port = match?.[2] === undefined ? null : decimal(match[2], 65536);
  const isHost = host.startsWith('[') ? isIPv6(bareHost(host)) && !host.includes('%') : HOST.test(host);
  if (match === null || !isHost || (match[2] !== undefined && port === null))
    throw new SipError('syntax', 'not a host and port');
  return { host, port };
}

function parseUriParams(text: string): Param[] {
  if (text === '') return [];
  const parts = text.slice(1).split(';');
  if (parts.length > MAX_PARAMS) throw new SipError('too-large', 'a URI has too many parameters');
  return parts.map((part) => {
    if (!URI_PARAM.test(part)) throw new SipError('syntax', 'a URI parameter is malformed');
    const [param = { name: part, value: null }] = looseParam(part);
    return param;
  });
}

function looseParam(part: string): Param[] {
  const at = part.indexOf('=');
  if (at >= 0) return [{ name: part.slice(0, at), value: part.slice(at + 1) }];
  return /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(part) ? parseParams(part, 'URI') : [{ name: part, value: null }];
}

/** RFC 5954: IPv6 addresses are compared as addresses, however they are spelt. */
function sameUriHost(a: string, b: string): boolean {
  return sameHost(bareHost(a.toLowerCase()), bareHost(b.toLowerCase()));
}

/** Parameters whose mere presence in one of two URIs makes them differ. */
const SIGNIFICANT = ['user', 'ttl', 'method', 'maddr', 'transport', 'gr'];

function sameSip(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.port !== b.port || !sameUriHost(a.host, b.host)) return false;
  if ((a.user === null) !== (b.user === null) || (a.password === null) !== (b.password === null))
    return false;
  if (unescapePlain(a.user ?? '') !== unescapePlain(b.user ?? '')) return false;
  if (unescapePlain(a.password ?? '') !== unescapePlain(b.password ?? '')) return false;
  if ((a.headers ?? '') !== (b.headers ?? '')) return false;
  const names = new Set([...a.params, ...b.params].map((param) => param.name.toLowerCase()));
  return [...names].every((name) => {
    const [x, y] = [paramOf(a.params, name), paramOf(b.params, name)];
    if (x === null || y === null) return !SIGNIFICANT.includes(name);
    return unescapePlain(x).toLowerCase() === unescapePlain(y).toLowerCase();
  });
}
