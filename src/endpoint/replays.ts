/**
 * The I_MESSAGE_1s that an endpoint has answered, in SQLite, so that a restart opens no door to their replay. A claim
 * is on disk when `claim` returns; it is forgotten when the message would be refused for its age anyway.
 */
import type Database from 'better-sqlite3';
import type { Clock } from '../bytes/ports.ts';
import type { ReplayCache } from '../ibake/ports.ts';
import { statements } from '../storage/migrations.ts';
import type { StoreSchema } from '../storage/migrations.ts';
import { openStore } from '../storage/sqlite.ts';

/** The store's table, by version. */
export const REPLAY_SCHEMA: StoreSchema = {
  store: 'replay',
  firstTables: ['replay'],
  migrations: [
    statements(
      'CREATE TABLE IF NOT EXISTS replay (key TEXT PRIMARY KEY, expires REAL NOT NULL) WITHOUT ROWID',
    ),
  ],
};

export class SqliteReplayCache implements ReplayCache {
  readonly #clock: Clock;
  readonly #database: Database.Database;
  readonly #claim: Database.Statement<[string, number]>;
  readonly #expire: Database.Statement<[number]>;

  private constructor(database: Database.Database, clock: Clock) {
    this.#clock = clock;
    this.#database = database;
    this.#claim = this.#database.prepare('INSERT OR IGNORE INTO replay (key, expires) VALUES (?, ?)');
    this.#expire = this.#database.prepare('DELETE FROM replay WHERE expires < ?');
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for one that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string, clock: Clock): Promise<SqliteReplayCache> {
    const { sqlite } = await openStore(file, REPLAY_SCHEMA);
    return new SqliteReplayCache(sqlite, clock);
  }

  claim(key: string, expires: number): boolean {
    this.#expire.run(this.#clock.now() / 1000);
    return this.#claim.run(key, expires).changes === 1;
  }

  close(): void {
    this.#database.close();
  }
}
