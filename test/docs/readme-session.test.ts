/**
 * The README's way from nothing to the first recovered call, word for word: its `session` blocks are what a shell is
 * given here. It starts twelve processes and speaks for ten seconds, and so runs with `CLAVIGER_SLOW` alone.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import { Child } from '../support/child.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { fences, page, root } from './support.ts';

/** How long a command may take on a machine that does other work. */
const COMMAND_MS = 240_000;
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

// Not a skipped test: what is to be run by hand is not part of the ordinary run.
(isSlowRun ? describe : () => undefined)('R-93: README, as processes (slow)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-session-'));
  const bin = path.join(folder, 'bin');
  const shell = (line: string): string[] => ['-c', `PATH="${bin}:$PATH"; ${line}`];
  let isUp = false;

  /** One line of a session; what it said, if it did not end with 0. */
  function enter(line: string): Promise<string | null> {
    return new Promise((resolve) => {
      execFile('sh', shell(line), { cwd: folder, timeout: COMMAND_MS }, (error, stdout, stderr) =>
        resolve(error === null ? null : `${error.message}\n${stdout}${stderr}`),
      );
    });
  }

  /** A phone that waits for calls runs in a terminal of its own until the call is over. */
  async function enterAll(lines: readonly string[]): Promise<void> {
    const waiting: Child[] = [];
    try {
      for (const line of lines) {
        if (line.startsWith('claviger ue run ') && !line.includes(' --call ')) {
          const phone = Child.run('sh', shell(`exec ${line}`), folder);
          waiting.push(phone);
          await phone.until('it is registered', () => phone.output.includes('registered;'), COMMAND_MS);
        } else expect(await enter(line), line).toBeNull();
        isUp ||= line.includes('claviger up ');
        isUp &&= !line.startsWith('claviger down ');
      }
      for (const phone of waiting)
        await phone.until('the call is over', () => phone.output.includes('call ended'), COMMAND_MS);
    } finally {
      for (const phone of waiting) await phone.stop();
    }
  }

  beforeAll(async () => {
    await buildOnce();
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'claviger'), `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`, {
      mode: 0o755,
    });
    symlinkSync(path.join(root, 'assets'), path.join(folder, 'assets'));
  }, COMMAND_MS);
  afterAll(async () => {
    if (isUp) await enter('claviger down lab');
    rmSync(folder, { recursive: true, force: true });
  }, COMMAND_MS);

  it('gets from nothing to the first recovered call', { timeout: 4 * COMMAND_MS }, async () => {
    for (const lines of sessions) await enterAll(lines);
    const heard = decodeWav(new Uint8Array(readFileSync(path.join(folder, 'heard-by-bob.wav'))));
    expect(heard.length).toBeGreaterThan(8 * 8000);
    expect(isUp).toBe(false);
  });
});
