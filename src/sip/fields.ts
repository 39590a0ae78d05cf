/**
 * Typed values of header fields, parsed and written side by side.
 *
 *     Via     = sent-protocol LWS sent-by *( SEMI via-params )        RFC 3261 20.42, rport: RFC 3581
 *     From    = ( name-addr / addr-spec ) *( SEMI from-param )        20.20; To, Contact, Route, Record-Route alike
 *     CSeq    = 1*DIGIT LWS Method                                    20.16
 *     RAck    = response-num LWS CSeq-num LWS Method                  RFC 3262 7.2
 *     P-Charging-Vector = icid-value *( SEMI charge-params )          RFC 7315 5.6
 *
 * An addr-spec without angle brackets must have neither comma, question mark nor semicolon (20.10): what follows a
 * semicolon there are parameters of the field. A display name without a space before `<` is accepted, as RFC 4475
 * section 3.1.1.6 asks.
 */
import { SipError } from './errors.ts';
import { decimal, formatParams, isQuoted, isToken, paramOf, parseParams, splitParams } from './text.ts';
import type { Param } from './text.ts';
import { parseHostPort, parseUri } from './uri.ts';
import type { Uri } from './uri.ts';

export interface Via {
  /** `SIP/2.0` */
  readonly version: string;
  /** `UDP`, `TCP`, …: upper case. */
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  readonly params: readonly Param[];
}

/** @throws SipError `syntax` */
export function parseVia(text: string): Via {
  const match = /^([^\s/]+)\s*\/\s*([^\s/]+)\s*\/\s*([^\s/;]+)\s+([^;]*)(?:;(.*))?$/s.exec(text);
  const [, name = '', version = '', transport = '', sentBy = '', params] = match ?? [];
  if (match === null || !isToken(name) || !isToken(version) || !isToken(transport))
    throw new SipError('syntax', 'Via is malformed');
  if (params !== undefined && params.trim() === '') throw new SipError('syntax', 'Via: an empty parameter');
  const { host, port } = parseHostPort(sentBy.trim());
  return {
    version: `${name}/${version}`,
    transport: transport.toUpperCase(),
    host,
    port,
    params: parseParams(params ?? '', 'Via'),
  };
}

export function formatVia(via: Via): string {
  return `${via.version}/${via.transport} ${sentBy(via)}${formatParams(via.params)}`;
}

/** `host[:port]` of a Via. */
export function sentBy(via: Via): string {
  return via.port === null ? via.host : `${via.host}:${via.port}`;
}

/** The branch of a Via, `null` without. */
export function branchOf(via: Via): string | null {
  return paramOf(via.params, 'branch');
}

export interface NameAddr {
  /** As received, quotes included; `null` without. */
  readonly displayName: string | null;
  readonly uri: Uri;
  readonly params: readonly Param[];
}

/** Those of a Contact field, the preferred ones first (RFC 3261 section 20.10: `q`, 1 where it is not said). */
export function byPreference(contacts: readonly NameAddr[]): NameAddr[] {
  return contacts.toSorted((a, b) => preferenceOf(b) - preferenceOf(a));
}

/** From 0 to 1. */
export function preferenceOf({ params }: NameAddr): number {
  const q = Number(paramOf(params, 'q') ?? '1');
  return q >= 0 && q <= 1 ? q : 1;
}

/** @throws SipError `syntax`, naming the field */
export function parseNameAddr(text: string, where: string): NameAddr {
  const open = startOfUri(text);
  if (open < 0) {
    const [addr = '', ...params] = splitParams(text);
    if (/[,?\s"]/.test(addr)) throw new SipError('syntax', `${where}: the URI must be in angle brackets`);
    return { displayName: null, uri: uriOf(addr, where), params: params.flatMap((p) => paramsOf(p, where)) };
  }
  const close = text.indexOf('>', open);
  const displayName = text.slice(0, open).trim();
  const rest = text.slice(close + 1).trim();
  const named = displayName === '' || isQuoted(displayName) || displayName.split(/\s+/).every(isToken);
  if (close < 0 || !named || (rest !== '' && !rest.startsWith(';')))
    throw new SipError('syntax', `${where}: not a name and address`);
  return {
    displayName: displayName === '' ? null : displayName,
    uri: uriOf(text.slice(open + 1, close), where),
    params: rest === '' ? NO_PARAMS : paramsOf(rest.slice(1), where),
  };
}

/** The same for values of one field. */
export function nameAddrReader(field: string): (text: string) => NameAddr {
  return (text) => parseNameAddr(text, field);
}

export function formatNameAddr(value: NameAddr): string {
  const name = value.displayName === null ? '' : `${value.displayName} `;
  return `${name}<${value.uri.text}>${formatParams(value.params)}`;
}

/** The tag of From or To. */
export function tagOf(value: NameAddr): string | null {
  return paramOf(value.params, 'tag');
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** @throws SipError `syntax`: not a number below 2³¹ and a method (8.1.1.5) */
export function parseCSeq(text: string): CSeq {
  const [digits = '', method = '', ...rest] = text.split(/\s+/);
  const number = decimal(digits, 2 ** 31);
  if (number === null || !isToken(method) || rest.length > 0)
    throw new SipError('syntax', 'CSeq is malformed');
  return { number, method };
}

export interface RAck extends CSeq {
  readonly rseq: number;
}

/** @throws SipError `syntax` */
export function parseRAck(text: string): RAck {
  const [digits = '', ...rest] = text.split(/\s+/);
  const rseq = decimal(digits, 2 ** 32);
  if (rseq === null) throw new SipError('syntax', 'RAck is malformed');
  return { rseq, ...parseCSeq(rest.join(' ')) };
}

/** RSeq: 1 to 2³²−1 (RFC 3262 section 7.1). @throws SipError `syntax` */
export function parseRSeq(text: string): number {
  const value = decimal(text, 2 ** 32);
  if (value === null || value === 0) throw new SipError('syntax', 'RSeq is malformed');
  return value;
}

/** The ICID of a P-Charging-Vector, without quotes; `null` where there is none. */
export function icidOf(text: string): string | null {
  try {
    return paramOf(parseParams(text, 'P-Charging-Vector'), 'icid-value');
  } catch (cause) {
    if (cause instanceof SipError) return null;
    throw cause;
  }
}

const NO_PARAMS: readonly Param[] = [];

/** Offset of the `<` that opens a name-addr, outside a quoted display name; −1 for an addr-spec. */
function startOfUri(text: string): number {
  // Most have no display name.
  if (text.startsWith('<')) return 0;
  const quoted = /^\s*"(?:[^"\\]|\\[^\r\n])*"/s.exec(text);
  return text.indexOf('<', quoted?.[0].length ?? 0);
}

function uriOf(text: string, where: string): Uri {
  try {
    return parseUri(text);
  } catch (cause) {
    throw new SipError('syntax', `${where}: not a URI`, { cause });
  }
}

function paramsOf(text: string, where: string): Param[] {
  if (text.trim() === '') throw new SipError('syntax', `${where}: an empty parameter`);
  return parseParams(text, where);
}
