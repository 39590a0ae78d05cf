/**
 * How every SQLite store is opened: a file for its owner's eyes, written ahead, synced at each commit, deleted content
 * overwritten, brought to the present version.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Kysely, sql, SqliteAdapter, SqliteDialect } from 'kysely';
import { makeSafe } from './connection.ts';
import { StorageError } from './errors.ts';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './migrations.ts';
import { StatementCache } from './statements.ts';

/** A store that is open: by Kysely, and by SQLite itself for what must not wait. */
export interface OpenedStore<Tables> {
  readonly kysely: Kysely<Tables>;
  readonly sqlite: Database.Database;
}

/**
 * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
 * @throws StorageError `newer`, `foreign`, `damaged`
 */
export async function openDatabase<Tables>(file: string, schema: StoreSchema): Promise<Kysely<Tables>> {
  return (await openStore<Tables>(file, schema)).kysely;
}

/** As `openDatabase`, with SQLite's own connection. */
export async function openStore<Tables>(file: string, schema: StoreSchema): Promise<OpenedStore<Tables>> {
  if (file !== ':memory:') makePrivate(file);
  const isLogLeft = statSync(`${file}-wal`, { throwIfNoEntry: false }) !== undefined;
  const sqlite = new Database(file);
  try {
    makeSafe(sqlite);
    const dialect = new AtomicMigrationDialect({ database: new StatementCache(sqlite) });
    const kysely = new Kysely<Tables>({ dialect });
    await migrate(kysely, file, schema);
    // By a process that was killed, perhaps after it had deleted something and before it had emptied the log.
    if (isLogLeft) await scrub(kysely);
    return { kysely, sqlite };
  } catch (error) {
    sqlite.close();
    throw damaged(error) ? new StorageError('damaged', `${file} is not a database, or damaged`) : error;
  }
}

/**
 * A store that is looked at and not changed, whoever else works with it.
 * @throws StorageError `foreign`, `damaged`
 */
export function openReadOnly(file: string, schema: StoreSchema): Database.Database {
  const sqlite = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const tables = sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
    if (schema.firstTables.every((name) => tables.includes(name))) return sqlite;
    throw new StorageError('foreign', `${file} is not a ${schema.store} store`);
  } catch (error) {
    sqlite.close();
    throw damaged(error) ? new StorageError('damaged', `${file} is not a database, or damaged`) : error;
  }
}

/**
 * Empties the log that is written ahead: nothing of what was deleted, and overwritten, is left in it, nor in the file
 * below it.
 */
export async function scrub<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
}

/**
 * Makes a file for its owner alone, before SQLite opens it: journals take the mode of the database file. A file that is
 * there is not opened, since closing it again would drop the locks that this process has on it (POSIX).
 */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  chmodSync(file, 0o600);
}

/** SQLite's DDL is transactional; Kysely's own adapter does not use that, and a crash would leave half a migration. */
class AtomicMigrationDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new (class extends SqliteAdapter {
      override get supportsTransactionalDdl(): boolean {
        return true;
      }
    })();
  }
}

function damaged(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:NOTADB|CORRUPT)/.test(error.code);
}
