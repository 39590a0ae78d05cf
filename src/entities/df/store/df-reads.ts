/** What is read of the DF's database, by statements that every engine takes. Orders are those of primary keys. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { rowsOf } from '../../../storage/rows.ts';
import type { StoredRow } from '../../../storage/stored-tables.ts';
import type {
  DfState,
  NewestEntry,
  OutboxAppend,
  OutboxEntry,
  OutboxPart,
  StoredKeySession,
  StreamState,
} from '../ports.ts';
import { NEWEST, STORED, WAITING } from './df-tables.ts';
import { ofPart } from './df-writes.ts';
import type { DfTables } from './df-tables.ts';

export async function storedState(db: Kysely<DfTables>): Promise<DfState> {
  const streams = await rowsOf(db, STORED.stream, sql`ORDER BY key`);
  const communications = await rowsOf(db, STORED.communication, sql`ORDER BY correlation, liid`);
  const sessions = await rowsOf(db, STORED.key_session, sql`ORDER BY xid, correlation`);
  const held = await rowsOf(db, STORED.held, sql`ORDER BY id`);
  const cins = await rowsOf(db, STORED.cin);
  const notices = await rowsOf(db, STORED.notice, sql`ORDER BY liid`);
  const losses = await rowsOf(db, STORED.loss, sql`ORDER BY did, liid, interface, cin`);
  const [epoch] = await rowsOf(db, STORED.epoch);
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

/** What waits in the outbox's table, by destination, interface and warrant. */
export async function waitingShares(db: Kysely<DfTables>): Promise<StoredRow<typeof WAITING.columns>[]> {
  const { rows } = await sql`SELECT did, interface, liid, count(*) AS count,
      CAST(sum(length(octets)) AS BIGINT) AS octets
    FROM outbox GROUP BY did, interface, liid`.execute(db);
  return rows.map(WAITING.read);
}

/** The oldest of a destination after a position. */
export function pendingRows(
  db: Kysely<DfTables>,
  did: string,
  after: number,
  limit: number,
  part?: OutboxPart,
): Promise<OutboxEntry[]> {
  const condition = sql`did = ${did} AND position > ${after}${sql.raw(ofPart(part))}`;
  const next = sql`WHERE ${condition} ORDER BY position LIMIT ${limit}`;
  return rowsOf(db, STORED.outbox, next);
}

/** By the index that keeps numbers unique. */
export async function newestRows(
  db: Kysely<DfTables>,
  did: string,
  reference: OutboxAppend['interface'],
  liid: string,
  limit: number,
): Promise<NewestEntry[]> {
  const rows = await db
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

export function streamOf({ next, ...row }: StoredRow<typeof STORED.stream.columns>): StreamState {
  return { ...row, nextSequenceNumber: next };
}

export function keySessionOf({
  body,
  lastSeen,
}: Pick<StoredRow<typeof STORED.key_session.columns>, 'body' | 'lastSeen'>): StoredKeySession {
  return { session: body, lastSeen };
}
