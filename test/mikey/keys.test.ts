import { createCipheriv, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toBigInt, toHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { MikeyError } from '../../src/mikey/errors.ts';
import { deriveFromSession, deriveMessageKey, deriveSessionKey } from '../../src/mikey/kdf.ts';
import { cryptKemac, timestamp64 } from '../../src/mikey/kemac.ts';
import { authKeyOctets, computeMac } from '../../src/mikey/mac.ts';
import { ntpFromUnixMs, unixMsFromNtp, unixSecondsFromNtp } from '../../src/mikey/ntp.ts';
import { mikeyPrf } from '../../src/mikey/prf.ts';
import { exchange, FILES, messagesOf } from './vectors.ts';

const secret = (hex: string) => Secret.of(fromHex(hex));
const hex = (value: Secret) => toHex(value.expose());

/** RFC 3830 4.1.2 a second time, straight from its text: bit lengths, P(s, label, m), XOR. */
function prfOfTheRfc(
  hash: 'sha1' | 'sha256',
  inkey: Uint8Array,
  label: Uint8Array,
  outkeyLenBits: number,
): string {
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac(hash, key).update(data).digest();
  const n = Math.ceil((inkey.length * 8) / 256);
  const m = Math.ceil(outkeyLenBits / (hash === 'sha1' ? 160 : 256));
  let sum: bigint | null = null;
  for (let i = 1; i <= n; i++) {
    const s = inkey.slice((i - 1) * 32, i * 32);
    const a = [label];
    let p = '';
    for (let k = 1; k <= m; k++) {
      a.push(hmac(s, a[k - 1]!));
      p += toHex(hmac(s, concat(a[k]!, label)));
    }
    sum = (sum ?? 0n) ^ BigInt('0x' + p);
  }
  const width = (m * (hash === 'sha1' ? 160 : 256)) / 4;
  return (sum ?? 0n)
    .toString(16)
    .padStart(width, '0')
    .slice(0, outkeyLenBits / 4);
}

describe.each(FILES)('keys of %s', (file) => {
  const vector = exchange(file);
  const rand = fromHex(vector.rand);
  const { prfFunc, csbId } = vector;

  it('MPK and TGK from K_SESSION (RFC 6267 5.1)', () => {
    expect(hex(deriveFromSession('mpk', secret(vector.keys.kSession), prfFunc, rand))).toBe(vector.keys.mpk);
    expect(hex(deriveFromSession('tgk', secret(vector.keys.kSession), prfFunc, rand))).toBe(vector.keys.tgk);
  });

  it('TEK and salt of every crypto session (RFC 3830 4.1.3)', () => {
    const tgk = secret(vector.keys.tgk);
    for (const { csId, tek, salt } of vector.keys.cryptoSessions) {
      const context = { prfFunc, csId, csbId, rand };
      expect(hex(deriveSessionKey('tek', tgk, context, tek.length / 2))).toBe(tek);
      expect(hex(deriveSessionKey('salt', tgk, context, salt.length / 2))).toBe(salt);
    }
  });

  it('auth_key and V of R_MESSAGE_2 (RFC 3830 4.1.4, RFC 6267 5.4)', () => {
    const message = messagesOf(vector).find(([name]) => name === 'R_MESSAGE_2')?.[1] ?? new Uint8Array();
    const { authKey, mac } = vector.messages['R_MESSAGE_2'] ?? {};
    const alg = prfFunc === 1 ? 2 : 1;
    const key = deriveMessageKey(
      'auth',
      secret(vector.keys.mpk),
      { prfFunc, csbId, rand },
      authKeyOctets(alg),
    );
    expect(hex(key)).toBe(authKey);
    const covered = message.subarray(0, message.length - authKeyOctets(alg));
    expect(toHex(computeMac(alg, key, covered, utf8(vector.uri.i), utf8(vector.uri.r)))).toBe(mac);
  });
});

describe('the PRFs (RFC 3830 4.1.2, RFC 6043 6.1)', () => {
  it.each([
    ['sha1' as const, 0],
    ['sha256' as const, 1],
  ])('%s agrees with a second derivation for keys of any number of blocks', (hash, prfFunc) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 140 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 1, max: 90 }),
        (inkey, label, octets) => {
          const expected = prfOfTheRfc(hash, inkey, label, octets * 8);
          expect(hex(mikeyPrf(prfFunc, Secret.of(inkey), label, octets))).toBe(expected);
        },
      ),
    );
  });

  it('refuse an unregistered PRF func and an empty key', () => {
    expect(() => mikeyPrf(2, secret('00'), fromHex(''), 16)).toThrow(MikeyError);
    expect(() => mikeyPrf(1, secret(''), fromHex(''), 16)).toThrow(MikeyError);
  });
});

describe('KEMAC encryption (RFC 3830 4.2.3)', () => {
  const key = secret('00112233445566778899aabbccddeeff');
  const rand = fromHex('0f0e0d0c0b0a09080706050403020100');
  const t = { kind: 't' as const, tsType: 0, value: fromHex('ef47550080000000') };

  it.each([
    ['AES-CM-128', 1, 16, 'aes-128-ecb'],
    ['AES-CM-256', 3, 32, 'aes-256-ecb'],
  ])('%s is the counter mode of the text, block by block', (_, alg, keyOctets, ecb) => {
    const csbId = 0xa1b2c3d4;
    const label = (constant: string) => fromHex(constant + 'ff' + 'a1b2c3d4' + toHex(rand));
    const encrKey = fromHex(prfOfTheRfc('sha256', key.expose(), label('150533e1'), keyOctets * 8));
    const salt = BigInt('0x' + prfOfTheRfc('sha256', key.expose(), label('29b88916'), 112));
    const iv = (salt ^ BigInt('0x0000' + 'a1b2c3d4' + toHex(t.value))) << 16n;
    const plaintext = new Uint8Array(100).map((_, i) => i);
    const keystream = Array.from({ length: 7 }, (_, i) => {
      const block = fromHex((iv + BigInt(i)).toString(16).padStart(32, '0'));
      return createCipheriv(ecb, encrKey, null).update(block);
    });
    const expected = plaintext.map((octet, i) => octet ^ (concat(...keystream)[i] ?? 0));
    const sealed = cryptKemac(alg, { key, prfFunc: 1, csbId, rand, t }, plaintext);
    expect(toHex(sealed)).toBe(toHex(expected));
    expect(toHex(cryptKemac(alg, { key, prfFunc: 1, csbId, rand, t }, sealed))).toBe(toHex(plaintext));
  });

  it('pads short timestamps on their own side (RFC 3830 6.6, RFC 6043 6.3)', () => {
    expect(toHex(timestamp64({ kind: 't', tsType: 2, value: fromHex('01020304') }))).toBe('0000000001020304');
    expect(toHex(timestamp64({ kind: 't', tsType: 3, value: fromHex('01020304') }))).toBe('0102030400000000');
  });

  it('refuses NULL and unregistered algorithms', () => {
    const context = { key, prfFunc: 1, csbId: 1, rand, t };
    expect(() => cryptKemac(0, context, fromHex('00'))).toThrow(MikeyError);
    expect(() => cryptKemac(2, context, fromHex('00'))).toThrow(MikeyError);
    expect(() => computeMac(0, key)).toThrow(MikeyError);
  });
});

describe('NTP timestamps (RFC 3830 4.2.8)', () => {
  it.each(FILES)('of %s', (file) => {
    const { time } = exchange(file);
    expect(unixSecondsFromNtp(fromHex(time.T1)).seconds).toBe(time.unix);
    // Milliseconds as a number are exact to a microsecond, which is 4295 units of T.
    const again = toBigInt(ntpFromUnixMs(unixMsFromNtp(fromHex(time.T1))));
    expect(Math.abs(Number(again - BigInt(`0x${time.T1}`)))).toBeLessThan(4295);
  });

  it('roll over to era 1 in 2036 and keep their order', () => {
    const last = Date.UTC(2036, 1, 7, 6, 28, 15);
    expect(toHex(ntpFromUnixMs(last))).toBe('ffffffff00000000');
    expect(toHex(ntpFromUnixMs(last + 1000))).toBe('0000000000000000');
    expect(unixMsFromNtp(fromHex('0000000000000000'))).toBe(last + 1000);
    expect(unixMsFromNtp(fromHex('7fffffff00000000'))).toBe(Date.UTC(2104, 1, 26, 9, 42, 23));
  });

  it('refuse other lengths', () => {
    expect(() => unixMsFromNtp(fromHex('01020304'))).toThrow(MikeyError);
    expect(() => unixMsFromNtp(fromHex('010203040506070809'))).toThrow(MikeyError);
  });
});
