/**
 * What subscribers have registered, in SQLite, so that a restart of the CSCF leaves them where they can be called.
 *
 *     registration  one row a subscriber's contact: whose, until when, and the binding as JSON
 */
import type Database from 'better-sqlite3';
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';
import type { RegistrationStore, StoredBinding } from '../ports.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openStore } from '../../../storage/sqlite.ts';
import { jsonColumn, TableReader, textColumn } from '../../../storage/stored-tables.ts';

/** The store's table, by version. */
export const REGISTRATION_SCHEMA: StoreSchema = {
  store: 'registration',
  firstTables: [],
  migrations: [
    statements(
      `CREATE TABLE registration (position INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL,
        expires REAL NOT NULL, body TEXT NOT NULL)`,
      'CREATE INDEX registration_identity ON registration (identity)',
      'CREATE INDEX registration_expires ON registration (expires)',
    ),
  ],
};

const ADDRESS = strict({ address: Type.String(), port: Type.Integer({ minimum: 0, maximum: 65_535 }) });

const STORED = new TableReader('registration', {
  identity: textColumn,
  body: jsonColumn(
    strict({
      contact: Type.String(),
      protocol: Type.Enum(['TCP', 'UDP', 'TLS']),
      local: ADDRESS,
      remote: ADDRESS,
      source: Type.Union([ADDRESS, Type.Null()]),
      reachable: Type.Boolean(),
      callId: Type.String(),
      cseq: Type.Integer(),
      expires: Type.Number(),
    }),
  ),
});

export class SqliteRegistrationStore implements RegistrationStore {
  readonly #database: Database.Database;
  readonly #all: Database.Statement<[number]>;
  readonly #save: (identity: string, bindings: readonly StoredBinding[], now: number) => void;

  private constructor(database: Database.Database) {
    this.#database = database;
    this.#all = database.prepare(
      'SELECT identity, body FROM registration WHERE expires > ? ORDER BY position',
    );
    const clear = database.prepare<[string, number]>(
      'DELETE FROM registration WHERE identity = ? OR expires <= ?',
    );
    const insert = database.prepare<[string, number, string]>(
      'INSERT INTO registration (identity, expires, body) VALUES (?, ?, ?)',
    );
    this.#save = database.transaction((identity: string, bindings: readonly StoredBinding[], now: number) => {
      clear.run(identity, now);
      for (const binding of bindings) insert.run(identity, binding.expires, JSON.stringify(binding));
    });
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for one that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteRegistrationStore> {
    return new SqliteRegistrationStore((await openStore(file, REGISTRATION_SCHEMA)).sqlite);
  }

  load(now: number): Map<string, StoredBinding[]> {
    const found = new Map<string, StoredBinding[]>();
    for (const row of this.#all.all(now)) {
      const { identity, body } = STORED.read(row);
      found.set(identity, [...(found.get(identity) ?? []), body]);
    }
    return found;
  }

  save(identity: string, bindings: readonly StoredBinding[], now: number): void {
    this.#save(identity, bindings, now);
  }

  close(): void {
    this.#database.close();
  }
}
