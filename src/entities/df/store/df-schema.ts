/** The tables of the DF's database, by version; what is in them says `sqlite.ts`. */
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS stream (key TEXT PRIMARY KEY, next INTEGER NOT NULL, last_time REAL NOT NULL)
    WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS communication (correlation TEXT NOT NULL, liid TEXT NOT NULL, cin INTEGER NOT NULL,
    next_hi2 INTEGER NOT NULL, next_hi3 INTEGER NOT NULL, last_seen REAL NOT NULL,
    PRIMARY KEY (correlation, liid), UNIQUE (liid, cin)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS cin (liid TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS key_session (xid TEXT NOT NULL, correlation TEXT NOT NULL, body TEXT NOT NULL,
    last_seen REAL NOT NULL, PRIMARY KEY (xid, correlation)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, xid TEXT NOT NULL, octets BLOB NOT NULL,
    since REAL NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, did TEXT NOT NULL,
    interface TEXT NOT NULL, liid TEXT NOT NULL, cin INTEGER NOT NULL, sequence_number INTEGER NOT NULL,
    octets BLOB NOT NULL, UNIQUE (did, interface, liid, cin, sequence_number))`,
  `CREATE INDEX IF NOT EXISTS outbox_by_destination ON outbox (did, position)`,
);

const NOTICES = statements(`CREATE TABLE notice (liid TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID`);

const EPOCH = statements(`CREATE TABLE epoch (id INTEGER PRIMARY KEY CHECK (id = 1), base INTEGER NOT NULL)`);

/** What is known from before is not given up. */
const STANDING = statements(
  `ALTER TABLE communication ADD COLUMN standing TEXT NOT NULL DEFAULT 'proven'`,
  `ALTER TABLE communication ADD COLUMN source TEXT NOT NULL DEFAULT ''`,
);

/** From which CINs went on when the LEMFs of a warrant were last told by cINReset. */
const RESETS = statements(`ALTER TABLE notice ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0`);

const LOSSES = statements(
  `CREATE TABLE loss (did TEXT NOT NULL, liid TEXT NOT NULL, interface TEXT NOT NULL, cin INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, pdus INTEGER NOT NULL, octets INTEGER NOT NULL,
    since REAL NOT NULL, PRIMARY KEY (did, liid, interface, cin)) WITHOUT ROWID`,
);

/** PDUs wait for keys of their calls, too; `''`: for a task. */
const AWAITING_KEYS = statements(`ALTER TABLE held ADD COLUMN correlation TEXT NOT NULL DEFAULT ''`);

/** Calls are read when they are asked for. */
const SESSIONS_BY_CALL = statements(`CREATE INDEX key_session_by_call ON key_session (correlation)`);

/** What is in the spool of content besides the database (`content-spool.ts`). Content that is in the outbox goes from there. */
const SPOOL = statements(
  `CREATE TABLE spool (id INTEGER PRIMARY KEY CHECK (id = 1), applied INTEGER NOT NULL, position INTEGER NOT NULL)`,
  `CREATE TABLE spool_mark (did TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL, first_segment INTEGER NOT NULL,
    next_segment INTEGER NOT NULL, last_batch INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE spool_gone (did TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (did, first)) WITHOUT ROWID`,
  `CREATE TABLE spool_retired (position INTEGER NOT NULL, liid TEXT NOT NULL, PRIMARY KEY (position, liid)) WITHOUT ROWID`,
);

/** Tables are as they were: an older version would not know what is in the spool's logs of records (`spool-lanes.ts`). */
const RECORDS_IN_SPOOL = statements();

/** The store's tables, by version. */
export const DF_SCHEMA: StoreSchema = {
  store: 'df',
  firstTables: ['stream', 'communication', 'cin', 'key_session', 'held', 'outbox'],
  migrations: [
    FIRST,
    NOTICES,
    EPOCH,
    STANDING,
    RESETS,
    LOSSES,
    AWAITING_KEYS,
    SESSIONS_BY_CALL,
    SPOOL,
    RECORDS_IN_SPOOL,
  ],
};
