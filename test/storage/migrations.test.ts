/** Versions of a store: what is missing is applied, whole or not at all; what is not ours is left alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { StorageError } from '../../src/storage/errors.ts';
import type { StorageErrorCode } from '../../src/storage/errors.ts';
import { onStoreUpgraded, statements } from '../../src/storage/migrations.ts';
import type { StoreMigration, StoreSchema, StoreUpgrade } from '../../src/storage/migrations.ts';
import { openDatabase } from '../../src/storage/sqlite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-migrations-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => path.join(folder, `${++files}.db`);

const FIRST = statements('CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL)');
const SECOND = statements(
  'ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 0',
  'UPDATE thing SET size = length(name)',
);
const BROKEN: StoreMigration = async (db) => {
  await statements('ALTER TABLE thing ADD COLUMN colour TEXT', "UPDATE thing SET name = 'spoilt'")(db);
  throw new Error('power lost');
};

function schema(...migrations: StoreMigration[]): StoreSchema {
  return { store: 'thing', firstTables: ['thing'], migrations };
}

async function upgrade(file: string, to: StoreSchema): Promise<void> {
  await (await openDatabase(file, to)).destroy();
}

async function codeOf(opening: Promise<unknown>): Promise<StorageErrorCode | null> {
  const error: unknown = await opening.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof StorageError ? error.code : null;
}

function rows(file: string): unknown[] {
  const database = new Database(file);
  const found = database.prepare('SELECT * FROM thing').all();
  database.close();
  return found;
}

function withoutVersion(): string {
  const file = newFile();
  const database = new Database(file);
  database.exec(
    "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO thing VALUES (1, 'abc')",
  );
  database.close();
  return file;
}

describe('the version of a store', () => {
  it('a file from before there were versions is taken over with all that is in it', async () => {
    const file = withoutVersion();
    await upgrade(file, schema(FIRST, SECOND));
    expect(rows(file)).toEqual([{ id: 1, name: 'abc', size: 3 }]);
    await upgrade(file, schema(FIRST, SECOND));
    expect(rows(file)).toEqual([{ id: 1, name: 'abc', size: 3 }]);
  });

  it('R-94: that a store was brought to the present version is told, once; that a new one was made is not', async () => {
    const told: StoreUpgrade[] = [];
    const stop = onStoreUpgraded((each) => told.push(each));
    const [old, made] = [withoutVersion(), newFile()];
    for (const file of [old, made]) {
      await upgrade(file, schema(FIRST));
      await upgrade(file, schema(FIRST, SECOND));
      await upgrade(file, schema(FIRST, SECOND));
    }
    stop();
    await upgrade(made, schema(FIRST, SECOND, statements('SELECT 1')));
    expect(told).toEqual([
      { file: old, from: 0, to: 1 },
      { file: old, from: 1, to: 2 },
      { file: made, from: 1, to: 2 },
    ]);
  });

  it('a migration that does not come to its end leaves nothing of itself, and comes again', async () => {
    const file = withoutVersion();
    await expect(upgrade(file, schema(FIRST, SECOND, BROKEN))).rejects.toThrow('power lost');
    expect(rows(file)).toEqual([{ id: 1, name: 'abc' }]);
    await upgrade(file, schema(FIRST, SECOND));
    expect(rows(file)).toEqual([{ id: 1, name: 'abc', size: 3 }]);
  });

  it('a store that is newer than the program is refused untouched, and the error says what to do', async () => {
    const file = withoutVersion();
    await upgrade(file, schema(FIRST, SECOND));
    const before = readFileSync(file);
    const opening = openDatabase(file, schema(FIRST));
    await expect(opening).rejects.toThrow(
      /later version of Claviger \(store version 2, known here up to 1\): run that version, or put back a copy/,
    );
    expect(await codeOf(opening)).toBe('newer');
    expect(readFileSync(file)).toEqual(before);
  });

  it('the store of something else is refused, with a version or without', async () => {
    const old = withoutVersion();
    const versioned = withoutVersion();
    await upgrade(versioned, schema(FIRST));
    const other = { store: 'other', firstTables: ['other'], migrations: [FIRST] };
    expect(await codeOf(openDatabase(old, other))).toBe('foreign');
    expect(await codeOf(openDatabase(versioned, other))).toBe('foreign');
  });

  it('a file that is not a database is refused', async () => {
    const file = newFile();
    writeFileSync(
      file,
      'not a database, but long enough to be taken for the header of one, or so one would think'.repeat(9),
    );
    expect(await codeOf(openDatabase(file, schema(FIRST)))).toBe('damaged');
  });
});
