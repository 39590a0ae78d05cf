/** What every strict DER codec must do with octets cut off, put on, or altered. */
import { expect } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import { IbeError } from '../../../src/ibe/errors.ts';

/** Every prefix is refused with an IbeError; so is an octet too many. */
export function refusesEveryTruncation(der: Uint8Array, decode: (der: Uint8Array) => unknown): void {
  for (let length = 0; length < der.length; length++) {
    expect(() => decode(der.subarray(0, length)), `${length} octets`).toThrow(IbeError);
  }
  expect(() => decode(concat(der, Uint8Array.of(0)))).toThrow(IbeError);
}

/** Each octet altered: refused with an IbeError, or decoded to another value with exactly this encoding. */
export function isCanonical<T>(
  der: Uint8Array,
  decode: (der: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): void {
  for (let at = 0; at < der.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const altered = der.map((octet, i) => (i === at ? octet ^ mask : octet));
      let value: T;
      try {
        value = decode(altered);
      } catch (error) {
        expect(error).toBeInstanceOf(IbeError);
        continue;
      }
      expect(encode(value)).toEqual(altered);
    }
  }
}
