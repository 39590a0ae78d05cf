/** What readiness is asked of: whether something can be written, by writing. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { DF_SCHEMA } from '../../src/entities/df/store/df-schema.ts';
import { openStore } from '../../src/storage/sqlite.ts';
import { WriteProbe } from '../../src/storage/probe.ts';
import { tinyDisk } from '../support/tiny-disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Until not a block more goes on the disk. */
function fillUp(file: string): void {
  const descriptor = openSync(file, 'w');
  try {
    for (;;) writeSync(descriptor, new Uint8Array(4096));
  } catch {
    closeSync(descriptor);
  }
}

describe('R-92: a store is found writable by writing', () => {
  it('whatever it holds stays, and an entity that writes at this moment is no hindrance', async () => {
    const file = path.join(folder, 'df.db');
    const { sqlite, kysely } = await openStore(file, DF_SCHEMA);
    const version = sqlite.pragma('user_version', { simple: true });
    expect(new WriteProbe(file, ':memory:').problems()).toEqual([]);
    sqlite.exec('BEGIN IMMEDIATE');
    expect(new WriteProbe(file).problems()).toEqual([]);
    sqlite.exec('ROLLBACK');
    expect(sqlite.pragma('user_version', { simple: true })).toBe(version);
    await kysely.destroy();
  });

  it('one that is gone, or is a store no more, cannot be written', () => {
    expect(new WriteProbe(path.join(folder, 'none.db')).problems()).toEqual([
      expect.stringMatching(/is gone/),
    ]);
    expect(new WriteProbe(folder).problems()).toEqual([expect.stringMatching(/cannot be written/)]);
  });

  const disk = tinyDisk(512);
  it.skipIf(disk === null)(
    'one on a full disk cannot be written, nor the audit log, and both can when there is room',
    () => {
      if (disk === null) return;
      const [store, audit] = [disk.at('x.db'), disk.at('audit.jsonl')];
      const made = new Database(store);
      made.pragma('journal_mode = WAL');
      made.exec('CREATE TABLE t (x)');
      const log = new AuditFile(audit);
      fillUp(disk.at('filler'));
      expect(new WriteProbe(store).problems()).toHaveLength(1);
      expect(log.problem()).not.toBeNull();
      rmSync(disk.at('filler'));
      expect(log.problem()).toBeNull();
      expect(readdirSync(disk.path)).not.toContain('audit.jsonl.probe');
      expect(readFileSync(audit, 'utf8')).toBe('');
      made.close();
      log.close();
      disk.remove();
    },
  );

  it('an audit log beside which nothing can be written is a problem, before anything is to be recorded', () => {
    const file = path.join(folder, 'audit.jsonl');
    const log = new AuditFile(file);
    mkdirSync(`${file}.probe`);
    expect(log.problem()).toMatch(/nothing can be written beside/);
    log.close();
  });
});
