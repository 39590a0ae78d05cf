/** `claviger audit repair` says what it cuts, keeps it, and leaves a log that an entity takes up again. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { openKeptLog } from '../../src/evidence/kept-log.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import type { AuditRecord } from '../../src/evidence/log.ts';
import { lockState } from '../../src/storage/lock.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { claviger } from './in-process.ts';
import { silent } from '../support/silent.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-repair-'));
  file = path.join(folder, 'audit.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Takes the log up as an entity does, and writes so many records more. */
function write(count: number): void {
  const store = new AuditFile(file);
  try {
    const log = new HashChainLog(store, new ManualClock());
    for (let n = 0; n < count; n++) log.append({ kind: 'event', n });
  } finally {
    store.close();
  }
}

const repair = (...options: string[]) => claviger('audit', 'repair', ...options, file);

const eventAt = (place: number) => (JSON.parse(lines()[place]!) as AuditRecord).event;

const lines = () => readFileSync(file, 'utf8').trimEnd().split('\n');

describe('R-78: claviger audit repair', () => {
  it('changes nothing of a log that is whole', async () => {
    write(3);
    const before = readFileSync(file, 'utf8');
    expect(await repair()).toMatchObject({
      status: 0,
      out: expect.stringMatching(
        /^3 records kept; last hash [0-9a-f]{64}\n.* was not looked at: --store STORE\n$/,
      ) as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(existsSync(`${file}.cut`)).toBe(false);
    write(1);
  });

  it('cuts before the first record that does not continue the chain, says why, and keeps what is cut', async () => {
    write(6);
    const whole = lines();
    writeFileSync(
      file,
      whole.map((line, at) => (at === 3 ? line.replace('"n":3', '"n":9') : line) + '\n').join(''),
    );
    expect(() => write(1)).toThrow(/audit record 3 does not continue the chain/);
    const { status, out } = await repair();
    expect(status).toBe(0);
    expect(out).toContain('3 records kept; last hash ');
    expect(out).toContain(`audit record 3 does not continue the chain: 3 lines cut, now in ${file}.cut`);
    expect(out).toContain('records 3 to 5 were written once and are not in the log any more');
    expect(lines().slice(0, 3)).toEqual(whole.slice(0, 3));
    expect(eventAt(3)).toMatchObject({ kind: 'audit-log-repaired', linesCut: 3, missingSequence: 5 });
    expect(readFileSync(`${file}.cut`, 'utf8').trimEnd().split('\n').slice(1)).toEqual(whole.slice(4));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}.cut`).mode & 0o777).toBe(0o600);
    write(2);
    expect(lines()).toHaveLength(6);
  });

  it('verifying: a line without an end was never acknowledged, and hides nothing that was', async () => {
    write(3);
    const whole = readFileSync(file, 'utf8');
    expect((await claviger('audit', 'verify', file)).out).toMatch(/^3 records, unbroken/);
    writeFileSync(file, `${whole}{"sequence":3,"ti`);
    expect(await claviger('audit', 'verify', file)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^3 records, unbroken; .*\nthe last line has no end: .*\n$/) as string,
    });
    writeFileSync(file, whole.slice(0, -20));
    expect(await claviger('audit', 'verify', file)).toMatchObject({
      status: 1,
      err: expect.stringContaining('ends before record 2') as string,
    });
    writeFileSync(file, `${whole}{"sequence":3,"ti`);
    write(1);
    expect(lines()).toHaveLength(4);
  });

  it('says which records are gone where the end was cut off', async () => {
    write(5);
    writeFileSync(file, lines().slice(0, 2).join('\n') + '\n');
    expect(() => write(1)).toThrow(/ends before record 4/);
    expect((await repair()).out).toContain(
      'records 2 to 4 were written once and are not in the log any more',
    );
    write(1);
  });

  it.each([
    ['gone', () => rmSync(file)],
    ['empty', () => writeFileSync(file, '')],
    ['wrong from its first record on', () => writeFileSync(file, '{}\n')],
  ])('begins anew only on purpose, and on record, where the log is %s', async (_, spoil) => {
    write(5);
    spoil();
    expect(await claviger('audit', 'verify', file)).toMatchObject({
      status: 1,
      err: expect.stringMatching(
        /record [04].*\n {2}hint: .*claviger audit repair --store STORE LOG/,
      ) as string,
    });
    expect(await repair()).toMatchObject({
      status: 1,
      err: expect.stringMatching(
        /nothing is left of the audit log .*: record 4 is known .*\n {2}hint: .*--begin-anew/,
      ) as string,
    });
    expect(() => write(1)).toThrow();
    const { status, out } = await repair('--begin-anew');
    expect(status).toBe(0);
    expect(out).toContain('records 0 to 4 were written once and are not in the log any more');
    expect(eventAt(0)).toMatchObject({ kind: 'audit-log-begun-anew', missingSequence: 4 });
    write(1);
    expect(lines()).toHaveLength(2);
  });

  it('says that there is nothing to begin anew where nothing is known', async () => {
    expect(await repair('--begin-anew')).toMatchObject({
      status: 1,
      err: expect.stringContaining('there is no such file') as string,
    });
    expect(existsSync(file)).toBe(false);
  });

  it('has the store remember the log as it then is, and no repair without that is enough', async () => {
    const store = path.join(folder, 'tasks.db');
    const take = async (count: number): Promise<void> => {
      const tasks = await SqliteTaskStore.open(store);
      try {
        const runtime = { clock: new ManualClock(), logger: silent };
        const { log, close } = await openKeptLog(file, tasks.auditHead, runtime);
        for (let n = 0; n < count; n++) log.append({ kind: 'event', n });
        await close();
      } finally {
        await tasks.close();
      }
    };
    await take(5);
    writeFileSync(file, lines().slice(0, 2).join('\n') + '\n');
    expect((await repair()).status).toBe(0);
    await expect(take(1)).rejects.toThrow(/ends before record 4/);
    const { status, out } = await repair('--store', store);
    expect(status).toBe(0);
    expect(out).toContain('records 3 to 4 were written once');
    await take(1);
    for (const name of [file, `${file}.head`]) rmSync(name);
    await expect(take(1)).rejects.toMatchObject({ code: 'cut-off' });
    expect((await repair('--store', store)).status).toBe(1);
    expect((await repair('--begin-anew', '--store', store)).status).toBe(0);
    expect(eventAt(0)).toMatchObject({ kind: 'audit-log-begun-anew', missingSequence: 4 });
    await take(1);
  });

  it('says of a log that was written anew in the place of another that it is not to be trusted', async () => {
    write(3);
    const head = readFileSync(`${file}.head`);
    for (const name of [file, `${file}.head`]) rmSync(name);
    write(2);
    const store = new AuditFile(file);
    new HashChainLog(store, new ManualClock()).append({ kind: 'forged' });
    store.close();
    writeFileSync(`${file}.head`, head);
    expect((await repair()).out).toContain('record 2 is not the one that was written');
    expect(eventAt(3)).toMatchObject({ kind: 'audit-log-repaired', linesCut: 0, missingSequence: 2 });
    write(1);
  });

  it.each(['file', 'folder'])('keeps off a log that somebody writes (lock of the %s)', async (kind) => {
    write(2);
    const held = lockState(
      { entity: 'kms', ...(kind === 'file' ? { files: [file] } : { folders: [folder] }) },
      0,
    );
    const before = readFileSync(file, 'utf8');
    expect(await repair()).toMatchObject({
      status: 1,
      err: expect.stringContaining('is in use by kms') as string,
    });
    held.release();
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await repair()).status).toBe(0);
  });
});
