/**
 * The DF's store in PostgreSQL: what the mediation keeps, the outbox and the tasks of X1. One DF works with it at a time
 * (`storage/sole-holder.ts`); another goes on with all of it where the first has ended. Where several mediate, each
 * partition has a schema of its own (`postgresql-partitions.ts`).
 */
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { instanceHead } from '../../../storage/instances.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, OpenedDatabase } from '../../../storage/postgresql.ts';
import { SoleHolder } from '../../../storage/sole-holder.ts';
import { SharedTaskStore } from '../../../x1/shared-task-store.ts';
import type { DfTables } from './df-tables.ts';
import { SHARED_DF_SCHEMA } from './postgresql-schema.ts';
import { DfTableStore, tablesAtStart } from './postgresql-tables.ts';
import type { DfTableAccess, DfTablesAtStart } from './postgresql-tables.ts';

export class PostgresqlDfStore extends DfTableStore {
  readonly pool: OpenedDatabase<DfTables>['pool'];
  readonly holder: SoleHolder<DfTables>;
  readonly #db: OpenedDatabase<DfTables>['kysely'];

  private constructor(
    { kysely, pool }: OpenedDatabase<DfTables>,
    holder: SoleHolder<DfTables>,
    ports: LockPorts,
    access: DfTableAccess,
    atStart: DfTablesAtStart,
  ) {
    super(access, ports, atStart);
    this.#db = kysely;
    this.pool = pool;
    this.holder = holder;
  }

  /**
   * @param instance of this process, among those that may work with it
   * @throws StorageError `locked` if another DF works with it; `newer`, `foreign`, `unavailable`, `refused`
   */
  static async open(access: DatabaseAccess, instance: string, ports: LockPorts): Promise<PostgresqlDfStore> {
    const opened = await openPostgresql<DfTables>(access, SHARED_DF_SCHEMA);
    const { kysely, pool } = opened;
    let holder: SoleHolder<DfTables> | null = null;
    try {
      const held = await SoleHolder.take(kysely, access, instance, ports);
      holder = held;
      const tables: DfTableAccess = {
        ...{ db: kysely, timeoutMs: access.timeoutMs },
        read: (work) => work(kysely),
        write: (work) => held.write(work),
        schema: null,
      };
      const store = new PostgresqlDfStore(opened, held, ports, tables, await tablesAtStart(tables));
      // Calls do not wait for it.
      void store.scrub();
      return store;
    } catch (error) {
      await holder?.release();
      await kysely.destroy();
      await pool.end();
      throw error;
    }
  }

  /** The tasks of X1. */
  tasks(): SharedTaskStore<DfTables> {
    return new SharedTaskStore(this.#db);
  }

  /** The end of the audit log of a process. */
  auditHead(instance: string): HeadMemory {
    return instanceHead(this.#db, instance);
  }

  override async close(): Promise<void> {
    this.holder.giveUp();
    await super.close();
    await this.holder.release();
    await this.#db.destroy();
    await this.pool.end();
  }
}
