/**
 * Group commit: units of writes, each to be applied whole or not at all, go into one transaction, and so into one sync of
 * the disk. What comes while a transaction runs is the next one.
 *
 *     unit a ─┐                        ┌─► a is durable
 *     unit b ─┼─► BEGIN a b c COMMIT ──┼─► b is durable
 *     unit c ─┘                        └─► c is durable
 *
 * Where a transaction fails, its units are applied one by one: what is wrong with one of them is its own.
 */
import Database from 'better-sqlite3';
import { messageOf } from '../bytes/errors.ts';
import type { StoredColumns, TableReader, WrittenRow } from './stored-tables.ts';

export type SqlValue = string | number | bigint | Uint8Array | null;

/** A statement, and the parameters of each time that it runs. */
export interface Write {
  readonly text: string;
  readonly runs: readonly (readonly SqlValue[])[];
  /** Of rows that may be written by one statement: its parts, and the parameters by which one takes the place of another. */
  readonly rows?: { readonly head: string; readonly rest: string; readonly key: readonly number[] };
  /** Of a statement that takes rows away which may be very many: its parts, by which it may be done a part at a time. */
  readonly removes?: { readonly table: string; readonly condition: string; readonly rest: string };
}

/** What is applied whole or not at all; `alone`: outside of a transaction, which some statements demand. */
export interface WriteUnit {
  readonly writes: readonly Write[];
  readonly alone?: true;
}

/** Of a unit: the rows that its statements gave (RETURNING), in their order; or what was wrong. */
export type UnitOutcome =
  | { readonly rows: readonly unknown[] }
  | { readonly fault: { readonly message: string; readonly code: string | null } };

/** Where units go. */
export interface UnitWriter {
  /** Resolves when it is durable, with the rows that it gave. @throws if nothing of it was applied, or nobody knows */
  run(unit: WriteUnit): Promise<readonly unknown[]>;
  /** Applies what it was given, and takes no more. */
  close(): Promise<void>;
}

/** Writes rows of a described table. */
export class RowStatement<Reader extends TableReader<StoredColumns>> {
  readonly #text: string;
  readonly #members: readonly string[];
  readonly #rows: Write['rows'];

  /** @param rest e.g. `ON CONFLICT …` @param rows see `Write` */
  constructor(how: 'INSERT' | 'REPLACE', { table, names }: Reader, rest = '', rows?: Write['rows']) {
    this.#members = names.map(([member]) => member);
    const values = names.map(() => '?').join(', ');
    this.#text = `${headOf(how, table, names)} (${values}) ${rest}`.trimEnd();
    this.#rows = rows;
  }

  /** New rows, by statements that every engine takes. */
  static adding<Reader extends TableReader<StoredColumns>>(reader: Reader): RowStatement<Reader> {
    const { table, names } = reader;
    const rows = { head: headOf('INSERT', table, names), rest: '', key: [] };
    return new RowStatement('INSERT', reader, '', rows);
  }

  /** Rows that take the place of those with the same key, by statements that every engine takes. */
  static putting<Reader extends TableReader<StoredColumns>>(
    reader: Reader,
    key: readonly (keyof Reader['columns'] & string)[],
  ): RowStatement<Reader> {
    const others = reader.names
      .filter(([member]) => !key.includes(member))
      .map(([, column]) => `"${column}"`);
    return RowStatement.merging(reader, key, others.map((each) => `${each} = excluded.${each}`).join(', '));
  }

  /** Rows of which those with the same key become what `set` says; of such rows in one write the last one counts. */
  static merging<Reader extends TableReader<StoredColumns>>(
    reader: Reader,
    key: readonly (keyof Reader['columns'] & string)[],
    set: string,
  ): RowStatement<Reader> {
    const { table, names } = reader;
    const columns = names.filter(([member]) => key.includes(member)).map(([, column]) => `"${column}"`);
    const rest = `ON CONFLICT (${columns.join(', ')}) DO UPDATE SET ${set}`;
    const places = names.flatMap(([member], at) => (key.includes(member) ? [at] : []));
    const rows = { head: headOf('INSERT', table, names), rest, key: places };
    return new RowStatement('INSERT', reader, rest, rows);
  }

  of(rows: readonly WrittenRow<Reader>[]): Write {
    return {
      text: this.#text,
      runs: rows.map((row) => this.#members.map((member) => row[member as keyof typeof row] as SqlValue)),
      ...(this.#rows === undefined ? {} : { rows: this.#rows }),
    };
  }
}

/**
 * Takes rows away, by statements that every engine takes.
 * @param keys values of the columns by which rows go @param rest e.g. `AND …`, `RETURNING …`
 */
export function removal(
  table: string,
  columns: readonly string[],
  keys: readonly (readonly SqlValue[])[],
  rest = '',
): Write {
  const each = columns.map((column) => `${column} = ?`).join(' AND ');
  const head = `DELETE FROM ${table} WHERE (${columns.join(', ')}) IN (`;
  return {
    text: `DELETE FROM ${table} WHERE ${each} ${rest}`.trimEnd(),
    runs: keys,
    rows: { head, rest: `) ${rest}`.trimEnd(), key: [] },
  };
}

/** Takes away all rows of a condition, by statements that every engine takes. @param rest e.g. `RETURNING …` */
export function clearance(
  table: string,
  condition: string,
  parameters: readonly SqlValue[],
  rest = '',
): Write {
  const text = `DELETE FROM ${table} WHERE ${condition} ${rest}`.trimEnd();
  return { text, runs: [parameters], removes: { table, condition, rest } };
}

function headOf(how: string, table: string, names: readonly (readonly [string, string])[]): string {
  return `${how} INTO "${table}" (${names.map(([, column]) => `"${column}"`).join(', ')}) VALUES`;
}

/** Applies units to a database, each statement prepared once: their texts are few. */
export class UnitApplication {
  readonly #database: Database.Database;
  readonly #prepared = new Map<string, Database.Statement>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** All that may share a transaction do; what may not comes after them. */
  apply(units: readonly WriteUnit[]): UnitOutcome[] {
    const shared = units.filter(({ alone }) => alone !== true);
    const together = this.#together(shared);
    const outcomes = new Map(shared.map((unit, at) => [unit, together[at]]));
    return units.map((unit) => outcomes.get(unit) ?? this.#outcome(() => this.#run(unit)));
  }

  #together(units: readonly WriteUnit[]): UnitOutcome[] {
    const all = this.#outcome(() => this.#transaction(units));
    if ('rows' in all) return all.rows.map((rows) => ({ rows: rows as readonly unknown[] }));
    if (units.length === 1) return [all];
    return units.map((unit) => this.#outcome(() => this.#transaction([unit])[0] ?? []));
  }

  #transaction(units: readonly WriteUnit[]): (readonly unknown[])[] {
    if (units.length === 0) return [];
    return this.#database.transaction(() => units.map((unit) => this.#run(unit)))();
  }

  #run({ writes }: WriteUnit): readonly unknown[] {
    const rows: unknown[] = [];
    for (const { text, runs } of writes) {
      if (runs.length === 0) continue;
      const statement = this.#prepare(text);
      for (const parameters of runs) {
        if (statement.reader) rows.push(...statement.all(...parameters));
        else statement.run(...parameters);
      }
    }
    return rows;
  }

  #prepare(text: string): Database.Statement {
    const statement = this.#prepared.get(text) ?? this.#database.prepare(text);
    this.#prepared.set(text, statement);
    return statement;
  }

  #outcome(work: () => readonly unknown[]): UnitOutcome {
    try {
      return { rows: work() };
    } catch (error) {
      return {
        fault: {
          message: messageOf(error),
          code: error instanceof Database.SqliteError ? error.code : null,
        },
      };
    }
  }
}

/** The rows of an outcome. @throws what was wrong, as SQLite would have */
export function rowsOfOutcome(outcome: UnitOutcome): readonly unknown[] {
  if ('rows' in outcome) return outcome.rows;
  const { message, code } = outcome.fault;
  throw code === null ? new Error(message) : new Database.SqliteError(message, code);
}

/** For a database in memory, which only its own connection knows: units are applied at once. */
export class UnitsAtOnce implements UnitWriter {
  readonly #application: UnitApplication;

  constructor(database: Database.Database) {
    this.#application = new UnitApplication(database);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is wrong is a rejection, as of any other writer
  async run(unit: WriteUnit): Promise<readonly unknown[]> {
    const [outcome] = this.#application.apply([unit]);
    return outcome === undefined ? [] : rowsOfOutcome(outcome);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
