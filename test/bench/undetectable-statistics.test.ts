/** The statistics that say whether interception shows. */
import { describe, expect, it } from 'vitest';
import {
  differenceOf,
  jitterOf,
  median,
  seededUniform,
  verdictOf,
} from '../../bench/undetectable-statistics.ts';
import type { Pair } from '../../bench/undetectable-statistics.ts';

/** Figures around 100 with a spread of 20, and those with interception later by `shift`. */
function pairs(count: number, shift: number, seed: number): Pair[] {
  const uniform = seededUniform(seed);
  return Array.from({ length: count }, () => ({
    without: 90 + 20 * uniform(),
    with: 90 + 20 * uniform() + shift,
  }));
}

describe('the median', () => {
  it.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
    [[-1, -10, 100, 2], 0.5],
  ])('of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

  it('of nothing is none', () => expect(() => median([])).toThrow(RangeError));
});

describe('the seeded generator', () => {
  it('gives the same again, and something else for another seed', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededUniform(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    for (const value of draw(0)) expect(value >= 0 && value < 1).toBe(true);
  });

  it('has the mean of a uniform one', () => {
    const uniform = seededUniform(1);
    const mean = Array.from({ length: 4000 }, uniform).reduce((sum, value) => sum + value, 0) / 4000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  });
});

describe('R-21: the difference of medians', () => {
  it('R-21: has an interval around the truth, the same for the same seed', () => {
    const measured = pairs(200, 10, 3);
    const found = differenceOf(measured, seededUniform(1), 400);
    expect(found).toEqual(differenceOf(measured, seededUniform(1), 400));
    expect(found.from).toBeLessThan(10);
    expect(found.to).toBeGreaterThan(10);
    expect(found.difference).toBeCloseTo(found.with - found.without, 10);
    expect(found.from <= found.difference && found.difference <= found.to).toBe(true);
  });

  it('R-21: is narrower with more calls', () => {
    const width = (count: number): number => {
      const { from, to } = differenceOf(pairs(count, 0, 5), seededUniform(1), 400);
      return to - from;
    };
    expect(width(800)).toBeLessThan(width(50));
  });

  it('is certain of what never changes', () => {
    const same = Array.from({ length: 9 }, () => ({ without: 4, with: 5 }));
    expect(differenceOf(same, seededUniform(1), 50)).toMatchObject({ difference: 1, from: 1, to: 1 });
  });

  it('is that of pairs: what both have in common does not widen it', () => {
    const drift = pairs(100, 0, 9).map(({ without }, n) => ({ without: without + n, with: without + n + 2 }));
    const { from, to } = differenceOf(drift, seededUniform(1), 200);
    expect([from, to]).toEqual([expect.closeTo(2, 9), expect.closeTo(2, 9)]);
  });
});

describe('R-21: the verdict', () => {
  it.each([
    ['equivalent', -1, 2, 5],
    ['equivalent', 1, 2, 5],
    ['equivalent', 0, 0, 5],
    ['different', 6, 9, 5],
    ['different', -9, -6, 5],
    ['undecided', 4, 6, 5],
    ['undecided', -6, -4, 5],
    ['undecided', -3, 3, 5],
    ['undecided', 20, 40, 5],
    ['undecided', NaN, NaN, 5],
  ])('R-21: is %s for an interval from %d to %d and a bound of %d', (verdict, from, to, bound) => {
    expect(verdictOf({ from, to }, bound)).toBe(verdict);
  });

  it('R-21: finds a shift that is above the bound, and none where there is none', () => {
    const judged = (shift: number): string =>
      verdictOf(differenceOf(pairs(600, shift, 11), seededUniform(1), 400), 5);
    expect([judged(0), judged(15)]).toEqual(['equivalent', 'different']);
  });
});

describe('jitter by RFC 3550 section 6.4.1', () => {
  it('is none of packets that come as they were sent, whatever the way takes', () => {
    expect(jitterOf([107, 127, 147], [0, 20, 40])).toBe(0);
  });

  it('gains a sixteenth of what it is off', () => {
    expect(jitterOf([0, 36], [0, 20])).toBe(1);
    expect(jitterOf([0, 36, 40], [0, 20, 40])).toBe(1 + 15 / 16);
  });

  it('is none of a single packet', () => expect(jitterOf([5], [0])).toBe(0));
});
