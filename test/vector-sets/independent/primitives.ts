/**
 * What the profile computes with, by node:crypto alone: seeds, slot keys and HMAC_DRBG (section 5), points, SRTP. Written
 * from the texts; it shares no code with the product.
 */
import { createCipheriv, createDecipheriv, createECDH, createHash, createHmac, hkdfSync } from 'node:crypto';
import { prf, type PrfHash } from '../../support/rfc3830.ts';
import type { RawContainer } from './mikey-reader.ts';

interface Group {
  readonly name: string;
  readonly order: bigint;
  readonly octets: number;
  /** What is cleared of a drawn secret's first octet. */
  readonly mask: number;
}

/** SEC 2: P-256, P-384, P-521. */
const GROUPS: Readonly<Record<number, Group>> = {
  8: {
    ...{ name: 'prime256v1', octets: 32, mask: 0xff },
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  11: {
    ...{ name: 'secp384r1', octets: 48, mask: 0xff },
    order: BigInt(`0x${'f'.repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`),
  },
  14: {
    ...{ name: 'secp521r1', octets: 66, mask: 0x01 },
    order: BigInt(`0x01${'f'.repeat(64)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`),
  },
};

export function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

export function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  return createHmac('sha256', key).update(Buffer.concat(parts)).digest();
}

/** DER of IBEIdentityInfo for a SIP identity and the start of a period, Unix seconds (profile, section 1). */
export function identityInfo(district: string, serial: number, uri: string, period: number): Buffer {
  const time = new Date(period * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');
  const data = der(0x30, der(0x0c, Buffer.from(uri)), der(0x18, Buffer.from(time)));
  const arc = Buffer.from('6981f89f85d4cdd0f2a9f79a8e8febe8e9ad986001', 'hex');
  const number = Buffer.from(serial.toString(16).padStart(2, '0'), 'hex');
  return der(0x30, der(0x16, Buffer.from(district)), der(0x02, number), der(0x06, arc), der(0x04, data));
}

/** k₀ of a device and period. */
export function seedOf(liRoot: string, identity: Buffer): Buffer {
  const info = Buffer.concat([Buffer.from('MIKEY-IBAKE LI seed v1'), identity]);
  return Buffer.from(hkdfSync('sha256', Buffer.from(liRoot, 'hex'), Buffer.alloc(0), info, 32));
}

/** kⱼ. */
export function slotKeyOf(seed: Buffer, slot: number): Buffer {
  let key = seed;
  for (let j = 0; j < slot; j++) key = hmac(key, Buffer.from('next'));
  return key;
}

/** HMAC_DRBG (SP 800-90A 10.1.2): octets of one Generate call after another. */
export function* drawn(slotKey: Buffer, context: Buffer, octets: number): Generator<Buffer> {
  let key: Buffer = Buffer.alloc(32);
  let value: Buffer = Buffer.alloc(32, 1);
  const update = (data: Buffer) => {
    for (const separator of data.length === 0 ? [0] : [0, 1]) {
      key = hmac(key, value, Buffer.of(separator), data);
      value = hmac(key, value);
    }
  };
  update(Buffer.concat([slotKey, sha256(context), Buffer.from('MIKEY-IBAKE LI secret v2')]));
  for (;;) {
    let out: Buffer = Buffer.alloc(0);
    while (out.length < octets) {
      value = hmac(key, value);
      out = Buffer.concat([out, value]);
    }
    update(Buffer.alloc(0));
    yield out.subarray(0, octets);
  }
}

/** The secret of a point. */
export function secretOf(slotKey: Buffer, curve: number, context: Buffer): bigint {
  const { octets, mask, order } = groupOf(curve);
  for (const candidate of drawn(slotKey, context, octets)) {
    const cut = Buffer.from(candidate);
    cut.writeUInt8(cut.readUInt8(0) & mask, 0);
    const value = BigInt(`0x${cut.toString('hex')}`);
    if (value >= 1n && value < order) return value;
  }
  throw new Error('the generator ended');
}

/** [a·b·…]P of the curve, uncompressed. */
export function pointOf(curve: number, ...secrets: readonly bigint[]): Buffer {
  const { name, order, octets } = groupOf(curve);
  const product = secrets.reduce((a, b) => (a * b) % order, 1n);
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(Buffer.from(product.toString(16).padStart(2 * octets, '0'), 'hex'));
  return ecdh.getPublicKey();
}

/** What a container holds. @throws if it does not authenticate */
export function opened({ nonce, ciphertext, tag, aad }: RawContainer, cek: string): Buffer {
  const key = Buffer.from(cek, 'hex');
  const decipher = createDecipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

/** A key by the PRF of a CSB: constant ‖ cs_id ‖ csb_id ‖ RAND. */
export function derived(
  hash: PrfHash,
  inkey: Buffer,
  label: { readonly constant: string; readonly csId: number; readonly csbId: Buffer; readonly rand: Buffer },
  octets: number,
): Buffer {
  const { constant, csId, csbId, rand } = label;
  return prf(
    hash,
    inkey,
    Buffer.concat([Buffer.from(constant, 'hex'), Buffer.of(csId), csbId, rand]),
    8 * octets,
  );
}

/** Twelve characters of base 32 from the first 60 bits. */
export function spelt(mac: Buffer): string {
  const bits = [...mac.subarray(0, 8)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const characters = Array.from({ length: 12 }, (_, at) => {
    return 'abcdefghijklmnopqrstuvwxyz234567'.charAt(parseInt(bits.slice(5 * at, 5 * at + 5), 2));
  });
  return [0, 4, 8].map((at) => characters.slice(at, at + 4).join('')).join('-');
}

/** A session key of RFC 3711 4.3 for SRTP: label 0 encryption, 1 authentication, 2 salt. */
export function srtpKey(tek: Buffer, salt: Buffer, label: number, octets: number): Buffer {
  const counter = Buffer.concat([salt, Buffer.alloc(16 - salt.length)]);
  counter.writeUInt8(counter.readUInt8(7) ^ label, 7);
  return keystream(tek, counter, octets);
}

/** SRTP of a packet without CSRCs and extension, with its MKI (RFC 3711, RFC 7714). */
export function srtpOf(
  rtp: Buffer,
  keys: { readonly ke: Buffer; readonly ka: Buffer; readonly ks: Buffer; readonly gcm: boolean },
  mki: Buffer,
  roc: number,
): Buffer {
  const rollOver = Buffer.alloc(4);
  rollOver.writeUInt32BE(roc);
  const [header, payload] = [rtp.subarray(0, 12), rtp.subarray(12)];
  const index = Buffer.concat([rollOver, rtp.subarray(2, 4)]);
  const ssrc = rtp.subarray(8, 12);
  if (keys.gcm) {
    const iv = xor(Buffer.concat([Buffer.alloc(2), ssrc, index]), keys.ks);
    const cipher = createCipheriv(keys.ke.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', keys.ke, iv);
    cipher.setAAD(header);
    const sealed = Buffer.concat([cipher.update(payload), cipher.final()]);
    return Buffer.concat([header, sealed, cipher.getAuthTag(), mki]);
  }
  const place = Buffer.concat([Buffer.alloc(4), ssrc, index, Buffer.alloc(2)]);
  const counter = xor(place, Buffer.concat([keys.ks, Buffer.alloc(2)]));
  const sealed = Buffer.concat([header, xor(payload, keystream(keys.ke, counter, payload.length))]);
  const tag = createHmac('sha1', keys.ka)
    .update(Buffer.concat([sealed, rollOver]))
    .digest();
  return Buffer.concat([sealed, mki, tag.subarray(0, 10)]);
}

/* ---------------------------------------------------------------- helpers */

function groupOf(curve: number): Group {
  const group = GROUPS[curve];
  if (group === undefined) throw new Error(`curve ${curve}`);
  return group;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), contents]);
}

function keystream(key: Buffer, counter: Buffer, octets: number): Buffer {
  return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counter).update(
    Buffer.alloc(octets),
  );
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((octet, at) => octet ^ (b[at] ?? 0)));
}
