/**
 * What the DF keeps in tables of PostgreSQL, whoever may write there and in whichever schema they are: what the mediation
 * keeps, and the outbox.
 *
 *     place   the last position of the outbox that was given; the other tables are as in `sqlite.ts`
 *
 * Content that waits is there, too, as rows: a spool of files would be lost with its machine. All state that the mediation
 * works with stays in its memory: a turn does not wait for the network.
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider, Transaction } from 'kysely';
import { ErasedTables, markErased } from '../../../storage/erased-tables.ts';
import type { LockPorts } from '../../../storage/instances.ts';
import { RowStatement } from '../../../storage/group-commit.ts';
import { PostgresqlUnits } from '../../../storage/postgresql-units.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
import { countColumn, TableReader } from '../../../storage/stored-tables.ts';
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
  OutboxPart,
  WaitingShare,
} from '../ports.ts';
import { newestRows, pendingRows, storedState, waitingShares } from './df-reads.ts';
import { GONE, OF_WARRANTS, STORED } from './df-tables.ts';
import type { DfTables } from './df-tables.ts';
import { acknowledgementWrite, changeWrites, expiryWrites } from './df-writes.ts';
import { WaitingBook } from './waiting-book.ts';

/** The way to the tables. */
export interface DfTableAccess {
  readonly db: Kysely<DfTables>;
  /** How long a statement may wait. */
  readonly timeoutMs: number;
  /** Reads them, one after the other. */
  read<T>(work: (db: Kysely<DfTables>) => Promise<T>): Promise<T>;
  /** All of it or nothing. @throws StorageError `locked` where another process has them */
  write<T>(work: (transaction: Transaction<DfTables>) => Promise<T>): Promise<T>;
  /** Where they are, for statements that are of no transaction; `null`: where the database looks for them. */
  readonly schema: string | null;
  /** @throws StorageError `outdated` where the newest change of tasks is not that one; absent: nobody else changes tasks */
  requireTasks?(transaction: QueryExecutorProvider, version: number): Promise<void>;
}

const PLACE = new TableReader('place', { id: countColumn, position: countColumn });
const PLACES = RowStatement.putting(PLACE, ['id']);

/** What is there when the tables are opened. */
export interface DfTablesAtStart {
  /** The last position that was given. */
  readonly position: number;
  readonly shares: Awaited<ReturnType<typeof waitingShares>>;
}

export function tablesAtStart(access: DfTableAccess): Promise<DfTablesAtStart> {
  return access.read(async (db) => {
    const [place] = await rowsOf(db, PLACE);
    return { position: place?.position ?? 0, shares: await waitingShares(db) };
  });
}

export class DfTableStore implements DfStore, DfForgetting, Outbox {
  readonly forgetting = this;
  readonly #access: DfTableAccess;
  readonly #units: PostgresqlUnits;
  readonly #erased: ErasedTables<DfTables>;
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();
  readonly #waiting = new WaitingBook();
  #position: number;

  constructor(access: DfTableAccess, ports: LockPorts, { position, shares }: DfTablesAtStart) {
    this.#access = access;
    this.#units = new PostgresqlUnits((work) => access.write(work));
    this.#erased = new ErasedTables(access.db, access, ports, access.schema);
    this.#position = position;
    for (const share of shares) this.#waiting.add(share);
  }

  /** Tables that still have, in their files, what was erased from them. */
  get notRewritten(): readonly string[] {
    return this.#erased.waiting;
  }

  load(): Promise<DfState> {
    return this.#access.read(storedState);
  }

  async commit(changes: DfChanges, decidedOn?: number): Promise<void> {
    const placed = changes.outbox.map((entry) => ({ ...entry, position: ++this.#position }));
    const places = placed.length === 0 ? [] : [PLACES.of([{ id: 1, position: this.#position }])];
    const access = this.#access;
    const isErasing = changes.retired.length > 0;
    const gone = await this.#units.run({
      writes: [...changeWrites(changes, placed), ...places],
      guard: async (transaction) => {
        if (decidedOn !== undefined) await access.requireTasks?.(transaction, decidedOn);
        // Of a warrant that goes, all of them had something once.
        if (isErasing) await markErased(transaction, ...OF_WARRANTS);
      },
    });
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
    return this.#access.write(async (transaction) => {
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

  /** Also what was erased by whoever had the tables before, and was killed, or lost them. */
  scrub(): Promise<void> {
    return this.#erased.takeUp();
  }

  async pending(did: string, after: number, limit: number, part?: OutboxPart): Promise<OutboxEntry[]> {
    if (!this.#mayHave(did, part)) return [];
    return this.#access.read((db) => pendingRows(db, did, after, limit, part));
  }

  async acknowledge(did: string, upTo: number, after = 0, part?: OutboxPart): Promise<void> {
    if (this.waiting(did).count === 0) return;
    this.#countGone(await this.#units.run({ writes: [acknowledgementWrite(did, upTo, after, part)] }));
  }

  newest(
    did: string,
    reference: OutboxAppend['interface'],
    liid: string,
    limit: number,
  ): Promise<NewestEntry[]> {
    return this.#access.read((db) => newestRows(db, did, reference, liid, limit));
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

  /** Writes what it was given, and takes no more. */
  async close(): Promise<void> {
    this.#erased.stop();
    await this.#units.close();
  }

  /** Whether something of a part waits for a destination; known without looking at it. */
  #mayHave(did: string, part: OutboxPart | undefined): boolean {
    if (part === undefined) return this.waiting(did).count > 0;
    for (const { interface: reference } of this.shares(did))
      if ((reference === 'hi3') === (part === 'content')) return true;
    return false;
  }

  #countGone(rows: readonly unknown[]): void {
    for (const { octets, ...entry } of rows.map(GONE.read))
      this.#waiting.add({ ...entry, count: -1, octets: -octets });
  }
}
