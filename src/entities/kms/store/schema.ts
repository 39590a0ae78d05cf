/** The tables of the KMS's SQLite database, and how they came to be; what is in them is said in `sql.ts`. */
import Type from 'typebox';
import { ClavigerError } from '../../../bytes/errors.ts';
import { strict, Unfit } from '../../../bytes/schema.ts';
import { Secret } from '../../../bytes/secret.ts';
import { decodeBfPublicParameters } from '../../../ibe/parameters.ts';
import type { BfParameters } from '../../../ibe/parameters.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import {
  countColumn,
  enumColumn,
  flagColumn,
  jsonColumn,
  nullable,
  octetsColumn,
  tableReaders,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { StoredColumn, TablesOf } from '../../../storage/stored-tables.ts';

const secretColumn: StoredColumn<Secret, Uint8Array> = {
  read: (value) => Secret.of(octetsColumn.read(value)),
};

const parametersColumn: StoredColumn<BfParameters, Uint8Array> = {
  read: (value) => {
    try {
      return decodeBfPublicParameters(octetsColumn.read(value));
    } catch (error) {
      throw error instanceof ClavigerError ? new Unfit('public parameters') : error;
    }
  },
};

const kindColumn = enumColumn<'public' | 'alias'>(['public', 'alias']);

export const KMS_TABLES = tableReaders({
  serial: {
    serial: countColumn,
    notBefore: timeColumn,
    notAfter: timeColumn,
    parameters: parametersColumn,
    masterSecret: secretColumn,
  },
  li_root: { epoch: textColumn, root: nullable(secretColumn) },
  identity: { uri: textColumn, subscriber: textColumn, kind: kindColumn, position: countColumn },
  device: {
    credential: textColumn,
    subscriber: textColumn,
    psk: nullable(secretColumn),
    certified: flagColumn,
    position: countColumn,
  },
  device_identity: {
    credential: textColumn,
    uri: textColumn,
    validFrom: timeColumn,
    validUntil: nullable(timeColumn),
  },
  claim: {
    kind: enumColumn<'request' | 'question'>(['request', 'question']),
    claimGroup: textColumn,
    hash: textColumn,
    expires: timeColumn,
  },
  issued_seed: { uri: textColumn, period: countColumn, serial: countColumn, credential: textColumn },
  holding: {
    uri: textColumn,
    subscriber: textColumn,
    kind: kindColumn,
    heldFrom: timeColumn,
    heldUntil: nullable(timeColumn),
  },
  warrant_period: {
    xid: textColumn,
    targets: jsonColumn(Type.Array(Type.String())),
    start: timeColumn,
    end: nullable(timeColumn),
    lemf: nullable(jsonColumn(strict({ name: Type.String(), liid: Type.String() }))),
  },
});

export type KmsTables = TablesOf<typeof KMS_TABLES>;

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS serial (serial INTEGER PRIMARY KEY, not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL, parameters BLOB NOT NULL, master_secret BLOB NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS li_root (epoch TEXT PRIMARY KEY, root BLOB) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS identity (uri TEXT PRIMARY KEY, subscriber TEXT NOT NULL, kind TEXT NOT NULL,
    position INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS identity_by_subscriber ON identity (subscriber)`,
  `CREATE TABLE IF NOT EXISTS device (credential TEXT PRIMARY KEY, subscriber TEXT NOT NULL, psk BLOB NOT NULL,
    position INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS device_by_subscriber ON device (subscriber)`,
  `CREATE TABLE IF NOT EXISTS device_identity (credential TEXT NOT NULL, uri TEXT NOT NULL,
    valid_from INTEGER NOT NULL, valid_until INTEGER, PRIMARY KEY (credential, valid_from)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS device_identity_by_uri ON device_identity (uri)`,
  `CREATE TABLE IF NOT EXISTS claim (kind TEXT NOT NULL, claim_group TEXT NOT NULL, hash TEXT NOT NULL,
    expires REAL NOT NULL, PRIMARY KEY (kind, claim_group, hash)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS claim_by_expiry ON claim (expires)`,
  `CREATE TABLE IF NOT EXISTS issued_seed (uri TEXT NOT NULL, period INTEGER NOT NULL, serial INTEGER NOT NULL,
    credential TEXT NOT NULL, PRIMARY KEY (uri, period)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS warrant (xid TEXT PRIMARY KEY, targets TEXT NOT NULL, start REAL NOT NULL, end REAL)
    WITHOUT ROWID`,
);

/** What 0.1.0 did not keep, who had an identity before, is taken to be as it was when that version last ran. */
const PERIODS_AND_HOLDINGS = statements(
  `CREATE TABLE warrant_period (xid TEXT NOT NULL, targets TEXT NOT NULL, start REAL NOT NULL, end REAL,
    PRIMARY KEY (xid, start)) WITHOUT ROWID`,
  `INSERT INTO warrant_period SELECT xid, targets, start, end FROM warrant WHERE end IS NULL OR end > start`,
  `DROP TABLE warrant`,
  `CREATE TABLE holding (uri TEXT NOT NULL, subscriber TEXT NOT NULL, kind TEXT NOT NULL, held_from REAL NOT NULL,
    held_until REAL, PRIMARY KEY (uri, subscriber, held_from)) WITHOUT ROWID`,
  `CREATE INDEX holding_by_subscriber ON holding (subscriber)`,
  `INSERT INTO holding SELECT uri, subscriber, kind, 0, NULL FROM identity`,
);

/** Before, every device had a pre-shared key, and none a certificate. */
const CERTIFIED_DEVICES = statements(
  `CREATE TABLE device_of_two_kinds (credential TEXT PRIMARY KEY, subscriber TEXT NOT NULL, psk BLOB,
    certified INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID`,
  `INSERT INTO device_of_two_kinds SELECT credential, subscriber, psk, 0, position FROM device`,
  `DROP TABLE device`,
  `ALTER TABLE device_of_two_kinds RENAME TO device`,
  `CREATE INDEX device_by_subscriber ON device (subscriber)`,
);

/** Before, delivery functions alone could ask. */
const ASKING_LEMFS = statements(`ALTER TABLE warrant_period ADD COLUMN lemf TEXT`);

/** The store's tables, by version. */
export const KMS_SCHEMA: StoreSchema = {
  store: 'kms',
  firstTables: [
    'serial',
    'li_root',
    'identity',
    'device',
    'device_identity',
    'claim',
    'issued_seed',
    'warrant',
  ],
  migrations: [FIRST, PERIODS_AND_HOLDINGS, CERTIFIED_DEVICES, ASKING_LEMFS],
};
