/** The character strings of HI2/HI3, as JavaScript strings. */
import { HiError } from './errors.ts';
import { malformed } from './ber.ts';

/** An OCTET STRING that is text by custom (LIID, operator): one character an octet, so that any octets survive. */
export function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}

export function fromLatin1(text: string, field: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new HiError('range', `${field}: a character does not fit one octet`);
    octets[i] = code;
  }
  return octets;
}

/** PrintableString (X.680 41.4). */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

export function printable(octets: Uint8Array, field: string): string {
  const text = latin1(octets);
  if (!PRINTABLE.test(text)) throw malformed(`${field}: not a PrintableString`);
  return text;
}

export function fromPrintable(text: string, field: string): Uint8Array {
  if (!PRINTABLE.test(text)) throw new HiError('range', `${field}: not a PrintableString`);
  return fromLatin1(text, field);
}
