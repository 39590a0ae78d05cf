/**
 * Digests and communications in a SQLite file that dies with the process: what the numbering of PDUs must know, without
 * memory that grows with it. Pages go to the file as the cache is full; nothing is synced. Where there is no room for them
 * everything is rolled back, to empty tables, or to what another thread has left.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { NumberStore } from '../sessions.ts';
import { LemfError } from '../errors.ts';

/** Of SQLite's pages in memory, in KiB. */
const CACHE = 16 << 10;

const TABLES = `
  CREATE TABLE IF NOT EXISTS digest (line INTEGER, number INTEGER, digest BLOB, PRIMARY KEY (line, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS saved (key TEXT PRIMARY KEY, session TEXT) WITHOUT ROWID;
`;

/** A database for scratch. @param file `''`: one of the system's, without a name */
export function openScratch(file: string, cache = CACHE): Database.Database {
  const database = new Database(file);
  // Little: pages that are new need no journal. Without one (OFF), what a full disk leaves could not be read.
  database.pragma('journal_mode = MEMORY');
  database.pragma('synchronous = OFF');
  database.pragma('locking_mode = EXCLUSIVE');
  database.pragma(`cache_size = -${cache}`);
  // Rows are written while others are walked through, never of the same table.
  database.unsafeMode(true);
  return database;
}

const PLACE = '.numbers-';

/** A new folder in a folder where there is room. */
export function numbersPlace(folder: string): string {
  return mkdtempSync(path.join(folder, PLACE));
}

/** Removes what a process that was killed has left. */
export function removeOldNumbers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(PLACE)) rmSync(path.join(folder, name), { recursive: true });
  }
}

export class SqliteNumbers implements NumberStore {
  readonly #database: Database.Database;
  readonly #digest: Database.Statement<[number, number], { digest: Uint8Array }>;
  readonly #keepDigest: Database.Statement<[number, number, Uint8Array]>;
  readonly #numbers: Database.Statement<[number], { number: number }>;
  readonly #session: Database.Statement<[string], { session: string }>;
  readonly #keepSession: Database.Statement<[string, string]>;

  /** In a file of its own in a folder where there is room, which has no name once it is open. */
  static beside(folder: string): SqliteNumbers {
    const place = numbersPlace(folder);
    try {
      return new SqliteNumbers(openScratch(path.join(place, 'numbers')));
    } finally {
      rmSync(place, { recursive: true });
    }
  }

  constructor(database: Database.Database) {
    this.#database = database;
    database.exec(TABLES);
    // Not committed but for another thread: there is nothing to come back to.
    database.exec('BEGIN');
    this.#digest = database.prepare('SELECT digest FROM digest WHERE line = ? AND number = ?');
    this.#keepDigest = database.prepare('INSERT OR REPLACE INTO digest VALUES (?, ?, ?)');
    this.#numbers = database.prepare('SELECT number FROM digest WHERE line = ? ORDER BY number');
    this.#session = database.prepare('SELECT session FROM saved WHERE key = ?');
    this.#keepSession = database.prepare('INSERT OR REPLACE INTO saved VALUES (?, ?)');
  }

  digest(line: number, number: number): Uint8Array | null {
    return this.#digest.get(line, number)?.digest ?? null;
  }

  keepDigest(line: number, number: number, digest: Uint8Array): void {
    if (!this.#database.inTransaction) throw new LemfError('store', 'no room for the numbers of PDUs');
    this.#keepDigest.run(line, number, digest);
  }

  *numbers(line: number): Generator<number> {
    for (const { number } of this.#numbers.iterate(line)) yield number;
  }

  session(key: string): string | null {
    return this.#session.get(key)?.session ?? null;
  }

  keepSession(key: string, text: string): void {
    this.#keepSession.run(key, text);
  }

  /** Leaves the file to whoever opens it next, and closes. */
  leave(): void {
    if (!this.#database.inTransaction) throw new LemfError('store', 'no room for the numbers of PDUs');
    this.#database.exec('COMMIT');
    this.close();
  }

  close(): void {
    this.#database.close();
  }
}
