import { expect, it } from 'vitest';
import { OctetPool } from '../../src/bytes/octet-pool.ts';

it('octets of a pool are nobody else’s, and 0', () => {
  const pool = new OctetPool();
  const lengths = Array.from({ length: 2_000 }, (_, n) => n % 400).concat(70_000, 8_192, 8_193, 0);
  const taken = lengths.map((length, n) => {
    const octets = pool.take(length);
    expect(octets.every((octet) => octet === 0)).toBe(true);
    return octets.fill(n & 0xff);
  });
  expect(taken.map(({ length }) => length)).toEqual(lengths);
  for (const [n, octets] of taken.entries()) expect(octets.every((octet) => octet === (n & 0xff))).toBe(true);
});

it('short octets of a pool share memory, long ones have their own', () => {
  const pool = new OctetPool();
  const [first, second] = [pool.take(300), pool.take(300)];
  expect(first.buffer).toBe(second.buffer);
  expect(pool.take(10_000).buffer.byteLength).toBe(10_000);
});
