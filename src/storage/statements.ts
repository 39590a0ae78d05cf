/**
 * Statements of a SQLite connection, each prepared once: Kysely gives the text of a query at every execution, and
 * preparing it takes longer than most executions do.
 */
import type Database from 'better-sqlite3';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** Texts that are kept; of more, the one that was not used for longest goes. Insertions of a batch differ in their rows. */
const KEPT = 256;

export class StatementCache implements SqliteDatabase {
  readonly #database: Database.Database;
  readonly #kept = new Map<string, SqliteStatement>();
  /** Statements that had to be prepared since the database was opened. */
  prepared = 0;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  prepare(text: string): SqliteStatement {
    const statement = this.#kept.get(text) ?? this.#prepareNew(text);
    this.#kept.delete(text);
    this.#kept.set(text, statement);
    const oldest = this.#kept.size > KEPT ? this.#kept.keys().next() : null;
    if (oldest !== null && oldest.done !== true) this.#kept.delete(oldest.value);
    return statement;
  }

  close(): void {
    this.#kept.clear();
    this.#database.close();
  }

  #prepareNew(text: string): SqliteStatement {
    this.prepared += 1;
    const statement = this.#database.prepare(text);
    return {
      reader: statement.reader,
      all: (parameters) => statement.all(...parameters),
      run: (parameters) => statement.run(...parameters),
      iterate: (parameters) => statement.iterate(...parameters),
    };
  }
}
