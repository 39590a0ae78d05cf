/** Copies of what an entity keeps, while it writes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import Database from 'better-sqlite3';
import { afterAll, expect, it } from 'vitest';
import { HashChainLog, verifyChain } from '../../src/evidence/log.ts';
import type { AuditTrail } from '../../src/evidence/trail.ts';
import { makeBackup } from '../../src/host/backup.ts';
import type { BackupManifest } from '../../src/host/backup.ts';
import { restoreBackup } from '../../src/host/restore.ts';
import { systemClock } from '../../src/host/runtime.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-backup-'));
const at = (...names: string[]): string => path.join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true }));

const LINES: string[] = [];
const log = new HashChainLog({ lines: () => LINES, append: (line) => void LINES.push(line) }, systemClock());
// More than are asked for at once.
for (let epoch = 0; epoch < 1_050; epoch++) log.append({ kind: 'li-root-created', epoch });

const trail: AuditTrail = {
  last: () => ({ sequence: LINES.length - 1, time: '' }),
  lines: (from, most) => Promise.resolve(LINES.slice(from, from + most)),
  problem: () => null,
  record: () => undefined,
};
const kept = (name: string) => ({
  stores: { df: at(name, 'df.db') },
  audit: at(name, 'audit.jsonl'),
  place: { entity: 'df', files: [at(name, 'df.db')] },
  secret: false,
});

function backUp(to: string, recipient?: string): Promise<BackupManifest> {
  const subject = { entity: 'df', name: 'df', version: '1', now: Date.now() };
  return makeBackup(kept('.'), trail, subject, { to, ...(recipient === undefined ? {} : { recipient }) });
}

it('R-94: a store that is written all the while is copied as of one moment, piece by piece, and goes back whole', async () => {
  const store = new Database(at('df.db'));
  store.pragma('journal_mode = WAL');
  store.pragma('synchronous = OFF');
  store.exec('CREATE TABLE pair (n INTEGER); CREATE TABLE bulk (octets BLOB)');
  store.exec('INSERT INTO pair VALUES (0), (0)');
  const put = store.prepare('INSERT INTO bulk VALUES (zeroblob(4000))');
  for (let n = 0; n < 600; n++) put.run();
  // Two statements: a copy of another moment for one of them would show.
  const step = store.transaction(() => {
    store.exec('UPDATE pair SET n = n + 1 WHERE rowid = 1');
    put.run();
    store.exec('UPDATE pair SET n = n + 1 WHERE rowid = 2');
  });
  const identity = await generateIdentity();
  for (const [name, recipient] of [
    ['clear', undefined],
    ['secret', await identityToRecipient(identity)],
  ] as const) {
    let turns = 0;
    let isDone = false;
    const write = (): void => {
      if (isDone || turns > 200) return;
      step();
      turns++;
      setImmediate(write);
    };
    setImmediate(write);
    const manifest = await backUp(at(name), recipient).finally(() => (isDone = true));
    // The entity has had its turns between pieces.
    expect(turns).toBeGreaterThan(2);
    expect(readdirSync(folder).filter((file) => file.includes('copying'))).toEqual([]);
    const order = { from: at(name), manifest, identity: recipient === undefined ? null : identity };
    const prepare = () => Promise.resolve({});
    const back = `${name}-back`;
    await restoreBackup({ ...order, kept: kept(back), clock: systemClock(), prepare });
    const restored = new Database(at(back, 'df.db'), { readonly: true });
    const [one, other] = restored.prepare('SELECT n FROM pair').pluck().all();
    expect(one).toBe(other);
    expect(restored.prepare('SELECT count(*) FROM bulk').pluck().get()).toBe(600 + Number(one));
    expect(restored.pragma('integrity_check', { simple: true })).toBe('ok');
    restored.close();
    const lines = readFileSync(at(back, 'audit.jsonl'), 'utf8').trimEnd().split('\n');
    expect([...verifyChain(lines)]).toHaveLength(LINES.length + 1);
  }
  store.close();
});
