import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { aesCounterMode, derive, sessionKeys } from '../../src/media/srtp/kdf.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';

const hex = (text: string) => fromHex(text.replace(/\s+/g, ''));

describe('RFC 3711 appendix B.2 and RFC 6188 sections 7.1, 7.3: counter mode over 1,044,512 octets', () => {
  const counter = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd0000');
  const cases = [
    {
      key: '2B7E151628AED2A6ABF7158809CF4F3C',
      first:
        'e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0',
      last: 'ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae6a2cc3787889374fbeb4c81b17ba6c44',
    },
    {
      key: '57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98',
      first:
        '92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31',
      last: 'cea518c90fd91ced9cbb18c078a547113dbc4814f4da5f00a08772b63c6a046d6eb246913062a16891433e97dd01a57f',
    },
    {
      key: 'eab234764e517b2d3d160d587d8c86219740f65f99b6bcf7',
      first:
        '35096cba4610028dc1b57503804ce37c5de986291dcce161d5165ec4568f5c9a474a40c77894bc17180202272a4c264d',
      last: 'd108d1a31a00bad6367ec23eb044b415c8f57129fdeb970b59f917b257662d4ca5dab625811034e8cebdfeb6dc158dd3',
    },
  ];
  test.each(cases)('key of $key.length hex digits', ({ key, first, last }) => {
    const stream = aesCounterMode(hex(key), counter, new Uint8Array(1_044_512));
    expect(toHex(stream.subarray(0, 48))).toBe(first);
    expect(toHex(stream.subarray(-48))).toBe(last);
  });
});

describe('RFC 3711 appendix B.3 and RFC 6188 sections 7.2, 7.4: key derivation', () => {
  test('AES-128', () => {
    const key = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
    const salt = hex('0EC675AD498AFEEBB6960B3AABE6');
    expect(toHex(derive(key, salt, 0, 16))).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(toHex(derive(key, salt, 2, 14))).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(toHex(derive(key, salt, 1, 94))).toBe(
      'cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef7227098' +
        '6371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2',
    );
  });

  test('AES-256, as the session keys of a suite', () => {
    const keys = sessionKeys(
      {
        suite: SRTP_SUITE.aesCm256HmacSha1Tag80,
        masterKey: Secret.of(hex('f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6')),
        masterSalt: Secret.of(hex('3b04803de51ee7c96423ab5b78d2')),
      },
      'rtp',
    );
    expect(toHex(keys.encryption)).toBe('5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4');
    expect(toHex(keys.salt)).toBe('fa31791685ca444a9e07c6c64e93');
    expect(toHex(keys.authentication)).toBe('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05');
  });

  test('AES-192, for the encryption key and salt', () => {
    const key = hex('73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1');
    const salt = hex('c8522f3acd4ce86d5add78edbb11');
    expect(toHex(derive(key, salt, 0, 24))).toBe('31874736a8f1143870c26e4857d8a5b2c4a354407faadabb');
    expect(toHex(derive(key, salt, 2, 14))).toBe('2372b82d639b6d8503a47adc0a6c');
  });
});
