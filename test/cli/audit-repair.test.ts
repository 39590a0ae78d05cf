/** `claviger audit repair` says what it cuts, keeps it, and leaves a log that an entity takes up again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import { lockState } from '../../src/storage/lock.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { ManualClock } from '../support/manual-clock.ts';

let folder: string;
let file: string;

beforeAll(buildOnce, 120_000);
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

function repair(): { status: number | null; out: string; err: string } {
  const run = spawnSync(process.execPath, [cli, 'audit', 'repair', file], { encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

const lines = () => readFileSync(file, 'utf8').trimEnd().split('\n');

describe('R-78: claviger audit repair', () => {
  it('changes nothing of a log that is whole', () => {
    write(3);
    const before = readFileSync(file, 'utf8');
    expect(repair()).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^3 records kept; last hash [0-9a-f]{64}\n$/) as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(existsSync(`${file}.cut`)).toBe(false);
    write(1);
  });

  it('cuts before the first record that does not continue the chain, says why, and keeps what is cut', () => {
    write(6);
    const whole = lines();
    writeFileSync(
      file,
      whole.map((line, at) => (at === 3 ? line.replace('"n":3', '"n":9') : line) + '\n').join(''),
    );
    expect(() => write(1)).toThrow(/audit record 3 does not continue the chain/);
    const { status, out } = repair();
    expect(status).toBe(0);
    expect(out).toContain('3 records kept; last hash ');
    expect(out).toContain(`audit record 3 does not continue the chain: 3 lines cut, now in ${file}.cut`);
    expect(out).toContain('records 3 to 5 were written once and are not in the log any more');
    expect(lines()).toEqual(whole.slice(0, 3));
    expect(readFileSync(`${file}.cut`, 'utf8').trimEnd().split('\n').slice(1)).toEqual(whole.slice(4));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}.cut`).mode & 0o777).toBe(0o600);
    write(2);
    expect(lines()).toHaveLength(5);
  });

  it('says which records are gone where the end was cut off', () => {
    write(5);
    writeFileSync(file, lines().slice(0, 2).join('\n') + '\n');
    expect(() => write(1)).toThrow(/ends before record 4/);
    expect(repair().out).toContain('records 2 to 4 were written once and are not in the log any more');
    write(1);
  });

  it.each(['file', 'folder'])('keeps off a log that somebody writes (lock of the %s)', (kind) => {
    write(2);
    const held = lockState(
      { entity: 'kms', ...(kind === 'file' ? { files: [file] } : { folders: [folder] }) },
      0,
    );
    const before = readFileSync(file, 'utf8');
    expect(repair()).toMatchObject({ status: 1, err: expect.stringContaining('is in use by kms') as string });
    held.release();
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(repair().status).toBe(0);
  });
});
