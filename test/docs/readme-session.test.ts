/**
 * The README's way from nothing to the first recovered call, word for word: its `session` blocks are what a shell is
 * given here. It starts fourteen processes and speaks for ten seconds, and so runs with `CLAVIGER_SLOW` alone, in the gate
 * as a step of its own.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import type { Child } from '../support/child.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';
import { fences, page } from './support.ts';

const sessions = fences(page('README.md'))
  .filter(({ language }) => language === 'session')
  .map(({ lines }) => lines.map((line) => line.replace(/^\$ /, '')));

it('has sessions of commands alone, which end with what began', () => {
  const commands = sessions.flat();
  expect(commands.length).toBeGreaterThan(5);
  expect(commands.filter((line) => !/^(claviger|cmp) /.test(line))).toEqual([]);
  expect([commands[0], commands.at(-1)]).toEqual([
    expect.stringContaining('claviger up lab'),
    'claviger down lab',
  ]);
});

const isSlowRun = process.env['CLAVIGER_SLOW'] !== undefined;

// Not a skipped test: the gate runs it as a step of its own.
(isSlowRun ? describe : () => undefined)('R-93: README, as processes (slow)', () => {
  let shell: LabShell;

  /** A phone that waits for calls runs in a terminal of its own until the call is over. */
  async function enterAll(lines: readonly string[]): Promise<void> {
    const waiting: Child[] = [];
    try {
      for (const line of lines) {
        if (line.startsWith('claviger ue run ') && !line.includes(' --call ')) {
          const phone = shell.begin(line);
          waiting.push(phone);
          await phone.until('it is registered', () => phone.output.includes('registered;'), COMMAND_MS);
        } else await shell.must(line);
      }
      for (const phone of waiting)
        await phone.until('the call is over', () => phone.output.includes('call ended'), COMMAND_MS);
    } finally {
      for (const phone of waiting) await phone.stop();
    }
  }

  beforeAll(async () => {
    shell = await LabShell.open();
  }, COMMAND_MS);
  afterAll(async () => {
    await shell.close();
  }, COMMAND_MS);

  it('gets from nothing to the first recovered call', { timeout: 4 * COMMAND_MS }, async () => {
    for (const lines of sessions) await enterAll(lines);
    const heard = decodeWav(new Uint8Array(readFileSync(shell.at('heard-by-bob.wav'))));
    expect(heard.length).toBeGreaterThan(8 * 8000);
    expect(shell.isUp).toBe(false);
  });
});
