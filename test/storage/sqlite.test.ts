/** How every SQLite store is opened. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
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
});
