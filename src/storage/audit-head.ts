/**
 * The newest record of an entity's audit log, as its store remembers it.
 *
 *     audit_head  one row: place and hash of a record that the log must have
 */
import Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { HeadMemory } from '../evidence/kept-log.ts';
import type { ChainHead } from '../evidence/log.ts';
import { StorageError } from './errors.ts';
import { statements } from './migrations.ts';
import { countColumn, patternColumn, TableReader } from './stored-tables.ts';

/** The migration that adds the table. */
export const AUDIT_HEAD = statements(
  `CREATE TABLE audit_head (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL,
    hash TEXT NOT NULL)`,
);

const HEAD = new TableReader('audit_head', {
  sequence: countColumn,
  hash: patternColumn(/^[0-9a-f]{64}$/, 'a hash in hex'),
});

/** The memory in a store that has the table. */
export function headMemory<Tables>(db: Kysely<Tables>): HeadMemory {
  return {
    load: async () => {
      const { rows } = await sql`SELECT sequence, hash FROM audit_head`.execute(db);
      return rows.length === 0 ? null : HEAD.read(rows[0]);
    },
    save: async ({ sequence, hash }) => {
      await sql`INSERT OR REPLACE INTO audit_head (id, sequence, hash) VALUES (1, ${sequence}, ${hash})`.execute(
        db,
      );
    },
  };
}

/** The same, of a store that is worked with by SQLite itself. */
export function headMemoryOf(database: Database.Database): HeadMemory {
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    load: async () => headIn(database),
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    save: async (head) => putHead(database, head),
  };
}

/**
 * What a store in a file remembers, whatever else it holds; `null`: nothing yet.
 * @throws StorageError `foreign` if it remembers no log, `damaged`
 */
export function readStoredHead(file: string): ChainHead | null {
  return inStore(file, headIn);
}

/** Puts another record in its place, in the store of an entity that is not running. @throws StorageError as above */
export function replaceStoredHead(file: string, head: ChainHead): void {
  inStore(file, (database) => putHead(database, head));
}

function headIn(database: Database.Database): ChainHead | null {
  const row = database.prepare('SELECT sequence, hash FROM audit_head').get();
  return row === undefined ? null : HEAD.read(row);
}

function putHead(database: Database.Database, { sequence, hash }: ChainHead): void {
  database
    .prepare('INSERT OR REPLACE INTO audit_head (id, sequence, hash) VALUES (1, ?, ?)')
    .run(sequence, hash);
}

function inStore<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file, { fileMustExist: true });
  try {
    database.pragma('synchronous = FULL');
    const found = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'audit_head'").get();
    if (found !== undefined) return work(database);
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    throw new StorageError('damaged', `${file} is not a database, or damaged`, { cause });
  } finally {
    database.close();
  }
  throw new StorageError('foreign', `${file} remembers no audit log: is it the store of the same entity?`);
}
