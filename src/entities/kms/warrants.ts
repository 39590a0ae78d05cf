/**
 * X1 tasks as warrants. The ADMF provisions tasks at the KMS itself over X1; the KMS keeps when they covered what, beyond
 * their end, since for as long as retention lasts keys of their time may be asked for.
 */
import type { TaskStore, TaskTableChange, TaskTableState } from '../../x1/tasks.ts';
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
 * The X1 task table's store at a KMS: it keeps the history that the table itself forgets. A task's end is on record
 * before the table lets go of it, its beginning after the table has it; `load` mends what a crash in between left, as
 * of the time at which it does: nobody was told of it before.
 */
export class WarrantKeepingStore implements TaskStore {
  readonly #inner: TaskStore;
  readonly #store: WarrantStore;
  readonly #now: () => number;
  readonly #readTarget: TargetReader;
  /** As the table has them, by XID and DID. */
  readonly #tasks = new Map<string, InterceptTask>();
  readonly #destinations = new Map<string, Destination>();

  /** @param now Unix seconds */
  constructor(inner: TaskStore, store: WarrantStore, now: () => number, readTarget: TargetReader) {
    this.#inner = inner;
    this.#store = store;
    this.#now = now;
    this.#readTarget = readTarget;
  }

  async load(): Promise<TaskTableState> {
    const state = await this.#inner.load();
    for (const { task } of state.tasks) this.#tasks.set(task.xid, task);
    for (const destination of state.destinations) this.#destinations.set(destination.did, destination);
    await this.#change(
      state.tasks.map(({ task, activatedAt }) => [
        task.xid,
        // Version 0.1.0 let periods begin before the task was activated.
        (periods) => this.#told(task)(periodsSince(periods, activatedAt / 1000)),
      ]),
    );
    return state;
  }

  async commit(change: TaskTableChange): Promise<void> {
    const ended: PeriodsChange[] = [];
    for (const [xid, record] of change.tasks) {
      if (record === null) ended.push([xid, (periods) => periodsAfterEnd(periods, this.#now())]);
    }
    await this.#change(ended);
    await this.#inner.commit(change);
    for (const [did, destination] of change.destinations) replace(this.#destinations, did, destination);
    for (const [xid, record] of change.tasks) replace(this.#tasks, xid, record?.task ?? null);
    const told = new Set([...change.tasks.keys(), ...this.#usersOf(change.destinations)]);
    await this.#change(
      [...told].flatMap((xid): PeriodsChange[] => {
        const task = this.#tasks.get(xid);
        return task === undefined ? [] : [[xid, this.#told(task)]];
      }),
    );
  }

  /** XIDs of tasks that are for somebody else now, perhaps. */
  #usersOf(destinations: TaskTableChange['destinations']): string[] {
    if (destinations.size === 0) return [];
    const tasks = [...this.#tasks.values()];
    return tasks.flatMap(({ xid, dids }) => (dids.some((did) => destinations.has(did)) ? [xid] : []));
  }

  #told(task: InterceptTask): PeriodsChange[1] {
    const {
      targets,
      mediation: [validity],
    } = task;
    const told = {
      targets: [...new Set(targets.flatMap((target) => this.#readTarget(target)))],
      lemf: this.#lemfOf(task),
      start: validity?.startTime === undefined ? null : validity.startTime / 1000,
      end: validity?.endTime === undefined ? Infinity : validity.endTime / 1000,
    };
    return (periods) => periodsAfterTask(periods, told, this.#now());
  }

  /** The LEMF that may ask under a task; `undefined`: delivery functions may. One that is not known may not. */
  #lemfOf({ dids: [did], mediation: [validity] }: InterceptTask): AskingLemf | undefined {
    if (did === undefined) return undefined;
    const destination = this.#destinations.get(did);
    const name = destination === undefined ? null : keyClientOf(destination);
    return { name: name ?? '', liid: validity?.liid ?? '' };
  }

  /** Puts all on record together. */
  async #change(changes: readonly PeriodsChange[]): Promise<void> {
    const changed: KnownTask[] = [];
    for (const [xid, change] of changes) {
      const known = (await this.#store.warrant(xid))?.periods ?? [];
      const periods = change(known);
      if (periods !== known) changed.push({ xid, periods });
    }
    if (changed.length > 0) await this.#store.putWarrant(...changed);
  }
}

function replace<T>(map: Map<string, T>, key: string, value: T | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}
