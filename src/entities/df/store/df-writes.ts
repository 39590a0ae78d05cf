/** What is written into the DF's database, as statements: each is prepared once, and run for each row. */
import type {
  Communication,
  DfChanges,
  GivenUpCall,
  OutboxEntry,
  RetiredWarrant,
  StoredKeySession,
  StoredLoss,
  StreamState,
  WarrantNotice,
} from '../ports.ts';
import { RowStatement } from '../../../storage/group-commit.ts';
import type { Write } from '../../../storage/group-commit.ts';
import type { WrittenRow } from '../../../storage/stored-tables.ts';
import { STORED } from './df-tables.ts';

/** Streams and calls. */
export type DfProgress = Pick<DfChanges, 'streams' | 'communications'>;

const STREAMS = new RowStatement('REPLACE', STORED.stream);
const COMMUNICATIONS = new RowStatement(
  'INSERT',
  STORED.communication,
  `ON CONFLICT (correlation, liid) DO UPDATE SET cin = excluded.cin, next_hi2 = excluded.next_hi2,
    next_hi3 = excluded.next_hi3, last_seen = excluded.last_seen, standing = excluded.standing,
    source = excluded.source`,
);
/** A CIN stays given. */
const CINS = new RowStatement(
  'INSERT',
  STORED.cin,
  'ON CONFLICT (liid) DO UPDATE SET last = max(cin.last, excluded.last)',
);
const KEY_SESSIONS = new RowStatement('REPLACE', STORED.key_session);
const HELD = new RowStatement('INSERT', STORED.held);
const OUTBOX = new RowStatement('INSERT', STORED.outbox);
const LOSSES = new RowStatement('REPLACE', STORED.loss);
const NOTICES = new RowStatement('REPLACE', STORED.notice);

/** What is told of entries of the outbox that go. */
const RETURNING_GONE = 'RETURNING did, interface, liid, length(octets) AS octets';

/** How far streams and calls are. */
export function progressWrites({ streams, communications }: DfProgress): Write[] {
  return [
    STREAMS.of(streams.map(streamRow)),
    COMMUNICATIONS.of(communications),
    CINS.of(communications.map(cinRow)),
  ].filter(({ runs }) => runs.length > 0);
}

/**
 * All that a change set says, in the order in which it holds; gives what goes from the outbox.
 * @param appended what comes into the outbox's table
 */
export function changeWrites(changes: DfChanges, appended: readonly OutboxEntry[]): Write[] {
  return [
    ...changes.retired.flatMap(retirementWrites),
    ...changes.givenUp.flatMap(givenUpWrites),
    { text: 'DELETE FROM stream WHERE key = ?', runs: changes.forgottenStreams.map((key) => [key]) },
    ...progressWrites(changes),
    KEY_SESSIONS.of(changes.keySessions.map(sessionRow)),
    HELD.of(changes.held),
    { text: 'DELETE FROM held WHERE id = ?', runs: changes.released.map((id) => [id]) },
    {
      text: `DELETE FROM outbox WHERE position = ? ${RETURNING_GONE}`,
      runs: changes.evicted.map((position) => [position]),
    },
    OUTBOX.of(appended),
    {
      text: 'DELETE FROM loss WHERE did = ? AND liid = ? AND interface = ? AND cin = ?',
      runs: changes.toldLosses.map(lossKey),
    },
    LOSSES.of(changes.losses),
    NOTICES.of(changes.notices.map(noticeRow)),
  ].filter(({ runs }) => runs.length > 0);
}

/**
 * Forgets what was not seen since `before`, and of streams those beyond `mostStreams` that have been silent longest, of
 * which it gives a row each; CINs stay given.
 */
export function expiryWrites(before: number, mostStreams: number): Write[] {
  return [
    { text: 'DELETE FROM stream WHERE last_time < ?', runs: [[before]] },
    { text: 'DELETE FROM communication WHERE last_seen < ?', runs: [[before]] },
    { text: 'DELETE FROM key_session WHERE last_seen < ?', runs: [[before]] },
    {
      text: `DELETE FROM stream WHERE key IN (SELECT key FROM stream ORDER BY last_time DESC LIMIT -1 OFFSET ?)
    RETURNING key`,
      runs: [[mostStreams]],
    },
  ];
}

/** Gives what goes from the outbox. */
export function acknowledgementWrite(did: string, upTo: number, after: number): Write {
  return {
    text: `DELETE FROM outbox WHERE did = ? AND position > ? AND position <= ? ${RETURNING_GONE}`,
    runs: [[did, after, upTo]],
  };
}

/* ---------------------------------------------------------------- helpers */

function retirementWrites({ liid, xids }: RetiredWarrant): Write[] {
  const each = xids.map((xid) => [xid]);
  return [
    { text: 'DELETE FROM communication WHERE liid = ?', runs: [[liid]] },
    { text: 'DELETE FROM key_session WHERE xid = ?', runs: each },
    { text: 'DELETE FROM held WHERE xid = ?', runs: each },
    { text: `DELETE FROM outbox WHERE liid = ? AND interface <> 'hi1' ${RETURNING_GONE}`, runs: [[liid]] },
  ];
}

/** Its CIN stays given. */
function givenUpWrites(call: GivenUpCall): Write[] {
  const { correlation, liid, xids } = call;
  return [
    { text: 'DELETE FROM communication WHERE correlation = ? AND liid = ?', runs: [[correlation, liid]] },
    {
      text: 'DELETE FROM key_session WHERE xid = ? AND correlation = ?',
      runs: xids.map((xid) => [xid, correlation]),
    },
    CINS.of([cinRow(call)]),
  ];
}

function streamRow({ nextSequenceNumber: next, ...row }: StreamState): WrittenRow<typeof STORED.stream> {
  return { ...row, next };
}

function cinRow({ liid, cin }: Pick<Communication, 'liid' | 'cin'>): WrittenRow<typeof STORED.cin> {
  return { liid, last: cin };
}

function sessionRow({ session, lastSeen }: StoredKeySession): WrittenRow<typeof STORED.key_session> {
  const { xid, correlation } = session;
  return { xid, correlation, body: JSON.stringify(session), lastSeen };
}

function noticeRow({ epoch, ...body }: WarrantNotice): WrittenRow<typeof STORED.notice> {
  return { liid: body.liid, body: JSON.stringify(body), epoch };
}

function lossKey({ did, liid, interface: reference, cin }: StoredLoss): readonly (string | number)[] {
  return [did, liid, reference, cin];
}
