/**
 * The ADMF's store in PostgreSQL. One ADMF works with it at a time (`storage/sole-holder.ts`): another that is started
 * meanwhile is refused, and may take its place when it has ended, wherever that is.
 */
import { ErasedTables, erasedMarks, markErased } from '../../../storage/erased-tables.ts';
import { instanceHead, PROCESSES } from '../../../storage/instances.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, DatabasePool, OpenedDatabase } from '../../../storage/postgresql.ts';
import { SOLE_HOLDER, SoleHolder } from '../../../storage/sole-holder.ts';
import { ERASED_FROM } from './hi1.ts';
import { SqlAdmfStore, WITH_CONTENTS } from './sql.ts';
import type { AdmfEngine, AdmfTables } from './sql.ts';

const FIRST = statements(
  `CREATE TABLE warrant (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, liid TEXT NOT NULL UNIQUE,
    xid TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL)`,
  `CREATE TABLE warrant_history (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, liid TEXT NOT NULL,
    xid TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, by TEXT, act TEXT NOT NULL, state TEXT NOT NULL,
    version BIGINT NOT NULL, reason TEXT, detail TEXT)`,
  `CREATE INDEX warrant_history_liid ON warrant_history (liid, position)`,
  `CREATE TABLE did (key TEXT PRIMARY KEY, did TEXT NOT NULL UNIQUE)`,
);

const HI1 = statements(
  `CREATE TABLE hi1_object (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agency TEXT NOT NULL,
    identifier TEXT NOT NULL, kind TEXT NOT NULL, body BYTEA NOT NULL, generation BIGINT NOT NULL,
    changed DOUBLE PRECISION NOT NULL, status TEXT, reason TEXT, authorisation TEXT, liid TEXT, wish TEXT,
    due BIGINT NOT NULL, UNIQUE (agency, identifier))`,
  `CREATE INDEX hi1_object_authorisation ON hi1_object (agency, authorisation) WHERE authorisation IS NOT NULL`,
  `CREATE INDEX hi1_object_liid ON hi1_object (liid) WHERE liid IS NOT NULL`,
  `CREATE INDEX hi1_object_changed ON hi1_object (agency, changed)`,
  `CREATE INDEX hi1_object_kind ON hi1_object (kind, status, changed)`,
  `CREATE TABLE hi1_exchange (agency TEXT NOT NULL, trans TEXT NOT NULL, digest TEXT NOT NULL, answer BYTEA NOT NULL,
    at DOUBLE PRECISION NOT NULL, octets BIGINT NOT NULL, PRIMARY KEY (agency, trans))`,
  `CREATE INDEX hi1_exchange_at ON hi1_exchange (agency, at, octets)`,
  `CREATE TABLE hi1_link (agency TEXT NOT NULL, identifier TEXT NOT NULL, other TEXT NOT NULL,
    PRIMARY KEY (agency, identifier, other),
    FOREIGN KEY (agency, identifier) REFERENCES hi1_object (agency, identifier) ON DELETE CASCADE)`,
  `CREATE INDEX hi1_link_other ON hi1_link (agency, other)`,
  `CREATE TABLE hi1_told (agency TEXT NOT NULL, trans TEXT NOT NULL, identifier TEXT NOT NULL,
    PRIMARY KEY (agency, trans, identifier),
    FOREIGN KEY (agency, trans) REFERENCES hi1_exchange (agency, trans) ON DELETE CASCADE)`,
  `CREATE INDEX hi1_told_identifier ON hi1_told (agency, identifier)`,
);

/** The store's tables, by version; nothing of it was there before there were versions. */
const SHARED_ADMF_SCHEMA: StoreSchema = {
  store: 'admf',
  firstTables: [],
  migrations: [FIRST, HI1, PROCESSES, SOLE_HOLDER, erasedMarks(...WITH_CONTENTS, ...ERASED_FROM)],
};

export class PostgresqlAdmfStore extends SqlAdmfStore {
  readonly pool: DatabasePool;
  readonly holder: SoleHolder<AdmfTables>;
  readonly #erased: ErasedTables<AdmfTables>;

  private constructor(
    { kysely, pool }: OpenedDatabase<AdmfTables>,
    engine: AdmfEngine,
    holder: SoleHolder<AdmfTables>,
    erased: ErasedTables<AdmfTables>,
  ) {
    super(kysely, engine);
    this.pool = pool;
    this.holder = holder;
    this.#erased = erased;
  }

  /**
   * @param instance whose audit log it is
   * @throws StorageError `locked` if another ADMF works with it; `newer`, `foreign`, `unavailable`, `refused`
   */
  static async open(
    access: DatabaseAccess,
    instance: string,
    ports: LockPorts,
  ): Promise<PostgresqlAdmfStore> {
    const opened = await openPostgresql<AdmfTables>(access, SHARED_ADMF_SCHEMA);
    const { kysely, pool } = opened;
    try {
      const holder = await SoleHolder.take(kysely, access, instance, ports);
      const erased = new ErasedTables(kysely, access, ports);
      const engine: AdmfEngine = {
        auditHead: instanceHead(kysely, instance),
        write: (work) => holder.write(work),
        erasing: (transaction, tables) => markErased(transaction, ...tables),
        scrub: () => erased.takeUp(),
      };
      await erased.takeUp();
      return new PostgresqlAdmfStore(opened, engine, holder, erased);
    } catch (error) {
      await kysely.destroy();
      await pool.end();
      throw error;
    }
  }

  /** Tables that still have, in their files, what was erased from them. */
  get notRewritten(): readonly string[] {
    return this.#erased.waiting;
  }

  override async close(): Promise<void> {
    this.#erased.stop();
    await this.holder.release();
    await super.close();
    await this.pool.end();
  }
}
