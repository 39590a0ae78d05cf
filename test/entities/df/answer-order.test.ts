/** In what order keys are handed over that the KMS gives in another, or late. */
import { describe, expect, test } from 'vitest';
import { settle } from '../../support/manual-clock.ts';
import { asking, BUSY, KEYS, later } from './asking.ts';

describe('the order of keys', () => {
  test('R-43: the keys of an exchange and its updates are handed over in their order, whichever the KMS gives first', async () => {
    const { answers, handedOver, open } = asking();
    const slow = [later(), later()];
    answers.set('first', [slow[0]!.answer]).set('second', [slow[1]!.answer]).set('third', [KEYS]);
    for (const id of ['first', 'second', 'third']) open(id);
    await settle();
    expect(handedOver).toEqual([]);
    slow[1]!.give(KEYS);
    await settle();
    expect(handedOver).toEqual([]);
    slow[0]!.give(KEYS);
    await settle();
    expect(handedOver).toEqual(['first', 'second', 'third']);
  });

  test.each([
    ['no answer', 'nothing'],
    ['no time', BUSY],
  ] as const)(
    'R-43: one that the KMS had %s for is put once more before a later one is handed over',
    async (_, first) => {
      const { answers, handedOver, attempts, open } = asking();
      answers.set('first', [first, KEYS]).set('second', [KEYS]);
      open('first');
      await settle();
      open('second');
      await settle();
      expect(attempts).toEqual(['first', 'second', 'first']);
      expect(handedOver).toEqual(['first', 'second']);
    },
  );

  test('R-66: one that the KMS cannot answer holds up later ones until R-30’s timer runs out, and no longer', async () => {
    const { clock, handedOver, answers, attempts, open } = asking({ timerMs: 4_000 });
    open('poison');
    await settle();
    for (const id of ['second', 'third']) {
      answers.set(id, [KEYS]);
      open(id);
    }
    await clock.pass(3_900);
    expect(handedOver).toEqual([]);
    await clock.pass(200);
    expect(handedOver).toEqual(['second', 'third']);
    const before = attempts.length;
    answers.set('fourth', [KEYS]);
    open('fourth');
    await settle();
    expect(handedOver).toEqual(['second', 'third', 'fourth']);
    expect(attempts.slice(before)).toEqual(['fourth']);
  });

  test('R-30: keys that wait for earlier ones are not said to be missing', async () => {
    const { clock, overdue, answers, open } = asking({ timerMs: 4_000 });
    answers.set('second', [KEYS]);
    open('first');
    open('second');
    await clock.pass(3_900);
    // Both timers run out before anybody looks, as in a process that was held up.
    clock.advance(200);
    await clock.pass(60_000);
    expect(overdue).toEqual(['first']);
  });

  test('R-66: one that the KMS hangs over holds up a later one until R-30’s timer runs out, and no longer', async () => {
    const { clock, answers, handedOver, open } = asking({ timerMs: 4_000 });
    const never = later();
    answers.set('first', [never.answer]).set('second', [KEYS]);
    open('first');
    open('second');
    await clock.pass(3_900);
    expect(handedOver).toEqual([]);
    await clock.pass(200);
    expect(handedOver).toEqual(['second']);
    never.give(KEYS);
    await settle();
    expect(handedOver).toEqual(['second', 'first']);
  });

  test('R-42: exchanges of other dialogs do not wait for each other', async () => {
    const { answers, handedOver, open } = asking();
    answers.set('first', [later().answer]).set('second', [KEYS]);
    open('first', 'one dialog');
    open('second', 'another dialog');
    await settle();
    expect(handedOver).toEqual(['second']);
  });

  test('R-43: when the DF stops, nothing that waits is handed over any more', async () => {
    const { answers, handedOver, open, requests } = asking();
    const slow = later();
    answers.set('first', [slow.answer]).set('second', [KEYS]);
    open('refused');
    open('first');
    open('second');
    await settle();
    const stopped = requests.stop();
    slow.give(KEYS);
    await stopped;
    expect(handedOver).toEqual([]);
  });
});

test('R-30: keys that cannot be stored are late when the timer ends, and hold up no others after it', async () => {
  const { clock, answers, handedOver, overdue, disk, open } = asking({ timerMs: 4_000 });
  answers.set('a', [KEYS]);
  disk.isFull = true;
  open('a');
  await settle();
  disk.isFull = false;
  answers.set('b', [KEYS]);
  open('b');
  await clock.pass(3_900);
  expect([handedOver, overdue]).toEqual([[], []]);
  await clock.pass(200);
  expect([handedOver, overdue]).toEqual([['b'], ['a']]);
});
