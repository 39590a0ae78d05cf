/** HMAC-SHA-256 without an object each: the same as the runtime's, whatever the key and the text. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BytesError } from '../../src/bytes/errors.ts';
import { KeyedHash } from '../../src/bytes/keyed-hash.ts';
import { fromHex } from '../../src/bytes/octets.ts';

it('gives the vectors of RFC 4231', () => {
  expect(new KeyedHash(fromHex('0b'.repeat(20))).ofText('Hi There')).toBe(
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  );
  expect(new KeyedHash(new TextEncoder().encode('Jefe')).ofText('what do ya want for nothing?')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

it('is the HMAC of any text under any key, whatever came before', () => {
  const latin1 = fc.uint8Array({ maxLength: 3000 }).map((octets) => Buffer.from(octets).toString('latin1'));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(latin1, { maxLength: 4 }), (key, texts) => {
      const keyed = new KeyedHash(key);
      for (const text of texts)
        expect(keyed.ofText(text)).toBe(createHmac('sha256', key).update(text, 'latin1').digest('hex'));
    }),
  );
});

it('takes no key that is longer than a block', () => {
  expect(() => new KeyedHash(new Uint8Array(65))).toThrow(BytesError);
});
