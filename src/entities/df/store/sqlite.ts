/**
 * The DF's SQLite database: the mediation's state and the outbox in one file, so that one transaction covers what a
 * group of batches of PDUs changes. Write-ahead log with `synchronous = FULL`: what `commit` has returned from survives
 * the loss of the process and of power. A thread of its own writes; what comes meanwhile, acknowledgements of LEMFs too,
 * is written together (`storage/group-commit.ts`).
 *
 *     stream          how far each X2/X3 stream has come, to know copies
 *     communication   (correlation, LIID) → CIN and the next HI2 and HI3 sequence numbers
 *     cin             the last CIN of each LIID
 *     key_session     the MIKEY exchanges of a call under a task, and the questions that are open at Xk
 *     held            PDUs whose task is not known yet, or that wait for a key
 *     outbox          PS-PDUs by destination, gone when the LEMF has acknowledged them
 *     epoch           above which CIN all new ones are, once the store was put back from a copy
 *     loss            what gave way to the bound of a destination's backlog and was not told of yet
 *     notice          what the LEMFs were told of each warrant, and the number of its next HI1 PDU
 *
 * The file holds keys of intercepted calls while the LEMF has not acknowledged them: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`).
 */
import type Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type {
  Amount,
  DfChanges,
  DfForgetting,
  DfRecall,
  DfState,
  DfStore,
  NewestEntry,
  Outbox,
  OutboxAppend,
  OutboxEntry,
  StoredKeySession,
  StreamState,
  WaitingShare,
} from '../ports.ts';
import { CommitThread } from '../../../storage/commit-thread.ts';
import { UnitsAtOnce } from '../../../storage/group-commit.ts';
import type { UnitWriter } from '../../../storage/group-commit.ts';
import { preparedRows, rowsOf } from '../../../storage/rows.ts';
import { openStore } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import type { StoredRow } from '../../../storage/stored-tables.ts';
import { DF_SCHEMA } from './df-schema.ts';
import { COUNT, GONE, NEWEST, STORED, WAITING } from './df-tables.ts';
import type { DfTables } from './df-tables.ts';
import { acknowledgementWrite, changeWrites, expiryWrites } from './df-writes.ts';
import { WaitingBook } from './waiting-book.ts';

export class SqliteDfStore implements DfStore, DfForgetting, Outbox {
  readonly forgetting = this;
  readonly recall: DfRecall;
  /** What is read. */
  readonly #db: Kysely<DfTables>;
  /** What is written: all of it, so that what is written at a time is synced together. */
  readonly #writer: UnitWriter;
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();

  /** What waits in the outbox, so that nobody has to count. */
  readonly #waiting: WaitingBook;

  private constructor(
    { kysely, sqlite }: OpenedStore<DfTables>,
    writing: 'at-once' | 'thread',
    waiting: WaitingBook,
  ) {
    this.#db = kysely;
    this.#writer = writing === 'thread' ? new CommitThread(sqlite.name) : new UnitsAtOnce(sqlite);
    this.#waiting = waiting;
    this.recall = recallOf(sqlite);
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @param writing `thread`: nobody waits for the disk but who has to; not of a store in memory
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string, writing: 'at-once' | 'thread' = 'at-once'): Promise<SqliteDfStore> {
    const opened = await openStore<DfTables>(file, DF_SCHEMA);
    const rows = await opened.kysely
      .selectFrom('outbox')
      .select(['did', 'interface', 'liid', sql`count(*)`.as('count'), sql`sum(length(octets))`.as('octets')])
      .groupBy(['did', 'interface', 'liid'])
      .execute();
    const waiting = new WaitingBook();
    for (const row of rows) waiting.add(WAITING.read(row));
    return new SqliteDfStore(opened, writing, waiting);
  }

  async load(): Promise<DfState> {
    const streams = await rowsOf(this.#db, STORED.stream);
    const communications = await rowsOf(this.#db, STORED.communication);
    const sessions = await rowsOf(this.#db, STORED.key_session);
    const held = await rowsOf(this.#db, STORED.held, sql`ORDER BY id`);
    const cins = await rowsOf(this.#db, STORED.cin);
    const notices = await rowsOf(this.#db, STORED.notice);
    const losses = await rowsOf(this.#db, STORED.loss);
    const [epoch] = await rowsOf(this.#db, STORED.epoch);
    return {
      streams: streams.map(streamOf),
      communications,
      losses,
      keySessions: sessions.map(keySessionOf),
      held,
      ...(epoch === undefined ? {} : { cinBase: epoch.base }),
      lastCins: new Map(cins.map((row) => [row.liid, row.last])),
      notices: notices.map(({ body, epoch: told }) => ({ ...body, epoch: told })),
    };
  }

  async commit(changes: DfChanges): Promise<void> {
    const gone = await this.#writer.run({ writes: changeWrites(changes) });
    this.#countGone(gone);
    if (changes.outbox.length === 0) return;
    for (const { did, interface: reference, liid, octets } of changes.outbox)
      this.#waiting.add({ did, interface: reference, liid, count: 1, octets: octets.length });
    const dids = new Set(changes.outbox.map((entry) => entry.did));
    for (const listener of this.#listeners) listener(dids);
  }

  async expire(before: number, mostStreams: number): Promise<number> {
    return (await this.#writer.run({ writes: expiryWrites(before, mostStreams) })).length;
  }

  async undelivered(liid: string): Promise<number> {
    const row = await this.#db
      .selectFrom('outbox')
      .select([sql`count(*)`.as('count')])
      .where('liid', '=', liid)
      .where('interface', '!=', 'hi1')
      .executeTakeFirst();
    return COUNT.read(row).count;
  }

  /** Deleted pages are overwritten (`secure_delete`); so that the log written ahead does not have them, it is emptied. */
  async scrub(): Promise<void> {
    await this.#writer.run({
      writes: [{ text: 'PRAGMA wal_checkpoint(TRUNCATE)', runs: [[]] }],
      alone: true,
    });
  }

  pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const next = sql`WHERE did = ${did} AND position > ${after} ORDER BY position LIMIT ${limit}`;
    return rowsOf(this.#db, STORED.outbox, next);
  }

  async acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    this.#countGone(await this.#writer.run({ writes: [acknowledgementWrite(did, upTo, after)] }));
  }

  /** By the index that keeps numbers unique. */
  async newest(
    did: string,
    reference: OutboxAppend['interface'],
    liid: string,
    limit: number,
  ): Promise<NewestEntry[]> {
    const rows = await this.#db
      .selectFrom('outbox')
      .select([
        'position',
        'did',
        'interface',
        'liid',
        'cin',
        'sequence_number',
        sql`length(octets)`.as('length'),
      ])
      .where('did', '=', did)
      .where('interface', '=', reference)
      .where('liid', '=', liid)
      .orderBy('cin', 'desc')
      .orderBy('sequence_number', 'desc')
      .limit(limit)
      .execute();
    return rows.map(NEWEST.read);
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
    await this.#writer.close();
    await this.#db.destroy();
  }

  #countGone(rows: readonly unknown[]): void {
    for (const { octets, ...entry } of rows.map(GONE.read))
      this.#waiting.add({ ...entry, count: -1, octets: -octets });
  }
}

/* ---------------------------------------------------------------- helpers */

/** Statements of SQLite itself, since a turn of the mediation does not wait. */
function recallOf(sqlite: Database.Database): DfRecall {
  const stream = preparedRows(sqlite, STORED.stream, 'WHERE key = ?');
  const communications = preparedRows(sqlite, STORED.communication, 'WHERE correlation = ?');
  const keySessions = preparedRows(sqlite, STORED.key_session, 'WHERE correlation = ?');
  const callsOf = preparedRows(sqlite, STORED.communication.pick('correlation'), 'WHERE liid = ?');
  const keyedCallsOf = preparedRows(sqlite, STORED.key_session.pick('correlation'), 'WHERE xid = ?');
  return {
    stream: (key) => stream(key).map(streamOf)[0] ?? null,
    communications: (call) => communications(call),
    keySessions: (call) => keySessions(call).map(keySessionOf),
    callsOf: (liid) => callsOf(liid).map(({ correlation }) => correlation),
    keyedCallsOf: (xid) => keyedCallsOf(xid).map(({ correlation }) => correlation),
  };
}

function streamOf({ next, ...row }: StoredRow<typeof STORED.stream.columns>): StreamState {
  return { ...row, nextSequenceNumber: next };
}

function keySessionOf({
  body,
  lastSeen,
}: Pick<StoredRow<typeof STORED.key_session.columns>, 'body' | 'lastSeen'>): StoredKeySession {
  return { session: body, lastSeen };
}
