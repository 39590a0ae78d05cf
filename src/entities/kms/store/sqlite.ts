/**
 * The KMS's SQLite database. Write-ahead log with `synchronous = FULL`: what a method has returned from survives the loss
 * of the process and of power.
 *
 *     serial        public parameters and master secrets of the district
 *     li_root       the root of each epoch; NULL once destroyed
 *     subscriber    who has which identities (identity), devices (device) under which names (device_identity)
 *     holding       who had which identity from when to when
 *     claim         requests that were answered, questions that were asked: until they cannot recur
 *     issued_seed   which device's seed went to which credential
 *     warrant_period   when tasks covered which targets, kept for as long as it can be asked about
 *
 * The file holds the district's master secrets, LI roots and pre-shared keys as they are: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`). Whoever needs more puts the file on an encrypted volume.
 */
import type Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { toHex } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { encodeBfPublicParameters } from '../../../ibe/parameters.ts';
import { KmsError } from '../errors.ts';
import type {
  Device,
  DeviceIdentity,
  Holding,
  IssuedSeed,
  KmsForgetting,
  KmsStore,
  LiRootState,
  QuestionBound,
  SerialRecord,
  KmsSubscriber,
  KnownTask,
} from '../ports.ts';
import { openStore } from '../../../storage/sqlite.ts';
import type { OpenedStore } from '../../../storage/sqlite.ts';
import { insertRows, keepRows, preparedRows, rowsOf } from '../../../storage/rows.ts';
import { countColumn, TableReader } from '../../../storage/stored-tables.ts';
import { replaceSubscribers } from './enrolled.ts';
import { KMS_SCHEMA, KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';

export class SqliteKmsStore implements KmsStore, KmsForgetting {
  readonly forgetting = this;
  readonly #db: Kysely<KmsTables>;

  readonly #often: ReturnType<typeof statementsOf>;

  private constructor({ kysely, sqlite }: OpenedStore<KmsTables>) {
    this.#db = kysely;
    this.#often = statementsOf(sqlite);
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteKmsStore> {
    return new SqliteKmsStore(await openStore<KmsTables>(file, KMS_SCHEMA));
  }

  async serials(): Promise<SerialRecord[]> {
    const rows = await rowsOf(this.#db, KMS_TABLES.serial, sql`ORDER BY serial`);
    return rows.map(({ parameters: bf, ...row }) => ({ ...row, bf }));
  }

  async putSerial(record: SerialRecord): Promise<void> {
    const parameters = encodeBfPublicParameters(record.bf);
    const { bf: _, masterSecret, ...row } = record;
    await keepRows(this.#db, KMS_TABLES.serial, [
      { ...row, parameters, masterSecret: masterSecret.expose() },
    ]);
    const kept = (await this.serials()).find(({ serial }) => serial === record.serial);
    const isSame =
      kept !== undefined &&
      toHex(encodeBfPublicParameters(kept.bf)) === toHex(parameters) &&
      kept.notBefore === record.notBefore &&
      kept.masterSecret.equals(masterSecret);
    if (!isSame)
      throw new KmsError(
        'refused',
        `serial ${record.serial} is in use with other parameters: give these a serial of their own`,
      );
  }

  async liRoot(epoch: string): Promise<LiRootState> {
    const [row] = await this.#alone(() => this.#often.root(epoch));
    if (row === undefined) return { state: 'absent' };
    return row.root === null ? { state: 'destroyed' } : { state: 'kept', root: row.root };
  }

  async keepLiRoot(epoch: string, root: Secret): Promise<LiRootState> {
    await keepRows(this.#db, KMS_TABLES.li_root, [{ epoch, root: root.expose() }]);
    return this.liRoot(epoch);
  }

  async destroyLiRootsBefore(epoch: string): Promise<string[]> {
    const rows = await this.#db
      .updateTable('li_root')
      .set({ root: null })
      .where('epoch', '<', epoch)
      .where('root', 'is not', null)
      .returning('epoch')
      .execute();
    if (rows.length > 0) await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(this.#db);
    return rows.map((row) => EPOCH.read(row).epoch).sort();
  }

  /** Where nobody has the name, somebody else is read, and not returned. */
  async subscriberByIdentity(uri: string): Promise<KmsSubscriber | null> {
    const { rows } = await sql`
      SELECT subscriber, 1 AS found FROM identity WHERE uri = ${uri}
      UNION ALL SELECT device.subscriber, 1 FROM device_identity JOIN device USING (credential)
        WHERE device_identity.uri = ${uri}
      UNION ALL SELECT subscriber, 0 FROM identity LIMIT 1`.execute(this.#db);
    const [row] = rows.map(FOUND_SUBSCRIBER.read);
    const subscriber = await this.#subscriber(row?.subscriber ?? '');
    return row?.found === 1 ? subscriber : null;
  }

  /** One row in any case: where there is no such device, or it has no such key, one of zeros. */
  async keyOfCredential(credential: string): Promise<Secret | null> {
    const { rows } = await sql`
      SELECT coalesce(psk, zeroblob(32)) AS psk, psk IS NOT NULL AS found FROM device WHERE credential = ${credential}
      UNION ALL SELECT zeroblob(32), 0 LIMIT 1`.execute(this.#db);
    const { psk, found } = FOUND_KEY.read(rows[0]);
    return found === 1 ? psk : null;
  }

  async subscriberByCredential(credential: string): Promise<KmsSubscriber | null> {
    const [row] = await rowsOf(this.#db, SUBSCRIBER_OF_DEVICE, sql`WHERE credential = ${credential}`);
    return row === undefined ? null : this.#subscriber(row.subscriber);
  }

  async subscriber(id: string): Promise<KmsSubscriber | null> {
    const known = await rowsOf(this.#db, SUBSCRIBER_OF_IDENTITY, sql`WHERE subscriber = ${id} LIMIT 1`);
    return known.length === 0 ? null : this.#subscriber(id);
  }

  async putSubscriber(subscriber: KmsSubscriber, at: number): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await replaceSubscribers(transaction, [subscriber], [subscriber.id], at);
    });
  }

  async putSubscribers(subscribers: readonly KmsSubscriber[], at: number): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const known = await rowsOf(transaction, SUBSCRIBER_OF_IDENTITY, sql`GROUP BY subscriber`);
      const all = known.map(({ subscriber }) => subscriber);
      await replaceSubscribers(transaction, subscribers, all, at);
    });
  }

  async holdings(uri: string): Promise<Holding[]> {
    const rows = await this.#alone(() => this.#often.holdings(uri));
    return rows.map(({ heldFrom: from, heldUntil: until, ...row }) => ({
      ...row,
      from,
      until: until ?? Infinity,
    }));
  }

  async claimRequest(key: Uint8Array, expires: number): Promise<boolean> {
    const result = await this.#db
      .insertInto('claim')
      .values({ kind: 'request', claim_group: '', hash: toHex(key), expires })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async claimQuestion(
    group: Uint8Array,
    hash: Uint8Array,
    { limit, refill, now }: QuestionBound,
  ): Promise<boolean> {
    const [claimGroup, asked] = [toHex(group), toHex(hash)];
    return this.#alone(() =>
      this.#often.claiming(() => {
        let taken = this.#often.places(claimGroup);
        // What lies further ahead than places reach is of version 0.1.0, which kept them for good.
        taken = taken.filter(({ expires }) => expires > now && expires <= now + limit * refill);
        if (taken.some((row) => row.hash === asked)) return true;
        if (taken.length >= limit) return false;
        const latest = taken.reduce((most, { expires }) => Math.max(most, expires), now);
        this.#often.take(claimGroup, asked, latest + refill);
        return true;
      }),
    );
  }

  async expireClaims(now: number): Promise<void> {
    await this.#db.deleteFrom('claim').where('expires', '<', now).execute();
  }

  async issueSeed(seed: IssuedSeed): Promise<IssuedSeed> {
    await keepRows(this.#db, KMS_TABLES.issued_seed, [seed]);
    const standing = await this.issuedSeed(seed.uri, seed.period);
    if (standing === null) throw new KmsError('refused', 'the seed could not be recorded as issued');
    return standing;
  }

  async issuedSeed(uri: string, period: number): Promise<IssuedSeed | null> {
    const [seed] = await this.#alone(() => this.#often.seed(uri, period));
    return seed ?? null;
  }

  async warrant(xid: string): Promise<KnownTask | null> {
    const rows = await this.#alone(() => this.#often.periods(xid));
    const periods = rows.map(({ targets, lemf, start, end }) => ({
      targets,
      ...(lemf === null ? {} : { lemf }),
      start,
      end: end ?? Infinity,
    }));
    return periods.length === 0 ? null : { xid, periods };
  }

  async putWarrant(...warrants: readonly KnownTask[]): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const { xid, periods } of warrants) {
        await transaction.deleteFrom('warrant_period').where('xid', '=', xid).execute();
        const rows = periods.map(({ targets, lemf, start, end }) => ({
          xid,
          targets: JSON.stringify(targets),
          lemf: lemf === undefined ? null : JSON.stringify(lemf),
          start,
          end: end === Infinity ? null : end,
        }));
        await insertRows(transaction, KMS_TABLES.warrant_period, rows);
      }
    });
  }

  async forgetWarrants(time: number): Promise<void> {
    await this.#db.deleteFrom('warrant_period').where('end', '<', time).execute();
  }

  async forgetHoldings(time: number): Promise<void> {
    await this.#db.deleteFrom('holding').where('held_until', '<', time).execute();
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** Between transactions: SQLite's own statements would else become part of one that is open. */
  #alone<T>(work: () => T): Promise<T> {
    return this.#db.connection().execute(() => Promise.resolve(work()));
  }

  async #subscriber(id: string): Promise<KmsSubscriber> {
    const named = await rowsOf(this.#db, identity, sql`WHERE subscriber = ${id} ORDER BY position`);
    const rows = await this.#db
      .selectFrom('device')
      .leftJoin('device_identity', 'device_identity.credential', 'device.credential')
      .select(['device.credential', 'psk', 'certified', 'uri', 'valid_from', 'valid_until'])
      .where('subscriber', '=', id)
      .orderBy('position')
      .orderBy('valid_from')
      .execute();
    const devices = new Map<string, Device & { identities: DeviceIdentity[] }>();
    for (const row of rows) {
      const { credential, psk, certified } = DEVICE_KEY.read(row);
      const device = devices.get(credential) ?? { credential, psk, certified, identities: [] };
      devices.set(credential, device);
      // A device without identities.
      if (row.valid_from === null && row.uri === null) continue;
      const { uri, validFrom: from, validUntil: until } = DEVICE_NAME.read(row);
      device.identities.push({ uri, from, until });
    }
    return {
      id,
      publicIdentities: named.filter(({ kind }) => kind === 'public').map(({ uri }) => uri),
      aliases: named.filter(({ kind }) => kind === 'alias').map(({ uri }) => uri),
      devices: [...devices.values()],
    };
  }
}

/* ---------------------------------------------------------------- helpers */

const { li_root: liRoot, identity, device, device_identity: deviceIdentity, claim } = KMS_TABLES;
const ROOT = liRoot.pick('root');
const EPOCH = liRoot.pick('epoch');
const SUBSCRIBER_OF_DEVICE = device.pick('subscriber');
const SUBSCRIBER_OF_IDENTITY = identity.pick('subscriber');
const FOUND_SUBSCRIBER = new TableReader('identity', {
  subscriber: identity.columns.subscriber,
  found: countColumn,
});
const FOUND_KEY = new TableReader('device', { psk: device.columns.psk, found: countColumn });
const DEVICE_KEY = device.pick('credential', 'psk', 'certified');
const DEVICE_NAME = deviceIdentity.pick('uri', 'validFrom', 'validUntil');
const PLACE = claim.pick('hash', 'expires');

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
