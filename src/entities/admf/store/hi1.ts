/**
 * What agencies have brought over HI1, in the ADMF's store.
 *
 *     hi1_object    one row an object, by agency and identifier: the object as a document, and what is ours of it
 *     hi1_exchange  one row a transaction that changed something: digest of the request, and the answer, until what it
 *                   tells of is erased
 *     hi1_link      one row for each object that another names as associated
 *     hi1_told      one row for each object that an exchange has changed, or that its answer tells of
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider } from 'kysely';
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import { FINAL_STATUSES, HI1_STATUSES } from '../../../wire/hi1/dictionaries.ts';
import { decodeHi1Object, encodeHi1Object, HI1_OBJECT_KINDS } from '../../../wire/hi1/objects.ts';
import { statements } from '../../../storage/migrations.ts';
import { StorageError } from '../../../storage/errors.ts';
import { insertRows, rowsOf, updateRows } from '../../../storage/rows.ts';
import {
  countColumn,
  enumColumn,
  jsonColumn,
  nullable,
  octetsColumn,
  TableReader,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { StoredRow, WrittenRow } from '../../../storage/stored-tables.ts';
import type {
  AgencyExchange,
  Hi1Store,
  ObjectFilter,
  StoredExchange,
  StoredObject,
  TaskDue,
} from '../hi1/ports.ts';
import { STORED_WARRANT } from './stored-warrant.ts';

/** The migration that adds the tables. */
export const HI1_TABLES = statements(
  `CREATE TABLE hi1_object (position INTEGER PRIMARY KEY AUTOINCREMENT, agency TEXT NOT NULL,
    identifier TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, generation INTEGER NOT NULL,
    changed REAL NOT NULL, status TEXT, reason TEXT, authorisation TEXT, liid TEXT, wish TEXT,
    due INTEGER NOT NULL, UNIQUE (agency, identifier))`,
  `CREATE INDEX hi1_object_authorisation ON hi1_object (agency, authorisation) WHERE authorisation IS NOT NULL`,
  `CREATE INDEX hi1_object_liid ON hi1_object (liid) WHERE liid IS NOT NULL`,
  `CREATE INDEX hi1_object_changed ON hi1_object (agency, changed)`,
  `CREATE TABLE hi1_exchange (agency TEXT NOT NULL, trans TEXT NOT NULL, digest TEXT NOT NULL,
    answer BLOB NOT NULL, PRIMARY KEY (agency, trans)) WITHOUT ROWID`,
);

/** The migration that adds what erasing goes by; of what is there already, it looks for identifiers in the octets. */
export const HI1_ERASING = statements(
  `CREATE TABLE hi1_link (agency TEXT NOT NULL, identifier TEXT NOT NULL, other TEXT NOT NULL,
    PRIMARY KEY (agency, identifier, other)) WITHOUT ROWID`,
  `CREATE INDEX hi1_link_other ON hi1_link (agency, other)`,
  `INSERT INTO hi1_link SELECT one.agency, one.identifier, other.identifier FROM hi1_object AS one
    JOIN hi1_object AS other ON other.agency = one.agency AND other.identifier <> one.identifier
      AND instr(one.body, CAST(other.identifier AS BLOB)) > 0`,
  `CREATE TABLE hi1_told (agency TEXT NOT NULL, trans TEXT NOT NULL, identifier TEXT NOT NULL,
    PRIMARY KEY (agency, trans, identifier)) WITHOUT ROWID`,
  `CREATE INDEX hi1_told_identifier ON hi1_told (agency, identifier)`,
  `INSERT INTO hi1_told SELECT hi1_exchange.agency, trans, identifier FROM hi1_exchange
    JOIN hi1_object ON hi1_object.agency = hi1_exchange.agency AND instr(answer, CAST(identifier AS BLOB)) > 0`,
  `CREATE INDEX hi1_object_kind ON hi1_object (kind, status, changed)`,
  `CREATE TRIGGER hi1_object_gone AFTER DELETE ON hi1_object BEGIN
    DELETE FROM hi1_link WHERE agency = OLD.agency AND identifier = OLD.identifier; END`,
  `CREATE TRIGGER hi1_exchange_gone AFTER DELETE ON hi1_exchange BEGIN
    DELETE FROM hi1_told WHERE agency = OLD.agency AND trans = OLD.trans; END`,
);

/** The migration that adds when exchanges were; of those that are there, it can only be said that they were before. */
export const HI1_EXCHANGE_TIMES = statements(
  `ALTER TABLE hi1_exchange ADD COLUMN at REAL NOT NULL DEFAULT 0`,
  `ALTER TABLE hi1_exchange ADD COLUMN octets INTEGER NOT NULL DEFAULT 0`,
  `UPDATE hi1_exchange SET at = unixepoch() * 1000, octets = length(answer)`,
  `CREATE INDEX hi1_exchange_at ON hi1_exchange (agency, at, octets)`,
);

const WISH = strict({
  warrant: STORED_WARRANT,
  desired: Type.Enum(['Active', 'Suspended', 'Cancelled']),
  emergency: Type.Boolean(),
});

const OBJECT = new TableReader('hi1_object', {
  agency: textColumn,
  identifier: textColumn,
  kind: enumColumn(HI1_OBJECT_KINDS),
  body: octetsColumn,
  generation: countColumn,
  changed: timeColumn,
  status: nullable(enumColumn(HI1_STATUSES)),
  reason: nullable(jsonColumn(strict({ ErrorCode: Type.Integer(), ErrorDescription: Type.String() }))),
  authorisation: nullable(textColumn),
  liid: nullable(textColumn),
  wish: nullable(jsonColumn(WISH)),
  due: countColumn,
});
const EXCHANGE = new TableReader('hi1_exchange', {
  agency: textColumn,
  trans: textColumn,
  digest: textColumn,
  answer: octetsColumn,
  at: timeColumn,
  octets: countColumn,
});
const KEPT = new TableReader('hi1_exchange', { count: countColumn, octets: countColumn });

/** How `due` is stored. */
const DUES: readonly TaskDue[] = ['nothing', 'all', 'status'];

/** Of an exchange that tells of what was erased. */
const NO_ANSWER = new Uint8Array(0);

/** Notifications of one agency that are kept: the oldest go first. */
const MOST_NOTIFICATIONS = 10_000;

/** Tables that have what agencies have brought. */
export const ERASED_FROM = ['hi1_object', 'hi1_exchange', 'hi1_told', 'hi1_link'];

/** What engines differ in, as `AdmfEngine` (`sql.ts`) has it. */
export interface Hi1Engine {
  write<T>(work: (transaction: QueryExecutorProvider) => Promise<T>): Promise<T>;
  erasing(transaction: QueryExecutorProvider, tables: readonly string[]): Promise<void>;
  scrub(): Promise<void>;
}

export class SqlHi1Store implements Hi1Store {
  readonly #db: Kysely<unknown>;
  readonly #engine: Hi1Engine;
  #dropped = 0;

  readonly #mostNotifications: number;

  /**
   * @param db has the tables of `HI1_TABLES` and `HI1_ERASING`
   * @param mostNotifications of one agency that are kept: the oldest go first
   */
  constructor(db: Kysely<unknown>, engine: Hi1Engine, mostNotifications = MOST_NOTIFICATIONS) {
    this.#db = db;
    this.#engine = engine;
    this.#mostNotifications = mostNotifications;
  }

  get notificationsDropped(): number {
    return this.#dropped;
  }

  async find(agency: string, identifier: string): Promise<StoredObject | null> {
    const found = await this.#select(sql`agency = ${agency} AND identifier = ${identifier}`);
    return found[0] ?? null;
  }

  tasksOf(agency: string, authorisation: string): Promise<StoredObject[]> {
    return this.#select(sql`agency = ${agency} AND authorisation = ${authorisation}`);
  }

  tasksWith(liid: string): Promise<StoredObject[]> {
    return this.#select(sql`liid = ${liid}`);
  }

  openTasks(): Promise<StoredObject[]> {
    return this.#select(sql`liid IS NOT NULL AND (due <> 0 OR status NOT IN (${sql.join(FINAL_STATUSES)}))`);
  }

  closedTasks(): Promise<StoredObject[]> {
    return this.#select(sql`liid IS NOT NULL AND due = 0 AND status IN (${sql.join(FINAL_STATUSES)})`);
  }

  authorisationsAlone(): Promise<StoredObject[]> {
    return this.#select(sql`kind = 'AuthorisationObject' AND status NOT IN (${sql.join(FINAL_STATUSES)})
      AND NOT EXISTS (SELECT 1 FROM hi1_object AS task
        WHERE task.agency = hi1_object.agency AND task.authorisation = hi1_object.identifier)`);
  }

  associated(agency: string, identifier: string): Promise<StoredObject[]> {
    return this.#select(sql`agency = ${agency} AND kind <> 'NotificationObject' AND identifier IN
      (SELECT other FROM hi1_link WHERE agency = ${agency} AND identifier = ${identifier}
        UNION SELECT identifier FROM hi1_link WHERE agency = ${agency} AND other = ${identifier})`);
  }

  async leftOver(changed: number): Promise<StoredObject[]> {
    const finals = sql.join(FINAL_STATUSES);
    const tasks = await this.#select(
      sql`kind = 'LITaskObject' AND due = 0 AND status IN (${finals}) AND changed <= ${changed}`,
    );
    const authorisations = await this
      .#select(sql`kind = 'AuthorisationObject' AND status IN (${finals}) AND changed <= ${changed}
        AND NOT EXISTS (SELECT 1 FROM hi1_object AS task
          WHERE task.agency = hi1_object.agency AND task.authorisation = hi1_object.identifier)`);
    const documents = await this
      .#select(sql`kind = 'DocumentObject' AND status IS NULL AND changed <= ${changed} AND NOT EXISTS
        (SELECT 1 FROM hi1_link JOIN hi1_object AS with_it ON with_it.agency = hi1_link.agency
            AND with_it.identifier IN (hi1_link.identifier, hi1_link.other)
          WHERE hi1_link.agency = hi1_object.agency AND with_it.kind IN ('LITaskObject', 'AuthorisationObject')
            AND hi1_object.identifier IN (hi1_link.identifier, hi1_link.other))`);
    return [...tasks, ...authorisations, ...documents];
  }

  async erase(agency: string, identifiers: readonly string[]): Promise<void> {
    if (identifiers.length === 0) return;
    await this.#engine.write(async (transaction) => {
      for (const identifier of identifiers) {
        const gone = sql`(SELECT ${identifier} UNION SELECT hi1_link.identifier FROM hi1_link JOIN hi1_object
          USING (agency, identifier) WHERE agency = ${agency} AND other = ${identifier}
            AND kind = 'NotificationObject')`;
        const telling = sql`(SELECT trans FROM hi1_told WHERE agency = ${agency} AND identifier IN ${gone})`;
        // That it was answered stays on record: the same request is not done again.
        await sql`UPDATE hi1_exchange SET answer = ${NO_ANSWER}, octets = 0
          WHERE agency = ${agency} AND trans IN ${telling}`.execute(transaction);
        await sql`DELETE FROM hi1_told WHERE agency = ${agency} AND trans IN ${telling}`.execute(transaction);
        await sql`DELETE FROM hi1_object WHERE agency = ${agency} AND identifier IN ${gone}`.execute(
          transaction,
        );
      }
      await this.#engine.erasing(transaction, ERASED_FROM);
    });
    await this.#engine.scrub();
  }

  list(agency: string, { kind, since, most }: ObjectFilter): Promise<StoredObject[]> {
    const ofKind = kind === null ? sql`TRUE` : sql`kind = ${kind}`;
    const changed = since === null ? sql`TRUE` : sql`changed >= ${since}`;
    return this.#select(sql`agency = ${agency} AND ${ofKind} AND ${changed}`, most);
  }

  async count(agency: string): Promise<number> {
    const { rows } = await sql`SELECT count(*) AS due FROM hi1_object WHERE agency = ${agency}
      AND kind <> 'NotificationObject'`.execute(this.#db);
    return OBJECT.pick('due').read(rows[0]).due;
  }

  async exchange(agency: string, transaction: string): Promise<StoredExchange | null> {
    const of = sql`WHERE agency = ${agency} AND trans = ${transaction}`;
    const [found] = await rowsOf(this.#db, EXCHANGE, of);
    if (found === undefined) return null;
    const { trans, answer, octets: _, ...row } = found;
    return { ...row, transaction: trans, answer: answer.length === 0 ? null : answer };
  }

  async exchangesKept(agency: string | null): Promise<{ readonly count: number; readonly octets: number }> {
    const whose = agency === null ? sql`TRUE` : sql`agency = ${agency}`;
    const { rows } = await sql`SELECT count(*) AS count, CAST(coalesce(sum(octets), 0) AS BIGINT) AS octets
      FROM hi1_exchange WHERE ${whose}`.execute(this.#db);
    return KEPT.read(rows[0]);
  }

  async forgetExchanges(before: number): Promise<void> {
    await this.#engine.write((transaction) =>
      sql`DELETE FROM hi1_exchange WHERE at < ${before}`.execute(transaction),
    );
  }

  async save(objects: readonly StoredObject[], exchange: AgencyExchange | null): Promise<void> {
    await this.#engine.write(async (transaction) => {
      for (const object of objects) await put(transaction, object);
      const agencies = objects.filter(({ object }) => object.kind === 'NotificationObject');
      for (const agency of new Set(agencies.map((each) => each.agency))) {
        const { numAffectedRows } =
          await sql`DELETE FROM hi1_object WHERE agency = ${agency} AND kind = 'NotificationObject' AND position NOT IN
          (SELECT position FROM hi1_object WHERE agency = ${agency} AND kind = 'NotificationObject'
            ORDER BY position DESC LIMIT ${this.#mostNotifications})`.execute(transaction);
        this.#dropped += Number(numAffectedRows ?? 0);
      }
      if (exchange === null) return;
      const { objects: told, transaction: trans, ...row } = exchange;
      await insertRows(transaction, EXCHANGE, [{ ...row, trans, octets: row.answer.length }]);
      const { agency } = row;
      for (const identifier of new Set(told))
        await sql`INSERT INTO hi1_told VALUES (${agency}, ${trans}, ${identifier})`.execute(transaction);
    });
  }

  /** @param most absent: all */
  async #select(where: ReturnType<typeof sql>, most?: number): Promise<StoredObject[]> {
    const limit = most === undefined ? sql`` : sql`LIMIT ${most}`;
    const of = sql`WHERE ${where} ORDER BY position ${limit}`;
    return (await rowsOf(this.#db, OBJECT, of)).map(storedObject);
  }
}

async function put(transaction: QueryExecutorProvider, stored: StoredObject): Promise<void> {
  const { agency, object, generation, lastChanged, status, reason, task } = stored;
  const row: WrittenRow<typeof OBJECT> = {
    ...{ agency, identifier: object.identifier, kind: object.kind, body: encodeHi1Object(object) },
    ...{ generation, changed: lastChanged, status, reason: reason === null ? null : JSON.stringify(reason) },
    ...{ authorisation: task?.authorisation ?? null, liid: task?.wish.warrant.liid ?? null },
    ...{ wish: task === null ? null : JSON.stringify(task.wish), due: DUES.indexOf(task?.due ?? 'nothing') },
  };
  await updateRows(transaction, OBJECT, ['agency', 'identifier'], [row]);
  await sql`DELETE FROM hi1_link WHERE agency = ${agency} AND identifier = ${object.identifier}`.execute(
    transaction,
  );
  for (const other of new Set(object.members.AssociatedObjects))
    await sql`INSERT INTO hi1_link VALUES (${agency}, ${object.identifier}, ${other})`.execute(transaction);
}

function storedObject(row: StoredRow<typeof OBJECT.columns>): StoredObject {
  const { body, changed, authorisation, wish, due, kind, identifier: _, liid: __, ...read } = row;
  const object = decodeHi1Object(body);
  if (object.kind === 'other' || object.kind !== kind)
    throw new StorageError('damaged', 'hi1_object.body is not an object of its kind');
  const task =
    authorisation === null || wish === null
      ? null
      : { authorisation, wish, due: DUES[due] ?? ('all' as const) };
  return { ...read, object, lastChanged: changed, task };
}
