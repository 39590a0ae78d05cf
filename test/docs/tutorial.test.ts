/**
 * The tutorial, and with it the README's way from nothing to the first recovered call: their `session` blocks are what a
 * shell is given here, and what stands below a command is what it prints. The README has no command that the tutorial has not,
 * in the same order. It starts sixteen processes and speaks for ten seconds, and so runs with `CLAVIGER_SLOW` alone, in the
 * gate as a step of its own.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import type { Child } from '../support/child.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';
import { formOf, page, snippets } from './support.ts';
import type { Snippet } from './support.ts';

const sessions = snippets(page('docs/tutorial/intercept-your-first-call.md'), 'session');
const readme = snippets(page('README.md'), 'session').flatMap(({ command }) => command.split(' && '));

/** A phone that waits for calls, in a terminal of its own. */
function isWaiting(command: string): boolean {
  return command.startsWith('claviger ue run ') && !command.includes(' --call ');
}

/** Lines of a page that are not among those printed, in their order; those that say `…` stand for any number. */
function missing({ output }: Snippet, printed: string): string[] {
  const lines = printed.split('\n').map(formOf);
  let from = 0;
  return output.filter((line) => {
    if (line.trim() === '' || line.trim() === '…') return false;
    const at = lines.indexOf(formOf(line), from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

describe('the sessions of the pages', () => {
  it('are commands of this package and of every shell, and end with what began', () => {
    const commands = sessions.map(({ command }) => command);
    expect(commands.length).toBeGreaterThan(12);
    expect(commands.filter((line) => !/^(claviger|cmp|cat) /.test(line))).toEqual([]);
    expect([commands[0], commands.at(-1)]).toEqual(['claviger init lab', 'claviger down lab']);
  });

  it('are those of the README, and more', () => {
    expect(readme.length).toBeGreaterThan(5);
    const commands = sessions.map(({ command }) => command);
    expect(commands.filter((command) => readme.includes(command))).toEqual(readme);
  });

  it('are judged by lines in their order', () => {
    const snippet = { command: '', output: ['a 1', '…', 'b 0x2f', ''] };
    expect(missing(snippet, 'a 7\nc\nb 0x11\n')).toEqual([]);
    expect(missing(snippet, 'b 0x11\na 7\n')).toEqual(['b 0x2f']);
    expect(missing(snippet, 'a 7 more\nb 0x11\n')).toEqual(['a 1']);
  });
});

const isSlowRun = process.env['CLAVIGER_SLOW'] !== undefined;

// Not a skipped test: the gate runs it as a step of its own.
(isSlowRun ? describe : () => undefined)('R-93: the tutorial, as processes (slow)', () => {
  let shell: LabShell;
  /** What the page says and a command did not print. */
  const wrong: { readonly command: string; readonly lines: string[]; readonly printed: string }[] = [];
  const phones: { readonly snippet: Snippet; readonly phone: Child }[] = [];

  function judge(snippet: Snippet, printed: string): void {
    const lines = missing(snippet, printed);
    if (lines.length > 0) wrong.push({ command: snippet.command, lines, printed });
  }

  beforeAll(async () => {
    shell = await LabShell.open();
  }, COMMAND_MS);
  afterAll(async () => {
    for (const { phone } of phones) await phone.stop();
    await shell.close();
  }, COMMAND_MS);

  it(
    'gets from nothing to the first recovered call, and prints what the page says',
    { timeout: 4 * COMMAND_MS },
    async () => {
      for (const snippet of sessions) {
        const { command } = snippet;
        if (isWaiting(command)) {
          const phone = shell.begin(command);
          phones.push({ snippet, phone });
          await phone.until('it is registered', () => phone.output.includes('registered;'), COMMAND_MS);
          continue;
        }
        // What the page shows to be refused has to be.
        const isRefused = snippet.output.some((line) => line.startsWith('claviger: '));
        const { status, out, err } = await shell.enter(command);
        expect(status, `${command}\n${out}${err}`).toBe(isRefused ? 1 : 0);
        // A terminal shows both; progress comes before what a command is asked for.
        judge(snippet, err + out);
        if (!command.includes(' --call ')) continue;
        for (const { snippet: waiting, phone } of phones) {
          await phone.until('the call is over', () => phone.output.includes('call ended'), COMMAND_MS);
          judge(waiting, phone.output);
          await phone.stop();
        }
      }
      expect(wrong).toEqual([]);
      const heard = decodeWav(new Uint8Array(readFileSync(shell.at('heard-by-bob.wav'))));
      expect(heard.length).toBeGreaterThan(8 * 8000);
      expect(shell.isUp).toBe(false);
    },
  );
});
