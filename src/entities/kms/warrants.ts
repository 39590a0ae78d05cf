/**
 * When a warrant lets a question be answered (Xk; `api/xk.openapi.yaml`). The ADMF provisions tasks at the KMS itself over X1; the
 * KMS keeps them beyond their end, since for as long as retention lasts keys of their time may be asked for.
 *
 *     while the task is in force    T not after its end; T before its start only with `midCall`, at most the session
 *                                   memory, and recorded as such
 *     after its end                 only T that lay in force, until end + retention
 */
import type { TaskStore, TaskTableChange, TaskTableState } from '../../x1/tasks.ts';
import type { InterceptTask } from '../../wire/x1/details.ts';
import type { KnownTask, WarrantStore } from './ports.ts';

export interface WarrantTimes {
  /** Seconds before a task's start that an ongoing session may have begun. */
  readonly sessionMemory: number;
  /** Seconds after a task's end that questions about its time are answered. */
  readonly retention: number;
}

/** The span of the T of a question's messages. Unix seconds. */
export interface MessageTimes {
  readonly earliest: number;
  readonly latest: number;
}

/** `'in-time'`; `'before-start'`: allowed by mid-call start alone; `null`: not allowed. */
export function timeVerdict(
  warrant: KnownTask,
  question: { readonly now: number; readonly times: MessageTimes; readonly midCall: boolean },
  settings: WarrantTimes,
): 'in-time' | 'before-start' | null {
  const { now, times, midCall } = question;
  if (now < warrant.start || times.latest >= warrant.end) return null;
  const isInForce = now < warrant.end;
  if (!isInForce && now > warrant.end + settings.retention) return null;
  if (times.earliest >= warrant.start) return 'in-time';
  const isRemembered = warrant.start - times.earliest <= settings.sessionMemory;
  return isInForce && midCall && isRemembered ? 'before-start' : null;
}

/** The identities of ours that an X1 target identifier names: addresses of record, tel: URIs; none for other kinds. */
export type TargetReader = (target: InterceptTask['targets'][number]) => readonly string[];

/**
 * The X1 task table's store at a KMS: it keeps the history that the table itself forgets. A task's end is on record
 * before the table lets go of it, its beginning after the table has it; `load` mends what a crash in between left.
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
    for (const { task } of state.tasks) await this.#keep(task);
    return state;
  }

  async commit(change: TaskTableChange): Promise<void> {
    for (const [xid, record] of change.tasks) if (record === null) await this.#end(xid);
    await this.#inner.commit(change);
    for (const record of change.tasks.values()) if (record !== null) await this.#keep(record.task);
  }

  async #keep(task: InterceptTask): Promise<void> {
    const known = await this.#store.warrant(task.xid);
    const validity = task.mediation[0];
    await this.#store.putWarrant({
      xid: task.xid,
      targets: [...new Set(task.targets.flatMap((target) => this.#readTarget(target)))],
      start: validity?.startTime === undefined ? (known?.start ?? this.#now()) : validity.startTime / 1000,
      end: validity?.endTime === undefined ? Infinity : validity.endTime / 1000,
    });
  }

  async #end(xid: string): Promise<void> {
    const known = await this.#store.warrant(xid);
    if (known === null) return;
    await this.#store.putWarrant({ ...known, end: Math.min(known.end, this.#now()) });
  }
}
