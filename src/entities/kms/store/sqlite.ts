/**
 * The KMS's SQLite database. Write-ahead log with `synchronous = FULL`: what a method has returned from survives the loss
 * of the process and of power.
 *
 * The file holds the district's master secrets, LI roots and pre-shared keys as they are: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`). Whoever needs more puts the file on an encrypted volume.
 */
import type Database from 'better-sqlite3';
import type { Transaction } from 'kysely';
import { toHex } from '../../../bytes/octets.ts';
import type { Holding, IssuedSeed, KnownTask, LiRootState, QuestionBound } from '../ports.ts';
import { openStore, scrub } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import { preparedRows } from '../../../storage/rows.ts';
import { KMS_SCHEMA, KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';
import { holdingOf, knownTaskOf, PLACE, questionPlaceOf, ROOT, rootStateOf, SqlKmsStore } from './sql.ts';

export class SqliteKmsStore extends SqlKmsStore {
  readonly #sqlite: Database.Database;
  readonly #often: ReturnType<typeof statementsOf>;

  private constructor({ kysely, sqlite }: OpenedStore<KmsTables>) {
    super(kysely);
    this.#sqlite = sqlite;
    this.#often = statementsOf(sqlite);
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteKmsStore> {
    return new SqliteKmsStore(await openStore<KmsTables>(file, KMS_SCHEMA));
  }

  override async liRoot(epoch: string): Promise<LiRootState> {
    return rootStateOf(await this.#alone(() => this.#often.root(epoch)));
  }

  override async holdings(uri: string): Promise<Holding[]> {
    return (await this.#alone(() => this.#often.holdings(uri))).map(holdingOf);
  }

  async claimQuestion(group: Uint8Array, hash: Uint8Array, bound: QuestionBound): Promise<boolean> {
    const [claimGroup, asked] = [toHex(group), toHex(hash)];
    return this.#alone(() =>
      this.#often.claiming(() => {
        const place = questionPlaceOf(this.#often.places(claimGroup), asked, bound);
        if (typeof place === 'number') this.#often.take(claimGroup, asked, place);
        return place !== 'full';
      }),
    );
  }

  override async issuedSeed(uri: string, period: number): Promise<IssuedSeed | null> {
    const [seed] = await this.#alone(() => this.#often.seed(uri, period));
    return seed ?? null;
  }

  override async warrant(xid: string): Promise<KnownTask | null> {
    return knownTaskOf(xid, await this.#alone(() => this.#often.periods(xid)));
  }

  /** Keys that it replaces are in no file any more. */
  protected async enrolling(work: (transaction: Transaction<KmsTables>) => Promise<void>): Promise<void> {
    await this.db.transaction().execute(work);
    await this.overwritten();
  }

  /** What is deleted is overwritten at once; only the log has it until `overwritten`, or until the file is opened again. */
  protected overwriting(): Promise<void> {
    return Promise.resolve();
  }

  protected async overwritten(): Promise<void> {
    await scrub(this.db);
  }

  /**
   * Between transactions: SQLite's own statements would else become part of one that is open. Where none is, at once: what
   * Kysely has waiting for the connection has begun nothing.
   */
  async #alone<T>(work: () => T): Promise<T> {
    if (!this.#sqlite.inTransaction) return work();
    return this.db.connection().execute(() => Promise.resolve(work()));
  }
}

/* ---------------------------------------------------------------- helpers */

/**
 * What each question of a DF asks for, by statements of SQLite itself: to make one from its parts takes longer than to
 * execute it.
 */
function statementsOf(sqlite: Database.Database) {
  const { warrant_period: period, holding, issued_seed: seed } = KMS_TABLES;
  const take = sqlite.prepare(
    "REPLACE INTO claim (kind, claim_group, hash, expires) VALUES ('question', ?, ?, ?)",
  );
  const claiming = sqlite.transaction((work: () => boolean) => work());
  return {
    periods: preparedRows(sqlite, period, 'WHERE xid = ? ORDER BY start'),
    holdings: preparedRows(
      sqlite,
      holding,
      'WHERE subscriber IN (SELECT subscriber FROM holding WHERE uri = ?) ORDER BY held_from',
    ),
    seed: preparedRows(sqlite, seed, 'WHERE uri = ? AND period = ?'),
    root: preparedRows(sqlite, ROOT, 'WHERE epoch = ?'),
    places: preparedRows(sqlite, PLACE, "WHERE kind = 'question' AND claim_group = ?"),
    take: (...row: [claimGroup: string, hash: string, expires: number]) => void take.run(...row),
    claiming: (work: () => boolean) => claiming(work),
  };
}
