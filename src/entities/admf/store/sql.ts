/**
 * The ADMF's warrants and the DIDs it has given, by statements that every engine takes; what they differ in is in
 * `sqlite.ts` and `postgresql.ts`. What a promise here has resolved for survives the loss of the process and of power.
 *
 *     warrant          one row a warrant, by LIID: its contents and the times of its life as JSON, its XID and state
 *     warrant_history  one row for each thing that happened to one: who, when, what, why
 *     did              one row a destination, by what it stands for
 *     hi1_…            what agencies have brought over HI1 (`hi1.ts`)
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider, Transaction } from 'kysely';
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import type { HeadMemory } from '../../../evidence/kept-log.ts';
import type { AdmfState, AdmfStore } from '../ports.ts';
import { WARRANT_STATES } from '../../../wire/officers/warrants.ts';
import type { HistoryEntry, WarrantRecord } from '../warrants.ts';
import { rowsOf, updateRows } from '../../../storage/rows.ts';
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
import { SqlHi1Store } from './hi1.ts';
import {
  STORED_DELIVERY,
  STORED_LEMF,
  STORED_TARGETS,
  STORED_LOCATION,
  STORED_WARRANT,
  STORED_XK,
} from './stored-warrant.ts';

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

export type AdmfTables = TablesOf<typeof STORED>;

/** Positions are the store's to give. */
const ENTERED = STORED.warrant.pick('liid', 'xid', 'state', 'body');
const HISTORY = STORED.warrant_history.pick(
  ...(['liid', 'xid', 'at', 'by', 'act', 'state', 'version', 'reason', 'detail'] as const),
);

/** What engines differ in. */
export interface AdmfEngine {
  /** The end of the ADMF's audit log. */
  readonly auditHead: HeadMemory;
  /** All of it or nothing. */
  write<T>(work: (transaction: Transaction<AdmfTables>) => Promise<T>): Promise<T>;
  /** Something is erased from tables in this transaction: what is to be known of it by whoever comes after a crash. */
  erasing(transaction: QueryExecutorProvider, tables: readonly string[]): Promise<void>;
  /** Nothing of what was erased stays where the engine keeps its data, as far as that is in its hands. */
  scrub(): Promise<void>;
}

/** Tables that have what a warrant is about. */
export const WITH_CONTENTS = ['warrant', 'warrant_history'];

export class SqlAdmfStore implements AdmfStore {
  readonly auditHead: HeadMemory;
  /** What agencies have brought over HI1. */
  readonly hi1: SqlHi1Store;
  readonly #db: Kysely<AdmfTables>;
  readonly #engine: AdmfEngine;

  protected constructor(db: Kysely<AdmfTables>, engine: AdmfEngine) {
    this.auditHead = engine.auditHead;
    this.hi1 = new SqlHi1Store(db as unknown as Kysely<unknown>, engine);
    this.#db = db;
    this.#engine = engine;
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
    const isErasing = records.some(({ erased }) => erased);
    await this.#engine.write(async (transaction) => {
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
      if (isErasing) await this.#engine.erasing(transaction, WITH_CONTENTS);
    });
    if (isErasing) await this.#engine.scrub();
  }

  history(liid: string): Promise<HistoryEntry[]> {
    return rowsOf(this.#db, HISTORY, sql`WHERE liid = ${liid} ORDER BY position`);
  }

  async saveDid(key: string, did: string): Promise<void> {
    await this.#engine.write((transaction) => transaction.insertInto('did').values({ key, did }).execute());
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}
