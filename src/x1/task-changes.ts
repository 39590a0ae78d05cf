/**
 * What an element's table of X1 tasks and destinations holds, what changes of it are, and what is told of them: what the
 * table (`tasks.ts`) and the stores that keep it speak of.
 */
import type { Destination, InterceptTask } from '../wire/x1/details.ts';

/** A task with its history. Times are Unix milliseconds. */
export interface TaskRecord {
  readonly task: InterceptTask;
  readonly activatedAt: number;
  /** Time of activation or of the last modification. */
  readonly modifiedAt: number;
  readonly modifications: number;
}

export interface TaskTableState {
  readonly tasks: readonly TaskRecord[];
  readonly destinations: readonly Destination[];
}

/** What one change does to the state; `null`: gone. Applied whole or not at all. */
export interface TaskTableChange {
  readonly tasks: ReadonlyMap<string, TaskRecord | null>;
  readonly destinations: ReadonlyMap<string, Destination | null>;
}

/** Where the table is kept: by SQLite in `task-store.ts`, by PostgreSQL in `shared-task-store.ts`. */
export interface TaskStore {
  load(): Promise<TaskTableState>;
  /** Applies all of it, durably, or nothing. */
  commit(change: TaskTableChange): Promise<void>;
  /** Of a store that other processes change as well; absent: this process alone does. */
  readonly shared?: SharedTasks;
}

/** Tasks and destinations that several processes decide on, one decision after the other. */
export interface SharedTasks {
  /** The number of the newest change that this process has heard of. */
  readonly version: number;
  /** What others have changed since this process last heard of it. */
  news(): Promise<TaskTableChange>;
  /**
   * While nobody else decides: `decide` hears what others have changed, and what it gives is applied, all of it durably or
   * nothing; `null`: there is nothing to apply.
   */
  decide(decide: (news: TaskTableChange) => TaskTableChange | null): Promise<void>;
  /**
   * Calls `use` while nobody decides, where the newest change is that one; `false`: another is, and it was not called.
   * @throws StorageError; it may have been called
   */
  whileAt(version: number, use: () => void): Promise<boolean>;
  /** Calls `use` while nobody decides, once `hear` has heard what others have changed. @throws as `whileAt` */
  whileNewest(hear: (news: TaskTableChange) => void, use: () => void): Promise<void>;
}

/** What has happened to the table, told after it took effect, in order. */
export type TaskEvent =
  | { readonly kind: 'task-activated'; readonly task: InterceptTask }
  | { readonly kind: 'task-modified'; readonly task: InterceptTask; readonly before: InterceptTask }
  | { readonly kind: 'task-deactivated'; readonly task: InterceptTask }
  | { readonly kind: 'destination-created'; readonly destination: Destination }
  | {
      readonly kind: 'destination-modified';
      readonly destination: Destination;
      readonly before: Destination;
    }
  | { readonly kind: 'destination-removed'; readonly destination: Destination };

/** All of a state, as a change of what had nothing. */
export function changeOf({ tasks, destinations }: TaskTableState): TaskTableChange {
  return {
    tasks: new Map(tasks.map((record) => [record.task.xid, record])),
    destinations: new Map(destinations.map((destination) => [destination.did, destination])),
  };
}

/** What has happened by changes, in an order in which no task lacks its destinations. */
export function eventsOf(
  { tasks, destinations }: TaskTableChange,
  knownTasks: ReadonlyMap<string, TaskRecord>,
  known: ReadonlyMap<string, Destination>,
): TaskEvent[] {
  const made: TaskEvent[] = [];
  const removed: TaskEvent[] = [];
  for (const [did, destination] of destinations) {
    const before = known.get(did);
    if (destination === null) {
      if (before !== undefined) removed.push({ kind: 'destination-removed', destination: before });
    } else if (before === undefined) made.push({ kind: 'destination-created', destination });
    else made.push({ kind: 'destination-modified', destination, before });
  }
  for (const [xid, record] of tasks) {
    const before = knownTasks.get(xid)?.task;
    if (record === null) {
      if (before !== undefined) made.push({ kind: 'task-deactivated', task: before });
    } else if (before === undefined) made.push({ kind: 'task-activated', task: record.task });
    else made.push({ kind: 'task-modified', task: record.task, before });
  }
  return [...made, ...removed];
}

/** Changes in their order, as one. */
export function changesTogether(planned: readonly TaskTableChange[]): TaskTableChange {
  return {
    tasks: new Map(planned.flatMap(({ tasks }) => [...tasks])),
    destinations: new Map(planned.flatMap(({ destinations }) => [...destinations])),
  };
}

/** Applies a change of one kind of thing to what there is. */
export function applyChanges<T>(map: Map<string, T>, changes: ReadonlyMap<string, T | null>): void {
  for (const [key, value] of changes) {
    if (value === null) map.delete(key);
    else map.set(key, value);
  }
}
