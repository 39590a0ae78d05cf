import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import { SrtpTransform } from '../../src/media/srtp/transform.ts';

const hex = (text: string) => fromHex(text.replace(/\s+/g, ''));
const SALT = hex('517569642070726f2071756f');
const KEY = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const NO_MKI = new Uint8Array();

/** The vectors of RFC 7714 begin at session keys, not at a master key. */
function transform(keyLength: 16 | 32): SrtpTransform {
  const keys = { encryption: KEY.slice(0, keyLength), authentication: new Uint8Array(), salt: SALT };
  const suite = keyLength === 16 ? SRTP_SUITE.aeadAes128Gcm : SRTP_SUITE.aeadAes256Gcm;
  return new SrtpTransform(suite, { rtp: keys, rtcp: keys });
}

describe('RFC 7714 section 16: SRTP with AES-GCM', () => {
  const plain = hex(`8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573`);
  const cases = [
    {
      section: '16.1',
      keyLength: 16 as const,
      packet: `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
    },
    {
      section: '16.2',
      keyLength: 32 as const,
      packet: `8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
        9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`,
    },
  ];
  test.each(cases)('$section, both directions', ({ keyLength, packet }) => {
    expect(toHex(transform(keyLength).protectRtp(plain, 0, NO_MKI))).toBe(toHex(hex(packet)));
    expect(transform(keyLength).unprotectRtp(hex(packet), 0, 0)).toEqual(plain);
    expect(transform(keyLength).unprotectRtp(hex(packet), 1, 0)).toBeNull();
  });
});

describe('RFC 7714 section 17: SRTCP with AES-GCM', () => {
  const plain = hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef`);

  test('17.1, AES-128, both directions', () => {
    const packet = hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
      c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`);
    expect(toHex(transform(16).protectRtcp(plain, 0x5d4, NO_MKI))).toBe(toHex(packet));
    expect(transform(16).unprotectRtcp(packet, 0)).toEqual({ packet: plain, index: 0x5d4 });
  });

  test('17.2, AES-256, decryption', () => {
    const packet = hex(`81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
      a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`);
    expect(transform(32).unprotectRtcp(packet, 0)).toEqual({ packet: plain, index: 0x5d4 });
  });

  test.each([
    { section: '17.3', keyLength: 16 as const, tag: '841dd968 3dd78ec9 2ae58790 125f62b3' },
    { section: '17.4', keyLength: 32 as const, tag: '91db4afb feee5a97 8fab4393 ed2615fe' },
  ])('$section, authenticated only', ({ keyLength, tag }) => {
    const packet = new Uint8Array([...plain, ...hex(tag), ...hex('000005d4')]);
    expect(transform(keyLength).unprotectRtcp(packet, 0)).toEqual({ packet: plain, index: 0x5d4 });
    const encryptedClaim = new Uint8Array([...plain, ...hex(tag), ...hex('800005d4')]);
    expect(transform(keyLength).unprotectRtcp(encryptedClaim, 0)).toBeNull();
  });
});
