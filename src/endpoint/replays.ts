/**
 * The I_MESSAGE_1s that an endpoint has answered, in SQLite, so that a restart opens no door to their replay. A claim
 * is on disk when `claim` returns; it is forgotten when the message would be refused for its age anyway.
 */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Clock } from '../bytes/ports.ts';
import type { ReplayCache } from '../ibake/ports.ts';

export class SqliteReplayCache implements ReplayCache {
  readonly #clock: Clock;
  readonly #database: Database.Database;
  readonly #claim: Database.Statement<[string, number]>;
  readonly #expire: Database.Statement<[number]>;

  /** @param file path of the database, made if missing; `:memory:` for one that dies with the process */
  constructor(file: string, clock: Clock) {
    this.#clock = clock;
    this.#database = new Database(file);
    if (file !== ':memory:') chmodSync(file, 0o600);
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec(
      'CREATE TABLE IF NOT EXISTS replay (key TEXT PRIMARY KEY, expires REAL NOT NULL) WITHOUT ROWID',
    );
    this.#claim = this.#database.prepare('INSERT OR IGNORE INTO replay (key, expires) VALUES (?, ?)');
    this.#expire = this.#database.prepare('DELETE FROM replay WHERE expires < ?');
  }

  claim(key: string, expires: number): boolean {
    this.#expire.run(this.#clock.now() / 1000);
    return this.#claim.run(key, expires).changes === 1;
  }

  close(): void {
    this.#database.close();
  }
}
