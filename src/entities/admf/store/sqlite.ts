/**
 * The ADMF's warrants and the DIDs it has given, in SQLite. What a promise here has resolved for survives the loss of
 * the process and of power. Who is intercepted is in this file: it is its owner's alone.
 *
 *     warrant          one row a warrant, by LIID: its contents and the times of its life as JSON, its XID and state
 *     warrant_history  one row for each thing that happened to one: who, when, what, why
 *     did              one row a destination, by what it stands for
 *     hi1_…            what agencies have brought over HI1 (`hi1.ts`)
 *     audit_head       the end of the ADMF's audit log
 */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import type { AdmfState, AdmfStore } from '../ports.ts';
import { WARRANT_STATES } from '../../../wire/officers/warrants.ts';
import type { HistoryEntry, WarrantRecord } from '../warrants.ts';
import { AUDIT_HEAD, headMemory } from '../../../storage/audit-head.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
import { openDatabase, scrub } from '../../../storage/sqlite.ts';
import {
  countColumn,
  enumColumn,
  generated,
  jsonColumn,
  nullable,
  tableReaders,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { TablesOf } from '../../../storage/stored-tables.ts';
import { HI1_ERASING, HI1_EXCHANGE_TIMES, HI1_TABLES, SqliteHi1Store } from './hi1.ts';
import {
  STORED_DELIVERY,
  STORED_LEMF,
  STORED_TARGETS,
  STORED_LOCATION,
  STORED_WARRANT,
  STORED_XK,
} from './stored-warrant.ts';

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

const NUMBER_OR_NULL = Type.Union([Type.Number(), Type.Null()]);

const CHANGE = Type.Union([
  strict({
    kind: Type.Literal('amend'),
    changes: strict({
      targets: Type.Optional(STORED_TARGETS),
      delivery: Type.Optional(STORED_DELIVERY),
      startTime: Type.Optional(Type.Number()),
      endTime: Type.Optional(Type.Number()),
      lemf: Type.Optional(STORED_LEMF),
      location: Type.Optional(STORED_LOCATION),
      xk: Type.Optional(STORED_XK),
    }),
  }),
  strict({ kind: Type.Literal('resume') }),
  strict({ kind: Type.Literal('extend'), startTime: NUMBER_OR_NULL, endTime: Type.Number() }),
]);

const BODY = strict({
  warrant: STORED_WARRANT,
  version: Type.Integer(),
  from: Type.Number(),
  until: NUMBER_OR_NULL,
  drainUntil: NUMBER_OR_NULL,
  periods: Type.Array(
    strict({
      from: Type.Number(),
      until: Type.Number(),
      delivery: STORED_DELIVERY,
      targets: Type.Optional(STORED_TARGETS),
      xk: Type.Optional(Type.String()),
    }),
  ),
  authors: Type.Array(Type.String()),
  approvals: Type.Array(Type.String()),
  emergency: Type.Union([strict({ lapsesAt: NUMBER_OR_NULL }), Type.Null()]),
  reference: Type.Union([Type.String(), Type.Null()]),
  imported: Type.Boolean(),
  pending: Type.Union([
    strict({ change: CHANGE, by: Type.String(), reason: Type.String(), at: Type.Number() }),
    Type.Null(),
  ]),
  undo: Type.Union([STORED_WARRANT, Type.Null()]),
  closedAt: NUMBER_OR_NULL,
  erased: Type.Boolean(),
});

const STORED = tableReaders({
  warrant: {
    position: generated(countColumn),
    liid: textColumn,
    xid: textColumn,
    state: enumColumn(WARRANT_STATES),
    body: jsonColumn(BODY),
  },
  warrant_history: {
    position: generated(countColumn),
    liid: textColumn,
    xid: textColumn,
    at: timeColumn,
    by: nullable(textColumn),
    act: textColumn,
    state: enumColumn(WARRANT_STATES),
    version: countColumn,
    reason: nullable(textColumn),
    detail: nullable(textColumn),
  },
  did: { key: textColumn, did: textColumn },
});

type Tables = TablesOf<typeof STORED>;

/** Positions are the store's to give. */
const ENTERED = STORED.warrant.pick('liid', 'xid', 'state', 'body');
const HISTORY = STORED.warrant_history.pick(
  ...(['liid', 'xid', 'at', 'by', 'act', 'state', 'version', 'reason', 'detail'] as const),
);

/** The store's tables, by version. */
export const ADMF_SCHEMA: StoreSchema = {
  store: 'admf',
  firstTables: ['warrant', 'did'],
  migrations: [FIRST, LIVES, AUDIT_HEAD, DECISIONS, HI1_TABLES, HI1_ERASING, HI1_EXCHANGE_TIMES],
};

export class SqliteAdmfStore implements AdmfStore {
  readonly auditHead: HeadMemory;
  /** What agencies have brought over HI1. */
  readonly hi1: SqliteHi1Store;
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.auditHead = headMemory(db);
    this.hi1 = new SqliteHi1Store(db as unknown as Kysely<unknown>);
    this.#db = db;
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteAdmfStore> {
    return new SqliteAdmfStore(await openDatabase<Tables>(file, ADMF_SCHEMA));
  }

  async load(): Promise<AdmfState> {
    const warrants = await rowsOf(this.#db, STORED.warrant, sql`ORDER BY position`);
    const dids = await rowsOf(this.#db, STORED.did);
    return {
      warrants: warrants.map(({ xid, state, body }) => ({ ...body, xid, state })),
      dids: new Map(dids.map(({ key, did }) => [key, did])),
    };
  }

  async saveWarrants(records: readonly WarrantRecord[], entries: readonly HistoryEntry[]): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const rows = records.map(({ xid, state, ...body }) => ({
        ...{ liid: body.warrant.liid, xid, state, body: JSON.stringify(body) },
      }));
      await updateRows(transaction, ENTERED, ['liid'], rows);
      for (const entry of entries) await transaction.insertInto('warrant_history').values(entry).execute();
      for (const { erased, warrant } of records) {
        if (!erased) continue;
        const ofIt = transaction.updateTable('warrant_history').where('liid', '=', warrant.liid);
        await ofIt.set({ detail: null }).execute();
      }
    });
    if (records.some(({ erased }) => erased)) await scrub(this.#db);
  }

  history(liid: string): Promise<HistoryEntry[]> {
    return rowsOf(this.#db, HISTORY, sql`WHERE liid = ${liid} ORDER BY position`);
  }

  async saveDid(key: string, did: string): Promise<void> {
    await this.#db.insertInto('did').values({ key, did }).execute();
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}
