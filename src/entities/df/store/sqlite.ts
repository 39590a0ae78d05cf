/**
 * The DF's SQLite database: the mediation's state and the outbox in one file, so that one transaction covers what a
 * batch of PDUs changes. Write-ahead log with `synchronous = FULL`: what `commit` has returned from survives the loss
 * of the process and of power.
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
  CallStanding,
  Communication,
  DfChanges,
  DfForgetting,
  DfRecall,
  DfState,
  DfStore,
  GivenUpCall,
  NewestEntry,
  Outbox,
  OutboxAppend,
  OutboxEntry,
  RetiredWarrant,
  StoredKeySession,
  StoredLoss,
  StreamState,
  WaitingShare,
  WarrantNotice,
} from '../ports.ts';
import { batches, insertRows, preparedRows, replaceRows, rowsOf, updateRows } from '../../../storage/rows.ts';
import { openStore } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import {
  countColumn,
  enumColumn,
  generated,
  octetsColumn,
  TableReader,
  tableReaders,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { StoredRow, TablesOf, WrittenRow } from '../../../storage/stored-tables.ts';
import { DF_SCHEMA } from './df-schema.ts';
import { WaitingBook } from './waiting-book.ts';
import { noticeColumn } from './stored-notices.ts';
import { sessionColumn } from './stored-sessions.ts';

const INTERFACES = ['hi1', 'hi2', 'hi3'] as const;

const STORED = tableReaders({
  stream: { key: textColumn, next: countColumn, lastTime: timeColumn },
  communication: {
    correlation: textColumn,
    liid: textColumn,
    cin: countColumn,
    nextHi2: countColumn,
    nextHi3: countColumn,
    lastSeen: timeColumn,
    standing: enumColumn<CallStanding>(['open', 'refused', 'proven']),
    source: textColumn,
  },
  cin: { liid: textColumn, last: countColumn },
  key_session: { xid: textColumn, correlation: textColumn, body: sessionColumn, lastSeen: timeColumn },
  held: {
    id: countColumn,
    xid: textColumn,
    octets: octetsColumn,
    since: timeColumn,
    correlation: textColumn,
  },
  outbox: {
    position: generated(countColumn),
    did: textColumn,
    interface: enumColumn<OutboxAppend['interface']>(INTERFACES),
    liid: textColumn,
    cin: countColumn,
    sequenceNumber: countColumn,
    octets: octetsColumn,
  },
  notice: { liid: textColumn, body: noticeColumn, epoch: countColumn },
  epoch: { id: countColumn, base: countColumn },
  loss: {
    did: textColumn,
    liid: textColumn,
    interface: enumColumn<OutboxAppend['interface']>(INTERFACES),
    cin: countColumn,
    first: countColumn,
    last: countColumn,
    pdus: countColumn,
    octets: countColumn,
    since: timeColumn,
  },
});

type Tables = TablesOf<typeof STORED>;

/** Positions are the store's to give. */
const APPENDED = STORED.outbox.pick('did', 'interface', 'liid', 'cin', 'sequenceNumber', 'octets');

/** What waits for a destination, as a statement counts it. */
const WAITING = new TableReader('outbox', {
  ...STORED.outbox.pick('did', 'interface', 'liid').columns,
  count: countColumn,
  octets: countColumn,
});
const COUNT = WAITING.pick('count');
const GONE = WAITING.pick('did', 'interface', 'liid', 'octets');
const NEWEST = new TableReader('outbox', {
  ...STORED.outbox.pick('position', 'did', 'interface', 'liid', 'cin', 'sequenceNumber').columns,
  length: countColumn,
});

export class SqliteDfStore implements DfStore, DfForgetting, Outbox {
  readonly forgetting = this;
  readonly recall: DfRecall;
  readonly #db: Kysely<Tables>;
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();

  /** What waits in the outbox, so that nobody has to count. */
  readonly #waiting: WaitingBook;

  private constructor({ kysely, sqlite }: OpenedStore<Tables>, waiting: WaitingBook) {
    this.#db = kysely;
    this.#waiting = waiting;
    this.recall = recallOf(sqlite);
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteDfStore> {
    const opened = await openStore<Tables>(file, DF_SCHEMA);
    const rows = await opened.kysely
      .selectFrom('outbox')
      .select(['did', 'interface', 'liid', sql`count(*)`.as('count'), sql`sum(length(octets))`.as('octets')])
      .groupBy(['did', 'interface', 'liid'])
      .execute();
    const waiting = new WaitingBook();
    for (const row of rows) waiting.add(WAITING.read(row));
    return new SqliteDfStore(opened, waiting);
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
    const gone: GoneEntry[] = [];
    await this.#db.transaction().execute(async (transaction) => {
      for (const warrant of changes.retired) gone.push(...(await retire(transaction, warrant)));
      for (const call of changes.givenUp) await giveUp(transaction, call);
      for (const keys of batches(changes.forgottenStreams))
        await transaction.deleteFrom('stream').where('key', 'in', keys).execute();
      await replaceRows(transaction, STORED.stream, changes.streams.map(streamRow));
      await putCommunications(transaction, changes.communications);
      await replaceRows(transaction, STORED.key_session, changes.keySessions.map(sessionRow));
      await insertRows(transaction, STORED.held, changes.held);
      for (const ids of batches(changes.released)) {
        await transaction.deleteFrom('held').where('id', 'in', ids).execute();
      }
      for (const positions of batches(changes.evicted)) gone.push(...(await evict(transaction, positions)));
      await insertRows(transaction, APPENDED, changes.outbox);
      for (const loss of changes.toldLosses) await forgetLoss(transaction, loss);
      await replaceRows(transaction, STORED.loss, changes.losses);
      await replaceRows(transaction, STORED.notice, changes.notices.map(noticeRow));
    });
    this.#countGone(gone);
    if (changes.outbox.length === 0) return;
    for (const { did, interface: reference, liid, octets } of changes.outbox)
      this.#waiting.add({ did, interface: reference, liid, count: 1, octets: octets.length });
    const dids = new Set(changes.outbox.map((entry) => entry.did));
    for (const listener of this.#listeners) listener(dids);
  }

  async expire(before: number, mostStreams: number): Promise<number> {
    return this.#db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('stream').where('last_time', '<', before).execute();
      await transaction.deleteFrom('communication').where('last_seen', '<', before).execute();
      await transaction.deleteFrom('key_session').where('last_seen', '<', before).execute();
      const surplus = sql`SELECT key FROM stream ORDER BY last_time DESC LIMIT -1 OFFSET ${mostStreams}`;
      const gone = await sql`DELETE FROM stream WHERE key IN (${surplus})`.execute(transaction);
      return Number(gone.numAffectedRows ?? 0n);
    });
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
    await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(this.#db);
  }

  pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const next = sql`WHERE did = ${did} AND position > ${after} ORDER BY position LIMIT ${limit}`;
    return rowsOf(this.#db, STORED.outbox, next);
  }

  async acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    const gone = await this.#db
      .deleteFrom('outbox')
      .where('did', '=', did)
      .where('position', '>', after)
      .where('position', '<=', upTo)
      .returning(GONE_COLUMNS)
      .execute();
    this.#countGone(gone.map(GONE.read));
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
    await this.#db.destroy();
  }

  #countGone(gone: readonly GoneEntry[]): void {
    for (const { octets, ...entry } of gone) this.#waiting.add({ ...entry, count: -1, octets: -octets });
  }
}

/* ---------------------------------------------------------------- helpers */

type Transaction = Kysely<Tables>;

type GoneEntry = ReturnType<typeof GONE.read>;

/** Of an entry that goes. */
const GONE_COLUMNS = ['did', 'interface', 'liid', sql`length(octets)`.as('octets')] as const;

/** Gives what went from the outbox. */
async function retire(transaction: Transaction, { liid, xids }: RetiredWarrant): Promise<GoneEntry[]> {
  await transaction.deleteFrom('communication').where('liid', '=', liid).execute();
  for (const some of batches(xids)) {
    await transaction.deleteFrom('key_session').where('xid', 'in', some).execute();
    await transaction.deleteFrom('held').where('xid', 'in', some).execute();
  }
  const gone = await transaction
    .deleteFrom('outbox')
    .where('liid', '=', liid)
    .where('interface', '!=', 'hi1')
    .returning(GONE_COLUMNS)
    .execute();
  return gone.map(GONE.read);
}

/** Gives what went from the outbox. */
async function evict(transaction: Transaction, positions: readonly number[]): Promise<GoneEntry[]> {
  const gone = await transaction
    .deleteFrom('outbox')
    .where('position', 'in', positions)
    .returning(GONE_COLUMNS)
    .execute();
  return gone.map(GONE.read);
}

async function forgetLoss(
  transaction: Transaction,
  { did, liid, interface: reference, cin }: StoredLoss,
): Promise<void> {
  await transaction
    .deleteFrom('loss')
    .where('did', '=', did)
    .where('liid', '=', liid)
    .where('interface', '=', reference)
    .where('cin', '=', cin)
    .execute();
}

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

function streamRow({ nextSequenceNumber: next, ...row }: StreamState): WrittenRow<typeof STORED.stream> {
  return { ...row, next };
}

function sessionRow({ session, lastSeen }: StoredKeySession): WrittenRow<typeof STORED.key_session> {
  const { xid, correlation } = session;
  return { xid, correlation, body: JSON.stringify(session), lastSeen };
}

function noticeRow({ epoch, ...body }: WarrantNotice): WrittenRow<typeof STORED.notice> {
  return { liid: body.liid, body: JSON.stringify(body), epoch };
}

async function putCommunications(transaction: Transaction, rows: readonly Communication[]): Promise<void> {
  await updateRows(transaction, STORED.communication, ['correlation', 'liid'], rows);
  for (const batch of batches(rows)) await putCins(transaction, batch);
}

async function putCins(
  transaction: Transaction,
  calls: readonly Pick<Communication, 'liid' | 'cin'>[],
): Promise<void> {
  await transaction
    .insertInto('cin')
    .values(calls.map(({ liid, cin }) => ({ liid, last: cin })))
    .onConflict((conflict) =>
      conflict.column('liid').doUpdateSet({ last: sql`max(cin.last, excluded.last)`.$castTo<number>() }),
    )
    .execute();
}

/** Its CIN stays given. */
async function giveUp(transaction: Transaction, call: GivenUpCall): Promise<void> {
  const { correlation, liid, xids } = call;
  await transaction
    .deleteFrom('communication')
    .where('correlation', '=', correlation)
    .where('liid', '=', liid)
    .execute();
  for (const xid of xids) {
    await transaction
      .deleteFrom('key_session')
      .where('xid', '=', xid)
      .where('correlation', '=', correlation)
      .execute();
  }
  await putCins(transaction, [call]);
}
