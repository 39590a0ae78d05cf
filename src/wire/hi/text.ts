/** The character strings of HI2/HI3, as JavaScript strings. */
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { malformed } from './ber.ts';
import { HiError } from './errors.ts';
import { octetString } from './contents.ts';
import { converted } from './fields.ts';
import type { Asn1Type } from './fields.ts';

/** An OCTET STRING that is text by custom (LIID, operator): one character an octet, so that any octets survive. */
export function latin1String(min = 0, max = Infinity): Asn1Type<string> {
  return converted(octetString(min, max), latin1, fromLatin1);
}

export const UTF8_TEXT = converted(
  octetString(),
  (octets, what) => {
    try {
      return fromUtf8(octets);
    } catch (cause) {
      throw malformed(`${what}: not UTF-8`, cause);
    }
  },
  utf8,
);

/** PrintableString (X.680 41.4). */
export function printableString(min = 0, max = Infinity): Asn1Type<string> {
  return converted(
    octetString(min, max),
    (octets, what) => {
      const text = latin1(octets);
      if (!PRINTABLE.test(text)) throw malformed(`${what}: not a PrintableString`);
      return text;
    },
    (text, what) => {
      if (!PRINTABLE.test(text)) throw new HiError('range', `${what}: not a PrintableString`);
      return fromLatin1(text, what);
    },
  );
}

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

export function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}

export function fromLatin1(text: string, what: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new HiError('range', `${what}: a character does not fit one octet`);
    octets[i] = code;
  }
  return octets;
}
