/**
 * X1 tasks as warrants. The ADMF provisions tasks at the KMS itself over X1; the KMS keeps when they covered what, beyond
 * their end, since for as long as retention lasts keys of their time may be asked for.
 */
import { applyChanges, changeOf } from '../../x1/task-changes.ts';
import type { TaskRecord, TaskStore, TaskTableChange, TaskTableState } from '../../x1/task-changes.ts';
import type { Destination, InterceptTask } from '../../wire/x1/details.ts';
import { keyClientOf } from '../../wire/x1/key-client.ts';
import { periodsAfterEnd, periodsAfterTask, periodsSince } from './periods.ts';
import type { AskingLemf, KnownTask, WarrantPeriod, WarrantStore } from './ports.ts';

/** The identities of ours that an X1 target identifier names: addresses of record, tel: URIs; none for other kinds. */
export type TargetReader = (target: InterceptTask['targets'][number]) => readonly string[];

type Periods = readonly WarrantPeriod[];
/** Of an XID. */
type PeriodsChange = readonly [xid: string, change: (periods: Periods) => Periods];

/**
 * What becomes of warrants when tasks change. A task's end is on record before the table lets go of it, its beginning after
 * the table has it.
 */
export class WarrantKeeper {
  readonly #now: () => number;
  readonly #readTarget: TargetReader;
  /** As the table has them, by XID and DID. */
  readonly #tasks = new Map<string, TaskRecord>();
  readonly #destinations = new Map<string, Destination>();

  /** @param now Unix seconds */
  constructor(now: () => number, readTarget: TargetReader) {
    this.#now = now;
    this.#readTarget = readTarget;
  }

  /** The table has this now. */
  heard({ tasks, destinations }: TaskTableChange): void {
    applyChanges(this.#destinations, destinations);
    applyChanges(this.#tasks, tasks);
  }

  /** Calls `write`, which writes the change of the table, and puts on record what it means for warrants. */
  async around(change: TaskTableChange, store: WarrantStore, write: () => Promise<void>): Promise<void> {
    const ended: PeriodsChange[] = [];
    for (const [xid, record] of change.tasks) {
      if (record === null) ended.push([xid, (periods) => periodsAfterEnd(periods, this.#now())]);
    }
    await changePeriods(store, ended);
    await write();
    const told = new Set([...change.tasks.keys(), ...this.#usersOf(change.destinations)]);
    await changePeriods(
      store,
      [...told].flatMap((xid): PeriodsChange[] => {
        const changed = change.tasks.get(xid);
        const record = changed === undefined ? this.#tasks.get(xid) : changed;
        return record === undefined || record === null ? [] : [[xid, this.#told(record.task, change)]];
      }),
    );
  }

  /** Mends what a crash left between a table and its warrants, as of now: nobody was told of it before. */
  async mend({ tasks }: TaskTableState, store: WarrantStore): Promise<void> {
    await changePeriods(
      store,
      tasks.map(({ task, activatedAt }) => [
        task.xid,
        // Version 0.1.0 let periods begin before the task was activated.
        (periods) => this.#told(task, null)(periodsSince(periods, activatedAt / 1000)),
      ]),
    );
  }

  /** XIDs of tasks that are for somebody else now, perhaps. */
  #usersOf(destinations: TaskTableChange['destinations']): string[] {
    if (destinations.size === 0) return [];
    const tasks = [...this.#tasks.values()];
    return tasks.flatMap(({ task: { xid, dids } }) =>
      dids.some((did) => destinations.has(did)) ? [xid] : [],
    );
  }

  #told(task: InterceptTask, change: TaskTableChange | null): PeriodsChange[1] {
    const {
      targets,
      mediation: [validity],
    } = task;
    const told = {
      targets: [...new Set(targets.flatMap((target) => this.#readTarget(target)))],
      lemf: this.#lemfOf(task, change),
      start: validity?.startTime === undefined ? null : validity.startTime / 1000,
      end: validity?.endTime === undefined ? Infinity : validity.endTime / 1000,
    };
    return (periods) => periodsAfterTask(periods, told, this.#now());
  }

  /** The LEMF that may ask under a task; `undefined`: delivery functions may. One that is not known may not. */
  #lemfOf(
    { dids: [did], mediation: [validity] }: InterceptTask,
    change: TaskTableChange | null,
  ): AskingLemf | undefined {
    if (did === undefined) return undefined;
    const changed = change?.destinations.get(did);
    const destination = changed === undefined ? (this.#destinations.get(did) ?? null) : changed;
    const name = destination === null ? null : keyClientOf(destination);
    return { name: name ?? '', liid: validity?.liid ?? '' };
  }
}

/**
 * The X1 task table's store at a KMS whose warrants are in a store of their own: it keeps the history that the table itself
 * forgets. `load` mends what a crash between the two left.
 */
export class WarrantKeepingStore implements TaskStore {
  readonly #inner: TaskStore;
  readonly #store: WarrantStore;
  readonly #keeper: WarrantKeeper;

  /** @param now Unix seconds */
  constructor(inner: TaskStore, store: WarrantStore, now: () => number, readTarget: TargetReader) {
    this.#inner = inner;
    this.#store = store;
    this.#keeper = new WarrantKeeper(now, readTarget);
  }

  async load(): Promise<TaskTableState> {
    const state = await this.#inner.load();
    this.#keeper.heard(changeOf(state));
    await this.#keeper.mend(state, this.#store);
    return state;
  }

  async commit(change: TaskTableChange): Promise<void> {
    await this.#keeper.around(change, this.#store, async () => {
      await this.#inner.commit(change);
      this.#keeper.heard(change);
    });
  }
}

/** Puts all on record together. */
async function changePeriods(store: WarrantStore, changes: readonly PeriodsChange[]): Promise<void> {
  const changed: KnownTask[] = [];
  for (const [xid, change] of changes) {
    const known = (await store.warrant(xid))?.periods ?? [];
    const periods = change(known);
    if (periods !== known) changed.push({ xid, periods });
  }
  if (changed.length > 0) await store.putWarrant(...changed);
}
