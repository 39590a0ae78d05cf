/**
 * The simple types of the X1 schema and of TS 103 280 that it uses. A type reads text as XML Schema would (white space,
 * pattern, length, range) and writes it under the same constraints, so nothing leaves that would be refused.
 *
 * White space (XML Schema part 2, section 4.3.6): `preserve` keeps it, `replace` makes each one a space, `collapse`
 * also joins runs and trims. Patterns hold for the text after that, and for all of it.
 */
import { XmlDocumentError } from './errors.ts';

export interface SimpleType<T> {
  read(text: string, name: string): T;
  write(value: T, name: string): string;
}

type Whitespace = 'preserve' | 'replace' | 'collapse';

interface Facets {
  readonly whitespace?: Whitespace;
  readonly pattern?: RegExp;
  readonly maxLength?: number;
}

/** A type whose value is its text. */
export function restrictedString({
  whitespace = 'preserve',
  pattern,
  maxLength,
}: Facets = {}): SimpleType<string> {
  const read = (text: string, name: string): string => {
    const value = normalise(text, whitespace);
    const fits = maxLength === undefined || Array.from(value).length <= maxLength;
    if (!fits || (pattern !== undefined && !pattern.test(value))) throw wrong(name);
    return value;
  };
  // What is written must read back the same: text that white space rules would change is refused.
  const write = (value: string, name: string): string => {
    if (read(value, name) !== value) throw wrong(name);
    return value;
  };
  return { read, write };
}

export function token(pattern?: RegExp): SimpleType<string> {
  return restrictedString({ whitespace: 'collapse', ...(pattern === undefined ? {} : { pattern }) });
}

export function enumeration<const T extends string>(...values: readonly T[]): SimpleType<T> {
  const read = (text: string, name: string): T => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw wrong(name);
    return value;
  };
  return { read, write: read };
}

/** A type with values of its own, by way of text. */
function mapped<T>(
  text: SimpleType<string>,
  parse: (text: string) => T | null,
  format: (value: T) => string,
): SimpleType<T> {
  const read = (raw: string, name: string): T => {
    const value = parse(text.read(raw, name));
    if (value === null) throw wrong(name);
    return value;
  };
  const write = (value: T, name: string): string => {
    const written = format(value);
    read(written, name);
    return written;
  };
  return { read, write };
}

export const anyString = restrictedString();
export const anyToken = token();
export const shortString = restrictedString({ maxLength: 255 });
export const longString = restrictedString({ maxLength: 65_535 });
export const boolean = mapped(
  token(/^(?:true|false|1|0)$/),
  (text) => text === 'true' || text === '1',
  (value) => String(value),
);

/** xs:integer within bounds. */
export function wholeNumber(min = -Infinity, max = Infinity): SimpleType<number> {
  return mapped(
    token(/^[+-]?[0-9]+$/),
    (text) => {
      const value = Number(text);
      return value >= min && value <= max && Number.isSafeInteger(value) ? value + 0 : null;
    },
    (value) => String(value),
  );
}

/** xs:nonNegativeInteger, which has no upper bound: decimal digits without sign and leading zeros. */
export const nonNegativeInteger = mapped(
  token(/^(?:\+?[0-9]+|-0+)$/),
  (text) => BigInt(text.replace(/^[+-]/, '')).toString(),
  (value) => value,
);

/** A number kept as its decimal text. */
export function decimalText(type: SimpleType<number>): SimpleType<string> {
  return {
    read: (text, name) => String(type.read(text, name)),
    write: (value, name) => type.write(Number(value), name),
  };
}

/** What bits are left over in the last character are zero. */
const BASE64 = /^[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?$/;
/** xs:base64Binary as its text; spaces may stand between its characters (XML Schema part 2, section 3.2.16). */
export const base64Binary = mapped(
  token(),
  (text) => {
    const packed = text.replaceAll(' ', '');
    return packed.length % 4 === 0 && BASE64.test(packed) ? text : null;
  },
  (text) => text,
);
export const hexBinary = token(/^(?:[0-9a-fA-F]{2})*$/);
/**
 * xs:anyURI as a URI reference (RFC 3986 appendix A), characters beyond ASCII taken for their escapes: scheme, or no
 * colon in the first segment; authority with a numeric port; every % an escape; one # at most.
 */
const ANY_URI =
  '(?=(?:[^%]|%[0-9a-fA-F]{2})*$)(?=[^#]*(?:#[^#]*)?$)(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))' +
  '(?://(?:[^@/?#[\\]]*@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^:@/?#[\\]]*)(?::[0-9]*)?(?=[/?#]|$)|(?!//))';
export const anyUri = token(new RegExp(`^${ANY_URI}`));

export const uuid = token(/^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$/);
/** `\d` of XML Schema is any decimal digit of Unicode. */
export const version = restrictedString({ pattern: /^v1\.\p{Nd}+\.\p{Nd}+$/u });
export const liid = restrictedString({ whitespace: 'replace', pattern: /^(?:[!-~]{1,25}|[0-9a-f]{26,50})$/ });
export const genericObjectType = restrictedString({ pattern: /^Q\{[^{}]*\}[^\n\r]+$/ });

const OCTET = '(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])';
const IPV6 = '(?:[0-9a-f]{4}:){7}[0-9a-f]{4}';
const URI_CHARS = '[a-zA-Z0-9!#$&-;=?-\\[\\]_~%]+';
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';

export const e164 = token(/^[0-9]{1,15}$/);
export const imsi = token(/^[0-9]{6,15}$/);
export const imei = token(/^[0-9]{14}$/);
export const imeiCheckDigit = token(/^[0-9]{15}$/);
export const imeisv = token(/^[0-9]{16}$/);
export const ipv4Address = token(new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`));
export const ipv4Cidr = token(new RegExp(`^(?:${OCTET}\\.){3}${OCTET}/(?:[1-2]?[0-9]|3[0-2])$`));
/** Eight groups of four digits: TS 103 280 allows no short form. */
export const ipv6Address = token(new RegExp(`^${IPV6}$`));
export const ipv6Cidr = token(new RegExp(`^${IPV6}/(?:[1-9][0-9]?|1[0-1][0-9]|12[0-8])$`));
/** TS 103 280 has `minExclusive` 1 for TCP where `minInclusive` must have been meant: port 1 cannot be written. */
export const tcpPort = wholeNumber(2, 65535);
export const udpPort = wholeNumber(0, 65535);
export const macAddress = token(/^(?:[a-f0-9]{2}:){5}[a-f0-9]{2}$/);
export const eui64 = token(/^(?:[a-f0-9]{2}:){7}[a-f0-9]{2}$/);
export const emailAddress = restrictedString({
  maxLength: 255,
  pattern: new RegExp(`^[a-zA-Z0-9.!#$%&'*+\\\\/=?^_\`{|}~-]+@${LABEL}(?:\\.${LABEL})*$`),
});
export const internationalisedEmailAddress = restrictedString({
  maxLength: 255,
  pattern: /^[^\n\r]+@[^\n\r]+$/,
});
export const sipUri = uriType('sips?:');
export const telUri = uriType('tel:');
export const h323Uri = restrictedString({ maxLength: 255, pattern: new RegExp(`^h323:${URI_CHARS}$`) });
export const impu = restrictedString({ maxLength: 255, pattern: new RegExp(`^${URI_CHARS}$`) });

/** A URI of a scheme: `xs:anyURI` with the pattern of TS 103 280. */
function uriType(scheme: string): SimpleType<string> {
  return token(new RegExp(`^(?=${ANY_URI})${scheme}${URI_CHARS}$`));
}

/** The offset is at most 14 hours (XML Schema part 2, section 3.2.7.3). */
const ZONE = '(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)';
const WALL = '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}';

/** QualifiedMicrosecondDateTime: Unix milliseconds with the microseconds as fraction; written in UTC. */
export const dateTime = mapped(token(new RegExp(`^${WALL}\\.[0-9]{6}${ZONE}$`)), instantOf, formatDateTime);

/** QualifiedDateTime, in whole seconds, kept as its text: what it says of the zone is the sender's. */
export const qualifiedDateTime = mapped(
  token(new RegExp(`^${WALL}${ZONE}$`)),
  (text) => (instantOf(text) === null ? null : text),
  (text) => text,
);

/** Unix milliseconds of a date with time and zone, as these types have them; `null`: there is no such time. */
export function instantOf(text: string): number | null {
  const wall = text.slice(0, 19);
  const [, micros = '', zone = ''] = /^(?:\.([0-9]{6}))?(.*)$/.exec(text.slice(19)) ?? [];
  const utc = Date.parse(`${wall}Z`);
  // Date.parse takes 31 June for 1 July in some engines and 24:00 everywhere: what reads back otherwise is refused.
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 19) !== wall) return null;
  if (wall.startsWith('0000')) return null;
  const [hours = 0, minutes = 0] = zone === 'Z' ? [] : zone.slice(1).split(':').map(Number);
  const offset = (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return utc - offset + Number(micros) / 1000;
}

/** Empty, and so refused, for what is not a time or has no year of four digits. */
function formatDateTime(time: number): string {
  if (!(Math.abs(time) < 8.64e15)) return '';
  const micros = Math.round(time * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

function normalise(text: string, whitespace: Whitespace): string {
  if (whitespace === 'preserve') return text;
  const replaced = text.replace(/[\t\n\r]/g, ' ');
  return whitespace === 'replace' ? replaced : replaced.replace(/ +/g, ' ').replace(/^ | $/g, '');
}

function wrong(name: string): XmlDocumentError {
  return new XmlDocumentError('schema', `${name} has a value that its type does not allow`);
}
