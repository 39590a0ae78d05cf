import { expect, test } from 'vitest';
import { middle, quantile } from '../../bench/statistics.ts';

test('the middle of an even number of figures is the upper one, and of none there is none', () => {
  expect([middle([3, 1, 2]), middle([4, 1, 3, 2]), middle([])]).toEqual([2, 3, NaN]);
});

test('a share of figures lies below its quantile, all of them are at most the last', () => {
  const figures = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect([0, 0.5, 0.99, 1].map((share) => quantile(figures, share))).toEqual([1, 51, 100, 100]);
  expect(figures[0]).toBe(100);
});
