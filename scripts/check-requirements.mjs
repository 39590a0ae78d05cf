#!/usr/bin/env node
/**
 * Checks docs/requirements.md by mutation: for each row the named test is run on a copy of the tree, as it is (it must
 * pass), and with the quoted line of source removed (it must fail, and by its own assertions: a line whose removal
 * leaves no valid program proves nothing).
 *
 *     node scripts/check-requirements.mjs [R-12 … | test/… | src/… | bench/…]
 *
 * All rows, or those of these requirements, tests or sources.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');
/** What is at the top of the tree and belongs to it: tests read packaging, examples and tools as well. */
function partsOfTree() {
  const { stdout } = spawnSync('git', ['ls-files', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return new Set(stdout.split('\0').flatMap((file) => (file === '' ? [] : [file.split('/')[0] ?? file])));
}

/**
 * @typedef {{ id: string, requirement: string, test: string, name: string, file: string, line: string }} Row
 * @param {string} markdown @returns {Row[]}
 */
export function rowsOf(markdown) {
  return markdown.split('\n').flatMap((text) => {
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    if (cells.length !== 6 || !/^R-\d+$/.test(cells[1] ?? '')) return [];
    const proof = /^`(test\/[^`]+)`: (.+)$/.exec(cells[3] ?? '');
    const line = /^`((?:src|bench)\/[^`]+)`: (`+) ?(.+?) ?\2$/.exec(cells[4] ?? '');
    if (proof === null || line === null) throw new Error(`docs/requirements.md: ${cells[1]}: not a row`);
    const [, test = '', name = ''] = proof;
    const [, file = '', , quoted = ''] = line;
    return [{ id: cells[1] ?? '', requirement: cells[2] ?? '', test, name, file, line: quoted }];
  });
}

/** Places of a line in a source, white space at its ends aside. @param {string} source @param {string} line */
export function placesOf(source, line) {
  return source.split('\n').flatMap((text, at) => (text.trim() === line ? [at] : []));
}

/** The source without the one line. @param {string} source @param {string} line */
export function without(source, line) {
  const places = placesOf(source, line);
  if (places.length !== 1) throw new Error(`${places.length} times in the file: ${line}`);
  return source
    .split('\n')
    .filter((_, at) => at !== places[0])
    .join('\n');
}

/** Runs one test of one file; how it ended. @param {string} tree @param {Row} row */
function run(tree, { test, name }) {
  const output = path.join(tree, 'result.json');
  rmSync(output, { force: true });
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  // Names of tests that are run for each of several cases hold places: `%s` or `$member`.
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%[sdifjo]|\\\$\w+/g, '.*');
  const shared = path.resolve(root, process.env['CLAVIGER_SHARED'] ?? '../shared');
  // One failure is enough, and all that wait in vain for what a lacking line would have done take long.
  const args = [vitest, 'run', test, '-t', pattern, '--bail=1', '--reporter=json', `--outputFile=${output}`];
  spawnSync(process.execPath, args, {
    cwd: tree,
    encoding: 'utf8',
    timeout: 180_000,
    env: { ...process.env, CLAVIGER_SHARED: shared, CLAVIGER_LONG: '1' },
  });
  if (!existsSync(output)) return { passed: 0, failed: 0, message: 'no result' };
  const result = JSON.parse(readFileSync(output, 'utf8'));
  const tests = result.testResults.flatMap((file) => file.assertionResults);
  const failures = tests.filter(({ status }) => status === 'failed');
  const message = failures[0]?.failureMessages?.[0] ?? result.testResults[0]?.message ?? '';
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failures.length,
    message: String(message).split('\n')[0],
  };
}

/** Whether a source parses. @param {string} source */
async function isValid(source) {
  const { default: ts } = await import('typescript');
  const { diagnostics } = ts.transpileModule(source, { reportDiagnostics: true });
  return (diagnostics ?? []).length === 0;
}

/** @param {string} tree @param {Row} row @param {Set<string>} sound tests that pass on the tree as it is */
async function check(tree, row, sound) {
  const at = path.join(tree, row.file);
  const source = readFileSync(at, 'utf8');
  const mutant = without(source, row.line);
  if (!(await isValid(mutant))) return 'without the line the file is no program';
  const key = `${row.test} ${row.name}`;
  if (!sound.has(key)) {
    const { passed, failed, message } = run(tree, row);
    if (passed === 0 || failed > 0) return `as it is: ${passed} passed, ${failed} failed ${message}`;
    sound.add(key);
  }
  writeFileSync(at, mutant);
  try {
    const { failed, message } = run(tree, row);
    return failed > 0 ? null : `without the line no test fails ${message}`;
  } finally {
    writeFileSync(at, source);
  }
}

async function main() {
  const wanted = process.argv.slice(2);
  const rows = rowsOf(readFileSync(path.join(root, 'docs/requirements.md'), 'utf8')).filter(
    ({ id, test, file }) => wanted.length === 0 || [id, test, file].some((each) => wanted.includes(each)),
  );
  const tree = mkdtempSync(path.join(tmpdir(), 'claviger-requirements-'));
  let wrong = 0;
  try {
    for (const name of partsOfTree())
      cpSync(path.join(root, name), path.join(tree, name), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'));
    const sound = new Set();
    for (const row of rows) {
      const problem = await check(tree, row, sound).catch((error) => error.message);
      if (problem !== null) wrong++;
      process.stdout.write(
        `${problem === null ? 'ok    ' : 'WRONG '} ${row.id.padEnd(5)} ${row.file}: ${row.line}\n`,
      );
      if (problem !== null) process.stdout.write(`       ${row.test}: ${row.name}\n       ${problem}\n`);
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  process.stdout.write(`${rows.length - wrong} of ${rows.length} rows hold\n`);
  process.exitCode = wrong === 0 && rows.length > 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
