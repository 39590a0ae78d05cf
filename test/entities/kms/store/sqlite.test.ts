/** The KMS's store: durable, private to its owner, and what is destroyed is gone from the file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/bytes/secret.ts';
import { SqliteKmsStore } from '../../../../src/entities/kms/store/sqlite.ts';
import { kmsStoreSuite } from './compliance.ts';

let folder: string;
let store: SqliteKmsStore;

const file = () => path.join(folder, 'kms.db');

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

  it('a destroyed root is in no file of the database', async () => {
    const root = Uint8Array.from({ length: 32 }, (_, i) => 0xc0 ^ (i * 7));
    await store.keepLiRoot('2027-03', Secret.of(root.slice()));
    const isOnDisk = () =>
      readdirSync(folder).some((name) => readFileSync(path.join(folder, name)).includes(Buffer.from(root)));
    expect(isOnDisk()).toBe(true);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
    expect(isOnDisk()).toBe(false);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual([]);
    expect((await store.keepLiRoot('2027-03', Secret.of(root))).state).toBe('destroyed');
  });
});
