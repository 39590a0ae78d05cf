/** Rows of a described table, read and written whole. */
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
  { table, columns, read }: TableReader<Columns>,
  rest: RawBuilder<unknown> = sql``,
): Promise<StoredRow<Columns>[]> {
  const names = sql.join(Object.keys(columns).map((name) => sql.ref(name)));
  const { rows } = await sql`SELECT ${names} FROM ${sql.table(table)} ${rest}`.execute(db);
  return rows.map(read);
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

/** What a statement takes at once. */
export function batches<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += ROWS) parts.push(all.slice(at, at + ROWS));
  return parts;
}

async function write<Reader extends TableReader<StoredColumns>>(
  how: RawBuilder<unknown>,
  db: QueryExecutorProvider,
  { table, columns }: Reader,
  rows: readonly WrittenRow<Reader>[],
): Promise<void> {
  const names = Object.keys(columns) as (keyof Reader['columns'])[];
  const into = sql.join(names.map((name) => sql.ref(String(name))));
  for (const batch of batches(rows)) {
    const values = sql.join(batch.map((row) => sql`(${sql.join(names.map((name) => row[name]))})`));
    await sql`${how} INTO ${sql.table(table)} (${into}) VALUES ${values}`.execute(db);
  }
}
