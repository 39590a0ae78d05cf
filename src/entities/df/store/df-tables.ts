/** The DF's tables as the program has them; what is in them says `sqlite.ts`, what they are made by `df-schema.ts`. */
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import type { CallStanding, OutboxAppend } from '../ports.ts';
import {
  countColumn,
  enumColumn,
  jsonColumn,
  octetsColumn,
  TableReader,
  tableReaders,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { TablesOf } from '../../../storage/stored-tables.ts';
import { noticeColumn } from './stored-notices.ts';
import { sessionColumn } from './stored-sessions.ts';

/** Tables that have what is of a warrant. */
export const OF_WARRANTS = ['communication', 'key_session', 'held', 'outbox', 'stream', 'loss', 'notice'];

const INTERFACES = ['hi1', 'hi2', 'hi3'] as const;

export const STORED = tableReaders({
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
    position: countColumn,
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
  spool: { id: countColumn, applied: countColumn, position: countColumn },
  spool_mark: {
    did: textColumn,
    acknowledged: countColumn,
    firstSegment: countColumn,
    nextSegment: countColumn,
    lastBatch: countColumn,
  },
  spool_gone: { did: textColumn, first: countColumn, last: countColumn },
  spool_retired: { liid: textColumn, position: countColumn },
});

const PASSED_ALARM = strict({
  liid: Type.String(),
  text: Type.String(),
  key: Type.Union([strict({ cause: Type.String(), about: Type.String() }), strict({ did: Type.String() })]),
});

/** Alarms for another partition to tell. */
export const PASSED = new TableReader('passed_alarm', { id: countColumn, body: jsonColumn(PASSED_ALARM) });

export type DfTables = TablesOf<typeof STORED>;

/** What waits for a destination, as a statement counts it. */
export const WAITING = new TableReader('outbox', {
  ...STORED.outbox.pick('did', 'interface', 'liid').columns,
  count: countColumn,
  octets: countColumn,
});
/** The last position that was given. */
export const POSITION = STORED.outbox.pick('position');
/** Of an entry that goes. */
export const GONE = WAITING.pick('did', 'interface', 'liid', 'octets');
export const NEWEST = new TableReader('outbox', {
  ...STORED.outbox.pick('position', 'did', 'interface', 'liid', 'cin', 'sequenceNumber').columns,
  length: countColumn,
});
