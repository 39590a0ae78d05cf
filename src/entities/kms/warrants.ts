/**
 * X1 tasks as warrants. The ADMF provisions tasks at the KMS itself over X1; the KMS keeps when they covered what, beyond
 * their end, since for as long as retention lasts keys of their time may be asked for.
 */
import type { TaskStore, TaskTableChange, TaskTableState } from '../../x1/tasks.ts';
import type { InterceptTask } from '../../wire/x1/details.ts';
import { periodsAfterEnd, periodsAfterTask, periodsSince } from './periods.ts';
import type { WarrantPeriod, WarrantStore } from './ports.ts';

/** The identities of ours that an X1 target identifier names: addresses of record, tel: URIs; none for other kinds. */
export type TargetReader = (target: InterceptTask['targets'][number]) => readonly string[];

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

  /** @param now Unix seconds */
  constructor(inner: TaskStore, store: WarrantStore, now: () => number, readTarget: TargetReader) {
    this.#inner = inner;
    this.#store = store;
    this.#now = now;
    this.#readTarget = readTarget;
  }

  async load(): Promise<TaskTableState> {
    const state = await this.#inner.load();
    for (const { task, activatedAt } of state.tasks) await this.#keep(task, activatedAt / 1000);
    return state;
  }

  async commit(change: TaskTableChange): Promise<void> {
    for (const [xid, record] of change.tasks) {
      if (record === null) await this.#change(xid, (periods) => periodsAfterEnd(periods, this.#now()));
    }
    await this.#inner.commit(change);
    for (const record of change.tasks.values()) if (record !== null) await this.#keep(record.task);
  }

  /** @param since the present period does not begin before; version 0.1.0 let it */
  #keep({ xid, targets, mediation: [validity] }: InterceptTask, since = -Infinity): Promise<void> {
    const told = {
      targets: [...new Set(targets.flatMap((target) => this.#readTarget(target)))],
      start: validity?.startTime === undefined ? null : validity.startTime / 1000,
      end: validity?.endTime === undefined ? Infinity : validity.endTime / 1000,
    };
    return this.#change(xid, (periods) => periodsAfterTask(periodsSince(periods, since), told, this.#now()));
  }

  async #change(
    xid: string,
    change: (periods: readonly WarrantPeriod[]) => readonly WarrantPeriod[],
  ): Promise<void> {
    const known = (await this.#store.warrant(xid))?.periods ?? [];
    const periods = change(known);
    if (periods !== known) await this.#store.putWarrant({ xid, periods });
  }
}
