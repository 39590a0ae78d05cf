/** How every SQLite store is opened. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { statements } from '../../src/storage/migrations.ts';
import { openDatabase } from '../../src/storage/sqlite.ts';

describe('a database', () => {
  it('is written ahead, synced at each commit, and overwrites what it deletes', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-sqlite-'));
    const db = await openDatabase<Record<string, never>>(path.join(folder, 'any.db'), {
      store: 'any',
      firstTables: [],
      migrations: [],
    });
    const pragma = async (name: string): Promise<unknown> => {
      const { rows } = await sql<Record<string, unknown>>`PRAGMA ${sql.raw(name)}`.execute(db);
      return rows[0]?.[name];
    };
    const FULL = 2;
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(FULL);
    expect(await pragma('secure_delete')).toBe(1);
    await db.destroy();
    rmSync(folder, { recursive: true });
  });

  it('R-90: has nothing in its files, once it is opened, that a process deleted which was killed then', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-sqlite-'));
    const [file, copy] = [path.join(folder, 'any.db'), path.join(folder, 'copy.db')];
    const schema = {
      store: 'any',
      firstTables: [],
      migrations: [statements('CREATE TABLE kept (octets BLOB)')],
    };
    const db = await openDatabase<{ kept: { octets: Uint8Array } }>(file, schema);
    const secret = Buffer.from('what is kept ends, and is nowhere any more');
    await db.insertInto('kept').values({ octets: secret }).execute();
    await db.deleteFrom('kept').execute();
    for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${copy}${end}`);
    await db.destroy();
    expect(readFileSync(`${copy}-wal`).includes(secret)).toBe(true);
    const next = await openDatabase(copy, schema);
    for (const end of ['', '-wal']) expect(readFileSync(`${copy}${end}`).includes(secret)).toBe(false);
    await next.destroy();
    rmSync(folder, { recursive: true });
  });
});
