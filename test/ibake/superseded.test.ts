/** Which updates whoever takes up a call does not need. */
import { describe, expect, test } from 'vitest';
import { fromBase64 } from '../../src/bytes/octets.ts';
import { supersededUpdates } from '../../src/ibake/superseded.ts';
import { vector } from '../entities/df/support.ts';
import { updateMessages as update } from './support/update-messages.ts';

const { I_MESSAGE_1, R_MESSAGE_1 } = vector().messages;

const initial = {
  name: 'initial',
  offer: [fromBase64(I_MESSAGE_1.message)],
  answer: [fromBase64(R_MESSAGE_1.message)],
};
const adds = (seconds: number) => update(seconds, { keyed: false });
const gone = (...exchanges: readonly ReturnType<typeof update>[]) =>
  [...supersededUpdates(exchanges)].map(({ name }) => name);

describe('R-33, R-43: updates that later ones have superseded', () => {
  test('are those before the last two with new points, whatever order they come in', () => {
    expect(gone(initial, update(1))).toEqual([]);
    expect(gone(initial, update(1), update(2))).toEqual([]);
    expect(gone(initial, update(1), update(2), update(3))).toEqual(['1']);
    expect(gone(update(4), update(2), initial, update(1), update(3))).toEqual(['2', '1']);
  });

  test('and those that added crypto sessions before them: the maps of later ones have these', () => {
    expect(gone(initial, adds(1), update(2), update(3), adds(4))).toEqual(['1 adds']);
    expect(gone(initial, adds(1), adds(2), adds(3))).toEqual([]);
    expect(gone(initial, update(1), adds(2), update(3), adds(4))).toEqual([]);
  });

  test('of each CSB by itself', () => {
    const other = (seconds: number) => update(seconds, { csb: 1 });
    expect(gone(other(1), other(2), update(3), update(4), update(5))).toEqual(['3']);
  });

  test.each([
    ['answers another', update(9, { shift: 1 })],
    ['stands beside another message', { ...update(9), offer: [...update(8).offer, ...update(9).offer] }],
    ['cannot be read', { ...update(9), answer: [Uint8Array.of(1, 23, 0)] }],
    ['has points on one side alone', { ...update(9), answer: adds(9).answer }],
    ['is the initial one', { ...initial, name: '9' }],
  ])('what %s supersedes nothing', (_, decoy) => {
    expect(gone(update(1), update(2), decoy)).toEqual([]);
    expect(gone(decoy)).toEqual([]);
  });
});
