/** Rows of a described table, read and written whole. */
import type Database from 'better-sqlite3';
import { sql } from 'kysely';
import type { QueryExecutorProvider, RawBuilder } from 'kysely';
import type { StoredColumns, StoredRow, TableReader, WrittenRow } from './stored-tables.ts';

/** Rows that a statement writes at once, below SQLite's bound on parameters. */
const ROWS = 500;

/**
 * The columns of a reader, of the rows that `rest` is for: `WHERE …`, `ORDER BY …`; of all, where there is none.
 * @throws StorageError `damaged`
 */
export async function rowsOf<Columns extends StoredColumns>(
  db: QueryExecutorProvider,
  { table, names, read }: TableReader<Columns>,
  rest: RawBuilder<unknown> = sql``,
): Promise<StoredRow<Columns>[]> {
  const columns = sql.join(names.map(([, column]) => sql.ref(column)));
  const { rows } = await sql`SELECT ${columns} FROM ${sql.table(table)} ${rest}`.execute(db);
  return rows.map(read);
}

/**
 * As `rowsOf`, by a statement of SQLite itself, for what is asked often: to make one from its parts takes longer than to
 * execute it. `rest` has a `?` for each parameter. Not while a transaction of Kysely's is open, part of which it would be.
 */
export function preparedRows<Columns extends StoredColumns>(
  sqlite: Database.Database,
  { table, names, read }: TableReader<Columns>,
  rest: string,
): (...parameters: readonly (string | number)[]) => StoredRow<Columns>[] {
  const columns = names.map(([, column]) => `"${column}"`).join(', ');
  const statement = sqlite.prepare(`SELECT ${columns} FROM ${table} ${rest}`);
  return (...parameters) => statement.all(...parameters).map(read);
}

/** Writes new rows. */
export function insertRows<Reader extends TableReader<StoredColumns>>(
  db: QueryExecutorProvider,
  reader: Reader,
  rows: readonly WrittenRow<Reader>[],
): Promise<void> {
  return write(sql`INSERT`, db, reader, rows);
}

/** Writes rows; one with the primary key of a new one gives way to it. */
export function replaceRows<Reader extends TableReader<StoredColumns>>(
  db: QueryExecutorProvider,
  reader: Reader,
  rows: readonly WrittenRow<Reader>[],
): Promise<void> {
  return write(sql`REPLACE`, db, reader, rows);
}

/** Writes rows, but for those that are there already, by their key. */
export function keepRows<Reader extends TableReader<StoredColumns>>(
  db: QueryExecutorProvider,
  reader: Reader,
  rows: readonly WrittenRow<Reader>[],
): Promise<void> {
  return write(sql`INSERT`, db, reader, rows, sql`ON CONFLICT DO NOTHING`);
}

/** Writes rows; of one that has the `key` of a new one, the other columns become those of the new one. */
export function updateRows<Reader extends TableReader<StoredColumns>>(
  db: QueryExecutorProvider,
  reader: Reader,
  key: readonly (keyof Reader['columns'] & string)[],
  rows: readonly WrittenRow<Reader>[],
): Promise<void> {
  const isKey = ([member]: Reader['names'][number]): boolean => key.includes(member);
  const keys = reader.names.filter(isKey).map(([, column]) => sql.ref(column));
  const others = reader.names.filter((each) => !isKey(each));
  const set = others.map(([, column]) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`);
  const conflict = sql`ON CONFLICT (${sql.join(keys)}) DO UPDATE SET ${sql.join(set)}`;
  return write(sql`INSERT`, db, reader, rows, conflict);
}

/** What a statement takes at once. */
export function batches<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += ROWS) parts.push(all.slice(at, at + ROWS));
  return parts;
}

async function write<Reader extends TableReader<StoredColumns>>(
  how: RawBuilder<unknown>,
  db: QueryExecutorProvider,
  { table, names }: Reader,
  rows: readonly WrittenRow<Reader>[],
  conflict: RawBuilder<unknown> = sql``,
): Promise<void> {
  const into = sql.join(names.map(([, column]) => sql.ref(column)));
  for (const batch of batches(rows)) {
    const values = sql.join(
      batch.map((row) => sql`(${sql.join(names.map(([member]) => row[member as keyof typeof row]))})`),
    );
    await sql`${how} INTO ${sql.table(table)} (${into}) VALUES ${values} ${conflict}`.execute(db);
  }
}
