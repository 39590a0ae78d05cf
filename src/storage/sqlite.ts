/**
 * How every SQLite store is opened: a file for its owner's eyes, written ahead, synced at each commit, deleted content
 * overwritten.
 */
import { chmodSync, closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';

/** @param file path of the database, made if missing; `:memory:` for a store that dies with the process */
export function openDatabase<Tables>(file: string, schema: string): Kysely<Tables> {
  if (file !== ':memory:') makePrivate(file);
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('secure_delete = ON');
  database.exec(schema);
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
}

/** Before SQLite opens it: journals take the mode of the database file. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}
