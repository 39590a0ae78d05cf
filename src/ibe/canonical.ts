/** Canonical octet strings of field elements (RFC 5091 section 4.3): fixed length l = ⌈lg(p)/8⌉, big endian. */
import { concat, fromBigInt } from '../bytes/octets.ts';
import { bitLength, mod, type Fp2 } from './field.ts';

/** An element of F_p as l octets. */
export function canonicalElement(a: bigint, p: bigint): Uint8Array {
  return fromBigInt(mod(a, p), Math.ceil(bitLength(p) / 8));
}

/** Algorithm 4.3.1 of re + im·i: order 0 puts the real part first, order 1 the imaginary part. */
export function canonical(v: Fp2, order: 0 | 1, p: bigint): Uint8Array {
  const re = canonicalElement(v.re, p);
  const im = canonicalElement(v.im, p);
  return order === 0 ? concat(re, im) : concat(im, re);
}
