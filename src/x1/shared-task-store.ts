/**
 * An element's X1 tasks and destinations in PostgreSQL, for several processes that are one element to the ADMF. Every
 * change has a number, and one decision is under way at a time: what a process decides, it decides on all that was
 * acknowledged by any.
 *
 *     task, destination   as in SQLite (`task-store.ts`)
 *     task_change         version, XIDs and DIDs that the change of that number touched; the newest thousand
 *
 * What else a process commits that must not go by tasks that are not any more is committed while nobody decides, and where
 * the newest change is the one that it was decided on (`requireTasksOf`). A change of tasks is acknowledged when it is
 * committed: so nothing that is committed after that was decided without it. What it does elsewhere, as to send something to
 * a destination, it does in the same way (`whileAt`), or hears of the change first (`whileNewest`).
 */
import Type from 'typebox';
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider, RawBuilder, Transaction } from 'kysely';
import { changeOf } from './task-changes.ts';
import type { SharedTasks, TaskStore, TaskTableChange, TaskTableState } from './task-changes.ts';
import { recordOf, rowOf, storedTasks, TASK_TABLES } from './task-store.ts';
import { StorageError } from '../storage/errors.ts';
import { statements } from '../storage/migrations.ts';
import { holdUntilEnd, shareUntilEnd } from '../storage/postgresql.ts';
import { insertRows, rowsOf, updateRows } from '../storage/rows.ts';
import { countColumn, jsonColumn, TableReader } from '../storage/stored-tables.ts';

/** The migration that adds the tables. */
export const SHARED_TASKS = statements(
  `CREATE TABLE task (xid TEXT PRIMARY KEY, body TEXT NOT NULL, activated_at DOUBLE PRECISION NOT NULL CHECK (activated_at < 'NaN'),
    modified_at DOUBLE PRECISION NOT NULL, modifications BIGINT NOT NULL)`,
  `CREATE TABLE destination (did TEXT PRIMARY KEY, body TEXT NOT NULL)`,
  `CREATE TABLE task_change (version BIGINT PRIMARY KEY, xids TEXT NOT NULL, dids TEXT NOT NULL)`,
);

/** What else is to hold when tasks change. */
export interface BesideTasks<Tables> {
  /** The table has this now: loaded, heard of others, or changed here. */
  heard(change: TaskTableChange): void;
  /** Calls `write`, which writes the change, and writes the rest in the same transaction. */
  around(
    change: TaskTableChange,
    transaction: Transaction<Tables>,
    write: () => Promise<void>,
  ): Promise<void>;
}

export class SharedTaskStore<Tables> implements TaskStore, SharedTasks {
  readonly #db: Kysely<Tables>;
  readonly #beside: BesideTasks<Tables> | null;
  /** The change that this process heard of last. */
  #version = 0;
  /** What there is, as far as this process has heard. */
  readonly #xids = new Set<string>();
  readonly #dids = new Set<string>();

  /** @param db a database with the tables */
  constructor(db: Kysely<Tables>, beside: BesideTasks<Tables> | null = null) {
    this.#db = db;
    this.#beside = beside;
  }

  async load(): Promise<TaskTableState> {
    return this.#db.transaction().execute(async (transaction) => {
      // So that the state is that of the version.
      await alone(transaction);
      const version = await newest(transaction);
      const state = await storedTasks(transaction);
      this.#heard({ version, change: changeOf(state) });
      return state;
    });
  }

  commit(change: TaskTableChange): Promise<void> {
    return this.shared.decide(() => change);
  }

  /** What others change as well. */
  get shared(): SharedTasks {
    return this;
  }

  get version(): number {
    return this.#version;
  }

  async news(): Promise<TaskTableChange> {
    if ((await newest(this.#db)) === this.#version) return NOTHING;
    return this.#db.transaction().execute(async (transaction) => {
      await alone(transaction);
      return this.#heard(await this.#since(transaction));
    });
  }

  async decide(decide: (news: TaskTableChange) => TaskTableChange | null): Promise<void> {
    const applied = await this.#db.transaction().execute(async (transaction): Promise<Heard | null> => {
      await alone(transaction);
      const change = decide(this.#heard(await this.#since(transaction)));
      if (change === null) return null;
      const version = this.#version + 1;
      const write = (): Promise<void> => writeChange(transaction, change, version);
      await (this.#beside === null ? write() : this.#beside.around(change, transaction, write));
      return { version, change };
    });
    // Where nobody knows whether it was committed, it is heard of as what others do is.
    if (applied !== null) this.#heard(applied);
  }

  async whileAt(version: number, use: () => void): Promise<boolean> {
    try {
      await this.#db.transaction().execute(async (transaction) => {
        await requireTasksOf(transaction, null, version);
        use();
      });
      return true;
    } catch (error) {
      if (error instanceof StorageError && error.code === 'outdated') return false;
      throw error;
    }
  }

  async whileNewest(hear: (news: TaskTableChange) => void, use: () => void): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await shareUntilEnd(transaction, null, TASKS);
      hear(this.#heard(await this.#since(transaction)));
      // Whoever was told has done what follows from it by then.
      await requireTasksOf(transaction, null, this.#version);
      use();
    });
  }

  #heard({ version, change }: Heard): TaskTableChange {
    this.#version = version;
    keep(this.#xids, change.tasks);
    keep(this.#dids, change.destinations);
    if (change.tasks.size + change.destinations.size > 0) this.#beside?.heard(change);
    return change;
  }

  /** What has changed since the version that is known here. */
  async #since(db: QueryExecutorProvider): Promise<Heard> {
    const version = await newest(db);
    if (version === this.#version) return { version, change: NOTHING };
    const changes = await rowsOf(db, CHANGE, sql`WHERE version > ${this.#version}`);
    if (changes.length !== version - this.#version) {
      // Changes are not on record that far back: what is not there any more is gone.
      const change = changeOf(await storedTasks(db));
      return { version, change: withGone(change, this.#xids, this.#dids) };
    }
    const [xids, dids] = [changes.flatMap((each) => each.xids), changes.flatMap((each) => each.dids)];
    const tasks = await rowsOf(db, TASK_TABLES.task, ofThese('xid', xids));
    const destinations = await rowsOf(db, TASK_TABLES.destination, ofThese('did', dids));
    const state = { tasks: tasks.map(recordOf), destinations: destinations.map(({ body }) => body) };
    return { version, change: withGone(changeOf(state), xids, dids) };
  }
}

/**
 * Has a transaction wait until nobody decides on tasks, and nobody decide until it ends.
 * @param schema that has the tables, first in the search path or not; `null`: it is the first
 * @param version the number of the change that is newest as far as the transaction goes by
 * @throws StorageError `outdated` where another is
 */
export async function requireTasksOf(
  transaction: QueryExecutorProvider,
  schema: string | null,
  version: number,
): Promise<void> {
  await shareUntilEnd(transaction, schema, TASKS);
  // A statement of its own: it sees what was committed while the one before has waited.
  if ((await newest(transaction)) !== version) throw new StorageError('outdated', 'tasks have changed since');
}

/* ---------------------------------------------------------------- helpers */

interface Heard {
  readonly version: number;
  readonly change: TaskTableChange;
}

/** The lock's. */
const TASKS = 'tasks';

const NOTHING: TaskTableChange = { tasks: new Map(), destinations: new Map() };

/** Changes that are on record: whoever is further behind reads all that there is. */
const KEPT = 1_000;

const NAMES = jsonColumn(Type.Array(Type.String()));
const CHANGE = new TableReader('task_change', { version: countColumn, xids: NAMES, dids: NAMES });
const NEWEST = new TableReader('task_change', { version: countColumn });

/** Nobody else decides, or reads, until the transaction ends. */
function alone(transaction: QueryExecutorProvider): Promise<void> {
  return holdUntilEnd(transaction, TASKS);
}

async function newest(db: QueryExecutorProvider): Promise<number> {
  const { rows } = await sql`SELECT coalesce(max(version), 0) AS version FROM task_change`.execute(db);
  return NEWEST.read(rows[0]).version;
}

function ofThese(column: string, names: readonly string[]): RawBuilder<unknown> {
  return sql`WHERE ${sql.ref(column)} = ANY(${[...new Set(names)]})`;
}

async function writeChange(
  db: QueryExecutorProvider,
  { tasks, destinations }: TaskTableChange,
  version: number,
): Promise<void> {
  const made = [...destinations].flatMap(([did, each]) =>
    each === null ? [] : [{ did, body: JSON.stringify(each) }],
  );
  await updateRows(db, TASK_TABLES.destination, ['did'], made);
  const records = [...tasks.values()].flatMap((record) => (record === null ? [] : [rowOf(record)]));
  await updateRows(db, TASK_TABLES.task, ['xid'], records);
  const [goneXids, goneDids] = [goneOf(tasks), goneOf(destinations)];
  if (goneXids.length > 0) await sql`DELETE FROM task ${ofThese('xid', goneXids)}`.execute(db);
  if (goneDids.length > 0) await sql`DELETE FROM destination ${ofThese('did', goneDids)}`.execute(db);
  const [xids, dids] = [JSON.stringify([...tasks.keys()]), JSON.stringify([...destinations.keys()])];
  await insertRows(db, CHANGE, [{ version, xids, dids }]);
  await sql`DELETE FROM task_change WHERE version <= ${version - KEPT}`.execute(db);
}

/** With `null` for those of the names that are not there. */
function withGone(
  { tasks, destinations }: TaskTableChange,
  xids: Iterable<string>,
  dids: Iterable<string>,
): TaskTableChange {
  return { tasks: completed(tasks, xids), destinations: completed(destinations, dids) };
}

function completed<T>(
  present: ReadonlyMap<string, T | null>,
  names: Iterable<string>,
): ReadonlyMap<string, T | null> {
  const all = new Map(present);
  for (const name of names) if (!all.has(name)) all.set(name, null);
  return all;
}

function goneOf(changes: ReadonlyMap<string, unknown>): string[] {
  return [...changes].flatMap(([name, value]) => (value === null ? [name] : []));
}

function keep(names: Set<string>, changes: ReadonlyMap<string, unknown>): void {
  for (const [name, value] of changes) {
    if (value === null) names.delete(name);
    else names.add(name);
  }
}
