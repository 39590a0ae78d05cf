/** HashToRange, HashBytes and Canonical beyond what section 7 has. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concat, toBigInt, toHex, utf8 } from '../../src/bytes/octets.ts';
import { canonical } from '../../src/ibe/canonical.ts';
import { LeastRecentlyUsed } from '../../src/ibe/cache.ts';
import { HASHES, digest, hashBytes, hashOfOid, hashToRange, type BfHash } from '../../src/ibe/hash.ts';

const hashes = Object.keys(HASHES) as BfHash[];
const H = (hash: string, ...parts: Uint8Array[]) =>
  new Uint8Array(
    createHash(hash)
      .update(concat(...parts))
      .digest(),
  );

describe.each(hashes)('%s', (hash) => {
  const { length } = HASHES[hash];
  const zeros = new Uint8Array(length);
  const s = utf8('sip:alice@home1.example');

  it('has the length of its table', () => {
    expect(digest(hash, s).length).toBe(length);
  });

  it('HashToRange has two rounds and no more, however large n is (Algorithm 4.1.1)', () => {
    const h1 = H(hash, zeros, s);
    const whole = toBigInt(concat(h1, H(hash, h1, s)));
    expect(hashToRange(hash, s, 1n << 4096n)).toBe(whole);
    expect(hashToRange(hash, s, 1000003n)).toBe(whole % 1000003n);
    expect(hashToRange(hash, s, 1n)).toBe(0n);
  });

  it('HashBytes goes on for as many blocks as are asked for (Algorithm 4.2.1)', () => {
    const K = H(hash, s);
    const h1 = H(hash, zeros);
    const h2 = H(hash, h1);
    const two = concat(H(hash, h1, K), H(hash, h2, K));
    for (const b of [0, 1, length - 1, length, length + 1, 2 * length]) {
      expect(hashBytes(hash, b, s)).toEqual(two.subarray(0, b));
    }
  });
});

describe('Canonical (Algorithm 4.3.2)', () => {
  it('is of fixed length, in either order', () => {
    const p = 0x1_0007n;
    expect(toHex(canonical({ re: 1n, im: -1n }, 0, p))).toBe('000001' + '010006');
    expect(toHex(canonical({ re: 1n, im: -1n }, 1, p))).toBe('010006' + '000001');
    expect(toHex(canonical({ re: p, im: 0n }, 0, p))).toBe('000000' + '000000');
  });
});

describe('the table of hash functions', () => {
  it('knows the object identifiers of section 8 and no others', () => {
    expect(hashOfOid('2.16.840.1.101.3.4.2.1')).toBe('sha256');
    expect(hashOfOid('1.3.14.3.2.16')).toBeNull();
  });
});

describe('the bounded map', () => {
  it('forgets what was used least recently, and keeps nothing of a failure', () => {
    const cache = new LeastRecentlyUsed<number>(2);
    const made: string[] = [];
    const get = (key: string): number => cache.get(key, () => made.push(key));
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) get(key);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    expect(cache.size).toBe(2);
    const fail = (): number => {
      throw new Error('no');
    };
    expect(() => cache.get('d', fail)).toThrow('no');
    expect(cache.size).toBe(2);
  });
});
