/**
 * What the KMS has answered a LEMF that asks itself, in `xk.db` beside `hi2.ber`: with it, a recovery years later
 * gives what the running LEMF gave. It holds keys, as `hi2.ber` does: for its owner's eyes.
 */
import { existsSync } from 'node:fs';
import Type from 'typebox';
import type Database from 'better-sqlite3';
import { fromHex, toHex } from '../../../bytes/octets.ts';
import { strict } from '../../../bytes/schema.ts';
import { Secret } from '../../../bytes/secret.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { openReadOnly, openStore } from '../../../storage/sqlite.ts';
import {
  flagColumn,
  jsonColumn,
  nullable,
  TableReader,
  textColumn,
  timeColumn,
} from '../../../storage/stored-tables.ts';
import type { KeyAnswer, KeyAnswers } from '../key-questions.ts';

/** The file's name. */
export const KEY_ANSWERS_FILE = 'xk.db';

const SCHEMA: StoreSchema = {
  store: 'lemf-keys',
  firstTables: ['answer'],
  migrations: [
    statements(
      `CREATE TABLE answer (id TEXT NOT NULL PRIMARY KEY, liid TEXT NOT NULL, at REAL NOT NULL, failure TEXT,
        verified INTEGER NOT NULL, keys TEXT NOT NULL) WITHOUT ROWID`,
      'CREATE INDEX answer_liid ON answer (liid)',
    ),
  ],
};

const HEX = Type.Decode(Type.String({ pattern: '^([0-9a-f]{2})+$' }), (hex) => Secret.of(fromHex(hex)));

const ANSWER = new TableReader('answer', {
  id: textColumn,
  liid: textColumn,
  at: timeColumn,
  failure: nullable(textColumn),
  verified: flagColumn,
  keys: jsonColumn(
    Type.Array(strict({ csId: Type.Integer({ minimum: 1, maximum: 255 }), key: HEX, salt: HEX })),
  ),
});

export class SqliteKeyAnswers implements KeyAnswers {
  readonly #database: Database.Database;

  /** @param file `:memory:` for one that dies with the process @throws StorageError */
  static async open(file: string): Promise<SqliteKeyAnswers> {
    return new SqliteKeyAnswers((await openStore(file, SCHEMA)).sqlite);
  }

  /** To be looked at, whoever writes it; `null`: nobody has asked there. @throws StorageError */
  static look(file: string): SqliteKeyAnswers | null {
    return existsSync(file) ? new SqliteKeyAnswers(openReadOnly(file, SCHEMA)) : null;
  }

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  answer(id: string): KeyAnswer | null {
    const row = this.#database.prepare('SELECT * FROM answer WHERE id = ?').get(id);
    if (row === undefined) return null;
    const { keys, ...answer } = ANSWER.read(row);
    return { ...answer, keys: keys.map(({ csId, ...key }) => ({ csId: Uint8Array.of(csId), ...key })) };
  }

  /** Durable when it returns. */
  put({ id, liid, at, failure, verified, keys }: KeyAnswer): void {
    const text = JSON.stringify(
      keys.map(({ csId, key, salt }) => ({
        csId: csId[0] ?? 0,
        key: toHex(key.expose()),
        salt: toHex(salt.expose()),
      })),
    );
    this.#database
      .prepare('INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, liid, at, failure, verified ? 1 : 0, text);
  }

  /** Deletes all that was answered of a warrant. @param liid as it is told */
  forget(liid: string): void {
    this.#database.prepare('DELETE FROM answer WHERE liid = ?').run(liid);
    // What was deleted must not stay in the log.
    this.#database.pragma('wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#database.close();
  }
}
