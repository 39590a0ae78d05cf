/**
 * Session descriptions without the keys that stand in them in the open (RFC 4568 a=crypto, RFC 8866 k=), and, where that
 * is asked for, without their MIKEY messages. In the place of each octet of a key stands `*`; all else is as it was.
 *
 * Lines are looked at one by one, as loosely as anybody reads them: a key is a key in a capability (RFC 5939 a=acap), in
 * capitals, or with blanks around it. What is no line of a description is not kept: it may be anything.
 */
import { parseAttribute } from './attributes.ts';
import { KEY_MANAGEMENT } from './key-management.ts';
import { fromOctets, toOctets } from './text.ts';

/** @param mikey whether MIKEY messages are blanked as well */
export function withoutKeys(sdp: Uint8Array, { mikey = false } = {}): Uint8Array {
  const lines = fromOctets(sdp).split(/(?<=\n|\r(?!\n))/);
  return toOctets(
    lines
      .filter(isLine)
      .map((line) => blankedLine(line, mikey))
      .join(''),
  );
}

/** As `withoutKeys` with MIKEY, of a body that may be anything: what is not a line of a description stays as it is. */
export function withoutKeyLines(body: Uint8Array): Uint8Array {
  const lines = fromOctets(body).split(/(?<=\n|\r(?!\n))/);
  return toOctets(lines.map((line) => blankedLine(line, true)).join(''));
}

/* ---------------------------------------------------------------- helpers */

function isLine(line: string): boolean {
  return /^[ \t]*(?:[A-Za-z][ \t]*=.*)?[\r\n]*$/.test(line);
}

function blankedLine(line: string, mikey: boolean): string {
  const [, start = '', type = '', value = '', end = ''] =
    /^([ \t]*([A-Za-z])[ \t]*=)([^\r\n]*)([\r\n]*)$/.exec(line) ?? [];
  if (type === '') return line;
  return start + blankedValue(type.toLowerCase(), value, mikey) + end;
}

function blankedValue(type: string, value: string, mikey: boolean): string {
  if (type === 'k') return blank(value);
  if (type !== 'a') return value;
  const capability = /^[ \t]*acap[ \t]*:[ \t]*\d+[ \t]+/i.exec(value)?.[0] ?? '';
  const attribute = value.slice(capability.length);
  const { name } = parseAttribute(attribute);
  if (name === KEY_MANAGEMENT && mikey) return capability + blankedAfterColon(attribute);
  if (name !== 'crypto') return value;
  // A key is what stands after its method; where none is named, whatever stands there may be one.
  if (!/inline[ \t]*:/i.test(attribute)) return capability + blankedAfterColon(attribute);
  return (
    capability +
    attribute.replace(
      /(inline[ \t]*:[ \t]*)([^|; \t]*)/gi,
      (_, method: string, key: string) => method + blank(key),
    )
  );
}

function blankedAfterColon(attribute: string): string {
  const at = attribute.indexOf(':') + 1;
  return attribute.slice(0, at) + blank(attribute.slice(at));
}

function blank(text: string): string {
  return text.replace(/[^ \t]/g, '*');
}
