/** the end of the audit log in the stores of those that keep one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteAdmfStore } from '../../src/entities/admf/store/sqlite.ts';
import { SqliteWarrants } from '../../src/entities/lemf/store/warrants.ts';
import { SqliteKmsStore } from '../../src/entities/kms/store/sqlite.ts';
import { readStoredHead, replaceStoredHead } from '../../src/storage/audit-head.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-head-'));
  file = path.join(folder, 'store.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = (sequence: number) => ({ sequence, hash: String(sequence % 10).repeat(64) });

describe.each([
  ['an element', SqliteTaskStore],
  ['the ADMF', SqliteAdmfStore],
  ['a LEMF', SqliteWarrants],
] as const)('R-78: the store of %s', (_, Store) => {
  it('remembers the end that it was told last, when it is opened again', async () => {
    const store = await Store.open(file);
    expect(await store.auditHead.load()).toBeNull();
    for (const sequence of [3, 17]) await store.auditHead.save(head(sequence));
    await store.close();
    const again = await Store.open(file);
    expect(await again.auditHead.load()).toEqual(head(17));
    await again.close();
  });

  it('can be asked and told without the entity', async () => {
    const store = await Store.open(file);
    await store.close();
    expect(readStoredHead(file)).toBeNull();
    for (const sequence of [9, 4]) replaceStoredHead(file, head(sequence));
    expect(readStoredHead(file)).toEqual(head(4));
    const again = await Store.open(file);
    expect(await again.auditHead.load()).toEqual(head(4));
    await again.close();
  });

  it('is refused where what it says is not the end of a log', async () => {
    const store = await Store.open(file);
    const raw = new Database(file);
    raw.prepare('INSERT INTO audit_head VALUES (1, 5, ?)').run('none');
    raw.close();
    await expect(store.auditHead.load()).rejects.toMatchObject({ code: 'damaged' });
    await store.close();
    expect(() => readStoredHead(file)).toThrow(expect.objectContaining({ code: 'damaged' }) as Error);
  });
});

it('R-78: a file that is not such a store is refused, and not changed', async () => {
  await (await SqliteKmsStore.open(file)).close();
  expect(() => readStoredHead(file)).toThrow(expect.objectContaining({ code: 'foreign' }) as Error);
  const text = path.join(folder, 'text.db');
  writeFileSync(text, 'this is not a database, whatever its name says\n'.repeat(40));
  expect(() => readStoredHead(text)).toThrow(expect.objectContaining({ code: 'damaged' }) as Error);
});
