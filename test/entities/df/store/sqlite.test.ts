import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { dfStoreSuite } from './compliance.ts';
import { CALL, NOTHING } from './compliance-values.ts';

dfStoreSuite({ name: 'SQLite', open: (place) => SqliteDfStore.open(`${place}.db`) });
dfStoreSuite({
  name: 'SQLite, where a thread writes',
  open: (place) => SqliteDfStore.open(`${place}.db`, 'thread'),
});

it('the DF store in SQLite is a file for its owner alone', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-store-'));
  const file = path.join(folder, 'df.db');
  const store = await SqliteDfStore.open(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await store.close();
  rmSync(folder, { recursive: true });
});

it('R-73: what is done for each PDU and each acknowledgement looks at no more rows than it is about', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-plans-'));
  const file = path.join(folder, 'df.db');
  let texts: string[];
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  try {
    const store = await SqliteDfStore.open(file);
    prepare.mockClear();
    const outbox = { did: 'lemf', liid: 'L', cin: 1, sequenceNumber: 0, octets: new Uint8Array(3) };
    await store.commit({
      ...NOTHING,
      streams: [{ key: 's', nextSequenceNumber: 4, lastTime: 1.5 }],
      communications: [CALL],
      outbox: [
        { ...outbox, interface: 'hi2' },
        { ...outbox, interface: 'hi3' },
      ],
      held: [{ id: 1, xid: 'x', correlation: '', octets: new Uint8Array(1), since: 0 }],
      released: [1],
    });
    await store.pending('lemf', 0, 256);
    store.waiting('lemf');
    store.destinations();
    await store.acknowledge('lemf', 1);
    expect(store.waiting('lemf')).toEqual({ count: 1, octets: 3 });
    await store.close();
    texts = prepare.mock.calls.map(([text]) => text);
  } finally {
    prepare.mockRestore();
  }
  const database = new Database(file, { readonly: true });
  const statements = texts.filter((text) => /^(?:select|insert|update|delete)/i.test(text));
  expect(statements.length).toBeGreaterThanOrEqual(7);
  for (const text of statements) {
    const parameters = text.match(/\?/g)?.map(() => 0) ?? [];
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...parameters) as { detail: string }[];
    const scans = plan.filter(({ detail }) => /\bSCAN (?!\d+[- ](?:CONSTANT|ROW))|TEMP B-TREE/.test(detail));
    expect(scans, text).toEqual([]);
  }
  database.close();
  rmSync(folder, { recursive: true });
});
