/** How many questions a DF puts at a time, and whose comes first. */
import { expect, test } from 'vitest';
import { settle } from '../../support/manual-clock.ts';
import { asking, KEYS, later } from './asking.ts';

test('R-30: no more questions are put at a time than may, and a call of many updates keeps no other waiting', async () => {
  const { answers, attempts, handedOver, requests, open } = asking({}, 2);
  const many = Array.from({ length: 20 }, (_, n) => `update ${String(n)}`);
  const slow = new Map(many.map((id) => [id, later()]));
  for (const [id, { answer }] of slow) answers.set(id, [answer]);
  answers.set('other', [KEYS]);
  for (const id of many) open(id);
  open('other', 'another exchange', 'another call');
  await settle();
  expect(attempts).toEqual(['update 0', 'update 1']);
  expect([requests.open, requests.waiting]).toEqual([21, 19]);
  slow.get('update 0')?.give(KEYS);
  await settle();
  expect(attempts).toEqual(['update 0', 'update 1', 'update 2']);
  slow.get('update 1')?.give(KEYS);
  await settle();
  expect(handedOver).toEqual(['update 0', 'update 1', 'other']);
  for (const { give } of slow.values()) give(KEYS);
  await settle();
  await settle();
  expect(attempts).toHaveLength(21);
  expect(handedOver).toEqual(['update 0', 'update 1', 'other', ...many.slice(2)]);
  expect([requests.open, requests.waiting]).toEqual([0, 0]);
});

test('R-30: what had no answer goes before what else waits of its call', async () => {
  const { clock, answers, attempts, handedOver, open } = asking({}, 1);
  const slow = later();
  answers.set('a', ['nothing', KEYS]).set('b', [slow.answer]).set('c', [KEYS]).set('d', [KEYS]);
  for (const id of ['a', 'b', 'c', 'd']) open(id);
  await clock.pass(200);
  expect(attempts).toEqual(['a', 'b']);
  slow.give(KEYS);
  await settle();
  await settle();
  expect(attempts).toEqual(['a', 'b', 'a', 'c', 'd']);
  expect(handedOver).toEqual(['a', 'b', 'c', 'd']);
});

test('R-30: what waits for its turn when the DF stops is put by the next', async () => {
  const { answers, attempts, requests, open } = asking({}, 1);
  const slow = later();
  answers.set('a', [slow.answer]);
  for (const id of ['a', 'b', 'c']) open(id);
  await settle();
  const stopped = requests.stop();
  slow.give({ failureIndication: 'temporarily-unavailable' });
  await stopped;
  expect(attempts).toEqual(['a']);
});
