/** Memory that packets of a stream share: whose it is, and how much of it is kept for how few of them. */
import { describe, expect, test } from 'vitest';
import { StreamMemory } from '../../src/bytes/stream-memory.ts';

/** Octets of all that is kept, and in how many pieces, by so many of one stream. */
function kept(lengths: readonly number[]): { octets: number; pieces: number; taken: readonly Uint8Array[] } {
  const memory = new StreamMemory();
  const taken = lengths.map((length) => memory.take(length));
  const pieces = new Set(taken.map(({ buffer }) => buffer));
  return { octets: [...pieces].reduce((sum, each) => sum + each.byteLength, 0), pieces: pieces.size, taken };
}

describe('R-56: memory of packets of a stream', () => {
  test.each([1, 2, 3, 5, 15, 17, 40, 200])('is at most twice what %i of them need', (count) => {
    expect(kept(Array<number>(count).fill(172)).octets).toBeLessThanOrEqual(2 * count * 172);
  });

  test('is shared by sixteen in the long run', () => {
    expect(kept(Array<number>(16 * 100).fill(172)).pieces).toBeLessThan(106);
  });

  test("is nobody else's, whatever their lengths", () => {
    const lengths = Array.from({ length: 70 }, (_, n) => [0, 1, 172, 60, 2048, 2049, 65_507][n % 7] ?? 0);
    const { taken } = kept(lengths);
    taken.forEach((octets, n) => {
      expect(octets.every((octet) => octet === 0)).toBe(true);
      octets.fill(1 + (n % 255));
    });
    expect(taken.map(({ length }) => length)).toEqual(lengths);
    taken.forEach((octets, n) => expect(octets.every((octet) => octet === 1 + (n % 255))).toBe(true));
  });
});
