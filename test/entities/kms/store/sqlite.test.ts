/** The KMS's store: durable, private to its owner, and what is destroyed is gone from the file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/bytes/secret.ts';
import { KmsError } from '../../../../src/entities/kms/errors.ts';
import { SqliteKmsStore } from '../../../../src/entities/kms/store/sqlite.ts';
import { kmsStoreSuite } from './compliance.ts';

let folder: string;
let store: SqliteKmsStore;

const file = () => path.join(folder, 'kms.db');
const isOnDisk = (octets: Uint8Array) =>
  readdirSync(folder).some((name) => readFileSync(path.join(folder, name)).includes(Buffer.from(octets)));

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-'));
  store = await SqliteKmsStore.open(file());
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

kmsStoreSuite({ name: 'SQLite', open: (place) => SqliteKmsStore.open(`${place}.db`) });

describe('the KMS store in SQLite', () => {
  it('is open to its owner only, with its journal', async () => {
    await store.keepLiRoot('2027-03', Secret.of(new Uint8Array(32)));
    const modes = readdirSync(folder).map((name) => [name, statSync(path.join(folder, name)).mode & 0o777]);
    expect(modes.length).toBeGreaterThan(1);
    for (const [name, mode] of modes) expect(mode, String(name)).toBe(0o600);
  });

  it('a pre-shared key that was replaced, or whose device is gone, is in no file of the database', async () => {
    const key = (n: number) => Uint8Array.from({ length: 32 }, (_, i) => n ^ (i * 7));
    const bob = (psk: Uint8Array) => ({
      ...{ id: 'bob', publicIdentities: ['sip:bob@home1.example'], aliases: [] },
      devices: [{ credential: 'phone', psk: Secret.of(psk.slice()), certified: false, identities: [] }],
    });
    await store.putSubscribers([bob(key(0xc0))], 0);
    expect(isOnDisk(key(0xc0))).toBe(true);
    await store.putSubscriber(bob(key(0x31)), 1);
    expect([isOnDisk(key(0xc0)), isOnDisk(key(0x31))]).toEqual([false, true]);
    await store.putSubscribers([], 2);
    expect(isOnDisk(key(0x31))).toBe(false);
  });

  it('a destroyed root is in no file of the database', async () => {
    const root = Uint8Array.from({ length: 32 }, (_, i) => 0xc0 ^ (i * 7));
    await store.keepLiRoot('2027-03', Secret.of(root.slice()));
    expect(isOnDisk(root)).toBe(true);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
    expect(isOnDisk(root)).toBe(false);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual([]);
    expect((await store.keepLiRoot('2027-03', Secret.of(root))).state).toBe('destroyed');
  });

  it('what is claimed while enrolment is written stays claimed when that is rolled back', async () => {
    const named = (id: string) => ({
      id,
      publicIdentities: ['sip:a@home1.example'],
      aliases: [],
      devices: [],
    });
    const claim = (group: number, hash: number) =>
      store.claimQuestion(Uint8Array.of(group), Uint8Array.of(hash), { limit: 1, refill: 10, now: 100 });
    // What two have is nobody's, and all of it is undone.
    const enrolling: { isDone: boolean } = { isDone: false };
    const enrolled = store
      .putSubscribers([named('alice'), named('bob')], 0)
      .then(null, (error: unknown) => error)
      .finally(() => (enrolling.isDone = true));
    const claimed: Promise<boolean>[] = [];
    while (!enrolling.isDone) {
      claimed.push(claim(claimed.length, 1));
      await Promise.resolve();
    }
    expect(await enrolled).toBeInstanceOf(KmsError);
    expect(claimed.length).toBeGreaterThan(2);
    expect(new Set(await Promise.all(claimed))).toEqual(new Set([true]));
    const others = await Promise.all(claimed.map((_, group) => claim(group, 2)));
    expect(new Set(others)).toEqual(new Set([false]));
  });
});
