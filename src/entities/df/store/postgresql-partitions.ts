/**
 * The stores of a DF that several processes mediate for, in PostgreSQL. Calls are in partitions; each has a schema of its own,
 * and one process works with it at a time: the one that has its lease, under a term of its own (`storage/term-fence.ts`).
 *
 *     SCHEMA        task, destination, task_change   of X1, which all processes decide on (`x1/shared-task-store.ts`)
 *                   process                          audit logs (`storage/instances.ts`)
 *                   layout                           in how many partitions calls are: once for all
 *                   passed_alarm                     alarms of warrants that partition 0 is to tell
 *     SCHEMA_pN     as in `postgresql-tables.ts`, and holder
 *
 * Every commit of a turn holds only where the newest change of tasks is the one that the turn went by.
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider } from 'kysely';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { StorageError } from '../../../storage/errors.ts';
import { InstanceLock, instanceHead } from '../../../storage/instances.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, DatabasePool, OpenedDatabase } from '../../../storage/postgresql.ts';
import { rowsOf } from '../../../storage/rows.ts';
import { countColumn, TableReader, textColumn } from '../../../storage/stored-tables.ts';
import { TermFence, termByLease } from '../../../storage/term-fence.ts';
import type { LeaseOrder } from '../../../storage/term-fence.ts';
import { requireTasksOf, SharedTaskStore } from '../../../x1/shared-task-store.ts';
import type { PassedAlarms, StoredAlarm } from '../ports.ts';
import type { DfTables } from './df-tables.ts';
import { PASSED } from './df-tables.ts';
import { MEDIATORS_SCHEMA, PARTITION_SCHEMA } from './postgresql-schema.ts';
import { DfTableStore, tablesAtStart } from './postgresql-tables.ts';
import type { DfTableAccess, DfTablesAtStart } from './postgresql-tables.ts';

/** Which tables there are, of PostgreSQL's own. */
const MADE = new TableReader('pg_tables', { schemaname: textColumn });
const LAYOUT = new TableReader('layout', { partitions: countColumn });

/** The partition that tells LEMFs of warrants (`notices.ts`). */
const NOTICES = 0;

/** Characters that names of partitions' schemas have besides; PostgreSQL takes 63. */
const LONGEST_SCHEMA = 63 - '_p255'.length;

export class PartitionedDfStore {
  readonly pool: DatabasePool;
  readonly partitions: number;
  readonly #db: Kysely<DfTables>;
  readonly #access: DatabaseAccess;
  readonly #instance: string;
  readonly #ports: LockPorts;
  readonly #open = new Set<DfPartitionStore>();
  #lock: InstanceLock | null = null;

  private constructor(
    { kysely, pool }: OpenedDatabase<DfTables>,
    access: DatabaseAccess,
    instance: string,
    ports: LockPorts,
    partitions: number,
  ) {
    this.#db = kysely;
    this.pool = pool;
    this.#access = access;
    this.#instance = instance;
    this.#ports = ports;
    this.partitions = partitions;
  }

  /**
   * @param instance of this process, among those that work with it
   * @param partitions that calls are in; `null`: as many as there are
   * @throws StorageError `refused` where there are others; `locked` if another process has the name; `newer`, `foreign`,
   * `unavailable`
   */
  static async open(
    access: DatabaseAccess,
    instance: string,
    partitions: number | null,
    ports: LockPorts,
  ): Promise<PartitionedDfStore> {
    if (access.schema.length > LONGEST_SCHEMA)
      throw new StorageError(
        'refused',
        `schema ${access.schema}: ${LONGEST_SCHEMA} characters at most with streams`,
      );
    const opened = await openShared(access);
    try {
      const count = await layoutOf(opened.kysely, partitions);
      const store = new PartitionedDfStore(opened, access, instance, ports, count);
      store.#lock = await InstanceLock.hold(access, instance, ports);
      return store;
    } catch (error) {
      await opened.kysely.destroy();
      await opened.pool.end();
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

  /** Why the database cannot be used now, and since when (ISO 8601); `null`: it can. */
  get problem(): { readonly text: string; readonly since: string } | null {
    return this.#lock?.problem ?? null;
  }

  /** Tables of partitions that this process has that still have, in their files, what was erased from them. */
  get notRewritten(): readonly string[] {
    return [...this.#open].flatMap((store) => store.notRewritten);
  }

  /**
   * Takes a partition.
   * @param lease by which it may; `null`: the one by which it was taken last, for whoever works alone
   * @throws StorageError `locked` where it was taken by a later lease; as `open`
   */
  async partition(partition: number, lease: LeaseOrder | null): Promise<DfPartitionStore> {
    const schema = this.#schemaOf(partition);
    await bringUpToDate({ ...this.#access, schema });
    const table = sql`${sql.table(`${schema}.holder`)}`;
    const options = { instance: this.#instance, ports: this.#ports };
    const term = await termByLease(this.#db, table, lease, options);
    const path = `${schema}, ${this.#access.schema}`;
    const enter = async (db: QueryExecutorProvider): Promise<void> => {
      await sql`SELECT set_config('search_path', ${path}, true)`.execute(db);
    };
    const fence = new TermFence<DfTables>(this.#db, term, {
      ...options,
      table,
      begin: enter,
    });
    const tables: DfTableAccess = {
      ...{ db: this.#db, timeoutMs: this.#access.timeoutMs },
      read: (work) =>
        this.#db.transaction().execute(async (transaction) => {
          await enter(transaction);
          return work(transaction);
        }),
      write: (work) => fence.write(work),
      schema,
      requireTasks: (transaction, version) => requireTasksOf(transaction, this.#access.schema, version),
    };
    const store: DfPartitionStore = new DfPartitionStore(
      tables,
      fence,
      this.#ports,
      await tablesAtStart(tables),
      () => void this.#open.delete(store),
    );
    this.#open.add(store);
    // Calls do not wait for it.
    void store.scrub();
    return store;
  }

  /**
   * Whether something waits for a destination in a partition, whoever has it, or is still to come: partition 0 may not have
   * told yet that a warrant of which the destination was told has ended, or has another. @throws StorageError
   */
  async waitsFor(did: string): Promise<boolean> {
    const names = Array.from({ length: this.partitions }, (_, partition) => this.#schemaOf(partition));
    const isOutbox = sql`WHERE tablename = 'outbox' AND schemaname = ANY(${names})`;
    const made = await rowsOf(this.#db, MADE, isOutbox);
    if (made.length === 0) return false;
    const rowsFor = made.map(
      ({ schemaname: name }) => sql`SELECT 1 FROM ${sql.table(`${name}.outbox`)} WHERE did = ${did}`,
    );
    const teller = this.#schemaOf(NOTICES);
    const told = sql`SELECT 1 FROM ${sql.table(`${teller}.notice`)}
      WHERE CAST(body AS jsonb) -> 'told' -> 'dids' @> to_jsonb(CAST(${did} AS text))`;
    if (made.some(({ schemaname: name }) => name === teller)) rowsFor.push(told);
    const all = sql.join(rowsFor, sql` UNION ALL `);
    const { rows } = await sql`SELECT 1 WHERE EXISTS (${all})`.execute(this.#db);
    return rows.length > 0;
  }

  /** After the database was put back from a copy: as `epoch.ts` does to one in SQLite. @param now Unix milliseconds */
  async beginEpoch(now: number): Promise<number> {
    let base = 0;
    for (let partition = 0; partition < this.partitions; partition++) {
      const store = await this.partition(partition, null);
      base = Math.max(base, await store.beginEpoch(now));
      await store.close();
    }
    return base;
  }

  async close(): Promise<void> {
    for (const store of [...this.#open]) await store.close();
    await this.#lock?.release();
    await this.#db.destroy();
    await this.pool.end();
  }

  #schemaOf(partition: number): string {
    return `${this.#access.schema}_p${partition}`;
  }
}

/** What is kept of the calls of a partition. */
export class DfPartitionStore extends DfTableStore {
  readonly passedAlarms: PassedAlarms;
  readonly #fence: TermFence<DfTables>;
  readonly #closed: () => void;

  constructor(
    access: DfTableAccess,
    fence: TermFence<DfTables>,
    ports: LockPorts,
    atStart: DfTablesAtStart,
    closed: () => void,
  ) {
    super(access, ports, atStart);
    this.#fence = fence;
    this.#closed = closed;
    this.passedAlarms = {
      waiting: (limit) =>
        access.read(async (db): Promise<StoredAlarm[]> => {
          const rows = await rowsOf(db, PASSED, sql`ORDER BY id LIMIT ${limit}`);
          return rows.map(({ id, body }) => ({ id, ...body }));
        }),
    };
  }

  /** Resolves when another process has taken the partition: nothing that is in memory counts any more. */
  get lost(): Promise<StorageError> {
    return this.#fence.lost;
  }

  /** Nobody waits any more to know what came of a commit that was not answered: whoever has it next finds that. */
  giveUp(): void {
    this.#fence.end(new StorageError('unavailable', 'what has the partition is stopping'));
  }

  override async close(): Promise<void> {
    this.giveUp();
    await super.close();
    await this.#fence.ended();
    this.#closed();
  }
}

/* ---------------------------------------------------------------- helpers */

async function openShared(access: DatabaseAccess): Promise<OpenedDatabase<DfTables>> {
  try {
    return await openPostgresql<DfTables>(access, MEDIATORS_SCHEMA);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'foreign') throw error;
    throw new StorageError(
      'foreign',
      `schema ${access.schema} of database ${access.database} is not one of several mediators: name another, which they make`,
    );
  }
}

async function bringUpToDate(access: DatabaseAccess): Promise<void> {
  const { kysely, pool } = await openPostgresql<DfTables>(access, PARTITION_SCHEMA);
  await kysely.destroy();
  await pool.end();
}

/** In how many partitions calls are. The first process says it. @throws StorageError `refused` where it was said otherwise */
async function layoutOf(db: Kysely<DfTables>, partitions: number | null): Promise<number> {
  if (partitions !== null)
    await sql`INSERT INTO layout (id, partitions) VALUES (1, ${partitions}) ON CONFLICT DO NOTHING`.execute(
      db,
    );
  const [found] = await rowsOf(db, LAYOUT);
  const known = found?.partitions ?? 0;
  if (partitions === null || known === partitions) return known;
  throw new StorageError(
    'refused',
    `streams.partitions: calls are in ${known} partitions in this database, which cannot become ${partitions}`,
  );
}
