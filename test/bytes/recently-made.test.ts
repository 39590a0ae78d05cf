import { expect, it } from 'vitest';
import { RecentlyMade } from '../../src/bytes/recently-made.ts';

it('what was made lately is given again, until there is more than may be kept: then all is made anew', () => {
  const made: string[] = [];
  const known = new RecentlyMade<object>(2);
  const of = (key: string) => known.of(key, () => ({ key: made.push(key) }));
  const first = of('a');
  expect([of('a'), known.get('a')]).toEqual([first, first]);
  expect(of('a')).toBe(first);
  of('b');
  of('c');
  expect(made).toEqual(['a', 'b', 'c']);
  expect([known.get('a'), known.get('b')]).toEqual([undefined, undefined]);
  expect(of('a')).not.toBe(first);
});

it('of what cannot be made nothing is kept', () => {
  const known = new RecentlyMade<number>(2);
  const fail = (): number => {
    throw new Error('not to be made');
  };
  expect(() => known.of('a', fail)).toThrow('not to be made');
  expect(known.of('a', () => 1)).toBe(1);
});
