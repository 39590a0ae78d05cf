/** What is made of the tree of commands: manual pages as mandoc reads them, completion as the shells do. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { bashCompletion } from '../../../src/cli/reference/bash-completion.ts';
import { fishCompletion } from '../../../src/cli/reference/fish-completion.ts';
import { manualPages } from '../../../src/cli/reference/manual.ts';
import { everyOutline, outlineOf } from '../../../src/cli/reference/outline.ts';
import type { CommandOutline } from '../../../src/cli/reference/outline.ts';
import { zshCompletion } from '../../../src/cli/reference/zsh-completion.ts';
import { missingTool } from '../../support/shared.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-reference-'));
afterAll(() => rmSync(folder, { recursive: true }));

let tree: CommandOutline;
beforeAll(async () => {
  tree = outlineOf(await createProgram([]));
});

const edition = { version: '1.2.3', date: '2020-01-31' };
const pages = (): Map<string, string> =>
  new Map(manualPages(tree, edition).map(({ file, text }) => [file, text]));

/** Those that run until they are told to end log lines of JSON; the others print what a program reads in any case. */
const WITHOUT_JSON = /^claviger (?:\w+ run|get-keys|completion)$/;

describe('every command', () => {
  it('R-93: prints JSON where that is asked for, and shows examples in its help', () => {
    const leaves = everyOutline(tree).filter(({ commands }) => commands.length === 0);
    expect(leaves.length).toBeGreaterThan(50);
    const named = leaves.map((leaf) => ({ ...leaf, name: leaf.path.join(' ') }));
    const isMissing = (leaf: CommandOutline): boolean =>
      !leaf.options.some(({ names }) => names.includes('--json'));
    expect(named.filter(({ name }) => !WITHOUT_JSON.test(name)).filter(isMissing)).toEqual([]);
    expect(named.filter(({ notes }) => !/^Examples?:\n {2}\$ /m.test(notes))).toEqual([]);
  });
});

describe('manual pages', () => {
  it('R-96: there is one for each command, with all of its options, arguments and examples', () => {
    const all = pages();
    const outlines = everyOutline(tree);
    expect([...all.keys()]).toEqual(outlines.map(({ path: words }) => `${words.join('-')}.1`));
    const plain = (text = ''): string =>
      text
        .replaceAll('\\-', '-')
        .replaceAll('\\e', '\\')
        .replace(/\\\[u([0-9A-F]+)\]/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
    for (const { path: words, options, arguments: args, notes } of outlines) {
      const text = plain(all.get(`${words.join('-')}.1`));
      for (const { flags } of options) expect(text).toContain(`\n.B ${flags}\n`);
      for (const { term } of args) expect(text).toContain(`\n.B ${term}\n`);
      for (const example of notes.split('\n').filter((line) => line.startsWith('  $ ')))
        expect(text).toContain(example.replace(/’/g, "'"));
    }
    expect(all.get('claviger-kms-run.1')).toMatch(/^\.B claviger kms run\n\\-\\-config <file> \[options\]$/m);
    expect(all.get('claviger.1')).toContain('.TH "CLAVIGER" 1 "2020-01-31" "claviger 1.2.3"');
  });

  it.skipIf(missingTool('mandoc'))('R-96: mandoc has nothing to say against them', () => {
    const files = [...pages()].map(([name, text]) => {
      const file = path.join(folder, name);
      writeFileSync(file, text);
      return file;
    });
    const { stdout, status } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', ...files], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('what begins like a request of the formatter, and what it would take for its own, stands as it is', () => {
    const own = {
      ...{ path: ['x'], arguments: [], options: [], commands: [] },
      description: "'.so /etc/passwd' \\fB–",
      notes: '.so /etc/passwd\n  .so indented',
    };
    const [page] = manualPages(own, edition);
    const lines = page?.text.split('\n') ?? [];
    expect(lines.filter((line) => /^[.']so/.test(line))).toEqual([]);
    expect(lines).toContain("\\&'.so /etc/passwd' \\efB\\[u2013].");
  });
});

/** What bash would complete, for command lines whose last word is under way. */
function completions(lines: readonly (readonly string[])[]): string[][] {
  const asked = lines.map((words) => {
    const list = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _claviger; echo "\${COMPREPLY[*]}"`;
  });
  const script = [bashCompletion(tree), ...asked].join('\n');
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-u'], {
    input: script,
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''));
}

describe('completion in bash', () => {
  it('R-96: knows commands, options and their values, and takes a value for nothing else', () => {
    writeFileSync(path.join(folder, 'kms.json'), '');
    const [top, entity, below, options, value, joined, file, shell, argument, afterwards, nothing] =
      completions([
        ['claviger', 'warr'],
        ['claviger', 'km'],
        ['claviger', 'kms', ''],
        ['claviger', 'demo', '--t'],
        ['claviger', 'demo', '--target', 'bo'],
        ['claviger', 'demo', '--target', '=', 'al'],
        ['claviger', 'kms', 'run', '--config', 'k'],
        ['claviger', 'completion', ''],
        ['claviger', 'up', 'kms'],
        ['claviger', 'demo', '--out', 'kms', '--to'],
        ['claviger', 'nothing'],
      ]);
    expect(top).toEqual(['warrant']);
    expect(entity).toEqual(['kms']);
    expect(below).toEqual(['run', 'help']);
    expect(options).toEqual(['--target', '--to']);
    expect(value).toEqual(['bob', 'both']);
    expect(joined).toEqual(['alice']);
    expect(file).toEqual(['kms.json']);
    expect(shell).toEqual(['bash', 'zsh', 'fish']);
    expect(argument).toEqual(['kms.json']);
    expect(afterwards).toEqual(['--to']);
    expect(nothing).toEqual([]);
  });
});

/** A command line whose last word is under way, and what may come for it. */
const LINES: readonly (readonly [string[], string[]])[] = [
  [['warr'], ['warrant']],
  [
    ['kms', ''],
    ['run', 'help'],
  ],
  [
    ['demo', '--t'],
    ['--target', '--to'],
  ],
  [
    ['demo', '--target', 'bo'],
    ['bob', 'both'],
  ],
  [['demo', '--target=al'], ['alice']],
  [['kms', 'run', '--config', 'k'], ['kms.json']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['up', 'kms'], ['kms.json']],
  [['demo', '--out', 'kms', '--to'], ['--to']],
  [['nothing'], []],
];

/** What a shell printed for each of the lines. */
function printed(shell: string, args: readonly string[], script: string): string[][] {
  writeFileSync(path.join(folder, 'kms.json'), '');
  const env = { PATH: process.env['PATH'], HOME: folder };
  const file = path.join(folder, `.script-of-${shell}`);
  writeFileSync(file, script);
  const { stdout, stderr } = spawnSync(shell, [...args, file], { cwd: folder, env, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout
    .split('END\n')
    .slice(0, -1)
    .map((text) => text.split('\n').filter((word) => word !== ''));
}

describe.skipIf(missingTool('zsh'))('completion in zsh', () => {
  it('R-96: knows the same', () => {
    // What zsh does with what it is told: it goes by the beginning of the word.
    const own = `compdef() { :; }
compset() { PREFIX=\${PREFIX#*=}; }
compadd() { shift; for each; do [[ $each == $PREFIX* ]] && print -r -- $each; done; true; }
_files() { print -rl -- $PREFIX*(N); }`;
    const asked = LINES.map(
      ([words]) =>
        `words=(claviger ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=\${#words}; PREFIX=\${words[-1]}; _claviger; print END`,
    );
    const found = printed('zsh', ['-f'], [own, zshCompletion(tree), ...asked].join('\n'));
    expect(found).toEqual(LINES.map(([, expected]) => expected));
  });
});

describe.skipIf(missingTool('fish'))('completion in fish', () => {
  it('R-96: knows the same', () => {
    const asked = LINES.map(
      ([words]) => `complete -C 'claviger ${words.join(' ')}' | string replace -r '\\t.*' ''; echo END`,
    );
    const found = printed('fish', ['--no-config'], [fishCompletion(tree), ...asked].join('\n'));
    const sorted = (all: readonly string[]): string[] =>
      all.map((each) => each.replace(/^--target=/, '')).sort();
    expect(found.map(sorted)).toEqual(LINES.map(([, expected]) => sorted(expected)));
  });
});
