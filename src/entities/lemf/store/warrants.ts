/** What a LEMF knows of warrants, and the end of the log of what it has deleted, in `warrants.db` in its folder. */
import type Database from 'better-sqlite3';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { AUDIT_HEAD, headMemoryOf } from '../../../storage/audit-head.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openReadOnly, openStore } from '../../../storage/sqlite.ts';
import { nullable, TableReader, textColumn, timeColumn } from '../../../storage/stored-tables.ts';
import type { WarrantName, RetainedWarrants, RetainedWarrant } from '../retention.ts';

/** The file's name. */
export const WARRANTS_FILE = 'warrants.db';

const SCHEMA: StoreSchema = {
  store: 'lemf-warrants',
  firstTables: ['warrant'],
  migrations: [
    statements(
      `CREATE TABLE warrant (liid TEXT NOT NULL, source TEXT NOT NULL, toldAt REAL NOT NULL, endedAt REAL, erasedAt REAL,
        PRIMARY KEY (liid, source)) WITHOUT ROWID`,
      'CREATE INDEX warrant_ended ON warrant (endedAt)',
    ),
    AUDIT_HEAD,
  ],
};

/** The table, its columns by the names that a reader has for them. */
const WARRANTS = `
  (SELECT liid, source, toldAt AS told_at, endedAt AS ended_at, erasedAt AS erased_at FROM warrant)`;

const WARRANT = new TableReader('warrant', {
  liid: textColumn,
  source: textColumn,
  toldAt: timeColumn,
  endedAt: nullable(timeColumn),
  erasedAt: nullable(timeColumn),
});

export class SqliteWarrants implements RetainedWarrants {
  readonly #database: Database.Database;
  /** Where the end of the audit log is remembered apart from it. */
  readonly auditHead: HeadMemory;

  /** @param file `:memory:` for one that dies with the process @throws StorageError */
  static async open(file: string): Promise<SqliteWarrants> {
    return new SqliteWarrants((await openStore(file, SCHEMA)).sqlite);
  }

  /** To be looked at beside a running LEMF. @throws StorageError */
  static look(file: string): SqliteWarrants {
    return new SqliteWarrants(openReadOnly(file, SCHEMA));
  }

  private constructor(database: Database.Database) {
    this.#database = database;
    this.auditHead = headMemoryOf(database);
  }

  find({ liid, source }: WarrantName): RetainedWarrant | null {
    const row = this.#database
      .prepare(`SELECT * FROM ${WARRANTS} WHERE liid = ? AND source = ?`)
      .get(liid, source);
    return row === undefined ? null : WARRANT.read(row);
  }

  put(warrant: RetainedWarrant): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO warrant VALUES (@liid, @source, @toldAt, @endedAt, @erasedAt)')
      .run(warrant);
  }

  endedBy(time: number): RetainedWarrant[] {
    const due = 'ended_at <= ? AND erased_at IS NULL ORDER BY ended_at LIMIT 10000';
    return this.#database
      .prepare(`SELECT * FROM ${WARRANTS} WHERE ${due}`)
      .all(time)
      .map((row) => WARRANT.read(row));
  }

  *erased(): Generator<WarrantName> {
    const rows = this.#database.prepare(`SELECT * FROM ${WARRANTS} WHERE erased_at IS NOT NULL`).iterate();
    for (const row of rows) yield WARRANT.read(row);
  }

  /** All, those that ended first before the others. */
  *list(): Generator<RetainedWarrant> {
    const rows = this.#database
      .prepare(`SELECT * FROM ${WARRANTS} ORDER BY ended_at IS NULL, ended_at, liid`)
      .iterate();
    for (const row of rows) yield WARRANT.read(row);
  }

  close(): void {
    this.#database.close();
  }
}
