/**
 * The ADMF's warrants and the DIDs it has given, in SQLite. What a promise here has resolved for survives the loss of
 * the process and of power. Who is intercepted is in this file: it is its owner's alone.
 *
 *     warrant  one row a warrant, by LIID: its contents as JSON, its XID and state
 *     did      one row a destination, by what it stands for
 */
import type { Generated } from 'kysely';
import type { Kysely } from 'kysely';
import type { AdmfState, AdmfStore } from '../ports.ts';
import type { Warrant, WarrantRecord, WarrantState } from '../warrants.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openDatabase } from '../../../storage/sqlite.ts';

interface Tables {
  warrant: { position: Generated<number>; liid: string; xid: string; state: WarrantState; body: string };
  did: { key: string; did: string };
}

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS warrant (position INTEGER PRIMARY KEY AUTOINCREMENT, liid TEXT NOT NULL UNIQUE,
    xid TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS did (key TEXT PRIMARY KEY, did TEXT NOT NULL UNIQUE) WITHOUT ROWID`,
);

/** The store's tables, by version. */
export const ADMF_SCHEMA: StoreSchema = {
  store: 'admf',
  firstTables: ['warrant', 'did'],
  migrations: [FIRST],
};

export class SqliteAdmfStore implements AdmfStore {
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteAdmfStore> {
    return new SqliteAdmfStore(await openDatabase<Tables>(file, ADMF_SCHEMA));
  }

  async load(): Promise<AdmfState> {
    const warrants = await this.#db.selectFrom('warrant').selectAll().orderBy('position').execute();
    const dids = await this.#db.selectFrom('did').selectAll().execute();
    return {
      warrants: warrants.map(({ xid, state, body }) => ({
        warrant: JSON.parse(body) as Warrant,
        xid,
        state,
      })),
      dids: new Map(dids.map(({ key, did }) => [key, did])),
    };
  }

  async saveWarrant({ warrant, xid, state }: WarrantRecord): Promise<void> {
    const row = { liid: warrant.liid, xid, state, body: JSON.stringify(warrant) };
    await this.#db
      .insertInto('warrant')
      .values(row)
      .onConflict((conflict) => conflict.column('liid').doUpdateSet(row))
      .execute();
  }

  async saveDid(key: string, did: string): Promise<void> {
    await this.#db.insertInto('did').values({ key, did }).execute();
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}
