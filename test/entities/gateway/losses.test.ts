/** Which sessions a gateway has lost, told to whoever asks. */
import { describe, expect, test } from 'vitest';
import { SessionLosses } from '../../../src/entities/gateway/losses.ts';
import { IQ_LOSSES_AT_ONCE, IQ_LOSSES_WAIT_MS } from '../../../src/wire/iq/losses.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';

const lose = (losses: SessionLosses, count: number, first = 0): void => {
  for (let n = first; n < first + count; n++) losses.add(`s${n}`);
};

describe('R-72: who asks for lost sessions', () => {
  test('hears from now on first, and of each loss then, once', async () => {
    const losses = new SessionLosses(new ManualClock());
    losses.add('before');
    const known = await losses.since(null);
    expect(known).toMatchObject({ next: 1, sessions: [], isWhole: true });
    lose(losses, 2);
    const told = await losses.since(known);
    expect(told).toEqual({ ...known, next: 3, sessions: ['s0', 's1'] });
    losses.add('s2');
    expect((await losses.since(told)).sessions).toEqual(['s2']);
  });

  test('waits while there is nothing to tell: until there is, or a few seconds', async () => {
    const clock = new ManualClock();
    const losses = new SessionLosses(clock);
    const known = await losses.since(null);
    const answers: (readonly string[])[] = [];
    const ask = (): void => void losses.since(known).then(({ sessions }) => answers.push(sessions));
    ask();
    await clock.pass(IQ_LOSSES_WAIT_MS - 1);
    expect(answers).toEqual([]);
    await clock.pass(1);
    expect(answers).toEqual([[]]);
    ask();
    await settle();
    losses.add('s');
    await settle();
    expect(answers).toEqual([[], ['s']]);
  });

  test('hears of many in parts, none of them twice', async () => {
    const losses = new SessionLosses(new ManualClock());
    let known = await losses.since(null);
    lose(losses, 2 * IQ_LOSSES_AT_ONCE + 1);
    const told: string[] = [];
    for (let part = 0; part < 3; part++) {
      const answer = await losses.since(known);
      told.push(...answer.sessions);
      known = answer;
    }
    expect(told).toEqual(Array.from({ length: 2 * IQ_LOSSES_AT_ONCE + 1 }, (_, n) => `s${n}`));
  });

  test('is told that not all is known: of another run, of more than are kept, of numbers that there are not', async () => {
    const [clock, later] = [new ManualClock(), new ManualClock()];
    await later.pass(5000);
    const [losses, anew] = [new SessionLosses(clock), new SessionLosses(later)];
    const known = await losses.since(null);
    const notWhole = { sessions: [], isWhole: false };
    expect(await anew.since(known)).toMatchObject(notWhole);
    expect(await losses.since({ ...known, next: 1 })).toMatchObject(notWhole);
    lose(losses, 10_000);
    expect(await losses.since(known)).toMatchObject({ isWhole: true });
    lose(losses, 1, 10_000);
    const answer = await losses.since(known);
    expect(answer).toMatchObject({ ...notWhole, next: 10_001 });
    losses.add('then');
    expect(await losses.since(answer)).toMatchObject({ sessions: ['then'], isWhole: true });
  });

  test('is not told of a session that was opened again since', async () => {
    const losses = new SessionLosses(new ManualClock());
    const known = await losses.since(null);
    lose(losses, 3);
    losses.forget('s1');
    expect(await losses.since(known)).toMatchObject({ next: 3, sessions: ['s0', 's2'] });
    losses.add('s1');
    expect((await losses.since(known)).sessions).toEqual(['s0', 's2', 's1']);
  });

  test('waits with others up to a bound: of more the longest waiting is answered, and at the end all are', async () => {
    const losses = new SessionLosses(new ManualClock());
    const known = await losses.since(null);
    const answered: number[] = [];
    const ask = (n: number): void => void losses.since(known).then(() => answered.push(n));
    for (let n = 0; n < 66; n++) ask(n);
    await settle();
    expect(answered).toEqual([0, 1]);
    losses.close();
    await settle();
    expect(answered).toHaveLength(66);
    ask(66);
    await settle();
    expect(answered).toHaveLength(67);
  });
});
