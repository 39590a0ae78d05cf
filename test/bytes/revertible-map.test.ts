import { describe, expect, it } from 'vitest';
import { RevertibleMap } from '../../src/bytes/revertible-map.ts';

describe('a map whose changes may be taken back', () => {
  it('is as it was when they were kept last', () => {
    const map = new RevertibleMap<string, { readonly n: number }>();
    map.set('a', { n: 1 });
    map.set('b', { n: 1 });
    map.keep();
    map.set('a', { n: 2 });
    map.set('a', { n: 3 });
    map.delete('b');
    map.set('c', { n: 1 });
    expect([...map]).toEqual([
      ['a', { n: 3 }],
      ['c', { n: 1 }],
    ]);
    map.revert();
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([{ n: 1 }, { n: 1 }, undefined]);
    map.delete('a');
    map.keep();
    map.revert();
    expect(map.get('a')).toBeUndefined();
  });
});
