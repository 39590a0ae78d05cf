/** Group commit of a SQLite store: in a thread, and at once. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { CommitThread } from '../../src/storage/commit-thread.ts';
import { UnitsAtOnce } from '../../src/storage/group-commit.ts';
import type { SqlValue, UnitWriter, WriteUnit } from '../../src/storage/group-commit.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-group-commit-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;

/** A database of one table. */
function database(): { readonly file: string; readonly rows: () => unknown[] } {
  const file = path.join(folder, `${++count}.db`);
  make(file);
  return {
    file,
    rows: () => {
      const reader = new Database(file, { readonly: true });
      const rows = reader.prepare('SELECT id, octets FROM entry ORDER BY id').raw().all();
      reader.close();
      return rows;
    },
  };
}

function make(file: string): void {
  const made = new Database(file);
  made.pragma('journal_mode = WAL');
  made.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, octets BLOB NOT NULL)');
  made.close();
}

function insert(...rows: readonly (readonly SqlValue[])[]): WriteUnit {
  return { writes: [{ text: 'INSERT INTO entry (id, octets) VALUES (?, ?) RETURNING id', runs: rows }] };
}

const octets = (value: number) => new Uint8Array([value]);

/** What became of each: the rows that it gave, or what was wrong. */
async function outcomes(writer: UnitWriter, units: readonly WriteUnit[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(units.map((unit) => writer.run(unit)));
  return settled.map((each) =>
    each.status === 'fulfilled' ? each.value : ((each.reason as { code?: string }).code ?? 'unknown'),
  );
}

describe.each([
  ['a thread', (file: string): UnitWriter => new CommitThread(file)],
  ['at once', (file: string): UnitWriter => new UnitsAtOnce(new Database(file))],
])('group commit: %s', (_name, writerOf) => {
  it('applies units in their order, and gives each its rows', async () => {
    const { file, rows } = database();
    const writer = writerOf(file);
    const units = [insert([1, octets(1)], [2, octets(2)]), insert([3, octets(3)]), { writes: [] }];
    expect(await outcomes(writer, units)).toEqual([[{ id: 1 }, { id: 2 }], [{ id: 3 }], []]);
    await writer.close();
    expect(rows()).toEqual([1, 2, 3].map((n) => [n, Buffer.from([n])]));
  });

  it('R-23: what is wrong with one unit is its own, and nothing of it is applied', async () => {
    const { file, rows } = database();
    const writer = writerOf(file);
    await writer.run(insert([1, octets(1)]));
    const units = [insert([2, octets(2)]), insert([3, octets(3)], [1, octets(9)]), insert([4, octets(4)])];
    const broken = 'SQLITE_CONSTRAINT_PRIMARYKEY';
    expect(await outcomes(writer, units)).toEqual([[{ id: 2 }], broken, [{ id: 4 }]]);
    await writer.close();
    expect(rows()).toEqual([1, 2, 4].map((n) => [n, Buffer.from([n])]));
  });

  it('applies outside of a transaction what demands it', async () => {
    const { file } = database();
    const writer = writerOf(file);
    await writer.run(insert([1, octets(1)]));
    const unit: WriteUnit = {
      writes: [{ text: 'PRAGMA wal_checkpoint(TRUNCATE)', runs: [[]] }],
      alone: true,
    };
    expect(await outcomes(writer, [insert([2, octets(2)]), unit])).toEqual([
      [{ id: 2 }],
      [{ busy: 0, checkpointed: 0, log: 0 }],
    ]);
    expect(statSync(`${file}-wal`).size).toBe(0);
    await writer.close();
  });
});

describe('a thread that commits', () => {
  it('R-23: what comes while it commits is one transaction, and one sync of the disk', async () => {
    const { file } = database();
    const writer = new CommitThread(file);
    const update = (n: number): WriteUnit => ({
      writes: [{ text: 'REPLACE INTO entry (id, octets) VALUES (1, ?)', runs: [[octets(n)]] }],
    });
    // Each transaction writes the one page that changes, so the log has a page for each of them.
    await Promise.all(Array.from({ length: 200 }, (_, n) => writer.run(update(n % 256))));
    expect((statSync(`${file}-wal`).size - 32) / (4096 + 24)).toBe(2);
    await writer.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('R-23: one that ends says that nobody knows, and another takes its place', async () => {
    const file = path.join(folder, 'later.db');
    const writer = new CommitThread(file);
    expect(await outcomes(writer, [insert([1, octets(1)])])).toEqual(['unavailable']);
    make(file);
    expect(await outcomes(writer, [insert([1, octets(1)])])).toEqual([[{ id: 1 }]]);
    await writer.close();
    expect(await outcomes(writer, [insert([2, octets(2)])])).toEqual(['unavailable']);
  });

  it('writes all that it was given before it is closed', async () => {
    const { file, rows } = database();
    const writer = new CommitThread(file);
    const given = [1, 2, 3].map((n) => writer.run(insert([n, octets(n)])));
    await writer.close();
    await Promise.all(given);
    expect(rows()).toHaveLength(3);
  });

  it('takes along no more than the octets of a value', async () => {
    const { file, rows } = database();
    const writer = new CommitThread(file);
    await writer.run(insert([1, Buffer.from('abcdef').subarray(2, 4)]));
    await writer.close();
    expect(rows()).toEqual([[1, Buffer.from('cd')]]);
  });
});
