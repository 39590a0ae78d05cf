/**
 * Times that a warrant did not cover stay uncovered, whatever becomes of it afterwards: what KMS and DF make of the tasks
 * that the ADMF gives them, also where one of them was away.
 */
import { describe, expect, it } from 'vitest';
import { dfTasks, recipients } from '../../../src/entities/df/tasks.ts';
import { coverageOf } from '../../../src/entities/kms/coverage.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { WarrantKeepingStore } from '../../../src/entities/kms/warrants.ts';
import { targetKeys } from '../../../src/x1/target-keys.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { deskOf } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

const A = { by: 'anna', reason: 'ordered' };
const MINUTE = 60_000;
const ALICE = 'sip:alice@home1.example';
const TIMES = { sessionMemory: 3600, retention: 90 * 86_400 };
const HELD = [{ subscriber: 'alice', kind: 'public', uri: ALICE, from: 0, until: Infinity }] as const;

async function open() {
  const clock = new ManualClock(NOW);
  const kms = await SqliteKmsStore.open(':memory:');
  const now = () => clock.now() / 1000;
  const bench = await home(clock, (inner) => new WarrantKeepingStore(inner, kms, now, targetKeys));
  const reopen = async () => {
    const admf = await bench.open({ drainMs: 5000, settleMs: 100 });
    return { admf, desk: deskOf(admf) };
  };
  const { admf, desk } = await reopen();
  const { xid } = await admf.carried(await desk.enter(warrant, A, { submit: true }));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await breathe();
    await breathe();
  };
  /** Minutes after NOW of which the KMS gives keys. */
  const keysOf = async (...minutes: readonly number[]): Promise<number[]> => {
    const known = await kms.warrant(xid);
    return minutes.filter((minute) => {
      const times = [(NOW + minute * MINUTE) / 1000];
      const question = { now: now(), names: [ALICE], times, midCall: false };
      return known !== null && typeof coverageOf(known, question, HELD, TIMES) !== 'string';
    });
  };
  /** Minutes after NOW of which the DF delivers. */
  const deliveredOf = (...minutes: readonly number[]): number[] => {
    const task = dfTasks(bench.elements.df.table).find(xid);
    return minutes.filter((minute) => task !== null && recipients(task, NOW + minute * MINUTE).length > 0);
  };
  return { ...bench, clock, admf, desk, pass, keysOf, deliveredOf, reopen };
}

type Bench = Awaited<ReturnType<typeof open>>;

/** What opens a gap from minute 10 on, and what closes it again. */
const GAPS: readonly (readonly [
  string,
  (bench: Bench) => Promise<unknown>,
  (bench: Bench) => Promise<unknown>,
])[] = [
  ['suspended and resumed', ({ desk }) => desk.suspend('LIID1', A), ({ desk }) => desk.resume('LIID1', A)],
  [
    'withdrawn and extended',
    ({ desk }) => desk.withdraw('LIID1', A),
    ({ desk }) => desk.extend('LIID1', { endTime: NOW + 2 * HOUR }, A),
  ],
  [
    'extended with a start in the past',
    ({ desk }) => desk.withdraw('LIID1', A),
    ({ desk }) => desk.extend('LIID1', { startTime: NOW + 12 * MINUTE, endTime: NOW + 2 * HOUR }, A),
  ],
];

describe('R-90: a time that lay outside the warrant', () => {
  it.each(GAPS)('is not covered afterwards: %s', async (_, begin, end) => {
    const bench = await open();
    const { pass, keysOf, deliveredOf, desk } = bench;
    await pass(10 * MINUTE);
    await begin(bench);
    await breathe();
    // At once, while what was under way is still delivered.
    expect(deliveredOf(9, 11)).toEqual([9]);
    await pass(10 * MINUTE);
    expect(await keysOf(9, 11)).toEqual([9]);
    await end(bench);
    await breathe();
    await pass(10 * MINUTE);
    expect(desk.find('LIID1')?.state).toBe('active');
    expect(await keysOf(0, 9, 10, 15, 19, 20, 29)).toEqual([0, 9, 20, 29]);
    expect(deliveredOf(9, 10, 15, 19, 20, 29)).toEqual([20, 29]);
  });

  it.each(GAPS)('is not covered by a KMS that was away meanwhile: %s', async (_, begin, end) => {
    const bench = await open();
    const { pass, keysOf, elements, desk } = bench;
    await pass(10 * MINUTE);
    elements.kms.fault = 'lost-request';
    await begin(bench);
    await pass(10 * MINUTE);
    await end(bench);
    await pass(10 * MINUTE);
    elements.kms.fault = null;
    await pass(MINUTE);
    await pass(10 * MINUTE);
    expect(desk.find('LIID1')?.state).toBe('active');
    expect(await keysOf(0, 9, 10, 15, 25, 39)).toEqual([0, 9, 39]);
  });

  it('is not covered by a KMS that was away, nor by an ADMF that was restarted meanwhile', async () => {
    const bench = await open();
    const { pass, keysOf, elements, admf, desk, reopen } = bench;
    await pass(10 * MINUTE);
    elements.kms.fault = 'lost-request';
    await desk.withdraw('LIID1', A);
    await pass(10 * MINUTE);
    const stopped = admf.stop();
    await pass(MINUTE);
    await stopped;
    elements.kms.fault = null;
    await reopen();
    await pass(10 * MINUTE);
    expect(elements.kms.table.tasks()).toEqual([]);
    expect(await keysOf(9, 10, 15, 20)).toEqual([9]);
  });

  it.each([
    ['withdrawn', ({ desk }: Bench) => desk.withdraw('LIID1', A)],
    ['suspended', ({ desk }: Bench) => desk.suspend('LIID1', A)],
    ['shortened', ({ desk }: Bench) => desk.amend('LIID1', { endTime: NOW + 20 * MINUTE }, A)],
  ] as const)(
    'is not covered where it was %s, and its own end came before anybody was told',
    async (what, act) => {
      const bench = await open();
      const { pass, keysOf, deliveredOf, elements, admf, reopen } = bench;
      await pass(10 * MINUTE);
      for (const each of Object.values(elements)) each.fault = 'lost-request';
      await act(bench);
      const stopped = admf.stop();
      await pass(MINUTE);
      await stopped;
      await pass(2 * HOUR);
      // They do as they were told last.
      expect([await keysOf(9, 30, 59, 61), deliveredOf(9, 30, 61)]).toEqual([
        [9, 30, 59],
        [9, 30],
      ]);
      for (const each of Object.values(elements)) each.fault = null;
      await reopen();
      await pass(10 * MINUTE);
      for (const { table } of Object.values(elements)) expect(table.tasks()).toEqual([]);
      const covered = what === 'shortened' ? [9, 10, 19] : [9];
      expect(await keysOf(0, 9, 10, 19, 20, 30, 59, 61)).toEqual([0, ...covered]);
      expect(deliveredOf(9, 30)).toEqual([]);
    },
  );

  it('is not covered by a KMS that heard of the warrant when it was over already', async () => {
    const clock = new ManualClock(NOW);
    const kms = await SqliteKmsStore.open(':memory:');
    const bench = await home(
      clock,
      (inner) => new WarrantKeepingStore(inner, kms, () => clock.now() / 1000, targetKeys),
    );
    const admf = await bench.open({ settleMs: 100 });
    const desk = deskOf(admf);
    let withdrawing: Promise<unknown> = Promise.resolve();
    bench.onDocument = (kind, types) => {
      if (kind !== 'kms' || !types.includes('ActivateTask')) return;
      bench.onDocument = null;
      for (const each of Object.values(bench.elements)) each.fault = 'lost-request';
      withdrawing = desk.withdraw('LIID1', A);
      clock.advance(5 * MINUTE);
    };
    const { xid } = await desk.enter(warrant, A, { submit: true });
    await breathe();
    await withdrawing;
    await admf.stop();
    expect((await kms.warrant(xid))?.periods).toMatchObject([{ start: (NOW + 5 * MINUTE) / 1000 }]);
    clock.advance(2 * HOUR);
    for (const each of Object.values(bench.elements)) each.fault = null;
    await bench.open({ settleMs: 100 });
    await breathe();
    expect(bench.elements.kms.table.tasks()).toEqual([]);
    expect((await kms.warrant(xid))?.periods ?? []).toEqual([]);
  });

  it('gives no keys of the time in which there was no content', async () => {
    const bench = await open();
    const { pass, keysOf, elements, desk } = bench;
    await pass(10 * MINUTE);
    elements.kms.fault = 'lost-request';
    await desk.amend('LIID1', { delivery: 'IRI' }, A);
    await pass(10 * MINUTE);
    await desk.amend('LIID1', { delivery: 'IRI+CC' }, A);
    await pass(10 * MINUTE);
    elements.kms.fault = null;
    await pass(MINUTE);
    await pass(10 * MINUTE);
    expect(await keysOf(9, 10, 19, 39)).toEqual([9, 39]);
  });

  it.each(['there', 'away'])(
    'a name that was taken away, and is given back, has a gap: with a KMS that is %s meanwhile',
    async (where) => {
      const { pass, keysOf, elements, desk, deliveredOf } = await open();
      const [, tel] = warrant.targets;
      await pass(10 * MINUTE);
      if (where === 'away') elements.kms.fault = 'lost-request';
      await desk.amend('LIID1', { targets: [tel!] }, A);
      await breathe();
      await pass(10 * MINUTE);
      await desk.amend('LIID1', { targets: warrant.targets }, A);
      await breathe();
      await pass(10 * MINUTE);
      elements.kms.fault = null;
      await pass(MINUTE);
      await pass(10 * MINUTE);
      expect(await keysOf(0, 9, 10, 15, 19, 39)).toEqual([0, 9, 39]);
      expect(await keysOf(21, 29)).toEqual(where === 'away' ? [] : [21, 29]);
      // The warrant itself has been in force all the time.
      expect(deliveredOf(9, 15, 39)).toEqual([9, 15, 39]);
      expect(desk.find('LIID1')?.state).toBe('active');
    },
  );

  it('a name that stays has none, whatever becomes of others', async () => {
    const { pass, keysOf, desk } = await open();
    const [sip, tel] = warrant.targets;
    for (const targets of [[sip!], [sip!, tel!], [sip!]]) {
      await pass(10 * MINUTE);
      await desk.amend('LIID1', { targets }, A);
      await breathe();
    }
    await pass(10 * MINUTE);
    await desk.extend('LIID1', { endTime: NOW + 2 * HOUR }, A);
    await pass(10 * MINUTE);
    expect(await keysOf(0, 9, 11, 19, 21, 29, 31, 49)).toEqual([0, 9, 11, 19, 21, 29, 31, 49]);
  });

  it('a longer end is one period with what came before', async () => {
    const bench = await open();
    const { pass, keysOf, desk, deliveredOf } = bench;
    await pass(50 * MINUTE);
    await desk.extend('LIID1', { endTime: NOW + 2 * HOUR }, A);
    await breathe();
    await pass(50 * MINUTE);
    expect(await keysOf(0, 59, 60, 99)).toEqual([0, 59, 60, 99]);
    expect(deliveredOf(0, 59, 60, 99)).toEqual([0, 59, 60, 99]);
  });
});

describe('R-90: an element that was away', () => {
  it.each(['withdrawn', 'suspended'] as const)(
    'gives up what was %s meanwhile when it is back',
    async (what) => {
      const { pass, elements, desk } = await open();
      await pass(MINUTE);
      for (const kind of ['cscf', 'df'] as const) elements[kind].fault = 'lost-request';
      await (what === 'withdrawn' ? desk.withdraw('LIID1', A) : desk.suspend('LIID1', A));
      await pass(10 * MINUTE);
      expect(elements.cscf.table.tasks()).toHaveLength(1);
      for (const kind of ['cscf', 'df'] as const) elements[kind].fault = null;
      await pass(10 * MINUTE);
      for (const { table } of Object.values(elements)) expect(table.tasks()).toEqual([]);
    },
  );
});
