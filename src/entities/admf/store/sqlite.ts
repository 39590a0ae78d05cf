/** The ADMF's store in SQLite. Who is intercepted is in this file: it is its owner's alone. */
import { AUDIT_HEAD, headMemory } from '../../../storage/audit-head.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openDatabase, scrub } from '../../../storage/sqlite.ts';
import { HI1_ERASING, HI1_EXCHANGE_TIMES, HI1_TABLES } from './hi1.ts';
import { SqlAdmfStore } from './sql.ts';
import type { AdmfTables } from './sql.ts';

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS warrant (position INTEGER PRIMARY KEY AUTOINCREMENT, liid TEXT NOT NULL UNIQUE,
    xid TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS did (key TEXT PRIMARY KEY, did TEXT NOT NULL UNIQUE) WITHOUT ROWID`,
);

/** Version 0.1.0 kept the warrant alone, and called two states otherwise. */
const LIVES = statements(`UPDATE warrant SET
    body = json_object('warrant', json(body), 'from', json_extract(body, '$.startTime'),
      'drainUntil', CASE state WHEN 'draining' THEN 0 END),
    state = CASE state WHEN 'activating' THEN 'provisioning' WHEN 'draining' THEN 'ending' ELSE state END`);

/** Versions before kept neither who decided nor what was covered before. */
const DECISIONS = statements(
  `CREATE TABLE warrant_history (position INTEGER PRIMARY KEY AUTOINCREMENT, liid TEXT NOT NULL, xid TEXT NOT NULL,
    at REAL NOT NULL, by TEXT, act TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL, reason TEXT,
    detail TEXT)`,
  `CREATE INDEX warrant_history_liid ON warrant_history (liid, position)`,
  `UPDATE warrant SET body = json_patch(body, json_object('version', 1, 'periods', json_array(),
    'authors', json_array(), 'approvals', json_array('configuration'), 'imported', json('false'),
    'erased', json('false')))`,
  // A patch cannot set null.
  `UPDATE warrant SET body = json_set(body, '$.emergency', NULL, '$.reference', NULL, '$.pending', NULL, '$.undo', NULL,
    '$.until', CASE WHEN state IN ('ending', 'ended', 'failed')
      THEN max(json_extract(body, '$.from'), min(json_extract(body, '$.warrant.endTime'),
        coalesce(nullif(json_extract(body, '$.drainUntil'), 0), json_extract(body, '$.warrant.endTime')))) END,
    '$.closedAt', CASE WHEN state IN ('ended', 'failed')
      THEN coalesce(nullif(json_extract(body, '$.drainUntil'), 0), json_extract(body, '$.warrant.endTime')) END)`,
);

/** The store's tables, by version. */
export const ADMF_SCHEMA: StoreSchema = {
  store: 'admf',
  firstTables: ['warrant', 'did'],
  migrations: [FIRST, LIVES, AUDIT_HEAD, DECISIONS, HI1_TABLES, HI1_ERASING, HI1_EXCHANGE_TIMES],
};

export class SqliteAdmfStore extends SqlAdmfStore {
  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteAdmfStore> {
    const db = await openDatabase<AdmfTables>(file, ADMF_SCHEMA);
    return new SqliteAdmfStore(db, {
      auditHead: headMemory(db),
      write: (work) => db.transaction().execute(work),
      // A file that is opened with a log that was left is scrubbed.
      erasing: () => Promise.resolve(),
      scrub: () => scrub(db),
    });
  }
}
