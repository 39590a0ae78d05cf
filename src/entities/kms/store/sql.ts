/**
 * What a KMS keeps, by statements that every engine takes; what they differ in is in `sqlite.ts` and `postgresql.ts`.
 *
 *     serial        public parameters and master secrets of the district
 *     li_root       the root of each epoch; NULL once destroyed
 *     subscriber    who has which identities (identity), devices (device) under which names (device_identity)
 *     holding       who had which identity from when to when
 *     claim         requests that were answered, questions that were asked: until they cannot recur
 *     issued_seed   which device's seed went to which credential
 *     warrant_period   when tasks covered which targets, kept for as long as it can be asked about
 */
import type { Kysely, QueryExecutorProvider, Transaction } from 'kysely';
import { sql } from 'kysely';
import { toHex } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { encodeBfPublicParameters } from '../../../ibe/parameters.ts';
import { insertRows, keepRows, rowsOf } from '../../../storage/rows.ts';
import { countColumn, TableReader } from '../../../storage/stored-tables.ts';
import { KmsError } from '../errors.ts';
import type {
  Device,
  DeviceIdentity,
  Holding,
  IssuedSeed,
  KmsForgetting,
  KmsStore,
  KmsSubscriber,
  KnownTask,
  LiRootState,
  QuestionBound,
  SerialRecord,
  WarrantStore,
} from '../ports.ts';
import { replaceSubscribers } from './enrolled.ts';
import { KMS_TABLES } from './schema.ts';
import type { KmsTables } from './schema.ts';

export abstract class SqlKmsStore implements KmsStore, KmsForgetting {
  readonly forgetting = this;
  protected readonly db: Kysely<KmsTables>;

  protected constructor(db: Kysely<KmsTables>) {
    this.db = db;
  }

  abstract claimQuestion(group: Uint8Array, hash: Uint8Array, bound: QuestionBound): Promise<boolean>;

  /** Work in a transaction, while nobody else changes who is enrolled. */
  protected abstract enrolling(work: (transaction: Transaction<KmsTables>) => Promise<void>): Promise<void>;

  /** Roots are destroyed in this transaction: what is to be known of it by whoever comes after a crash. */
  protected abstract overwriting(transaction: Transaction<KmsTables>): Promise<void>;

  /** Roots were destroyed: nothing of them stays where the engine keeps its data. */
  protected abstract overwritten(): Promise<void>;

  async serials(): Promise<SerialRecord[]> {
    const rows = await rowsOf(this.db, KMS_TABLES.serial, sql`ORDER BY serial`);
    return rows.map(({ parameters: bf, ...row }) => ({ ...row, bf }));
  }

  async putSerial(record: SerialRecord): Promise<void> {
    const parameters = encodeBfPublicParameters(record.bf);
    const { bf: _, masterSecret, ...row } = record;
    await keepRows(this.db, KMS_TABLES.serial, [{ ...row, parameters, masterSecret: masterSecret.expose() }]);
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
    return rootStateOf(await rowsOf(this.db, ROOT, sql`WHERE epoch = ${epoch}`));
  }

  async keepLiRoot(epoch: string, root: Secret): Promise<LiRootState> {
    await keepRows(this.db, KMS_TABLES.li_root, [{ epoch, root: root.expose() }]);
    return this.liRoot(epoch);
  }

  async destroyLiRootsBefore(epoch: string): Promise<string[]> {
    const rows = await this.db.transaction().execute(async (transaction) => {
      const destroyed = await transaction
        .updateTable('li_root')
        .set({ root: null })
        .where('epoch', '<', epoch)
        .where('root', 'is not', null)
        .returning('epoch')
        .execute();
      if (destroyed.length > 0) await this.overwriting(transaction);
      return destroyed;
    });
    if (rows.length > 0) await this.overwritten();
    return rows.map((row) => EPOCH.read(row).epoch).sort();
  }

  async subscriberByCredential(credential: string): Promise<KmsSubscriber | null> {
    const [row] = await rowsOf(this.db, SUBSCRIBER_OF_DEVICE, sql`WHERE credential = ${credential}`);
    return row === undefined ? null : this.subscriberOf(row.subscriber);
  }

  /** Where nobody has the name, somebody else is read, and not returned. */
  async subscriberByIdentity(uri: string): Promise<KmsSubscriber | null> {
    const { rows } = await sql`SELECT subscriber, found FROM (
      SELECT subscriber, 2 AS found FROM identity WHERE uri = ${uri}
      UNION ALL SELECT device.subscriber, 1 FROM device_identity JOIN device USING (credential)
        WHERE device_identity.uri = ${uri}
      UNION ALL SELECT subscriber, 0 FROM (SELECT subscriber FROM identity LIMIT 1) AS other
    ) AS named ORDER BY found DESC LIMIT 1`.execute(this.db);
    const [row] = rows.map(FOUND_SUBSCRIBER.read);
    const subscriber = await this.subscriberOf(row?.subscriber ?? '');
    return row === undefined || row.found === 0 ? null : subscriber;
  }

  /** One row in any case: where there is no such device, or it has no such key, one of zeros. */
  async keyOfCredential(credential: string): Promise<Secret | null> {
    const zeros = new Uint8Array(32);
    const { rows } = await sql`
      SELECT coalesce(device.psk, ${zeros}) AS psk, CASE WHEN device.psk IS NULL THEN 0 ELSE 1 END AS found
      FROM (SELECT 1 AS n) AS always LEFT JOIN device ON device.credential = ${credential}`.execute(this.db);
    const { psk, found } = FOUND_KEY.read(rows[0]);
    return found === 1 ? psk : null;
  }

  async putSubscriber(subscriber: KmsSubscriber, at: number): Promise<void> {
    await this.enrolling((transaction) => replaceSubscribers(transaction, [subscriber], [subscriber.id], at));
  }

  async putSubscribers(subscribers: readonly KmsSubscriber[], at: number): Promise<void> {
    await this.enrolling(async (transaction) => {
      const known = await rowsOf(transaction, SUBSCRIBER_OF_IDENTITY, sql`GROUP BY subscriber`);
      const all = known.map(({ subscriber }) => subscriber);
      await replaceSubscribers(transaction, subscribers, all, at);
    });
  }

  async subscriber(id: string): Promise<KmsSubscriber | null> {
    const known = await rowsOf(this.db, SUBSCRIBER_OF_IDENTITY, sql`WHERE subscriber = ${id} LIMIT 1`);
    return known.length === 0 ? null : this.subscriberOf(id);
  }

  async holdings(uri: string): Promise<Holding[]> {
    const ofHolders = sql`WHERE subscriber IN (SELECT subscriber FROM holding WHERE uri = ${uri})
      ORDER BY held_from`;
    return (await rowsOf(this.db, KMS_TABLES.holding, ofHolders)).map(holdingOf);
  }

  async claimRequest(key: Uint8Array, expires: number): Promise<boolean> {
    const result = await this.db
      .insertInto('claim')
      .values({ kind: 'request', claim_group: '', hash: toHex(key), expires })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async expireClaims(now: number): Promise<void> {
    await this.db.deleteFrom('claim').where('expires', '<', now).execute();
  }

  async issueSeed(seed: IssuedSeed): Promise<IssuedSeed> {
    await keepRows(this.db, KMS_TABLES.issued_seed, [seed]);
    const standing = await this.issuedSeed(seed.uri, seed.period);
    if (standing === null) throw new KmsError('refused', 'the seed could not be recorded as issued');
    return standing;
  }

  async issuedSeed(uri: string, period: number): Promise<IssuedSeed | null> {
    const ofPeriod = sql`WHERE uri = ${uri} AND period = ${period}`;
    const [seed] = await rowsOf(this.db, KMS_TABLES.issued_seed, ofPeriod);
    return seed ?? null;
  }

  warrant(xid: string): Promise<KnownTask | null> {
    return warrantsOver(this.db).warrant(xid);
  }

  async putWarrant(...warrants: readonly KnownTask[]): Promise<void> {
    await this.db.transaction().execute((transaction) => warrantsOver(transaction).putWarrant(...warrants));
  }

  async forgetWarrants(time: number): Promise<void> {
    await this.db.deleteFrom('warrant_period').where('end', '<', time).execute();
  }

  async forgetHoldings(time: number): Promise<void> {
    await this.db.deleteFrom('holding').where('held_until', '<', time).execute();
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }

  private async subscriberOf(id: string): Promise<KmsSubscriber> {
    const named = await rowsOf(this.db, identity, sql`WHERE subscriber = ${id} ORDER BY position`);
    const rows = await this.db
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

/** Warrants by whatever executes statements: for `putWarrant`, a transaction. */
export function warrantsOver(db: QueryExecutorProvider): WarrantStore {
  return {
    warrant: async (xid) =>
      knownTaskOf(xid, await rowsOf(db, period, sql`WHERE xid = ${xid} ORDER BY start`)),
    putWarrant: async (...warrants) => {
      for (const { xid, periods } of warrants) {
        await sql`DELETE FROM warrant_period WHERE xid = ${xid}`.execute(db);
        const rows = periods.map(({ targets, lemf, start, end }) => ({
          xid,
          targets: JSON.stringify(targets),
          lemf: lemf === undefined ? null : JSON.stringify(lemf),
          start,
          end: end === Infinity ? null : end,
        }));
        await insertRows(db, period, rows);
      }
    },
  };
}

export function rootStateOf([row]: readonly ReturnType<typeof ROOT.read>[]): LiRootState {
  if (row === undefined) return { state: 'absent' };
  return row.root === null ? { state: 'destroyed' } : { state: 'kept', root: row.root };
}

export function holdingOf({
  heldFrom: from,
  heldUntil: until,
  ...row
}: ReturnType<typeof KMS_TABLES.holding.read>): Holding {
  return { ...row, from, until: until ?? Infinity };
}

export function knownTaskOf(
  xid: string,
  rows: readonly ReturnType<typeof KMS_TABLES.warrant_period.read>[],
): KnownTask | null {
  const periods = rows.map(({ targets, lemf, start, end }) => ({
    targets,
    ...(lemf === null ? {} : { lemf }),
    start,
    end: end ?? Infinity,
  }));
  return periods.length === 0 ? null : { xid, periods };
}

/** A place that a question has taken, of its group. */
export type QuestionPlace = ReturnType<typeof PLACE.read>;

/**
 * Until when a question takes a place; `known`: it has one; `full`: there is none.
 * @param places those of its group
 */
export function questionPlaceOf(
  places: readonly QuestionPlace[],
  asked: string,
  { limit, refill, now }: QuestionBound,
): number | 'known' | 'full' {
  let taken = places;
  // What lies further ahead than places reach is of version 0.1.0, which kept them for good.
  taken = taken.filter(({ expires }) => expires > now && expires <= now + limit * refill);
  if (taken.some((row) => row.hash === asked)) return 'known';
  if (taken.length >= limit) return 'full';
  return taken.reduce((most, { expires }) => Math.max(most, expires), now) + refill;
}

/* ---------------------------------------------------------------- helpers */

const { li_root: liRoot, identity, device, device_identity: deviceIdentity, claim } = KMS_TABLES;
const { warrant_period: period } = KMS_TABLES;
export const ROOT = liRoot.pick('root');
export const PLACE = claim.pick('hash', 'expires');
const EPOCH = liRoot.pick('epoch');
const SUBSCRIBER_OF_DEVICE = device.pick('subscriber');
const FOUND_SUBSCRIBER = new TableReader('identity', {
  subscriber: identity.columns.subscriber,
  found: countColumn,
});
const FOUND_KEY = new TableReader('device', { psk: device.columns.psk, found: countColumn });
const SUBSCRIBER_OF_IDENTITY = identity.pick('subscriber');
const DEVICE_KEY = device.pick('credential', 'psk', 'certified');
const DEVICE_NAME = deviceIdentity.pick('uri', 'validFrom', 'validUntil');
