/**
 * The KMS's SQLite database. Write-ahead log with `synchronous = FULL`: what a method has returned from survives the loss
 * of the process and of power.
 *
 *     serial        public parameters and master secrets of the district
 *     li_root       the root of each epoch; NULL once destroyed
 *     subscriber    who has which identities (identity), devices (device) under which names (device_identity)
 *     claim         requests that were answered, questions that were asked: until they cannot recur
 *     issued_seed   which device's seed went to which credential
 *     warrant       tasks with their validity, kept beyond their end for as long as they can be asked about
 *
 * The file holds the district's master secrets, LI roots and pre-shared keys as they are: it is made readable by its owner
 * alone, and what is deleted is overwritten (`secure_delete`). Whoever needs more puts the file on an encrypted volume.
 */
import type { Transaction } from 'kysely';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import Type from 'typebox';
import { toHex } from '../../../bytes/octets.ts';
import { Secret } from '../../../bytes/secret.ts';
import { decodeBfPublicParameters, encodeBfPublicParameters } from '../../../ibe/parameters.ts';
import { KmsError } from '../errors.ts';
import type {
  Device,
  IssuedSeed,
  KmsForgetting,
  KmsStore,
  LiRootState,
  SerialRecord,
  KmsSubscriber,
  KnownTask,
} from '../ports.ts';
import { statements } from '../../../storage/migrations.ts';
import type { StoreSchema } from '../../../storage/migrations.ts';
import { storedJson } from '../../../storage/stored-json.ts';
import { openDatabase } from '../../../storage/sqlite.ts';

interface Tables {
  serial: {
    serial: number;
    not_before: number;
    not_after: number;
    parameters: Uint8Array;
    master_secret: Uint8Array;
  };
  li_root: { epoch: string; root: Uint8Array | null };
  identity: { uri: string; subscriber: string; kind: 'public' | 'alias'; position: number };
  device: { credential: string; subscriber: string; psk: Uint8Array; position: number };
  device_identity: { credential: string; uri: string; valid_from: number; valid_until: number | null };
  claim: { kind: 'request' | 'question'; claim_group: string; hash: string; expires: number };
  issued_seed: { uri: string; period: number; serial: number; credential: string };
  warrant: { xid: string; targets: string; start: number; end: number | null };
}

const FIRST = statements(
  `CREATE TABLE IF NOT EXISTS serial (serial INTEGER PRIMARY KEY, not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL, parameters BLOB NOT NULL, master_secret BLOB NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS li_root (epoch TEXT PRIMARY KEY, root BLOB) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS identity (uri TEXT PRIMARY KEY, subscriber TEXT NOT NULL, kind TEXT NOT NULL,
    position INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS identity_by_subscriber ON identity (subscriber)`,
  `CREATE TABLE IF NOT EXISTS device (credential TEXT PRIMARY KEY, subscriber TEXT NOT NULL, psk BLOB NOT NULL,
    position INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS device_by_subscriber ON device (subscriber)`,
  `CREATE TABLE IF NOT EXISTS device_identity (credential TEXT NOT NULL, uri TEXT NOT NULL,
    valid_from INTEGER NOT NULL, valid_until INTEGER, PRIMARY KEY (credential, valid_from)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS device_identity_by_uri ON device_identity (uri)`,
  `CREATE TABLE IF NOT EXISTS claim (kind TEXT NOT NULL, claim_group TEXT NOT NULL, hash TEXT NOT NULL,
    expires REAL NOT NULL, PRIMARY KEY (kind, claim_group, hash)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS claim_by_expiry ON claim (expires)`,
  `CREATE TABLE IF NOT EXISTS issued_seed (uri TEXT NOT NULL, period INTEGER NOT NULL, serial INTEGER NOT NULL,
    credential TEXT NOT NULL, PRIMARY KEY (uri, period)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS warrant (xid TEXT PRIMARY KEY, targets TEXT NOT NULL, start REAL NOT NULL, end REAL)
    WITHOUT ROWID`,
);

/** The store's tables, by version. */
export const KMS_SCHEMA: StoreSchema = {
  store: 'kms',
  firstTables: [
    'serial',
    'li_root',
    'identity',
    'device',
    'device_identity',
    'claim',
    'issued_seed',
    'warrant',
  ],
  migrations: [FIRST],
};

export class SqliteKmsStore implements KmsStore, KmsForgetting {
  readonly forgetting = this;
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /**
   * @param file path of the database, made if missing; `:memory:` for a store that dies with the process
   * @throws StorageError `newer`, `foreign`, `damaged`
   */
  static async open(file: string): Promise<SqliteKmsStore> {
    return new SqliteKmsStore(await openDatabase<Tables>(file, KMS_SCHEMA));
  }

  async serials(): Promise<SerialRecord[]> {
    const rows = await this.#db.selectFrom('serial').selectAll().orderBy('serial').execute();
    return rows.map((row) => ({
      serial: row.serial,
      notBefore: row.not_before,
      notAfter: row.not_after,
      bf: decodeBfPublicParameters(octets(row.parameters)),
      masterSecret: Secret.of(octets(row.master_secret)),
    }));
  }

  async putSerial(record: SerialRecord): Promise<void> {
    const row = {
      serial: record.serial,
      not_before: record.notBefore,
      not_after: record.notAfter,
      parameters: encodeBfPublicParameters(record.bf),
      master_secret: record.masterSecret.expose(),
    };
    await this.#db
      .insertInto('serial')
      .values(row)
      .onConflict((conflict) => conflict.column('serial').doNothing())
      .execute();
    const kept = (await this.serials()).find(({ serial }) => serial === record.serial);
    const isSame =
      kept !== undefined &&
      toHex(encodeBfPublicParameters(kept.bf)) === toHex(row.parameters) &&
      kept.notBefore === record.notBefore &&
      kept.masterSecret.equals(record.masterSecret);
    if (!isSame) throw new KmsError('refused', `serial ${record.serial} is in use with other parameters`);
  }

  async liRoot(epoch: string): Promise<LiRootState> {
    const row = await this.#db
      .selectFrom('li_root')
      .select('root')
      .where('epoch', '=', epoch)
      .executeTakeFirst();
    if (row === undefined) return { state: 'absent' };
    return row.root === null ? { state: 'destroyed' } : { state: 'kept', root: Secret.of(octets(row.root)) };
  }

  async keepLiRoot(epoch: string, root: Secret): Promise<LiRootState> {
    await this.#db
      .insertInto('li_root')
      .values({ epoch, root: root.expose() })
      .onConflict((conflict) => conflict.column('epoch').doNothing())
      .execute();
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
    return rows.map((row) => row.epoch).sort();
  }

  async subscriberByIdentity(uri: string): Promise<KmsSubscriber | null> {
    const known = await this.#db
      .selectFrom('identity')
      .select('subscriber')
      .where('uri', '=', uri)
      .executeTakeFirst();
    if (known !== undefined) return this.#subscriber(known.subscriber);
    const device = await this.#db
      .selectFrom('device_identity')
      .innerJoin('device', 'device.credential', 'device_identity.credential')
      .select('device.subscriber')
      .where('device_identity.uri', '=', uri)
      .executeTakeFirst();
    return device === undefined ? null : this.#subscriber(device.subscriber);
  }

  async subscriberByCredential(credential: string): Promise<KmsSubscriber | null> {
    const row = await this.#db
      .selectFrom('device')
      .select('subscriber')
      .where('credential', '=', credential)
      .executeTakeFirst();
    return row === undefined ? null : this.#subscriber(row.subscriber);
  }

  async putSubscriber(subscriber: KmsSubscriber): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await forget(transaction, subscriber.id);
      await putIdentities(transaction, subscriber);
      for (const [position, device] of subscriber.devices.entries()) {
        await putDevice(transaction, subscriber.id, device, position);
      }
    });
  }

  async claimRequest(key: Uint8Array, expires: number): Promise<boolean> {
    const claim = { kind: 'request' as const, claim_group: '', hash: toHex(key), expires };
    return insertClaim(this.#db, claim);
  }

  async claimQuestion(group: Uint8Array, hash: Uint8Array, limit: number, expires: number): Promise<boolean> {
    const claim = { kind: 'question' as const, claim_group: toHex(group), hash: toHex(hash), expires };
    return this.#db.transaction().execute(async (transaction) => {
      const rows = await transaction
        .selectFrom('claim')
        .select('hash')
        .where('kind', '=', claim.kind)
        .where('claim_group', '=', claim.claim_group)
        .execute();
      if (rows.some((row) => row.hash === claim.hash)) return true;
      return rows.length < limit && insertClaim(transaction, claim);
    });
  }

  async expireClaims(now: number): Promise<void> {
    await this.#db.deleteFrom('claim').where('expires', '<', now).execute();
  }

  async issueSeed(seed: IssuedSeed): Promise<IssuedSeed> {
    await this.#db
      .insertInto('issued_seed')
      .values({ ...seed })
      .onConflict((conflict) => conflict.columns(['uri', 'period']).doNothing())
      .execute();
    const standing = await this.issuedSeed(seed.uri, seed.period);
    if (standing === null) throw new KmsError('refused', 'the seed could not be recorded as issued');
    return standing;
  }

  async issuedSeed(uri: string, period: number): Promise<IssuedSeed | null> {
    const row = await this.#db
      .selectFrom('issued_seed')
      .selectAll()
      .where('uri', '=', uri)
      .where('period', '=', period)
      .executeTakeFirst();
    return row ?? null;
  }

  async warrant(xid: string): Promise<KnownTask | null> {
    const row = await this.#db.selectFrom('warrant').selectAll().where('xid', '=', xid).executeTakeFirst();
    if (row === undefined) return null;
    return { xid, targets: readTargets(row.targets), start: row.start, end: row.end ?? Infinity };
  }

  async putWarrant(warrant: KnownTask): Promise<void> {
    const row = {
      xid: warrant.xid,
      targets: JSON.stringify(warrant.targets),
      start: warrant.start,
      end: warrant.end === Infinity ? null : warrant.end,
    };
    await this.#db
      .insertInto('warrant')
      .values(row)
      .onConflict((conflict) => conflict.column('xid').doUpdateSet(row))
      .execute();
  }

  async forgetWarrants(time: number): Promise<void> {
    await this.#db.deleteFrom('warrant').where('end', '<', time).execute();
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async #subscriber(id: string): Promise<KmsSubscriber> {
    const identities = await this.#db
      .selectFrom('identity')
      .selectAll()
      .where('subscriber', '=', id)
      .orderBy('position')
      .execute();
    const devices = await this.#db
      .selectFrom('device')
      .selectAll()
      .where('subscriber', '=', id)
      .orderBy('position')
      .execute();
    return {
      id,
      publicIdentities: identities.filter(({ kind }) => kind === 'public').map(({ uri }) => uri),
      aliases: identities.filter(({ kind }) => kind === 'alias').map(({ uri }) => uri),
      devices: await Promise.all(devices.map((row) => this.#device(row.credential, octets(row.psk)))),
    };
  }

  async #device(credential: string, psk: Uint8Array): Promise<Device> {
    const rows = await this.#db
      .selectFrom('device_identity')
      .selectAll()
      .where('credential', '=', credential)
      .orderBy('valid_from')
      .execute();
    const identities = rows.map((row) => ({ uri: row.uri, from: row.valid_from, until: row.valid_until }));
    return { credential, psk: Secret.of(psk), identities };
  }
}

/* ---------------------------------------------------------------- helpers */

const readTargets = storedJson(Type.Array(Type.String()), 'the targets of a stored warrant');

async function insertClaim(
  db: Kysely<Tables> | Transaction<Tables>,
  claim: Tables['claim'],
): Promise<boolean> {
  const result = await db
    .insertInto('claim')
    .values(claim)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

async function forget(transaction: Transaction<Tables>, subscriber: string): Promise<void> {
  const devices = transaction.selectFrom('device').select('credential').where('subscriber', '=', subscriber);
  await transaction.deleteFrom('device_identity').where('credential', 'in', devices).execute();
  await transaction.deleteFrom('device').where('subscriber', '=', subscriber).execute();
  await transaction.deleteFrom('identity').where('subscriber', '=', subscriber).execute();
}

async function putIdentities(transaction: Transaction<Tables>, subscriber: KmsSubscriber): Promise<void> {
  const rows = [
    ...subscriber.publicIdentities.map((uri) => ({ uri, kind: 'public' as const })),
    ...subscriber.aliases.map((uri) => ({ uri, kind: 'alias' as const })),
  ];
  for (const [position, row] of rows.entries()) {
    await refusing(`${row.uri} belongs to another subscriber`, () =>
      transaction
        .insertInto('identity')
        .values({ ...row, subscriber: subscriber.id, position })
        .execute(),
    );
  }
}

async function putDevice(
  transaction: Transaction<Tables>,
  subscriber: string,
  device: Device,
  position: number,
): Promise<void> {
  const { credential, psk, identities } = device;
  await refusing(`credential ${credential} belongs to another subscriber`, () =>
    transaction
      .insertInto('device')
      .values({ credential, subscriber, psk: psk.expose(), position })
      .execute(),
  );
  for (const { uri, from, until } of identities) {
    await transaction
      .insertInto('device_identity')
      .values({ credential, uri, valid_from: from, valid_until: until })
      .execute();
  }
}

/** Runs an insertion whose only expected failure is a uniqueness constraint. */
async function refusing(why: string, insert: () => Promise<unknown>): Promise<void> {
  try {
    await insert();
  } catch (cause) {
    throw new KmsError('refused', why, { cause });
  }
}

/** A blob as plain octets (better-sqlite3 gives a Buffer). */
function octets(blob: Uint8Array): Uint8Array {
  return new Uint8Array(blob);
}
