/**
 * The DF's store in PostgreSQL: what the mediation keeps, the outbox and the tasks of X1. One DF works with it at a time
 * (`storage/sole-holder.ts`); another goes on with all of it where the first has ended. Content that waits is there, too, as
 * rows: a spool of files would be lost with its machine.
 *
 *     place   the last position of the outbox that was given; the other tables are as in `sqlite.ts`
 *
 * All state that the mediation works with stays in its memory: a turn does not wait for the network.
 */
import { sql } from 'kysely';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import { ErasedTables } from '../../../storage/erased-tables.ts';
import { instanceHead } from '../../../storage/instances.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { RowStatement } from '../../../storage/group-commit.ts';
import { openPostgresql } from '../../../storage/postgresql.ts';
import type { DatabaseAccess, OpenedDatabase } from '../../../storage/postgresql.ts';
import { PostgresqlUnits } from '../../../storage/postgresql-units.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
import { SoleHolder } from '../../../storage/sole-holder.ts';
import { countColumn, TableReader } from '../../../storage/stored-tables.ts';
import { SharedTaskStore } from '../../../x1/shared-task-store.ts';
import type {
  Amount,
  DfChanges,
  DfForgetting,
  DfState,
  DfStore,
  NewestEntry,
  Outbox,
  OutboxAppend,
  OutboxEntry,
  WaitingShare,
} from '../ports.ts';
import { newestRows, pendingRows, storedState, waitingShares } from './df-reads.ts';
import { GONE, STORED } from './df-tables.ts';
import type { DfTables } from './df-tables.ts';
import { acknowledgementWrite, changeWrites, expiryWrites } from './df-writes.ts';
import { SHARED_DF_SCHEMA } from './postgresql-schema.ts';
import { WaitingBook } from './waiting-book.ts';

const PLACE = new TableReader('place', { id: countColumn, position: countColumn });
const PLACES = RowStatement.putting(PLACE, ['id']);

/** Tables that have what is of a warrant. */
const OF_WARRANTS = ['communication', 'key_session', 'held', 'outbox', 'stream', 'loss', 'notice'];

export class PostgresqlDfStore implements DfStore, DfForgetting, Outbox {
  readonly forgetting = this;
  readonly pool: OpenedDatabase<DfTables>['pool'];
  readonly holder: SoleHolder<DfTables>;
  readonly #db: OpenedDatabase<DfTables>['kysely'];
  readonly #units: PostgresqlUnits;
  readonly #erased: ErasedTables<DfTables>;
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();
  readonly #waiting = new WaitingBook();
  /** The last position that was given. */
  #position: number;

  private constructor(
    { kysely, pool }: OpenedDatabase<DfTables>,
    holder: SoleHolder<DfTables>,
    ports: LockPorts,
    position: number,
  ) {
    this.#db = kysely;
    this.pool = pool;
    this.holder = holder;
    this.#units = new PostgresqlUnits((work) => holder.write(work));
    this.#erased = new ErasedTables(kysely, ports);
    this.#position = position;
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
      holder = await SoleHolder.take(kysely, access, instance, ports);
      const [place] = await rowsOf(kysely, PLACE);
      const store = new PostgresqlDfStore(opened, holder, ports, place?.position ?? 0);
      for (const share of await waitingShares(kysely)) store.#waiting.add(share);
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

  /** Tables that still have, in their files, what was erased from them. */
  get notRewritten(): readonly string[] {
    return this.#erased.waiting;
  }

  load(): Promise<DfState> {
    return storedState(this.#db);
  }

  async commit(changes: DfChanges): Promise<void> {
    const placed = changes.outbox.map((entry) => ({ ...entry, position: ++this.#position }));
    const places = placed.length === 0 ? [] : [PLACES.of([{ id: 1, position: this.#position }])];
    const gone = await this.#units.run({ writes: [...changeWrites(changes, placed), ...places] });
    this.#countGone(gone);
    if (placed.length === 0) return;
    for (const { did, interface: reference, liid, octets } of placed)
      this.#waiting.add({ did, interface: reference, liid, count: 1, octets: octets.length });
    const dids = new Set(placed.map(({ did }) => did));
    for (const listener of this.#listeners) listener(dids);
  }

  async expire(before: number, mostStreams: number): Promise<number> {
    return (await this.#units.run({ writes: expiryWrites(before, mostStreams) })).length;
  }

  undelivered(liid: string): Promise<number> {
    const shares = this.destinations().flatMap((did) => [...this.shares(did)]);
    const own = shares.filter((share) => share.liid === liid && share.interface !== 'hi1');
    return Promise.resolve(own.reduce((sum, { count }) => sum + count, 0));
  }

  /**
   * After the database was put back from a copy: as `epoch.ts` does to one in SQLite.
   * @param now Unix milliseconds @returns above which CINs go on
   */
  beginEpoch(now: number): Promise<number> {
    return this.holder.write(async (transaction) => {
      const [before] = await rowsOf(transaction, STORED.epoch);
      const base = Math.max(Math.floor(now / 1000), before?.base ?? 0);
      await updateRows(transaction, STORED.epoch, ['id'], [{ id: 1, base }]);
      await sql`DELETE FROM communication`.execute(transaction);
      const notices = await rowsOf(transaction, STORED.notice);
      const above = notices.map(({ liid, body, epoch }) => {
        const notice = { ...body, next: Math.max(body.next, base) };
        return { liid, body: JSON.stringify(notice), epoch };
      });
      await updateRows(transaction, STORED.notice, ['liid'], above);
      return base;
    });
  }

  scrub(): Promise<void> {
    return this.#erased.rewrite(OF_WARRANTS);
  }

  async pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    return this.waiting(did).count === 0 ? [] : pendingRows(this.#db, did, after, limit);
  }

  async acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    if (this.waiting(did).count === 0) return;
    this.#countGone(await this.#units.run({ writes: [acknowledgementWrite(did, upTo, after)] }));
  }

  newest(
    did: string,
    reference: OutboxAppend['interface'],
    liid: string,
    limit: number,
  ): Promise<NewestEntry[]> {
    return newestRows(this.#db, did, reference, liid, limit);
  }

  waiting(did: string): Amount {
    return this.#waiting.at(did);
  }

  shares(did: string): Iterable<WaitingShare> {
    return this.#waiting.shares(did);
  }

  destinations(): string[] {
    return this.#waiting.destinations();
  }

  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#erased.stop();
    this.holder.giveUp();
    await this.#units.close();
    await this.holder.release();
    await this.#db.destroy();
    await this.pool.end();
  }

  #countGone(rows: readonly unknown[]): void {
    for (const { octets, ...entry } of rows.map(GONE.read))
      this.#waiting.add({ ...entry, count: -1, octets: -octets });
  }
}
