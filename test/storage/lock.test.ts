/** State belongs to one process, for as long as that lives. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isoTime } from '../../src/bytes/iso-time.ts';
import { holdingState, lockState, readLockNote } from '../../src/storage/lock.ts';
import { bundle, run } from '../support/process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));
const NOW = Date.UTC(2027, 2, 19);

describe('a lock on state', () => {
  it('keeps a second one out, and says who has it since when', () => {
    const place = { entity: 'kms', folders: [path.join(folder, 'a')] };
    const held = lockState(place, NOW);
    expect(() => lockState({ ...place, entity: 'df' }, NOW)).toThrow(
      `${path.join(folder, 'a')} is in use by kms, process ${process.pid}, since 2027-03-19T00:00:00.000Z`,
    );
    held.release();
    lockState(place, NOW).release();
  });

  it('is on each file where entities share a folder, by whatever link it is named', () => {
    const audit = path.join(folder, 'audit.jsonl');
    const link = path.join(folder, 'link.jsonl');
    writeFileSync(audit, '');
    symlinkSync(audit, link);
    const held = lockState({ entity: 'cscf', files: [path.join(folder, 'cscf.db'), audit] }, NOW);
    const other = lockState({ entity: 'gateway', files: [path.join(folder, 'gateway.db'), ':memory:'] }, NOW);
    expect(() => lockState({ entity: 'df', files: [path.join(folder, 'df.db'), link] }, NOW)).toThrow(
      /audit\.jsonl is in use by cscf/,
    );
    // What was locked before the refusal is free again.
    lockState({ entity: 'df', files: [path.join(folder, 'df.db')] }, NOW).release();
    other.release();
    held.release();
  });

  it('a refused start leaves the lock with its holder', () => {
    const place = { entity: 'kms', folders: [path.join(folder, 'b')] };
    const held = lockState(place, NOW);
    for (let tries = 0; tries < 3; tries++) expect(() => lockState(place, NOW)).toThrow(/in use/);
    held.release();
  });

  it('is given up when what it is for has stopped, or could not start', async () => {
    const place = { entity: 'kms', folders: [path.join(folder, 'c')] };
    const failing = holdingState(place, NOW, () => Promise.reject(new Error('no port')));
    await expect(failing).rejects.toThrow('no port');
    const running = await holdingState(place, NOW, () => Promise.resolve({ stop: () => Promise.resolve() }));
    expect(() => lockState(place, NOW)).toThrow(/in use/);
    await running.stop();
    const note = path.join(folder, 'c', 'lock.json');
    expect(readLockNote(note)).toMatchObject({
      entity: 'kms',
      pid: process.pid,
      until: expect.any(String) as string,
    });
    const next = lockState(place, NOW);
    expect(readLockNote(note)).toEqual({ entity: 'kms', pid: process.pid, since: isoTime(NOW) });
    rmSync(path.join(folder, 'c'), { recursive: true });
    next.release();
  });
});

describe('a lock on state, between processes', () => {
  let script: string;
  beforeAll(async () => {
    script = await bundle('test/storage/lock-process.ts');
  });
  const start = (state: string) => run<{ pid: number; error: string | null }>(script, state);

  it('two that start at once: one has it, the other is told which', async () => {
    const state = path.join(folder, 'two');
    const both = await Promise.all([start(state), start(state), start(state)]);
    const holders = both.filter(({ ready }) => ready.error === null);
    expect(holders).toHaveLength(1);
    for (const { ready } of both.filter(({ ready: { error } }) => error !== null)) {
      expect(ready.error).toContain(`is in use by kms, process ${holders[0]?.ready.pid ?? ''}, since`);
    }
    for (const each of both) await each.kill();
  });

  it('SIGKILL gives it up: the note stays, the lock does not', async () => {
    const state = path.join(folder, 'killed');
    const first = await start(state);
    expect(first.ready.error).toBeNull();
    expect((await start(state)).ready.error).toContain(`process ${first.ready.pid}`);
    await first.kill();
    expect(readFileSync(path.join(state, 'lock.json'), 'utf8')).toContain(String(first.ready.pid));
    const second = await start(state);
    expect(second.ready.error).toBeNull();
    expect(readFileSync(path.join(state, 'lock.json'), 'utf8')).toContain(String(second.ready.pid));
    await second.kill();
    lockState({ entity: 'kms', folders: [state] }, NOW).release();
  });
});
