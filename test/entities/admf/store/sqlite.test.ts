/** The ADMF's store: what it holds is read, not believed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../../src/entities/admf/hi1/ports.ts';
import { SqlHi1Store } from '../../../../src/entities/admf/store/hi1.ts';
import { ADMF_SCHEMA, SqliteAdmfStore } from '../../../../src/entities/admf/store/sqlite.ts';
import type { WarrantRecord } from '../../../../src/entities/admf/warrants.ts';
import { openDatabase } from '../../../../src/storage/sqlite.ts';
import { admfStoreSuite, record } from './compliance.ts';
import { hi1StoreSuite } from './hi1-compliance.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-admf-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

admfStoreSuite({ name: 'SQLite', open: (place) => SqliteAdmfStore.open(`${place}.db`) });
hi1StoreSuite({
  name: 'SQLite',
  open: async (place) => {
    const store = await SqliteAdmfStore.open(`${place}.db`);
    return Object.assign(store.hi1, { close: () => store.close() });
  },
});

/** A store with the record, of which one column is then other than it was written. */
async function stored(name: string, column: 'state' | 'body', value: string): Promise<SqliteAdmfStore> {
  const file = path.join(folder, `${name}.db`);
  const store = await SqliteAdmfStore.open(file);
  await store.saveWarrants([record], []);
  await store.close();
  const raw = new Database(file);
  raw.prepare(`UPDATE warrant SET ${column} = ?`).run(value);
  raw.close();
  return SqliteAdmfStore.open(file);
}

const body = ({ warrant, xid: _xid, state: _state, ...rest }: WarrantRecord, more: object = {}) =>
  JSON.stringify({ warrant: { ...warrant, ...more }, ...rest });

describe('a stored warrant', () => {
  it('comes back as it was saved', async () => {
    const store = await stored('whole', 'body', body(record));
    expect((await store.load()).warrants).toEqual([record]);
    await store.close();
  });

  it.each([
    ['in a state that there is not', 'state', 'paused'],
    ['that is no JSON', 'body', '{'],
    ['with delivery of something else', 'body', body(record, { delivery: 'all' })],
    ['with a member that nobody reads', 'body', body(record, { note: 'x' })],
    ['without its end', 'body', body(record, { endTime: undefined })],
  ] as const)('%s is refused, and the error does not quote it', async (what, column, value) => {
    const store = await stored(what.replaceAll(' ', '-'), column, value);
    const loading = store.load();
    await expect(loading).rejects.toMatchObject({ name: 'StorageError', code: 'damaged' });
    await expect(loading).rejects.not.toThrow(/alice|paused/);
    await store.close();
  });
});

describe('notifications of HI1', () => {
  it('R-91: the newest of an agency are kept, and those given up are counted', async () => {
    const db = await openDatabase<unknown>(':memory:', ADMF_SCHEMA);
    const store = new SqlHi1Store(
      db,
      {
        write: (work) => db.transaction().execute(work),
        erasing: () => Promise.resolve(),
        scrub: () => Promise.resolve(),
      },
      2,
    );
    const notice = (agency: string, identifier: string): StoredObject => ({
      ...{ agency, generation: 1, lastChanged: 0, status: null, reason: null, task: null },
      object: { kind: 'NotificationObject', identifier, members: {}, unknown: [] },
    });
    const [first, second, third] = ['1', '2', '3'].map(
      (digit) => `00000000-0000-4000-8000-00000000000${digit}`,
    ) as [string, string, string];
    await store.save([notice('police', first), notice('customs', first)], null);
    await store.save([notice('police', second)], null);
    expect(store.notificationsDropped).toBe(0);
    await store.save([notice('police', third)], null);
    const kept = await store.list('police', { kind: 'NotificationObject', since: null, most: 9 });
    expect(kept.map(({ object }) => object.identifier)).toEqual([second, third]);
    expect(await store.find('customs', first)).not.toBeNull();
    expect(store.notificationsDropped).toBe(1);
    await db.destroy();
  });
});
