/**
 * What comes back from a SQLite store: of the form that was written, or refused. A column of SQLite takes values of any
 * type, and a file can be changed by anyone who may write it; so a table is described once, by what its columns hold, and
 * from that follow the types of what is written and the reader of what comes back:
 *
 *     const STORED = tableReaders({ stream: { key: textColumn, next: countColumn, lastTime: timeColumn } });
 *     const db: Kysely<TablesOf<typeof STORED>>;      // a selected value is `unknown`
 *     const { lastTime } = STORED.stream.read(row);   // of the column last_time, or StorageError: stream.last_time is not …
 *
 * An error names table and column, never what was found: that may be secret.
 */
import type { ColumnType } from 'kysely';
import type { StaticDecode, TSchema } from 'typebox';
import { faultText, Form, Unfit } from '../bytes/schema.ts';
import { StorageError } from './errors.ts';

/** What a column holds: `Read` as the program has it, `Written` as statements write it. */
export interface StoredColumn<Read, Written = Read> {
  /** @throws Unfit */
  readonly read: (value: unknown) => Read;
  /** Only a type. */
  readonly written?: Written;
}

export const textColumn: StoredColumn<string> = columnOf(
  'a text',
  (value): value is string => typeof value === 'string',
);

/** A whole number from 0 on that a number holds exactly. */
export const countColumn: StoredColumn<number> = columnOf(
  'a whole number from 0',
  (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
);

/** Whether something is so: 0 or 1. */
export const flagColumn: StoredColumn<boolean, 0 | 1> = {
  read: (value) => {
    if (value !== 0 && value !== 1) throw new Unfit('0 or 1');
    return value === 1;
  },
};

/** A time in whatever unit; `Infinity`: for good. */
export const timeColumn: StoredColumn<number> = columnOf(
  'a time',
  (value): value is number => typeof value === 'number' && value >= 0,
);

/** Gives a copy of its own, as plain octets. */
export const octetsColumn: StoredColumn<Uint8Array> = {
  read: (value) => {
    if (!(value instanceof Uint8Array)) throw new Unfit('octets');
    return new Uint8Array(value);
  },
};

export function enumColumn<Value extends string>(values: readonly Value[]): StoredColumn<Value> {
  const known: readonly unknown[] = values;
  return columnOf(`one of ${values.join(', ')}`, (value): value is Value => known.includes(value));
}

/** @param expected e.g. `a hash in hex` */
export function patternColumn(pattern: RegExp, expected: string): StoredColumn<string> {
  return columnOf(expected, (value): value is string => typeof value === 'string' && pattern.test(value));
}

/** A column that may be NULL. */
export function nullable<Read, Written>({
  read,
}: StoredColumn<Read, Written>): StoredColumn<Read | null, Written | null> {
  return { read: (value) => (value === null ? null : read(value)) };
}

/** A column that the store fills where a statement does not. */
export function generated<Value>({ read }: StoredColumn<Value>): StoredColumn<Value, Value | undefined> {
  return { read };
}

/** JSON of a schema's form, as text. */
export function jsonColumn<Schema extends TSchema>(
  schema: Schema,
): StoredColumn<StaticDecode<Schema>, string> {
  const form = new Form(schema);
  return {
    read: (text) =>
      form.readOr(parsed(text), ([fault]) => {
        const wrong = fault === undefined ? '' : `: ${faultText(fault, 'it', 'member')}`;
        return new Unfit(`of the form that is written${wrong}`);
      }),
  };
}

/** By what the program calls them, `lastTime` for the column `last_time`. */
export type StoredColumns = Readonly<Record<string, StoredColumn<unknown, unknown>>>;

/** The column of a member. */
export type ColumnName<Member extends string> = Member extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${ColumnName<Rest>}`
  : Member;

/** A row as it was read. */
export type StoredRow<Columns extends StoredColumns> = {
  [Name in keyof Columns]: Columns[Name] extends StoredColumn<infer Read, unknown> ? Read : never;
};

/** Reads rows of a table. */
export class TableReader<Columns extends StoredColumns> {
  readonly table: string;
  readonly columns: Columns;
  /** Members and the columns that they are in. */
  readonly names: readonly (readonly [member: string, column: string])[];

  constructor(table: string, columns: Columns) {
    this.table = table;
    this.columns = columns;
    this.names = Object.keys(columns).map((member) => [
      member,
      member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    ]);
  }

  /** Of a row that a statement gave, the columns of this reader. @throws StorageError `damaged` */
  readonly read = (row: unknown): StoredRow<Columns> => {
    const found = row as Readonly<Record<string, unknown>>;
    const read: Record<string, unknown> = {};
    for (const [member, name] of this.names) {
      try {
        read[member] = this.columns[member]?.read(found[name]);
      } catch (cause) {
        if (!(cause instanceof Unfit)) throw cause;
        throw new StorageError('damaged', `${this.table}.${name} is not ${cause.message}`);
      }
    }
    return read as StoredRow<Columns>;
  };

  /** A reader for statements that select these columns alone. */
  pick<Name extends keyof Columns & string>(...names: readonly Name[]): TableReader<Pick<Columns, Name>> {
    const picked = names.map((name) => [name, this.columns[name]]);
    return new TableReader(this.table, Object.fromEntries(picked) as Pick<Columns, Name>);
  }
}

type Readers<Tables extends Readonly<Record<string, StoredColumns>>> = {
  readonly [Table in keyof Tables]: TableReader<Tables[Table]>;
};

/** A reader for each table of a store. */
export function tableReaders<Tables extends Readonly<Record<string, StoredColumns>>>(
  tables: Tables,
): Readers<Tables> {
  const readers = Object.entries(tables).map(([table, columns]) => [table, new TableReader(table, columns)]);
  return Object.fromEntries(readers) as Readers<Tables>;
}

/** The tables as Kysely's statements see them: what they write has its type, what they give is yet to be read. */
export type TablesOf<All extends Readonly<Record<string, TableReader<StoredColumns>>>> = {
  [Table in keyof All]: {
    [Member in keyof All[Table]['columns'] & string as ColumnName<Member>]: Unread<
      All[Table]['columns'][Member]
    >;
  };
};

/** A row as statements write it. */
export type WrittenRow<Reader extends TableReader<StoredColumns>> = {
  [Name in keyof Reader['columns']]: WrittenOf<Reader['columns'][Name]>;
};

/* ---------------------------------------------------------------- helpers */

type WrittenOf<Column> = Column extends StoredColumn<unknown, infer Written> ? Written : never;

type Unread<Column> = ColumnType<unknown, WrittenOf<Column>, WrittenOf<Column>>;

function columnOf<Value>(expected: string, is: (value: unknown) => value is Value): StoredColumn<Value> {
  return {
    read: (value) => {
      if (!is(value)) throw new Unfit(expected);
      return value;
    },
  };
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') throw new Unfit('a text');
  try {
    return JSON.parse(text);
  } catch {
    throw new Unfit('JSON');
  }
}
