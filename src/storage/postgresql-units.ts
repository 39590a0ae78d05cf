/**
 * Group commit to PostgreSQL (`group-commit.ts`): units of writes that come while a transaction is under way are the next
 * one. Where one fails, its units are applied one by one, so that what is wrong with one of them is its own; where the
 * database is away, or another's by now, all of them fail.
 *
 * No statement takes long, whatever is written: rows go by many in one statement, of so many rows and octets at most, and
 * what takes away all rows of a condition does so a part at a time. So a transaction is of few statements, each of which
 * ends within its time.
 */
import { CompiledQuery } from 'kysely';
import type { QueryExecutorProvider, QueryResult } from 'kysely';
import { StorageError } from './errors.ts';
import type { SqlValue, UnitWriter, Write, WriteUnit } from './group-commit.ts';
import { batches } from './rows.ts';

/** Runs work in a transaction. */
export type Transacting = <T>(work: (transaction: QueryExecutorProvider) => Promise<T>) => Promise<T>;

/** A unit that may be refused within its transaction. */
export interface GuardedUnit extends WriteUnit {
  /** Before its writes. @throws where nothing of it is to be written */
  readonly guard?: ((transaction: QueryExecutorProvider) => Promise<void>) | undefined;
}

interface Pending {
  readonly unit: GuardedUnit;
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Units that a transaction takes at most. */
const MOST = 256;
/** Octets of the values that a statement takes at most, but for its first row. */
const OCTETS = 4 << 20;
/** Rows that a statement takes away at most, of those of a condition. */
const PART = 10_000;

export class PostgresqlUnits implements UnitWriter {
  readonly #transact: Transacting;
  #waiting: Pending[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(transact: Transacting) {
    this.#transact = transact;
  }

  run(unit: GuardedUnit): Promise<readonly unknown[]> {
    if (this.#isClosed) return Promise.reject(new StorageError('unavailable', 'what writes is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is given in the same breath is of one transaction.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MOST);
      if (!(await this.#together(group))) for (const each of group) await this.#together([each]);
    }
    this.#running = null;
  }

  /** `false`: nothing of it is done, and it is not said whose fault that is. */
  async #together(group: readonly Pending[]): Promise<boolean> {
    try {
      const all = await this.#transact(async (transaction) => {
        const rows: (readonly unknown[])[] = [];
        for (const { unit } of group) rows.push(await apply(transaction, unit));
        return rows;
      });
      group.forEach(({ resolve }, at) => resolve(all[at] ?? []));
      return true;
    } catch (error) {
      const isOfAll = error instanceof StorageError && ['unavailable', 'locked'].includes(error.code);
      if (group.length > 1 && !isOfAll) return false;
      for (const { reject } of group) reject(error);
      return true;
    }
  }
}

/* ---------------------------------------------------------------- helpers */

/** In their order; gives the rows of all statements. */
async function apply(db: QueryExecutorProvider, { writes, guard }: GuardedUnit): Promise<readonly unknown[]> {
  await guard?.(db);
  const rows: unknown[] = [];
  for (const write of writes) {
    if (write.removes !== undefined) {
      for (const parameters of write.runs)
        for await (const found of inParts(db, write.removes, parameters)) add(rows, found);
      continue;
    }
    for (const [text, parameters] of statementsOf(write))
      add(rows, (await execute(db, text, parameters)).rows);
  }
  return rows;
}

function execute(
  db: QueryExecutorProvider,
  text: string,
  parameters: readonly SqlValue[],
): Promise<QueryResult<unknown>> {
  return db.getExecutor().executeQuery(CompiledQuery.raw(text, [...parameters]));
}

/** The rows of each part, until there are no more. */
async function* inParts(
  db: QueryExecutorProvider,
  { table, condition, rest }: NonNullable<Write['removes']>,
  parameters: readonly SqlValue[],
): AsyncGenerator<readonly unknown[], void> {
  const some = `SELECT ctid FROM ${table} WHERE ${numbered(condition)} LIMIT ${PART}`;
  const text = `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(${some})) ${rest}`.trimEnd();
  for (;;) {
    const { rows, numAffectedRows } = await execute(db, text, parameters);
    yield rows;
    if ((numAffectedRows ?? 0n) < PART) return;
  }
}

function add(rows: unknown[], found: readonly unknown[]): void {
  for (const row of found) rows.push(row);
}

function statementsOf({ text, runs, rows }: Write): (readonly [string, readonly SqlValue[]])[] {
  if (rows === undefined) return runs.map((parameters) => [numbered(text), parameters]);
  return batches(newest(runs, rows.key))
    .flatMap(inOctets)
    .map((batch) => {
      let at = 0;
      const values = batch.map((row) => `(${row.map(() => `$${++at}`).join(', ')})`);
      return [`${rows.head} ${values.join(', ')} ${rows.rest}`.trimEnd(), batch.flat()];
    });
}

/** In their order, in parts that a statement takes. */
function inOctets(rows: readonly (readonly SqlValue[])[]): (readonly SqlValue[])[][] {
  const parts: (readonly SqlValue[])[][] = [];
  let octets = Infinity;
  for (const row of rows) {
    const length = row.reduce((sum: number, value) => sum + lengthOf(value), 0);
    octets += length;
    if (octets > OCTETS) {
      parts.push([]);
      octets = length;
    }
    parts.at(-1)?.push(row);
  }
  return parts;
}

function lengthOf(value: SqlValue): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
}

/** A statement puts a row once: of those with the same key, the one that came last stands. */
function newest(
  runs: readonly (readonly SqlValue[])[],
  key: readonly number[],
): readonly (readonly SqlValue[])[] {
  if (key.length === 0) return runs;
  const byKey = new Map(runs.map((row) => [JSON.stringify(key.map((at) => row[at])), row]));
  return [...byKey.values()];
}

/** With `$1`, `$2`, … in place of each `?`. */
function numbered(text: string): string {
  let at = 0;
  return text.replace(/\?/g, () => `$${++at}`);
}
