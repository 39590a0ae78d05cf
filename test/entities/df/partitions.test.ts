/** The mediation of some of the calls: what several have together, without a network between them. */
import { describe, expect, it } from 'vitest';
import { Mediation } from '../../../src/entities/df/mediation.ts';
import type { MediationOptions } from '../../../src/entities/df/mediation-options.ts';
import { Mediations } from '../../../src/entities/df/mediations.ts';
import { partitionOf } from '../../../src/entities/df/call-partition.ts';
import type {
  DfChanges,
  DfState,
  DfStore,
  PassedAlarms,
  StoredAlarm,
} from '../../../src/entities/df/ports.ts';
import { fromHex, fromUtf8 } from '../../../src/bytes/octets.ts';
import { StorageError } from '../../../src/storage/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import type { PlainRecord } from './support.ts';
import { correlationOf, encodeForTest, Issues, START, task, Tasks, TestPoi, XID, XID_2 } from './support.ts';

const EMPTY: DfState = {
  ...{ streams: [], communications: [], keySessions: [], held: [], notices: [], losses: [] },
  lastCins: new Map(),
};

/** What was committed, in memory; the alarms are those of all partitions. */
class Store implements DfStore {
  readonly committed: DfChanges[] = [];
  readonly by: (number | undefined)[] = [];
  /** What happens before the next commits, and why they are refused. */
  readonly before: (() => Error | null)[] = [];
  readonly #alarms: StoredAlarm[];
  readonly passedAlarms: PassedAlarms;
  #state: DfState = EMPTY;

  constructor(alarms: StoredAlarm[] = []) {
    this.#alarms = alarms;
    this.passedAlarms = { waiting: () => Promise.resolve([...alarms]) };
  }

  load(): Promise<DfState> {
    return Promise.resolve(this.#state);
  }

  commit(changes: DfChanges, by?: number): Promise<void> {
    const refusal = this.before.shift()?.() ?? null;
    if (refusal !== null) return Promise.reject(refusal);
    this.committed.push(changes);
    this.by.push(by);
    this.#state = {
      ...this.#state,
      communications: [...this.#state.communications, ...changes.communications],
    };
    for (const alarm of changes.passedAlarms ?? [])
      this.#alarms.push({ ...alarm, id: this.#alarms.length + 1 });
    for (const id of changes.takenAlarms ?? [])
      this.#alarms.splice(
        this.#alarms.findIndex((alarm) => alarm.id === id),
        1,
      );
    return Promise.resolve();
  }

  get records() {
    return this.committed.flatMap(({ outbox }) =>
      outbox.map(({ octets }) => JSON.parse(fromUtf8(octets)) as PlainRecord),
    );
  }
}

const clock = new ManualClock(START);

function mediationOf(
  store: Store,
  tasks: Tasks,
  options: Partial<MediationOptions> = {},
): Promise<Mediation> {
  return Mediation.open(
    {
      ...{
        store,
        tasks,
        warrants: tasks,
        encode: encodeForTest,
        issues: new Issues(),
        clock,
        logger: silent,
      },
      ...options,
    },
    () => undefined,
  );
}

describe('Mediations of partitions', () => {
  it('give CINs of a LIID that no other gives', async () => {
    const tasks = new Tasks(task(XID, 'A'));
    const cins = async (partition: number): Promise<number[]> => {
      const store = new Store();
      const mediation = await mediationOf(store, tasks, { partition: { partition, partitions: 3 } });
      const poi = new TestPoi(clock);
      for (const call of ['a', 'b', 'c'])
        await mediation.accept([poi.x3(Uint8Array.of(0x80, 8), undefined, XID, call)]);
      return store.committed.flatMap(({ communications }) => communications.map(({ cin }) => cin));
    };
    expect(await Promise.all([cins(0), cins(1), cins(2)])).toEqual([
      [1, 4, 7],
      [2, 5, 8],
      [3, 6, 9],
    ]);
  });

  it('R-91: partition 0 alone tells LEMFs of warrants, also what another has to tell, once', async () => {
    const alarms: StoredAlarm[] = [];
    const [teller, other] = [new Store(alarms), new Store(alarms)];
    const tasks = new Tasks(task(XID, 'A'), task(XID_2, 'B'));
    const one = await mediationOf(teller, tasks, { partition: { partition: 0, partitions: 2 } });
    const two = await mediationOf(other, tasks, { partition: { partition: 1, partitions: 2 } });
    for (const mediation of [one, two]) await mediation.tellWarrants(['A', 'B']);
    await two.alarm(['A'], 'loss', 'something is lost', '');
    await two.alarm(['A'], 'loss', 'more is lost', '');
    expect(other.records).toEqual([]);
    expect(
      other.committed.flatMap(({ notices }) => notices.map(({ liid, told }) => [liid, told !== null])),
    ).toEqual([
      ['A', true],
      ['B', true],
    ]);
    await one.tellPassedAlarms();
    await one.tellPassedAlarms();
    expect(teller.records.map(({ kind, liid }) => [kind, liid])).toEqual([
      ['li-activated', 'A'],
      ['li-activated', 'B'],
      ['li-alarm', 'A'],
    ]);
    expect(alarms).toEqual([]);
  });

  it('R-56: a turn that went by tasks that others have changed meanwhile is done again by those that there are', async () => {
    const store = new Store();
    const tasks = new Tasks(task(XID, 'A'));
    const sharedTasks = {
      version: 1,
      refresh: () => {
        if (isTaken) {
          tasks.known.delete(XID);
          sharedTasks.version = 2;
        }
        return Promise.resolve();
      },
      isOutdated: (error: unknown) => error instanceof StorageError && error.code === 'outdated',
    };
    let isTaken = false;
    const mediation = await mediationOf(store, tasks, { sharedTasks });
    store.before.push(() => {
      isTaken = true;
      return new StorageError('outdated', 'tasks have changed since');
    });
    await mediation.accept([new TestPoi(clock).x3(Uint8Array.of(0x80, 8))]);
    expect(store.records).toEqual([]);
    expect(store.by).toEqual([2]);
    expect(store.committed[0]?.held).toHaveLength(1);
  });

  it('R-91: an alarm of a turn that is done again is told then, and not a minute later', async () => {
    const store = new Store();
    const sharedTasks = {
      version: 1,
      refresh: () => Promise.resolve(),
      isOutdated: (error: unknown) => error instanceof StorageError && error.code === 'outdated',
    };
    const mediation = await mediationOf(store, new Tasks(task(XID, 'A')), { sharedTasks });
    store.before.push(() => new StorageError('outdated', 'tasks have changed since'));
    await mediation.alarm(['A'], 'loss', 'something was lost', '');
    expect(store.records.map(({ kind }) => kind)).toEqual(['li-alarm']);
    await mediation.alarm(['A'], 'loss', 'something was lost', '');
    expect(store.records).toHaveLength(1);
  });

  it('questions about a call go to the one that has it, and to nobody where that is at another process', async () => {
    const tasks = new Tasks(task(XID, 'A'));
    const mediations = new Mediations({ partitions: 2, liids: () => [], clock, logger: silent });
    const call = ['a', 'b', 'c', 'd'].find((name) => partitionOf(correlationOf(name), 2) === 1)!;
    const correlation = Buffer.from(correlationOf(call)).toString('hex');
    expect(partitionOf(fromHex(correlation), 2)).toBe(1);
    expect(await mediations.question(correlation, XID, 'q')).toBeNull();
    const store = new Store();
    const mediation = await mediations.add(1, () =>
      mediationOf(store, tasks, { partition: { partition: 1, partitions: 2 } }),
    );
    await mediation.accept([new TestPoi(clock).x3(Uint8Array.of(0x80, 8), undefined, XID, call)]);
    expect(mediations.received).toEqual({ x2: 0, x3: 1 });
    expect(mediations.partitions).toEqual([1]);
    await mediations.remove(1);
    expect(mediations.received).toEqual({ x2: 0, x3: 1 });
    await expect(mediations.abandoned(correlation, XID, 'q')).resolves.toBeUndefined();
    await expect(mediation.accept([])).rejects.toMatchObject({ code: 'stopped' });
  });
});
