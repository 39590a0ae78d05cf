/** What is written into the DF's database, as statements that every engine takes, each run for each row, or for many. */
import type {
  Communication,
  DfChanges,
  GivenUpCall,
  OutboxEntry,
  OutboxPart,
  RetiredWarrant,
  StoredKeySession,
  StoredLoss,
  StreamState,
  WarrantNotice,
} from '../ports.ts';
import { clearance, removal, RowStatement } from '../../../storage/group-commit.ts';
import type { SqlValue, Write } from '../../../storage/group-commit.ts';
import type { WrittenRow } from '../../../storage/stored-tables.ts';
import { PASSED, STORED } from './df-tables.ts';

/** Streams and calls. */
export type DfProgress = Pick<DfChanges, 'streams' | 'communications' | 'keySessions'>;

const STREAMS = RowStatement.putting(STORED.stream, ['key']);
const COMMUNICATIONS = RowStatement.putting(STORED.communication, ['correlation', 'liid']);
/** A CIN stays given. */
const CINS = RowStatement.merging(
  STORED.cin,
  ['liid'],
  'last = CASE WHEN excluded.last > cin.last THEN excluded.last ELSE cin.last END',
);
const KEY_SESSIONS = RowStatement.putting(STORED.key_session, ['xid', 'correlation']);
const HELD = RowStatement.adding(STORED.held);
const OUTBOX = RowStatement.adding(STORED.outbox);
const LOSSES = RowStatement.putting(STORED.loss, ['did', 'liid', 'interface', 'cin']);
const NOTICES = RowStatement.putting(STORED.notice, ['liid']);

const PASSED_ALARMS = RowStatement.adding(PASSED.pick('body'));

/** A limit that is none, for engines that want one. */
const ALL = '9223372036854775807';

/** What is told of entries of the outbox that go. */
const RETURNING_GONE = 'RETURNING did, interface, liid, length(octets) AS octets';

/** How far streams and calls are, with their key management. */
export function progressWrites({ streams, communications, keySessions }: DfProgress): Write[] {
  return [
    STREAMS.of(streams.map(streamRow)),
    COMMUNICATIONS.of(communications),
    CINS.of(lastCins(communications)),
    KEY_SESSIONS.of(keySessions.map(sessionRow)),
  ].filter(({ runs }) => runs.length > 0);
}

/**
 * All that a change set says, in the order in which it holds; gives what goes from the outbox.
 * @param appended what comes into the outbox's table
 */
export function changeWrites(changes: DfChanges, appended: readonly OutboxEntry[]): Write[] {
  return [
    ...retirementWrites(changes.retired),
    ...givenUpWrites(changes.givenUp),
    removal('stream', ['key'], changes.forgottenStreams.map(alone)),
    ...progressWrites(changes),
    HELD.of(changes.held),
    removal('held', ['id'], changes.released.map(alone)),
    removal('outbox', ['position'], changes.evicted.map(alone), RETURNING_GONE),
    OUTBOX.of(appended),
    removal('loss', ['did', 'liid', 'interface', 'cin'], changes.toldLosses.map(lossKey)),
    LOSSES.of(changes.losses),
    NOTICES.of(changes.notices.map(noticeRow)),
    PASSED_ALARMS.of((changes.passedAlarms ?? []).map((alarm) => ({ body: JSON.stringify(alarm) }))),
    removal('passed_alarm', ['id'], (changes.takenAlarms ?? []).map(alone)),
  ].filter(({ runs }) => runs.length > 0);
}

/**
 * Forgets what was not seen since `before`, and of streams those beyond `mostStreams` that have been silent longest, of
 * which it gives a row each; CINs stay given.
 */
export function expiryWrites(before: number, mostStreams: number): Write[] {
  return [
    clearance('stream', 'last_time < ?', [before]),
    clearance('communication', 'last_seen < ?', [before]),
    clearance('key_session', 'last_seen < ?', [before]),
    {
      text: `DELETE FROM stream WHERE key IN (SELECT key FROM stream ORDER BY last_time DESC LIMIT ${ALL} OFFSET ?)
    RETURNING key`,
      runs: [[mostStreams]],
    },
  ];
}

/** Gives what goes from the outbox. */
export function acknowledgementWrite(did: string, upTo: number, after: number, part?: OutboxPart): Write {
  const condition = `did = ? AND position > ? AND position <= ?${ofPart(part)}`;
  return clearance('outbox', condition, [did, after, upTo], RETURNING_GONE);
}

/** The end of a condition on rows of the outbox. */
export function ofPart(part: OutboxPart | undefined): string {
  if (part === undefined) return '';
  return part === 'content' ? " AND interface = 'hi3'" : " AND interface <> 'hi3'";
}

/* ---------------------------------------------------------------- helpers */

function retirementWrites(retired: readonly RetiredWarrant[]): Write[] {
  const liids = retired.map(({ liid }) => [liid]);
  const xids = retired.flatMap((each) => each.xids).map(alone);
  return [
    removal('communication', ['liid'], liids),
    removal('key_session', ['xid'], xids),
    removal('held', ['xid'], xids),
    ...liids.map((liid) => clearance('outbox', "liid = ? AND interface <> 'hi1'", liid, RETURNING_GONE)),
  ];
}

/** Their CINs stay given. */
function givenUpWrites(calls: readonly GivenUpCall[]): Write[] {
  const sessions = calls.flatMap(({ correlation, xids }) => xids.map((xid) => [xid, correlation]));
  const communications = calls.map(({ correlation, liid }) => [correlation, liid]);
  return [
    removal('communication', ['correlation', 'liid'], communications),
    removal('key_session', ['xid', 'correlation'], sessions),
    CINS.of(lastCins(calls)),
  ];
}

/** A key of one column. */
function alone(value: SqlValue): readonly SqlValue[] {
  return [value];
}

function streamRow({ nextSequenceNumber: next, ...row }: StreamState): WrittenRow<typeof STORED.stream> {
  return { ...row, next };
}

function cinRow({ liid, cin }: Pick<Communication, 'liid' | 'cin'>): WrittenRow<typeof STORED.cin> {
  return { liid, last: cin };
}

/** One row a LIID. */
function lastCins(calls: readonly Pick<Communication, 'liid' | 'cin'>[]): WrittenRow<typeof STORED.cin>[] {
  const last = new Map<string, number>();
  for (const { liid, cin } of calls) last.set(liid, Math.max(cin, last.get(liid) ?? 0));
  return [...last].map(([liid, cin]) => cinRow({ liid, cin }));
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
