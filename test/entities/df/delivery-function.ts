/**
 * A delivery function without network: its mediation, its questions to a KMS, its store on disk or in a database; it can be
 * killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { KeyRequests } from '../../../src/entities/df/key-requests.ts';
import type { KeyRequestTiming } from '../../../src/entities/df/key-requests.ts';
import { Mediation } from '../../../src/entities/df/mediation.ts';
import type { MediationOptions } from '../../../src/entities/df/mediation-options.ts';
import type { Amount, DfTask, SharedTaskView } from '../../../src/entities/df/ports.ts';
import { PostgresqlDfStore } from '../../../src/entities/df/store/postgresql.ts';
import { PartitionedDfStore } from '../../../src/entities/df/store/postgresql-partitions.ts';
import type { DfPartitionStore } from '../../../src/entities/df/store/postgresql-partitions.ts';
import { SqliteDfStore } from '../../../src/entities/df/store/sqlite.ts';
import type { PlainRecord } from './support.ts';
import { encodeForTest, Issues, START, task, Tasks, TestKms, TestPoi, XID } from './support.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import { StorageError } from '../../../src/storage/errors.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import { missingPostgresql, testAccess } from '../../support/postgresql.ts';
import { silent } from '../../support/silent.ts';
import { ManualClock } from '../../support/manual-clock.ts';

export interface Df<Store = SqliteDfStore> {
  /** Where its files are. */
  readonly folder: string;
  readonly clock: ManualClock;
  readonly kms: TestKms;
  readonly tasks: Tasks;
  readonly issues: Issues;
  readonly poi: TestPoi;
  store: Store;
  mediation: Mediation;
  requests: KeyRequests;
  /** As if the process had been killed: a new one on the same file. */
  kill(): Promise<void>;
  /** Resolves when all that was begun is done, by the store too. */
  readonly settled: () => Promise<void>;
}

/** Where a delivery function keeps its state. */
interface Engine<Store> {
  /** @param folder that is new for each delivery function */
  readonly place: (folder: string) => Promise<{ readonly open: () => Promise<OpenedStore<Store>> }>;
}

interface OpenedStore<Store> {
  readonly store: Store;
  /** Tasks that others may change; absent: nobody does. */
  readonly sharedTasks?: SharedTaskView;
}

type TestedStore = SqliteDfStore | PostgresqlDfStore | DfPartitionStore;

const SQLITE: Engine<SqliteDfStore> = {
  place: (folder) => {
    const file = path.join(folder, 'df.sqlite');
    return Promise.resolve({ open: async () => ({ store: await SqliteDfStore.open(file) }) });
  },
};

const database = { clock: systemClock(), logger: silent };

const POSTGRESQL: Engine<PostgresqlDfStore> = {
  place: async () => {
    const access = await testAccess();
    return { open: async () => ({ store: await PostgresqlDfStore.open(access, 'one', database) }) };
  },
};

/** As one of several mediators has it: by a lease, with tasks that others may change. */
const PARTITION: Engine<DfPartitionStore> = {
  place: async () => {
    const access = await testAccess();
    let leases = 0;
    return {
      open: async () => {
        const all = await PartitionedDfStore.open(access, 'one', 1, database);
        const table = await TaskTable.open(database.clock, all.tasks());
        const store = await all.partition(0, { streamMadeAt: 1_000, token: ++leases });
        const close = store.close.bind(store);
        const closed = async (): Promise<void> => {
          await close();
          await all.close();
        };
        const sharedTasks = {
          get version() {
            return table.version;
          },
          refresh: () => table.refresh(),
          isOutdated: (error: unknown) => error instanceof StorageError && error.code === 'outdated',
        };
        return { store: Object.assign(store, { close: closed }), sharedTasks };
      },
    };
  },
};

interface StartOptions extends Partial<MediationOptions> {
  /** Of what waits for each destination. */
  readonly bound?: Amount;
}

type StartArguments = [tasks?: readonly DfTask[], options?: StartOptions, timing?: KeyRequestTiming];

/** Starts a delivery function by whichever engine. */
export type StartDf = (...args: StartArguments) => Promise<Df<TestedStore>>;

/** Tests of what a delivery function does wherever its state is: by each engine. */
export function byEachEngine(tests: (start: StartDf) => void): void {
  describe('by SQLite', () => tests(start));
  const isMissing = missingPostgresql();
  describe.skipIf(isMissing)('by PostgreSQL', { timeout: 30_000 }, () =>
    tests((...args) => startBy(POSTGRESQL, ...args)),
  );
  describe.skipIf(isMissing)('by a partition in PostgreSQL', { timeout: 30_000 }, () =>
    tests((...args) => startBy(PARTITION, ...args)),
  );
}

/** A delivery function with these tasks, until the test ends. */
export function start(...args: StartArguments): Promise<Df> {
  return startBy(SQLITE, ...args);
}

async function startBy<Store extends TestedStore>(
  engine: Engine<Store>,
  tasks: readonly DfTask[] = [task(XID, 'LIID-1')],
  { bound, ...options }: StartOptions = {},
  timing: KeyRequestTiming = {},
): Promise<Df<Store>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-'));
  const place = await engine.place(folder);
  const work = new WorkUnderWay();
  const settled = () => work.settled();
  const clock = new ManualClock(START, settled);
  const parts = { folder, clock, kms: new TestKms(), tasks: new Tasks(...tasks), issues: new Issues() };
  const open = async () => {
    const { store: opened, sharedTasks } = await place.open();
    const store = work.watched(opened);
    const held: { requests: KeyRequests | null } = { requests: null };
    const early: Parameters<KeyRequests['start']>[] = [];
    const mediation = await Mediation.open(
      {
        store,
        tasks: parts.tasks,
        warrants: parts.tasks,
        encode: encodeForTest,
        issues: parts.issues,
        clock,
        logger: silent,
        ...(sharedTasks === undefined ? {} : { sharedTasks: work.watched(sharedTasks) }),
        ...(bound === undefined ? {} : { backlog: { bound, outbox: store } }),
        ...options,
      },
      (session, question) =>
        held.requests === null
          ? void early.push([session, question])
          : held.requests.start(session, question),
    );
    const { logger = silent } = options;
    const requests = new KeyRequests(mediation, parts.kms, { clock, logger, timing });
    held.requests = requests;
    for (const [session, question] of early) requests.start(session, question);
    return { store, mediation, requests };
  };
  const df: Df<Store> = {
    ...{ ...parts, settled },
    poi: new TestPoi(clock),
    ...(await open()),
    kill: async () => {
      await df.requests.stop();
      await df.mediation.stop();
      await df.store.close();
      Object.assign(df, await open());
    },
  };
  onTestFinished(async () => {
    await df.store.close();
    rmSync(folder, { recursive: true });
  });
  return df;
}

/** What a store is doing. */
class WorkUnderWay {
  #count = 0;

  /** The store, each of whose promises is counted until it is kept. */
  watched<Store extends object>(store: Store): Store {
    return new Proxy(store, {
      get: (target, name, proxy) => {
        const value: unknown = Reflect.get(target, name, target);
        if (value === target) return proxy as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => this.#counted(value.apply(target, args) as unknown);
      },
    });
  }

  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet = this.#count === 0 ? quiet + 1 : 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  #counted(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    this.#count += 1;
    return result.finally(() => (this.#count -= 1));
  }
}

/** What was handed over, by kind. */
export function kinds(records: readonly PlainRecord[]): string[] {
  return records.map((record) => record.kind);
}

/** Sequence numbers of what was handed over on one interface. */
export function numbersOf(records: readonly PlainRecord[], reference: 'hi2' | 'hi3'): number[] {
  return records
    .filter((record) => (record.kind === 'cc') === (reference === 'hi3'))
    .map((record) => record.sequenceNumber);
}
