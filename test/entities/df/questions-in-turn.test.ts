/** How many questions a DF puts at a time, and whose comes first. */
import { expect, test } from 'vitest';
import { settle } from '../../support/manual-clock.ts';
import { asking, BUSY, KEYS, later } from './asking.ts';

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

test('R-30: where the KMS does not answer, half as many are put at a time, and with its answers more again', async () => {
  const { clock, answers, attempts, handedOver, open } = asking({}, 4);
  const ids = Array.from({ length: 12 }, (_, n) => String(n));
  const held = new Map(ids.map((id) => [id, later()]));
  for (const id of ids) answers.set(id, [held.get(id)!.answer]);
  for (const id of ids.slice(0, 4)) answers.set(id, [BUSY, held.get(id)!.answer]);
  for (const id of ids) open(id);
  // Four at once; each is told that the KMS has no time, so that one at a time is put from then on.
  await settle();
  expect(attempts).toEqual(['0', '1', '2', '3', '4']);
  held.get('4')!.give(KEYS);
  await clock.pass(1_000);
  // An answer more than one at a time gives two, then, after three more, three.
  expect(attempts.slice(5)).toHaveLength(2);
  for (const { give } of held.values()) give(KEYS);
  await settle();
  await settle();
  expect(handedOver.toSorted()).toEqual(ids.toSorted());
});
