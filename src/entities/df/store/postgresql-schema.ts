/** The tables of a DF in PostgreSQL, and how they came to be; what is in them is said in `sqlite.ts`. */
import { erasedMarks } from '../../../storage/erased-tables.ts';
import { PROCESSES } from '../../../storage/instances.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { LEASED_HOLDER } from '../../../storage/term-fence.ts';
import { SOLE_HOLDER } from '../../../storage/sole-holder.ts';
import { SHARED_TASKS } from '../../../x1/shared-task-store.ts';
import { OF_WARRANTS } from './df-tables.ts';

const FIRST = statements(
  `CREATE TABLE stream (key TEXT PRIMARY KEY, next BIGINT NOT NULL, last_time DOUBLE PRECISION NOT NULL)`,
  `CREATE INDEX stream_by_time ON stream (last_time)`,
  `CREATE TABLE communication (correlation TEXT NOT NULL, liid TEXT NOT NULL, cin BIGINT NOT NULL,
    next_hi2 BIGINT NOT NULL, next_hi3 BIGINT NOT NULL, last_seen DOUBLE PRECISION NOT NULL, standing TEXT NOT NULL,
    source TEXT NOT NULL, PRIMARY KEY (correlation, liid), UNIQUE (liid, cin))`,
  `CREATE TABLE cin (liid TEXT PRIMARY KEY, last BIGINT NOT NULL)`,
  `CREATE TABLE key_session (xid TEXT NOT NULL, correlation TEXT NOT NULL, body TEXT NOT NULL,
    last_seen DOUBLE PRECISION NOT NULL, PRIMARY KEY (xid, correlation))`,
  `CREATE TABLE held (id BIGINT PRIMARY KEY, xid TEXT NOT NULL, octets BYTEA NOT NULL, since DOUBLE PRECISION NOT NULL,
    correlation TEXT NOT NULL)`,
  `CREATE TABLE outbox (position BIGINT NOT NULL, did TEXT NOT NULL, interface TEXT NOT NULL, liid TEXT NOT NULL,
    cin BIGINT NOT NULL, sequence_number BIGINT NOT NULL, octets BYTEA NOT NULL, PRIMARY KEY (did, position),
    UNIQUE (did, interface, liid, cin, sequence_number))`,
  `CREATE INDEX outbox_by_position ON outbox (position)`,
  `CREATE INDEX outbox_by_warrant ON outbox (liid)`,
  `CREATE TABLE place (id INTEGER PRIMARY KEY CHECK (id = 1), position BIGINT NOT NULL)`,
  `CREATE TABLE notice (liid TEXT PRIMARY KEY, body TEXT NOT NULL, epoch BIGINT NOT NULL)`,
  `CREATE TABLE epoch (id INTEGER PRIMARY KEY CHECK (id = 1), base BIGINT NOT NULL)`,
  `CREATE TABLE loss (did TEXT NOT NULL, liid TEXT NOT NULL, interface TEXT NOT NULL, cin BIGINT NOT NULL,
    first BIGINT NOT NULL, last BIGINT NOT NULL, pdus BIGINT NOT NULL, octets BIGINT NOT NULL,
    since DOUBLE PRECISION NOT NULL, PRIMARY KEY (did, liid, interface, cin))`,
  // Encrypted content does not get smaller.
  `ALTER TABLE outbox ALTER COLUMN octets SET STORAGE EXTERNAL`,
);

/** The store's tables, by version; nothing of it was there before there were versions. */
export const SHARED_DF_SCHEMA: StoreSchema = {
  store: 'df',
  firstTables: [],
  migrations: [FIRST, SHARED_TASKS, PROCESSES, SOLE_HOLDER, erasedMarks(...OF_WARRANTS)],
};

/** The schema that the mediators of a DF share: tasks, processes, and in how many partitions calls are. */
const MEDIATORS = statements(
  `CREATE TABLE layout (id INTEGER PRIMARY KEY CHECK (id = 1), partitions BIGINT NOT NULL)`,
  // What partitions have to tell of warrants, and that of the notices is to tell.
  `CREATE TABLE passed_alarm (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body TEXT NOT NULL)`,
);

export const MEDIATORS_SCHEMA: StoreSchema = {
  store: 'mediators',
  firstTables: [],
  migrations: [SHARED_TASKS, PROCESSES, MEDIATORS],
};

/** The schema of a partition. */
export const PARTITION_SCHEMA: StoreSchema = {
  store: 'partition',
  firstTables: [],
  migrations: [FIRST, LEASED_HOLDER, erasedMarks(...OF_WARRANTS)],
};
