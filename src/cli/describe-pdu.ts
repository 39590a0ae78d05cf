/**
 * PDUs of X2, X3, HI2 and HI3 for people: read by the wire's own readers, every value by its name. Keys are not shown,
 * only their length; nothing in them can speak to a terminal.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { fromUtf8, toHex } from '../bytes/octets.ts';
import type { SetAsidePdu } from '../bytes/ports.ts';
import { Secret } from '../bytes/secret.ts';
import { decodePsPdu } from '../wire/hi/ps-pdu.ts';
import { attributeName } from '../wire/x2x3/attributes.ts';
import { decodePdu, DIRECTION, PAYLOAD_FORMAT, PDU_TYPE } from '../wire/x2x3/pdu.ts';

export type ShownValue = string | number | boolean | null | readonly ShownValue[] | ShownFields;
export interface ShownFields {
  readonly [name: string]: ShownValue;
}

/** What a PDU says, or why it cannot be read. */
export function describePdu({ reference, octets }: Pick<SetAsidePdu, 'reference' | 'octets'>): ShownFields {
  try {
    return reference === 'x2' || reference === 'x3' ? describeX2X3(octets) : fieldsOf(decodePsPdu(octets));
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    return { unreadable: error.message };
  }
}

function describeX2X3(octets: Uint8Array): ShownFields {
  const { version, type, payloadFormat, direction, xid, correlation, attributes, payload } =
    decodePdu(octets);
  return {
    version: `${version >> 8}.${version & 0xff}`,
    type: nameIn(PDU_TYPE, type),
    payloadFormat: nameIn(PAYLOAD_FORMAT, payloadFormat),
    direction: nameIn(DIRECTION, direction),
    xid,
    correlation: toHex(correlation),
    attributes: attributes.map(({ type: number, ...rest }) => ({
      name: attributeName(number),
      value: rest.kind === 'timestamp' ? rest.seconds + rest.nanoseconds / 1e9 : shown(rest.value),
    })),
    payload: shown(payload),
  };
}

function nameIn(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

/** Octets that are shown in hex; of more, and of what is not a text, their number alone is: they may be a key. */
const SHORT = 8;

function shown(value: unknown): ShownValue {
  if (value instanceof Secret) return `secret, ${value.length} octets`;
  if (value instanceof Uint8Array) return textOf(value) ?? octetsOf(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === 'object' && value !== null) return fieldsOf(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return typeof value === 'bigint' ? value.toString() : null;
}

function fieldsOf(value: object): ShownFields {
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(present.map(([name, member]) => [name, shown(member)]));
}

function octetsOf(octets: Uint8Array): string {
  return octets.length <= SHORT ? `0x${toHex(octets)}` : `${octets.length} octets`;
}

/** Octets that are a text, such as a SIP message; `null`: they are not. */
function textOf(octets: Uint8Array): string | null {
  if (octets.length <= SHORT) return null;
  if (octets.some((octet) => octet < 0x20 && octet !== TAB && octet !== LF && octet !== CR)) return null;
  try {
    return fromUtf8(octets);
  } catch {
    return null;
  }
}

const [TAB, LF, CR] = [0x09, 0x0a, 0x0d];

/** The same as text: a line each, what is within indented. */
export function renderFields(fields: ShownFields, indent = '  '): string {
  return Object.entries(fields)
    .map(([name, value]) => renderValue(`${indent}${name}:`, value, indent))
    .join('');
}

function renderValue(head: string, value: ShownValue, indent: string): string {
  const within = `${indent}  `;
  if (typeof value === 'string' && value.includes('\n')) {
    const lines = value.replace(/\r?\n$/, '').split(/\r?\n/);
    return `${head}\n${lines.map((line) => `${within}| ${escaped(line)}\n`).join('')}`;
  }
  if (typeof value !== 'object' || value === null) return `${head} ${escaped(String(value))}\n`;
  if (isList(value)) {
    return `${head}\n${value.map((each) => renderValue(`${within}-`, each, within)).join('')}`;
  }
  return `${head}\n${renderFields(value, within)}`;
}

function isList(value: ShownFields | readonly ShownValue[]): value is readonly ShownValue[] {
  return Array.isArray(value);
}

/** Text that does nothing to a terminal: what is not printed is written as `\u….` */
export function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
