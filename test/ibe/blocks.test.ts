/** The blocks of RFC 5091 section 8 and IBEIdentityInfo of RFC 5408. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derInteger, derOctets, derOid, derSequence, derIa5 } from '../../src/bytes/der.ts';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import {
  decodeBfCiphertextBlock,
  decodeBfMasterSecret,
  decodeBfPrivateKeyBlock,
  encodeBfCiphertextBlock,
  encodeBfMasterSecret,
  encodeBfPrivateKeyBlock,
} from '../../src/ibe/blocks.ts';
import { decodeIbeIdentityInfo, encodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { isCanonical, refusesEveryTruncation } from './support/truncation.ts';

const natural = fc.bigInt({ min: 0n, max: 1n << 300n });
const point = fc.record({ x: natural, y: natural });
const bytes = fc.uint8Array({ maxLength: 70 });
const malformed = expect.objectContaining({ code: 'malformed' }) as Error;
const unsupported = expect.objectContaining({ code: 'unsupported' }) as Error;

const fpPoint = (x: bigint, y: bigint) => derSequence(derInteger(x), derInteger(y));
const u = { x: 0x80ffn, y: 0x7fn };

describe('BFCiphertextBlock', () => {
  const sample = encodeBfCiphertextBlock({ u, v: Uint8Array.of(1, 2), w: Uint8Array.of(3) });

  it('is encoded as section 8 says', () => {
    expect(toHex(sample)).toBe('3014' + '020102' + '3008' + '02030080ff' + '02017f' + '04020102' + '040103');
  });

  it('decode(encode(x)) = x', () => {
    fc.assert(
      fc.property(fc.record({ u: point, v: bytes, w: bytes }), (ciphertext) => {
        expect(decodeBfCiphertextBlock(encodeBfCiphertextBlock(ciphertext))).toEqual(ciphertext);
      }),
    );
  });

  it('cut anywhere, or altered into another encoding, is refused', () => {
    refusesEveryTruncation(sample, decodeBfCiphertextBlock);
    isCanonical(sample, decodeBfCiphertextBlock, encodeBfCiphertextBlock);
  });

  it('of another version is unsupported', () => {
    const v3 = derSequence(
      derInteger(3),
      fpPoint(1n, 1n),
      derOctets(new Uint8Array()),
      derOctets(new Uint8Array()),
    );
    expect(() => decodeBfCiphertextBlock(v3)).toThrow(unsupported);
  });

  it('with a negative, a padded or a missing coordinate is malformed', () => {
    const parts = (p: Uint8Array) =>
      derSequence(derInteger(2), p, derOctets(new Uint8Array()), derOctets(new Uint8Array()));
    expect(() => decodeBfCiphertextBlock(parts(fpPoint(-1n, 1n)))).toThrow(malformed);
    expect(() => decodeBfCiphertextBlock(parts(fpPoint(1n, -1n)))).toThrow(malformed);
    expect(() => decodeBfCiphertextBlock(parts(fromHex('3007' + '02020001' + '020101')))).toThrow(malformed);
    expect(() => decodeBfCiphertextBlock(parts(derSequence(derInteger(1))))).toThrow(malformed);
    expect(() =>
      decodeBfCiphertextBlock(parts(derSequence(derInteger(1), derInteger(1), derInteger(1)))),
    ).toThrow(malformed);
  });

  it('in BER that is not DER is malformed', () => {
    const hex = toHex(sample);
    expect(() => decodeBfCiphertextBlock(fromHex('3080' + hex.slice(4) + '0000'))).toThrow(malformed);
    expect(() => decodeBfCiphertextBlock(fromHex('308115' + hex.slice(4)))).toThrow(malformed);
  });
});

describe('BFPrivateKeyBlock and BFMasterSecret', () => {
  it('decode(encode(x)) = x; cut anywhere they are refused', () => {
    fc.assert(
      fc.property(point, natural, (key, secret) => {
        expect(decodeBfPrivateKeyBlock(encodeBfPrivateKeyBlock(key))).toEqual(key);
        expect(decodeBfMasterSecret(encodeBfMasterSecret(secret))).toBe(secret);
      }),
    );
    const block = encodeBfPrivateKeyBlock(u);
    refusesEveryTruncation(block, decodeBfPrivateKeyBlock);
    isCanonical(block, decodeBfPrivateKeyBlock, encodeBfPrivateKeyBlock);
    const master = encodeBfMasterSecret(0x1234567890n).expose();
    refusesEveryTruncation(master, (der) => decodeBfMasterSecret(Secret.of(der)));
    isCanonical(
      master,
      (der) => decodeBfMasterSecret(Secret.of(der)),
      (s) => encodeBfMasterSecret(s).expose(),
    );
  });

  it('a negative master secret or another version is refused', () => {
    const of = (...parts: Uint8Array[]) => Secret.of(derSequence(...parts));
    expect(() => decodeBfMasterSecret(of(derInteger(2), derInteger(-5)))).toThrow(malformed);
    expect(() => decodeBfMasterSecret(of(derInteger(1), derInteger(5)))).toThrow(unsupported);
    expect(() => decodeBfPrivateKeyBlock(derSequence(derInteger(1), fpPoint(1n, 1n)))).toThrow(unsupported);
  });
});

describe('IBEIdentityInfo', () => {
  const info = {
    district: 'https://kms.home1.example/.well-known/ibe',
    serial: 300,
    identityType: '2.25.164985462316910257001782158127321009248.1',
    identityData: Uint8Array.of(5, 0),
  };

  it('decode(encode(x)) = x, with a 128-bit arc', () => {
    expect(decodeIbeIdentityInfo(encodeIbeIdentityInfo(info))).toEqual(info);
    fc.assert(
      fc.property(fc.nat(), bytes, (serial, identityData) => {
        const other = { ...info, serial, identityData };
        expect(decodeIbeIdentityInfo(encodeIbeIdentityInfo(other))).toEqual(other);
      }),
    );
  });

  it('cut anywhere, or altered into another encoding, is refused', () => {
    refusesEveryTruncation(encodeIbeIdentityInfo(info), decodeIbeIdentityInfo);
    isCanonical(encodeIbeIdentityInfo(info), decodeIbeIdentityInfo, encodeIbeIdentityInfo);
  });

  it('a negative or enormous serial, or a district that is not ASCII, is malformed', () => {
    const of = (serial: bigint, district = derIa5('d')) =>
      derSequence(district, derInteger(serial), derOid('1.2'), derOctets(new Uint8Array()));
    expect(() => decodeIbeIdentityInfo(of(-1n))).toThrow(malformed);
    expect(() => decodeIbeIdentityInfo(of(1n << 60n))).toThrow(malformed);
    expect(() => decodeIbeIdentityInfo(of(1n, fromHex('1601e9')))).toThrow(malformed);
    expect(decodeIbeIdentityInfo(of(1n)).serial).toBe(1);
  });
});
