/** The tables of a KMS in PostgreSQL, and how they came to be; what is in them is said in `sql.ts`. */
import { erasedMarks } from '../../../storage/erased-tables.ts';
import { PROCESSES } from '../../../storage/instances.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { SHARED_TASKS } from '../../../x1/shared-task-store.ts';

const FIRST = statements(
  `CREATE TABLE serial (serial BIGINT PRIMARY KEY, not_before DOUBLE PRECISION NOT NULL,
    not_after DOUBLE PRECISION NOT NULL, parameters BYTEA NOT NULL, master_secret BYTEA NOT NULL)`,
  `CREATE TABLE li_root (epoch TEXT COLLATE "C" PRIMARY KEY, root BYTEA)`,
  `CREATE TABLE identity (uri TEXT PRIMARY KEY, subscriber TEXT NOT NULL, kind TEXT NOT NULL, position BIGINT NOT NULL)`,
  `CREATE INDEX identity_by_subscriber ON identity (subscriber)`,
  `CREATE TABLE device (credential TEXT PRIMARY KEY, subscriber TEXT NOT NULL, psk BYTEA, certified INTEGER NOT NULL,
    position BIGINT NOT NULL)`,
  `CREATE INDEX device_by_subscriber ON device (subscriber)`,
  `CREATE TABLE device_identity (credential TEXT NOT NULL, uri TEXT NOT NULL, valid_from DOUBLE PRECISION NOT NULL,
    valid_until DOUBLE PRECISION, PRIMARY KEY (credential, valid_from))`,
  `CREATE INDEX device_identity_by_uri ON device_identity (uri)`,
  `CREATE TABLE claim (kind TEXT NOT NULL, claim_group TEXT NOT NULL, hash TEXT NOT NULL,
    expires DOUBLE PRECISION NOT NULL, PRIMARY KEY (kind, claim_group, hash))`,
  `CREATE INDEX claim_by_expiry ON claim (expires)`,
  `CREATE TABLE issued_seed (uri TEXT NOT NULL, period BIGINT NOT NULL, serial BIGINT NOT NULL,
    credential TEXT NOT NULL, PRIMARY KEY (uri, period))`,
  `CREATE TABLE holding (uri TEXT NOT NULL, subscriber TEXT NOT NULL, kind TEXT NOT NULL,
    held_from DOUBLE PRECISION NOT NULL, held_until DOUBLE PRECISION, PRIMARY KEY (uri, subscriber, held_from))`,
  `CREATE INDEX holding_by_subscriber ON holding (subscriber)`,
  `CREATE TABLE warrant_period (xid TEXT NOT NULL, targets TEXT NOT NULL, start DOUBLE PRECISION NOT NULL,
    "end" DOUBLE PRECISION, lemf TEXT, PRIMARY KEY (xid, start))`,
);

/** The store's tables, by version; nothing of it was there before there were versions. */
export const SHARED_KMS_SCHEMA: StoreSchema = {
  store: 'kms',
  firstTables: [],
  migrations: [FIRST, SHARED_TASKS, PROCESSES, erasedMarks('device', 'li_root')],
};
