/**
 * Key derivation and KEMAC protection a second time, written from the text of RFC 3830 sections 4.1.2, 4.1.4 and 4.2.3 (and
 * RFC 6043 section 6.1 for SHA-256), so that tests judge the product by something that shares no code with it.
 */
import { createCipheriv, createHmac } from 'node:crypto';

export type PrfHash = 'sha1' | 'sha256';

/** PRF(inkey, label) of 4.1.2: bit lengths, P(s, label, m), XOR. */
export function prf(hash: PrfHash, inkey: Uint8Array, label: Uint8Array, outkeyLenBits: number): Buffer {
  const outputBits = hash === 'sha1' ? 160 : 256;
  const hmac = (key: Uint8Array, ...data: Uint8Array[]) =>
    createHmac(hash, key).update(Buffer.concat(data)).digest();
  const n = Math.ceil((inkey.length * 8) / 256);
  const m = Math.ceil(outkeyLenBits / outputBits);
  let sum = 0n;
  for (let i = 1; i <= n; i++) {
    const s = inkey.slice((i - 1) * 32, i * 32);
    const a: Uint8Array[] = [label];
    let p = '';
    for (let k = 1; k <= m; k++) {
      a.push(hmac(s, a[k - 1]!));
      p += hmac(s, a[k]!, label).toString('hex');
    }
    sum ^= BigInt('0x' + p);
  }
  const hex = sum.toString(16).padStart((m * outputBits) / 4, '0');
  return Buffer.from(hex.slice(0, outkeyLenBits / 4), 'hex');
}

/** Keys from a pre-shared key: constant ‖ 0xFF ‖ csb_id ‖ RAND (4.1.4). */
export function messageKey(
  constant: '150533e1' | '2d22ac75' | '29b88916',
  hash: PrfHash,
  psk: Uint8Array,
  csbId: Uint8Array,
  rand: Uint8Array,
  bits: number,
): Buffer {
  return prf(hash, psk, Buffer.concat([Buffer.from(constant + 'ff', 'hex'), csbId, rand]), bits);
}

/** AES in counter mode under IV = (S XOR (0x0000 ‖ CSB ID ‖ T)) ‖ 0x0000 (4.2.3), block by block. */
export function counterMode(
  key: Uint8Array,
  salt: Uint8Array,
  csbId: Uint8Array,
  t: Uint8Array,
  data: Uint8Array,
): Buffer {
  const masked =
    BigInt('0x' + Buffer.from(salt).toString('hex')) ^
    BigInt('0x' + Buffer.concat([Buffer.alloc(2), csbId, t]).toString('hex'));
  const blocks = Array.from({ length: Math.ceil(data.length / 16) }, (_, i) => {
    const counter = Buffer.from(((masked << 16n) + BigInt(i)).toString(16).padStart(32, '0'), 'hex');
    return createCipheriv(`aes-${key.length * 8}-ecb`, key, null).update(counter);
  });
  const keystream = Buffer.concat(blocks);
  return Buffer.from(data.map((octet, i) => octet ^ keystream[i]!));
}

export function mac(hash: PrfHash, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return createHmac(hash, key).update(Buffer.concat(parts)).digest();
}
