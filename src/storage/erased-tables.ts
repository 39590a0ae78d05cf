/**
 * Tables of a PostgreSQL database of which something was erased are written anew, without it, since PostgreSQL leaves in
 * its files what was deleted. What is erased is erased, whether that can be done at once or not: a table that is in use for
 * longer than a statement may wait is written anew later. The log of the database has what it has until it is recycled.
 *
 * PostgreSQL copies what a transaction that is older may still see, deleted or not, into the new file as well, whatever that
 * transaction reads. So a row is changed first (to what it is). When a vacuum of its table leaves nothing of that change, no
 * older transaction of the database can see what was deleted before it; when no transaction of the server is older, the one
 * that writes the table anew does not take itself for one that can.
 *
 * A process may be killed before it comes to that. So what erases marks the table in the same transaction, and the mark goes
 * when the table is written anew: whoever starts looks for marks, and leaves alone tables that have none.
 *
 *     erased   name of a table, the last transaction that has erased something from it since it was written anew: no two
 *              marks of a table are the same, so that only what was read before the table was written anew goes
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider } from 'kysely';
import { BackOff } from '../bytes/back-off.ts';
import { SerialQueue } from '../bytes/serial-queue.ts';
import { messageOf } from '../bytes/errors.ts';
import type { Timer } from '../bytes/ports.ts';
import { StorageError } from './errors.ts';
import type { LockPorts } from './instances.ts';
import { MIGRATION_TABLE, statements } from './migrations.ts';
import type { StoreMigration } from './migrations.ts';
import type { DatabaseAccess } from './postgresql.ts';
import { rowsOf } from './rows.ts';
import { countColumn, flagColumn, TableReader, textColumn } from './stored-tables.ts';

/** Before it is tried again, doubled each time, milliseconds: nobody uses a table while it is written anew. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 86_400_000;
/** How often it is looked whether transactions that were there before have ended, milliseconds. */
const LOOK_MS = 50;

/**
 * The migration that adds the marks.
 * @param unknown tables of which it is not known what versions before have left: one whose file is empty has nothing of it
 */
export function erasedMarks(...unknown: readonly string[]): StoreMigration {
  return statements(
    `CREATE TABLE erased (name TEXT PRIMARY KEY, xact BIGINT NOT NULL)`,
    ...unknown.map(
      (
        table,
      ) => `INSERT INTO erased (name, xact) SELECT '${table}', 0 FROM pg_class WHERE oid = '${table}'::regclass
        AND pg_relation_size(oid) + coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) > 0`,
    ),
  );
}

/** Something is erased from tables in this transaction. */
export async function markErased(
  transaction: QueryExecutorProvider,
  ...tables: readonly string[]
): Promise<void> {
  const marks = sql.join(tables.map((table) => sql`(${table}, CAST(pg_current_xact_id()::text AS BIGINT))`));
  await sql`INSERT INTO erased (name, xact) VALUES ${marks}
    ON CONFLICT (name) DO UPDATE SET xact = excluded.xact`.execute(transaction);
}

export class ErasedTables<Tables> {
  readonly #db: Kysely<Tables>;
  readonly #ports: LockPorts;
  readonly #patienceMs: number;
  readonly #schema: string | null;
  readonly #mark: typeof MARK;
  /** Names as marks have them. */
  readonly #waiting = new Set<string>();
  readonly #pauses = new BackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  /** One after the other: a table is not waited for any more only by whoever has looked after what was deleted last. */
  readonly #turns = new SerialQueue();
  /** Until the next try, after one that failed. */
  #timer: Timer | null = null;
  #isStopped = false;

  /**
   * @param access how long statements wait, and transactions that were there before are waited for at once
   * @param schema with the tables and their marks; `null`: the one where the database looks for them
   */
  constructor(
    db: Kysely<Tables>,
    { timeoutMs }: Pick<DatabaseAccess, 'timeoutMs'>,
    ports: LockPorts,
    schema: string | null = null,
  ) {
    this.#db = db;
    this.#ports = ports;
    this.#patienceMs = timeoutMs;
    this.#schema = schema;
    this.#mark = new TableReader(this.#nameOf(MARK.table), MARK.columns);
  }

  /** Those that could not be written anew yet. */
  get waiting(): readonly string[] {
    return [...this.#waiting].map((table) => this.#nameOf(table));
  }

  /**
   * What was deleted from tables that have a mark goes, whoever has left it; later, where it or something else could not go
   * yet. Resolves when that is known.
   */
  takeUp(): Promise<void> {
    return this.#turns.run(() => this.#takeUp());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #takeUp(): Promise<void> {
    try {
      // Before anything else: what is erased from here on may be copied into the new file, and has another mark.
      const marks = await rowsOf(this.#db, this.#mark);
      this.#waiting.clear();
      for (const { name } of marks) this.#waiting.add(name);
      if (this.#timer !== null || this.#waiting.size === 0) return;
      await this.#untilUnseen();
      for (const { name, xact } of marks) {
        await this.#rewrite(name, xact);
        this.#waiting.delete(name);
      }
      this.#pauses.reset();
    } catch (error) {
      if (this.#isStopped || this.#timer !== null) return;
      const reason = messageOf(error);
      this.#ports.logger.warn({ reason }, 'what was erased is still in files of the database');
      this.#timer = this.#ports.clock.after(this.#pauses.next(), () => {
        this.#timer = null;
        void this.takeUp();
      });
    }
  }

  /** @param mark that goes with it: of what is erased meanwhile there is another */
  async #rewrite(table: string, mark: number): Promise<void> {
    await sql`VACUUM (FULL) ${sql.table(this.#nameOf(table))}`.execute(this.#db);
    const marks = sql.table(this.#mark.table);
    await sql`DELETE FROM ${marks} WHERE name = ${table} AND xact = ${mark}`.execute(this.#db);
  }

  /** As statements of no transaction have to name it. */
  #nameOf(table: string): string {
    return this.#schema === null ? table : `${this.#schema}.${table}`;
  }

  /** Resolves when no transaction can see any more what was deleted. @throws StorageError `unavailable` if one still can */
  async #untilUnseen(): Promise<void> {
    const probe = sql.table(MIGRATION_TABLE);
    const change = await this.#db.transaction().execute(async (transaction) => {
      await sql`UPDATE ${probe} SET name = name`.execute(transaction);
      // Else it may be counted after the vacuum that has removed it.
      const { rows } = await sql`SELECT pg_current_xact_id()::text AS id, pg_stat_force_next_flush()`.execute(
        transaction,
      );
      return CHANGE.read(rows[0]).id;
    });
    for (let waited = 0; ; waited += LOOK_MS) {
      await sql`VACUUM ${probe}`.execute(this.#db);
      const { rows } = await sql`SELECT n_dead_tup AS dead,
          CASE WHEN pg_snapshot_xmin(pg_current_snapshot()) > CAST(${change} AS xid8) THEN 0 ELSE 1 END AS older
        FROM pg_stat_user_tables
        WHERE schemaname = current_schema() AND relname = ${MIGRATION_TABLE}`.execute(this.#db);
      const { dead, older } = LEFT.read(rows[0]);
      if (dead === 0 && !older) return;
      if (waited >= this.#patienceMs)
        throw new StorageError('unavailable', 'a transaction is under way that can see what was erased');
      await sleep(LOOK_MS);
    }
  }
}

const MARK = new TableReader('erased', { name: textColumn, xact: countColumn });
const CHANGE = new TableReader(MIGRATION_TABLE, { id: textColumn });
/** Rows that a vacuum had to leave, since somebody may see them; whether a transaction is older than the change. */
const LEFT = new TableReader('pg_stat_user_tables', { dead: countColumn, older: flagColumn });
