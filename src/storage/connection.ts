/** What holds for every connection to a SQLite store. */
import Database from 'better-sqlite3';

/** A further connection to a store that is open, of the present version. */
export function furtherConnection(file: string): Database.Database {
  const sqlite = new Database(file, { fileMustExist: true });
  makeSafe(sqlite);
  return sqlite;
}

/** Written ahead, synced at each commit, deleted content overwritten. */
export function makeSafe(sqlite: Database.Database): void {
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('secure_delete = ON');
}
