/** Who is enrolled, and who held which name from when to when: how rows of the KMS's database are replaced. */
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { StorageError } from '../../../storage/errors.ts';
import { KmsError } from '../errors.ts';
import type { Device, KmsSubscriber } from '../ports.ts';
import type { KmsTables } from './schema.ts';

/** Forgets the subscribers of `gone`, takes these, and notes what has changed hands. */
export async function replaceSubscribers(
  transaction: Transaction<KmsTables>,
  subscribers: readonly KmsSubscriber[],
  gone: readonly string[],
  at: number,
): Promise<void> {
  for (const id of gone) await forget(transaction, id);
  for (const subscriber of subscribers) {
    await putIdentities(transaction, subscriber);
    for (const [position, device] of subscriber.devices.entries()) {
      await putDevice(transaction, subscriber.id, device, position);
    }
  }
  await endHoldings(transaction, at);
  await beginHoldings(transaction, at);
}

/** Ends what is held and had no more, as of `at`. */
async function endHoldings(transaction: Transaction<KmsTables>, at: number): Promise<void> {
  const lost = sql`held_until IS NULL AND NOT EXISTS
    (SELECT 1 FROM identity WHERE identity.uri = holding.uri AND identity.subscriber = holding.subscriber)`;
  await sql`DELETE FROM holding WHERE held_from >= ${at} AND ${lost}`.execute(transaction);
  await sql`UPDATE holding SET held_until = ${at} WHERE ${lost}`.execute(transaction);
}

/** Begins what is had and not held yet, as of `at`. */
async function beginHoldings(transaction: Transaction<KmsTables>, at: number): Promise<void> {
  await sql`INSERT INTO holding SELECT uri, subscriber, kind, CAST(${at} AS DOUBLE PRECISION), NULL
    FROM identity WHERE NOT EXISTS
    (SELECT 1 FROM holding WHERE holding.uri = identity.uri AND holding.subscriber = identity.subscriber
      AND holding.held_until IS NULL)`.execute(transaction);
}

async function forget(transaction: Transaction<KmsTables>, subscriber: string): Promise<void> {
  const devices = transaction.selectFrom('device').select('credential').where('subscriber', '=', subscriber);
  await transaction.deleteFrom('device_identity').where('credential', 'in', devices).execute();
  await transaction.deleteFrom('device').where('subscriber', '=', subscriber).execute();
  await transaction.deleteFrom('identity').where('subscriber', '=', subscriber).execute();
}

async function putIdentities(transaction: Transaction<KmsTables>, subscriber: KmsSubscriber): Promise<void> {
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
  transaction: Transaction<KmsTables>,
  subscriber: string,
  device: Device,
  position: number,
): Promise<void> {
  const { credential, psk, certified, identities } = device;
  await refusing(`credential ${credential} belongs to another subscriber`, () =>
    transaction
      .insertInto('device')
      .values({
        ...{ credential, subscriber, position },
        psk: psk?.expose() ?? null,
        certified: certified ? 1 : 0,
      })
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
    if (cause instanceof StorageError && cause.code !== 'conflict') throw cause;
    throw new KmsError('refused', why, { cause });
  }
}
