/** X1 tasks in SQLite. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { destination, DID, task, XID } from '../poi/support.ts';
import { taskStoreSuite } from './task-store-compliance.ts';

taskStoreSuite({ name: 'SQLite', open: (place) => SqliteTaskStore.open(`${place}.db`) });

it.each([
  ['not JSON', '{', /not JSON/],
  ['a list', '[]', /it is not an object/],
  ['a member that nobody reads', JSON.stringify({ ...destination, dod: 1 }), /no such member/],
  [
    'a port that is a text',
    JSON.stringify({ ...destination, address: { kind: 'ipAddressAndPort', port: '1' } }),
    /address/,
  ],
])(
  'a stored destination that is %s is refused, and the error does not quote it',
  async (_what, body, message) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tasks-'));
    const file = path.join(folder, 'tasks.db');
    await (await SqliteTaskStore.open(file)).close();
    const raw = new Database(file);
    raw.prepare('INSERT INTO destination (did, body) VALUES (?, ?)').run(DID, body);
    raw.close();
    const store = await SqliteTaskStore.open(file);
    const loading = store.load();
    await expect(loading).rejects.toMatchObject({ name: 'StorageError', code: 'damaged' });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.not.toThrow(/home1/);
    await store.close();
    rmSync(folder, { recursive: true });
  },
);

it('R-90: of a task that was removed nothing is left in the files, while the store is open', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tasks-'));
  const store = await SqliteTaskStore.open(path.join(folder, 'tasks.db'));
  const secret = 'sip:quite-somebody@home1.example';
  const hers = { ...task, targets: [{ name: 'sipUri' as const, value: secret }] };
  const record = { task: hers, activatedAt: 1, modifiedAt: 1, modifications: 0 };
  const isThere = (): boolean =>
    readdirSync(folder).some((name) => readFileSync(path.join(folder, name)).includes(secret));
  await store.commit({ tasks: new Map([[XID, record]]), destinations: new Map([[DID, destination]]) });
  expect(isThere()).toBe(true);
  await store.commit({ tasks: new Map([[XID, null]]), destinations: new Map([[DID, null]]) });
  expect(isThere()).toBe(false);
  await store.close();
  rmSync(folder, { recursive: true });
});
