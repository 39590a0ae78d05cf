/**
 * The ADMF's warrants and the DIDs it has given, in SQLite. What a promise here has resolved for survives the loss of
 * the process and of power. Who is intercepted is in this file: it is its owner's alone.
 *
 *     warrant     one row a warrant, by LIID: its contents and the times of its life as JSON, its XID and state
 *     did         one row a destination, by what it stands for
 *     audit_head  the end of the ADMF's audit log
 */
import type { Generated, Kysely } from 'kysely';
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import type { AdmfState, AdmfStore } from '../ports.ts';
import { WARRANT_STATES } from '../warrants.ts';
import type { WarrantRecord } from '../warrants.ts';
import { AUDIT_HEAD, headMemory } from '../../../storage/audit-head.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { storedForm, storedJson } from '../../../storage/stored-json.ts';
import { openDatabase } from '../../../storage/sqlite.ts';

interface Tables {
  warrant: {
    position: Generated<number>;
    liid: string;
    xid: string;
    state: string;
    body: string;
  };
  did: { key: string; did: string };
}

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS warrant (position INTEGER PRIMARY KEY AUTOINCREMENT, liid TEXT NOT NULL UNIQUE,
    xid TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS did (key TEXT PRIMARY KEY, did TEXT NOT NULL UNIQUE) WITHOUT ROWID`,
);

/** Version 0.1.0 kept the warrant alone, and called two states otherwise. */
const LIVES = statements(`UPDATE warrant SET
    body = json_object('warrant', json(body), 'from', json_extract(body, '$.startTime'),
      'drainUntil', CASE state WHEN 'draining' THEN 0 END),
    state = CASE state WHEN 'activating' THEN 'provisioning' WHEN 'draining' THEN 'ending' ELSE state END`);

const readState = storedForm(Type.Enum([...WARRANT_STATES]), "a stored warrant's state");

const HOST_PORT = strict({ host: Type.String(), port: Type.Integer() });

const readBody = storedJson(
  strict({
    warrant: strict({
      liid: Type.String(),
      targets: Type.Array(strict({ name: Type.String(), value: Type.String() })),
      delivery: Type.Enum(['IRI', 'IRI+CC']),
      startTime: Type.Number(),
      endTime: Type.Number(),
      lemf: strict({ hi2: HOST_PORT, hi3: Type.Optional(HOST_PORT) }),
      location: Type.Optional(Type.Boolean()),
    }),
    from: Type.Number(),
    drainUntil: Type.Union([Type.Number(), Type.Null()]),
  }),
  'a stored warrant',
);

/** The store's tables, by version. */
export const ADMF_SCHEMA: StoreSchema = {
  store: 'admf',
  firstTables: ['warrant', 'did'],
  migrations: [FIRST, LIVES, AUDIT_HEAD],
};

export class SqliteAdmfStore implements AdmfStore {
  readonly auditHead: HeadMemory;
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.auditHead = headMemory(db);
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
      warrants: warrants.map(({ xid, state, body }) => ({ ...readBody(body), xid, state: readState(state) })),
      dids: new Map(dids.map(({ key, did }) => [key, did])),
    };
  }

  async saveWarrants(records: readonly WarrantRecord[]): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const { warrant, xid, state, from, drainUntil } of records) {
        const body = JSON.stringify({ warrant, from, drainUntil });
        const row = { liid: warrant.liid, xid, state, body };
        await transaction
          .insertInto('warrant')
          .values(row)
          .onConflict((conflict) => conflict.column('liid').doUpdateSet(row))
          .execute();
      }
    });
  }

  async saveDid(key: string, did: string): Promise<void> {
    await this.#db.insertInto('did').values({ key, did }).execute();
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}
