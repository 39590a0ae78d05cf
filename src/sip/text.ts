/**
 * Lexical ground of RFC 3261 section 25.1.
 *
 * A SIP head is kept as a string with one code unit an octet (ISO 8859-1), so that every octet survives unharmed
 * whatever its character set; where a text is meant for people it is UTF-8 inside those octets.
 *
 *     token         = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
 *     quoted-string = DQUOTE *(qdtext / quoted-pair) DQUOTE ; quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
 *     generic-param = token [ EQUAL gen-value ] ; gen-value = token / host / quoted-string
 */
import { SipError } from './errors.ts';

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
const QUOTED = /^"(?:[^"\\]|\\[^\r\n])*"$/s;

/** Parameters of one value at most: each is looked at many times. */
const MAX_PARAMS = 128;

/** One `name[=value]`, as received: names keep their case, values their quotes. */
export interface Param {
  readonly name: string;
  readonly value: string | null;
}

/** A string with one code unit an octet. */
export function fromOctets(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}

/** The octets of such a string. */
export function toOctets(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function isQuoted(text: string): boolean {
  return QUOTED.test(text);
}

/** The content of a quoted string; any other text as it is. */
export function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  return isQuoted(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
}

/** `text` as a quoted string. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/**
 * Splits at `separator` outside quoted strings and angle brackets; parts are trimmed.
 * @throws SipError `syntax` where a quote or bracket is not closed
 */
export function split(text: string, separator: ',' | ';'): string[] {
  if (!text.includes('"') && !text.includes('<')) return text.split(separator).map((part) => part.trim());
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  let angled = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"' && !angled) quoted = true;
    else if (c === '<') angled = true;
    else if (c === '>') angled = false;
    else if (c === separator && !angled) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  if (quoted || angled) throw new SipError('syntax', 'a quoted string or angle bracket is not closed');
  parts.push(text.slice(start).trim());
  return parts;
}

/**
 * Parameters from what follows the first `;` of a field or URI.
 * @throws SipError `syntax` on an empty parameter or a name that is not a token, `too-large`
 */
export function parseParams(text: string, where: string): Param[] {
  if (text.trim() === '') return [];
  const params: Param[] = [];
  for (const part of splitParams(text)) {
    if (part === '') throw new SipError('syntax', `${where}: an empty parameter`);
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at).trimEnd();
    const value = at < 0 ? null : part.slice(at + 1).trimStart();
    if (!isToken(name)) throw new SipError('syntax', `${where}: a parameter has no proper name`);
    if (value !== null && !genValue(value))
      throw new SipError('syntax', `${where}: parameter ${name} has no proper value`);
    params.push({ name, value });
  }
  return params;
}

/** Parts between semicolons, not too many. @throws SipError `syntax`, `too-large` */
export function splitParams(text: string): string[] {
  const parts = split(text, ';');
  if (parts.length > MAX_PARAMS) throw new SipError('too-large', 'a value has too many parameters');
  return parts;
}

/** `;name=value` of each. */
export function formatParams(params: readonly Param[]): string {
  return params.map(({ name, value }) => (value === null ? `;${name}` : `;${name}=${value}`)).join('');
}

/** The value of a parameter (names compare without case): `null` if absent, `''` if it has none. */
export function paramOf(params: readonly Param[], name: string): string | null {
  for (const param of params)
    if (param.name === name || param.name.toLowerCase() === name) return unquote(param.value ?? '');
  return null;
}

/** `params` with one set to `value`, in its place or at the end. */
export function withParam(params: readonly Param[], name: string, value: string | null): Param[] {
  const changed = [...params];
  for (let at = 0; at < params.length; at++) {
    if (params[at]?.name.toLowerCase() !== name) continue;
    changed[at] = { name, value };
    return changed;
  }
  changed.push({ name, value });
  return changed;
}

/** `params` without one. */
export function withoutParam(params: readonly Param[], name: string): Param[] {
  return params.filter((param) => param.name.toLowerCase() !== name);
}

/** An unsigned decimal below `limit`, leading zeros allowed; else `null`. */
export function decimal(text: string, limit: number): number | null {
  if (!/^[0-9]+$/.test(text)) return null;
  const value = Number(text);
  return value < limit ? value : null;
}

function genValue(value: string): boolean {
  return value === '' || isQuoted(value) || /^[A-Za-z0-9\-.!%*_+`'~[\]:/@]+$/.test(value);
}
