/**
 * RSA whose octets follow from what is given: keys from a seed, RSAES-OAEP and RSASSA-PSS (RFC 8017 sections 7.1 and 8.1) with
 * the seed and the salt of the caller, where OpenSSL draws its own. Both with SHA-256, MGF1 with SHA-256, an empty label.
 * For vectors alone: it takes no care of time.
 */
import {
  checkPrimeSync,
  constants,
  createHash,
  createPrivateKey,
  privateEncrypt,
  publicEncrypt,
  type KeyObject,
} from 'node:crypto';
import { concat, fromBigInt, toBigInt } from '../../src/bytes/octets.ts';

const BITS = 2048;
const E = 65_537n;
const HASH = 32;
/** emLen = 8·k, since the modulus has a whole number of octets; emBits is one less (RFC 8017 section 8.1.1). */
const CLEARED = 0x7f;

/** A private key of 2048 bits. @param draw octets, as many as are asked for */
export function rsaKey(draw: (octets: number) => Uint8Array): KeyObject {
  const [one, other] = [prime(draw), prime(draw)];
  const [p, q] = one > other ? [one, other] : [other, one];
  const d = inverse(E, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e: E, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const members = Object.entries(numbers).map(([name, value]) => [name, base64Url(value)] as const);
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...Object.fromEntries(members) } });
}

/** RSAES-OAEP-ENCRYPT. @param seed 32 octets */
export function oaep(key: KeyObject, message: Uint8Array, seed: Uint8Array): Uint8Array {
  const padding = new Uint8Array(octetsOf(key) - message.length - 2 * HASH - 2);
  const block = concat(sha256(), padding, Uint8Array.of(1), message);
  const maskedBlock = xor(block, mask(seed, block.length));
  const maskedSeed = xor(seed, mask(maskedBlock, HASH));
  const encoded = concat(Uint8Array.of(0), maskedSeed, maskedBlock);
  return new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded));
}

/** RSASSA-PSS-SIGN. @param salt 32 octets */
export function pss(key: KeyObject, message: readonly Uint8Array[], salt: Uint8Array): Uint8Array {
  const hash = sha256(new Uint8Array(8), sha256(...message), salt);
  const padding = new Uint8Array(octetsOf(key) - salt.length - HASH - 2);
  const block = concat(padding, Uint8Array.of(1), salt);
  const masked = xor(block, mask(hash, block.length));
  masked[0] = (masked[0] ?? 0) & CLEARED;
  const encoded = concat(masked, hash, Uint8Array.of(0xbc));
  return new Uint8Array(privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded));
}

/** Octets of the modulus. */
export function octetsOf({ asymmetricKeyDetails }: KeyObject): number {
  return (asymmetricKeyDetails?.modulusLength ?? 0) / 8;
}

/* ---------------------------------------------------------------- helpers */

/** With its two highest bits set, so that the product of two has all its bits; p − 1 has no factor in common with e. */
function prime(draw: (octets: number) => Uint8Array): bigint {
  for (;;) {
    const octets = draw(BITS / 16);
    octets[0] = (octets[0] ?? 0) | 0xc0;
    octets[octets.length - 1] = (octets.at(-1) ?? 0) | 1;
    const candidate = toBigInt(octets);
    if ((candidate - 1n) % E !== 0n && checkPrimeSync(candidate)) return candidate;
  }
}

/** a⁻¹ mod m. */
function inverse(a: bigint, m: bigint): bigint {
  let [r, next, s, t] = [m, a % m, 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [s, t] = [t, s - quotient * t];
  }
  return ((s % m) + m) % m;
}

/** MGF1. */
function mask(seed: Uint8Array, octets: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(octets / HASH) }, (_, at) =>
    sha256(seed, fromBigInt(BigInt(at), 4)),
  );
  return concat(...blocks).subarray(0, octets);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  );
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, at) => octet ^ (b[at] ?? 0));
}

function base64Url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}
