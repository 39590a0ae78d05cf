/** Octet strings: joining, comparing, and the text encodings hex, base64 (RFC 4648 section 4), ASCII and UTF-8. */
import { timingSafeEqual } from 'node:crypto';
import { BytesError } from './errors.ts';

/** Joins octet strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The octets of a buffer that nobody else will change, as an octet string, without a copy. */
export function viewOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Equality in time that depends on the lengths only; the lengths are taken as public. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Lower-case hex. */
export function toHex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}

/** Strict hex: even length, hex digits of either case only. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new BytesError('encoding', 'not hex');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Base64 with padding, without line breaks. */
export function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64');
}

/** Strict base64: padding required, no white space, no other alphabet, unused bits zero. */
export function fromBase64(text: string): Uint8Array {
  const octets = new Uint8Array(Buffer.from(text, 'base64'));
  if (toBase64(octets) !== text) throw new BytesError('encoding', 'not canonical base64');
  return octets;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LENIENT_DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** UTF-8 octets of a string. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** A string from UTF-8; malformed sequences are refused, a byte order mark is kept. */
export function fromUtf8(octets: Uint8Array): string {
  try {
    return DECODER.decode(octets);
  } catch (cause) {
    throw new BytesError('encoding', 'not UTF-8', { cause });
  }
}

/** A string to be shown or compared, from octets that should be UTF-8; what is malformed is replaced. */
export function legible(octets: Uint8Array): string {
  return LENIENT_DECODER.decode(octets);
}

/** Unsigned integer of the octets, big endian; 0 for none. */
export function toBigInt(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt('0x' + toHex(octets));
}

/** `value` as exactly `length` octets, big endian. */
export function fromBigInt(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16);
  if (value < 0n || hex.length > 2 * length)
    throw new BytesError('range', `value does not fit ${length} octets`);
  return fromHex(hex.padStart(2 * length, '0'));
}
