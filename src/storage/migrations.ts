/**
 * Versions of a store. A file says in its table `kysely_migration` which of the store's migrations were applied to it;
 * what is missing is applied when it is opened, all of it or nothing. Files of version 0.1.0 have no such table: the first
 * migration makes the tables that are not there, and so takes these files over.
 *
 *     file                                      opened
 *     empty, or a store of 0.1.0                every migration is applied
 *     with the first n migrations               the rest is applied
 *     with a migration that is not known here   refused, `newer`
 *     of another kind of store                  refused, `foreign`
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Kysely, Migration } from 'kysely';
import { Migrator, sql } from 'kysely';
import { StorageError } from './errors.ts';
import { TableReader, textColumn } from './stored-tables.ts';

/** Changes a store from one version to the next. */
export type StoreMigration = (db: Kysely<unknown>) => Promise<void>;

export interface StoreSchema {
  /** Which store it is, e.g. `kms`. */
  readonly store: string;
  /** The tables of version 0.1.0, by which a file without a version is known. */
  readonly firstTables: readonly string[];
  /** In order; what has been released is never changed, only added to. */
  readonly migrations: readonly StoreMigration[];
}

/** A migration that consists of SQL statements. */
export function statements(...texts: readonly string[]): StoreMigration {
  return async (db) => {
    for (const text of texts) await sql.raw(text).execute(db);
  };
}

/** A store that was there has been brought to the present version; before stores had versions they were of version 0. */
export interface StoreUpgrade {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

const UPGRADED = 'claviger:store-upgraded';
const UPGRADES = channel(UPGRADED);

/** Calls `listener` for each store that this process brings to the present version; gives the way to stop it. */
export function onStoreUpgraded(listener: (upgrade: StoreUpgrade) => void): () => void {
  const hear = (message: unknown): void => listener(message as StoreUpgrade);
  subscribe(UPGRADED, hear);
  return () => {
    unsubscribe(UPGRADED, hear);
  };
}

/**
 * Brings the store in `file` to the present version.
 * @param postgresql the schema, where the store is one of a PostgreSQL database
 * @throws StorageError `newer`, `foreign`
 */
export async function migrate<Tables>(
  db: Kysely<Tables>,
  file: string,
  schema: StoreSchema,
  postgresql?: string,
): Promise<void> {
  const known = Object.fromEntries(
    schema.migrations.map((up, index): [string, Migration] => [nameOf(schema.store, index), { up }]),
  );
  const names = await (postgresql === undefined ? tablesIn(db) : tablesOfSchema(db, postgresql));
  const applied = names.includes(MIGRATION_TABLE) ? await appliedTo(db) : [];
  if (names.includes(MIGRATION_TABLE)) requireKnown(applied, file, schema);
  else requireFirst(names, file, schema);
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(known) },
    ...(postgresql === undefined ? {} : { migrationTableSchema: postgresql }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) {
    const [from, to] = [applied.length, schema.migrations.length];
    if (names.length > 0 && from < to) UPGRADES.publish({ file, from, to } satisfies StoreUpgrade);
    return;
  }
  throw error instanceof Error
    ? error
    : new StorageError('damaged', `${file} could not be brought up to date`);
}

/* ---------------------------------------------------------------- helpers */

export const MIGRATION_TABLE = 'kysely_migration';

const NAMES = {
  table: new TableReader('sqlite_master', { name: textColumn }),
  migration: new TableReader(MIGRATION_TABLE, { name: textColumn }),
};

/** `kms-0001`: also says whose the file is. */
function nameOf(store: string, index: number): string {
  return `${store}-${String(index + 1).padStart(4, '0')}`;
}

async function tablesIn<Tables>(db: Kysely<Tables>): Promise<string[]> {
  const found = await sql`
    SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`.execute(db);
  return found.rows.map((row) => NAMES.table.read(row).name);
}

async function tablesOfSchema<Tables>(db: Kysely<Tables>, schema: string): Promise<string[]> {
  const found = await sql`SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema}`.execute(db);
  return found.rows.map((row) => NAMES.table.read(row).name);
}

async function appliedTo<Tables>(db: Kysely<Tables>): Promise<string[]> {
  const found = await sql`SELECT name FROM kysely_migration ORDER BY name`.execute(db);
  return found.rows.map((row) => NAMES.migration.read(row).name);
}

function requireKnown(applied: readonly string[], file: string, { store, migrations }: StoreSchema): void {
  const stranger = applied.find((name) => !name.startsWith(`${store}-`));
  if (stranger !== undefined) throw foreign(file, store);
  if (applied.length <= migrations.length) return;
  throw new StorageError(
    'newer',
    `${file} was written by a later version of Claviger (store version ${applied.length}, known here up to ${migrations.length}): run that version, or put back a copy from before the update`,
  );
}

function requireFirst(names: readonly string[], file: string, { store, firstTables }: StoreSchema): void {
  if (names.some((name) => !firstTables.includes(name))) throw foreign(file, store);
}

function foreign(file: string, store: string): StorageError {
  return new StorageError('foreign', `${file} is not a ${store} store: is the path right?`);
}
