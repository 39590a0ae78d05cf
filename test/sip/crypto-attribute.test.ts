import { describe, expect, it } from 'vitest';
import { cryptoIn, parseCryptoAttribute } from '../../src/sip/crypto-attribute.ts';

const KEY = 'd0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';

describe('R-62: keys that signalling carries in the open', () => {
  it('RFC 4568 section 4.2: suite, key and salt, lifetime and MKI', () => {
    const found = parseCryptoAttribute(
      `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4;inline:${KEY}|2^20|2:4 FEC_ORDER=FEC_SRTP`,
    );
    expect(found).toMatchObject({ tag: 1, suite: 'AES_CM_128_HMAC_SHA1_80' });
    expect(found?.keys.map(({ mki }) => [...(mki ?? [])])).toEqual([
      [0, 0, 0, 1],
      [0, 0, 0, 2],
    ]);
    expect(found?.keys[0]?.keyAndSalt.length).toBe(30);
    expect(found?.sessionParameters).toEqual(['FEC_ORDER=FEC_SRTP']);
  });

  it('lifetime and MKI are optional, each by itself; names are read in any case, blanks may be several', () => {
    for (const rest of ['', '|2^20', '|1048576', '|1:1', '|2^31|255:1'])
      expect(parseCryptoAttribute(`1  aes_cm_128_hmac_sha1_32\tINLINE:${KEY}${rest} `)?.suite).toBe(
        'AES_CM_128_HMAC_SHA1_32',
      );
    expect(parseCryptoAttribute(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|1:1`)?.keys[0]?.mki).toEqual(
      Uint8Array.of(1),
    );
  });

  it('what is not of the grammar gives nothing, and costs the next line nothing', () => {
    const bad = [
      'x AES_CM_128_HMAC_SHA1_80 inline:AAAA',
      '1 AES_CM_128_HMAC_SHA1_80',
      '1 AES_CM_128_HMAC_SHA1_80 inline:',
      '1 AES_CM_128_HMAC_SHA1_80 uri:AAAA',
      '1 AES_CM_128_HMAC_SHA1_80 inline:A~AA',
      '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|1:0',
      '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|256:1',
      '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|1:129',
      '1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|1:1|2:1',
    ];
    for (const value of bad) expect(parseCryptoAttribute(value)).toBeNull();
    const lines = [...bad.map((value) => `crypto:${value}`), `Crypto:2 X_1 inline:${KEY}`, 'sendrecv'];
    expect(cryptoIn(lines).map(({ tag }) => tag)).toEqual([2]);
  });
});
