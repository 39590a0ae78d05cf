/** A warrant whose LEMF may ask the KMS for keys itself: what the elements are told, and what they make of it. */
import { describe, expect, it } from 'vitest';
import { keyClientOf } from '../../../src/wire/x1/key-client.ts';
import { lemfTaskXid } from '../../../src/wire/xk/lemf-task.ts';
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
const LEMF = 'lemf.home1.example';
const POLICE = 'lemf.police.example';
const OWN = lemfTaskXid(warrant.liid);

async function open(xk?: string) {
  const clock = new ManualClock(NOW);
  const kms = await SqliteKmsStore.open(':memory:');
  const now = () => clock.now() / 1000;
  const bench = await home(clock, (inner) => new WarrantKeepingStore(inner, kms, now, targetKeys));
  const admf = await bench.open({ drainMs: 5000, settleMs: 100 });
  const desk = deskOf(admf);
  const entry = xk === undefined ? warrant : { ...warrant, xk };
  const entered = desk.enter(entry, A, { submit: true }).then((record) => admf.carried(record));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await breathe();
    await breathe();
  };
  /** Minutes after NOW of which the KMS gives keys to that LEMF. */
  const keysOf = async (name: string, ...minutes: readonly number[]): Promise<number[]> => {
    const { xid, periods } = (await kms.warrant(OWN)) ?? { xid: OWN, periods: [] };
    const own = { xid, periods: periods.filter(({ lemf }) => lemf?.name === name) };
    return minutes.filter((minute) => {
      const times = [(NOW + minute * MINUTE) / 1000];
      const question = { now: now(), names: [ALICE], times, midCall: false };
      return typeof coverageOf(own, question, HELD, TIMES) !== 'string';
    });
  };
  const { table } = bench.elements.kms;
  return { ...bench, desk, admf, entered, pass, keysOf, table, kms };
}

describe('R-14: a warrant whose LEMF may ask the KMS itself', () => {
  it('has another task at the KMS, for that LEMF, with its LIID and times; no other element has one', async () => {
    const { entered, table, elements } = await open(LEMF);
    const { xid } = await entered;
    const tasks = new Map(table.tasks().map((task) => [task.xid, task]));
    expect([...tasks.keys()].toSorted()).toEqual([xid, OWN].toSorted());
    const [destination, ...others] = table.destinations();
    expect(others).toEqual([]);
    expect(keyClientOf(destination!)).toBe(LEMF);
    expect(tasks.get(xid)?.dids).toEqual([]);
    expect(tasks.get(OWN)).toMatchObject({
      targets: warrant.targets,
      dids: [destination!.did],
      mediation: [{ liid: warrant.liid, startTime: NOW, endTime: NOW + HOUR }],
    });
    for (const kind of ['cscf', 'gateway', 'df'] as const)
      expect(elements[kind].table.tasks().map((task) => task.xid)).toEqual([xid]);
  });

  it('has none where it does not say so', async () => {
    const { entered, table } = await open();
    const { xid } = await entered;
    expect(table.tasks().map((task) => task.xid)).toEqual([xid]);
  });

  it('is not carried out where the KMS does not let that LEMF ask, and leaves nothing', async () => {
    const { entered, elements } = await open('lemf.stranger.example');
    await expect(entered).rejects.toThrow('lemf.stranger.example may not ask for keys here');
    for (const { table } of Object.values(elements)) expect(table.tasks()).toEqual([]);
  });

  it('leaves nothing when it is withdrawn, and its time can still be asked about', async () => {
    const { entered, desk, pass, table, keysOf } = await open(LEMF);
    await entered;
    await pass(10 * MINUTE);
    await desk.withdraw('LIID1', A);
    await pass(10 * MINUTE);
    expect([table.tasks(), table.destinations()]).toEqual([[], []]);
    expect(await keysOf(LEMF, 0, 9, 11, 19)).toEqual([0, 9]);
  });

  it('goes on without when it is taken away, and the DF’s task stays as it is', async () => {
    const { entered, desk, admf, pass, table, keysOf } = await open(LEMF);
    const { xid } = await entered;
    await pass(10 * MINUTE);
    await admf.carried(await desk.amend('LIID1', { xk: false }, A));
    await pass(10 * MINUTE);
    expect(table.tasks().map((task) => task.xid)).toEqual([xid]);
    expect(table.task(xid)).toMatchObject({ mediation: [{ startTime: NOW, endTime: NOW + HOUR }] });
    expect(await keysOf(LEMF, 0, 9, 11, 19)).toEqual([0, 9]);
  });

  it.each(['there', 'away'])('given again it has a gap: with a KMS that is %s meanwhile', async (where) => {
    const { entered, desk, pass, elements, keysOf } = await open(LEMF);
    await entered;
    await pass(10 * MINUTE);
    if (where === 'away') elements.kms.fault = 'lost-request';
    await desk.amend('LIID1', { xk: false }, A);
    await breathe();
    await pass(10 * MINUTE);
    await desk.amend('LIID1', { xk: LEMF }, A);
    await breathe();
    await pass(10 * MINUTE);
    elements.kms.fault = null;
    await pass(MINUTE);
    await pass(10 * MINUTE);
    expect(await keysOf(LEMF, 0, 9, 11, 19, 39)).toEqual([0, 9, 39]);
    expect(desk.find('LIID1')?.state).toBe('active');
  });

  it('another LEMF may ask from then on, and about no time before', async () => {
    const { entered, desk, admf, pass, keysOf } = await open(LEMF);
    await entered;
    await pass(10 * MINUTE);
    await admf.carried(await desk.amend('LIID1', { xk: POLICE }, A));
    await pass(10 * MINUTE);
    expect(await keysOf(LEMF, 0, 9, 11, 19)).toEqual([0, 9]);
    expect(await keysOf(POLICE, 0, 9, 11, 19)).toEqual([11, 19]);
  });

  it('without content there is no task for it', async () => {
    const { entered, desk, admf, table } = await open(LEMF);
    await entered;
    await admf.carried(await desk.amend('LIID1', { delivery: 'IRI' }, A));
    await breathe();
    expect(table.tasks()).toEqual([]);
  });
});
