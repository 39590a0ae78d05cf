/**
 * An element's X1 tasks and destinations in SQLite. What `commit` has returned from survives the loss of the process
 * and of power. Who is intercepted is in this file: it is its owner's alone, and what is deleted is overwritten.
 *
 *     task         one row a task, by XID: its contents as JSON, when activated, when last modified, how often
 *     destination  one row a destination, by DID
 *     audit_head   the end of the element's audit log
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider } from 'kysely';
import type { HeadMemory } from '../evidence/kept-log.ts';
import { AUDIT_HEAD, headMemory } from '../storage/audit-head.ts';
import type { TaskRecord, TaskStore, TaskTableChange, TaskTableState } from './task-changes.ts';
import { destinationColumn, taskColumn } from './stored-tasks.ts';
import { statements } from '../storage/migrations.ts';
import type { StoreSchema } from '../storage/migrations.ts';
import { replaceRows, rowsOf } from '../storage/rows.ts';
import { openDatabase, scrub } from '../storage/sqlite.ts';
import { countColumn, tableReaders, textColumn, timeColumn } from '../storage/stored-tables.ts';
import type { TablesOf, WrittenRow } from '../storage/stored-tables.ts';

export const TASK_TABLES = tableReaders({
  task: {
    xid: textColumn,
    body: taskColumn,
    activatedAt: timeColumn,
    modifiedAt: timeColumn,
    modifications: countColumn,
  },
  destination: { did: textColumn, body: destinationColumn },
});

type Tables = TablesOf<typeof TASK_TABLES>;

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS task (xid TEXT PRIMARY KEY, body TEXT NOT NULL, activated_at REAL NOT NULL,
    modified_at REAL NOT NULL, modifications INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS destination (did TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID`,
);

/** The store's tables, by version. */
export const TASK_SCHEMA: StoreSchema = {
  store: 'tasks',
  firstTables: ['task', 'destination'],
  migrations: [FIRST, AUDIT_HEAD],
};

export class SqliteTaskStore implements TaskStore {
  readonly auditHead: HeadMemory;
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.auditHead = headMemory(db);
    this.#db = db;
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteTaskStore> {
    return new SqliteTaskStore(await openDatabase<Tables>(file, TASK_SCHEMA));
  }

  load(): Promise<TaskTableState> {
    return storedTasks(this.#db);
  }

  async commit(change: TaskTableChange): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const [xid, record] of change.tasks) {
        if (record === null) await transaction.deleteFrom('task').where('xid', '=', xid).execute();
        else await replaceRows(transaction, TASK_TABLES.task, [rowOf(record)]);
      }
      for (const [did, destination] of change.destinations) {
        if (destination === null)
          await transaction.deleteFrom('destination').where('did', '=', did).execute();
        else
          await replaceRows(transaction, TASK_TABLES.destination, [
            { did, body: JSON.stringify(destination) },
          ]);
      }
    });
    if ([...change.tasks.values()].includes(null)) await this.#scrub();
  }

  /** Who was a target is nowhere in the files of an element that has no task for them any more. */
  async #scrub(): Promise<void> {
    try {
      await scrub(this.#db);
    } catch {
      // What was to be stored is: the next change, or the end, empties it.
    }
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

/** All of them, in the order of activation. */
export async function storedTasks(db: QueryExecutorProvider): Promise<TaskTableState> {
  const tasks = await rowsOf(db, TASK_TABLES.task, sql`ORDER BY activated_at`);
  const destinations = await rowsOf(db, TASK_TABLES.destination);
  return { tasks: tasks.map(recordOf), destinations: destinations.map(({ body }) => body) };
}

export function recordOf({
  xid: _xid,
  body: task,
  ...times
}: ReturnType<typeof TASK_TABLES.task.read>): TaskRecord {
  return { task, ...times };
}

export function rowOf({ task, ...times }: TaskRecord): WrittenRow<typeof TASK_TABLES.task> {
  return { xid: task.xid, body: JSON.stringify(task), ...times };
}
