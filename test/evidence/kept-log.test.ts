/** an audit log whose end the entity's store remembers as well. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeptLog, REMEMBER_MS } from '../../src/evidence/kept-log.ts';
import type { HeadMemory } from '../../src/evidence/kept-log.ts';
import type { ChainHead } from '../../src/evidence/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

class Memory implements HeadMemory {
  head: ChainHead | null = null;
  saved = 0;
  fails = false;

  load(): Promise<ChainHead | null> {
    return Promise.resolve(this.head);
  }

  save(head: ChainHead): Promise<void> {
    if (this.fails) return Promise.reject(new Error('disk is full'));
    this.saved++;
    this.head = head;
    return Promise.resolve();
  }
}

let folder: string;
let file: string;
let clock: ManualClock;
let memory: Memory;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kept-'));
  file = path.join(folder, 'audit.jsonl');
  clock = new ManualClock();
  memory = new Memory();
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (logger = silent) => openKeptLog(file, memory, { clock, logger });

async function write(count: number): Promise<void> {
  const { log, close } = await open();
  for (let n = 0; n < count; n++) log.append({ kind: 'event', n });
  await close();
}

function removeAll(): void {
  rmSync(file);
  rmSync(`${file}.head`);
}

describe('R-78: an audit log whose end a store remembers', () => {
  it('is missed though what lies beside it was removed too', async () => {
    await write(3);
    removeAll();
    await expect(open()).rejects.toMatchObject({ code: 'cut-off' });
    // Nor is it forgotten by having asked once.
    await expect(open()).rejects.toThrow(/ends before record 2/);
  });

  it('is missed where it was cut off, or written anew in its place, with an end that fits', async () => {
    await write(5);
    const lines = readFileSync(file, 'utf8').split('\n');
    const { sequence, hash } = JSON.parse(lines[2]!) as ChainHead;
    writeFileSync(file, lines.slice(0, 3).join('\n') + '\n');
    writeFileSync(`${file}.head`, JSON.stringify({ sequence, hash }));
    await expect(open()).rejects.toMatchObject({ code: 'cut-off' });
    removeAll();
    const known = memory.head;
    memory.head = null;
    clock.advance(1);
    await write(9);
    memory.head = known;
    await expect(open()).rejects.toThrow(/record 4 is not the one that was written/);
  });

  it('is missed after the process was killed, save what was written in the last minute', async () => {
    const { log } = await open();
    log.append({ kind: 'event', n: 0 });
    log.append({ kind: 'event', n: 1 });
    await clock.pass(REMEMBER_MS);
    log.append({ kind: 'event', n: 2 });
    const lines = readFileSync(file, 'utf8').split('\n');
    removeAll();
    await expect(open()).rejects.toThrow(/ends before record 1/);
    writeFileSync(file, lines.slice(0, 2).join('\n') + '\n');
    await expect(open()).resolves.toBeDefined();
  });

  it('is remembered once a minute, not with each record, and not while nothing happens', async () => {
    const { log, close } = await open();
    for (let n = 0; n < 1000; n++) log.append({ kind: 'event', n });
    expect(memory.saved).toBe(0);
    await clock.pass(REMEMBER_MS);
    expect([memory.saved, memory.head?.sequence]).toEqual([1, 999]);
    await clock.pass(10 * REMEMBER_MS);
    expect(memory.saved).toBe(1);
    log.append({ kind: 'event' });
    await close();
    expect([memory.saved, memory.head?.sequence]).toEqual([2, 1000]);
    await clock.pass(REMEMBER_MS);
    expect(memory.saved).toBe(2);
  });

  it('is remembered from the start where the store knows nothing, or less: it was put back from a copy', async () => {
    await write(4);
    const { head } = memory;
    for (const known of [null, JSON.parse(readFileSync(file, 'utf8').split('\n')[1]!) as ChainHead]) {
      memory.head = known === null ? null : { sequence: known.sequence, hash: known.hash };
      const { close } = await open();
      expect(memory.head).toEqual(head);
      await close();
    }
  });

  it('is told of where the store cannot be written, and tried again', async () => {
    const errors: string[] = [];
    const logger = { ...silent, error: (_fields: object, message: string) => void errors.push(message) };
    const { log, close } = await open(logger);
    memory.fails = true;
    log.append({ kind: 'event' });
    await clock.pass(REMEMBER_MS);
    expect(errors).toHaveLength(1);
    memory.fails = false;
    await clock.pass(REMEMBER_MS);
    expect(memory.head?.sequence).toBe(0);
    await close();
    expect(memory.saved).toBe(1);
  });
});
