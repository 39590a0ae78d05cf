/** Scalars as digits. */
import { bitLength } from '../field.ts';

/** Squarings, then a multiplication by the power `factor`, odd and below 2^width; 0 for none. */
export function slidingWindows(
  exponent: bigint,
  width: number,
): { readonly squarings: number; readonly factor: number }[] {
  const bits = exponent.toString(2);
  const windows: { squarings: number; factor: number }[] = [];
  let at = 0;
  while (at < bits.length) {
    const one = bits.indexOf('1', at);
    if (one < 0) {
      windows.push({ squarings: bits.length - at, factor: 0 });
      break;
    }
    const end = bits.lastIndexOf('1', Math.min(one + width, bits.length) - 1) + 1;
    windows.push({ squarings: end - at, factor: parseInt(bits.slice(one, end), 2) });
    at = end;
  }
  return windows;
}

/** Bits of a secret number below 2^length, lowest first; what happens does not depend on it once it is octets. */
export function secretBits(n: bigint, length: number): Uint8Array {
  const octets = Buffer.from(n.toString(16).padStart(2 * Math.ceil(length / 8), '0'), 'hex');
  const bits = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    bits[at] = ((octets[octets.length - 1 - (at >> 3)] ?? 0) >> (at & 7)) & 1;
  }
  octets.fill(0);
  return bits;
}

/** Odd digits, |digit| < 2^width, lowest first, of k or k + q, whichever is odd; 0 ≤ k < q, q odd. */
export function secretDigits(k: bigint, q: bigint, width: number): Int32Array {
  const length = bitLength(q) + 1;
  const count = Math.ceil(length / width);
  const bits = secretBits(k, width * (count + 1));
  const odd = bits[0] ?? 0;
  const modulus = secretBits(q, bits.length);
  let carry = 0;
  for (let at = 0; at < bits.length; at++) {
    const sum = (bits[at] ?? 0) + ((modulus[at] ?? 0) & (odd - 1)) + carry;
    bits[at] = sum & 1;
    carry = sum >> 1;
  }
  const digits = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    let value = 1;
    for (let at = 1; at <= width; at++) value |= (bits[index * width + at] ?? 0) << at;
    digits[index] = index === count - 1 ? value : value - (1 << width);
  }
  bits.fill(0);
  return digits;
}
