/**
 * The KMS's SQLite database. Write-ahead log with `synchronous = FULL`: what a method has returned from survives the loss
 * of the process and of power.
 *
 * The file holds the district's master secrets, LI roots and pre-shared keys as they are: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`). Whoever needs more puts the file on an encrypted volume.
 */
import type Database from 'better-sqlite3';
import { sql } from 'kysely';
import { toHex } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import type { Holding, IssuedSeed, KmsSubscriber, KnownTask, LiRootState, QuestionBound } from '../ports.ts';
import { openStore, scrub } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import { preparedRows, rowsOf } from '../../../storage/rows.ts';
import { countColumn, TableReader } from '../../../storage/stored-tables.ts';
import { replaceSubscribers } from './enrolled.ts';
import { KMS_SCHEMA, KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';
import {
  holdingOf,
  knownTaskOf,
  PLACE,
  questionPlaceOf,
  ROOT,
  rootStateOf,
  SqlKmsStore,
  SUBSCRIBER_OF_IDENTITY,
} from './sql.ts';

export class SqliteKmsStore extends SqlKmsStore {
  readonly #often: ReturnType<typeof statementsOf>;

  private constructor({ kysely, sqlite }: OpenedStore<KmsTables>) {
    super(kysely);
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

  /** Where nobody has the name, somebody else is read, and not returned. */
  async subscriberByIdentity(uri: string): Promise<KmsSubscriber | null> {
    const { rows } = await sql`
      SELECT subscriber, 1 AS found FROM identity WHERE uri = ${uri}
      UNION ALL SELECT device.subscriber, 1 FROM device_identity JOIN device USING (credential)
        WHERE device_identity.uri = ${uri}
      UNION ALL SELECT subscriber, 0 FROM identity LIMIT 1`.execute(this.db);
    const [row] = rows.map(FOUND_SUBSCRIBER.read);
    const subscriber = await this.subscriberOf(row?.subscriber ?? '');
    return row?.found === 1 ? subscriber : null;
  }

  /** One row in any case: where there is no such device, or it has no such key, one of zeros. */
  async keyOfCredential(credential: string): Promise<Secret | null> {
    const { rows } = await sql`
      SELECT coalesce(psk, zeroblob(32)) AS psk, psk IS NOT NULL AS found FROM device WHERE credential = ${credential}
      UNION ALL SELECT zeroblob(32), 0 LIMIT 1`.execute(this.db);
    const { psk, found } = FOUND_KEY.read(rows[0]);
    return found === 1 ? psk : null;
  }

  async putSubscriber(subscriber: KmsSubscriber, at: number): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      await replaceSubscribers(transaction, [subscriber], [subscriber.id], at);
    });
  }

  async putSubscribers(subscribers: readonly KmsSubscriber[], at: number): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      const known = await rowsOf(transaction, SUBSCRIBER_OF_IDENTITY, sql`GROUP BY subscriber`);
      const all = known.map(({ subscriber }) => subscriber);
      await replaceSubscribers(transaction, subscribers, all, at);
    });
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

  protected async overwritten(): Promise<void> {
    await scrub(this.db);
  }

  /** Between transactions: SQLite's own statements would else become part of one that is open. */
  #alone<T>(work: () => T): Promise<T> {
    return this.db.connection().execute(() => Promise.resolve(work()));
  }
}

/* ---------------------------------------------------------------- helpers */

const { identity, device } = KMS_TABLES;
const FOUND_SUBSCRIBER = new TableReader('identity', {
  subscriber: identity.columns.subscriber,
  found: countColumn,
});
const FOUND_KEY = new TableReader('device', { psk: device.columns.psk, found: countColumn });

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
