/** commands that write, where nothing can be written: told with what to do, and nothing half-written is left. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HashChainLog } from '../../src/evidence/log.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { tinyDisk } from '../support/tiny-disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-disk-'));
const at = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  await buildOnce();
  const call = new InterceptedCall();
  writeFileSync(at('hi2.ber'), Buffer.concat(delivered([...call.signalling, ...call.keys])));
  writeFileSync(at('hi3.ber'), Buffer.concat(delivered(call.content)));
  const lines: string[] = [];
  const store = { lines: () => lines, append: (line: string) => void lines.push(line) };
  const log = new HashChainLog(store, { now: () => 0, after: () => ({ cancel: () => undefined }) });
  for (let epoch = 0; epoch < 3; epoch++) log.append({ kind: 'li-root-created', epoch });
  writeFileSync(at('audit.jsonl'), lines.map((line) => `${line}\n`).join(''));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const DISTRICT = ['--district', 'https://kms.home1.example/.well-known/ibe', '--n', '2048'];

/** The commands that leave a folder, without the option that says which. */
const WRITERS: readonly (readonly [string, readonly string[]])[] = [
  ['demo', ['demo']],
  ['lemf recover', ['lemf', 'recover', '--hi2', at('hi2.ber'), '--hi3', at('hi3.ber')]],
  ['ibe setup', ['ibe', 'setup', ...DISTRICT]],
];

/** Ends by a signal, not with a status, where the command does not come to an end by itself. */
function run(
  args: readonly string[],
  stdout: 'pipe' | number = 'pipe',
): { status: number | null; err: string } {
  const { status, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'pipe'],
    timeout: 60_000,
    maxBuffer: 64 << 20,
  });
  return { status, err: stderr };
}

describe.each(WRITERS)('R-80: %s', (_, command) => {
  it.each([
    [
      '/proc/x',
      /cannot make the folder \/proc\/x: there is no such place, and it cannot be made\n {2}hint: \S/,
    ],
    [at('audit.jsonl/x'), /cannot make the folder .*: a part of the path is a file\n {2}hint: \S/],
  ])(
    '--out %s is refused',
    (out, message) => {
      const { status, err } = run([...command, '--out', out]);
      expect([status, err]).toEqual([1, expect.stringMatching(message)]);
      expect(err).not.toMatch(/\n\s+at /);
    },
    90_000,
  );
});

const disk = tinyDisk(256);
describe.skipIf(disk === null).each(WRITERS)('R-80: %s on a disk', (name, command) => {
  const out = disk?.at('out') ?? '';
  afterAll(() => (name === WRITERS.at(-1)?.[0] ? disk?.remove() : undefined));
  beforeEach(() => {
    for (const each of readdirSync(disk?.path ?? '.')) rmSync(disk?.at(each) ?? '', { recursive: true });
  });

  it('that is full: says so, and leaves nothing', () => {
    disk?.fill();
    const { status, err } = run([...command, '--out', out]);
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(/claviger: cannot write .*: the disk is full\n {2}hint: \S/),
    ]);
    expect(err).not.toMatch(/\n\s+at /);
    expect(readdirSync(disk?.path ?? '').filter((each) => each !== 'filler')).toEqual(
      name === 'lemf recover' ? ['out'] : [],
    );
  }, 90_000);

  it('that fills up in the middle: says so, with no half-written file', () => {
    // Room for what comes first, not for all: parameters without secrets, a report without its audio, some of a call.
    disk?.fill(name === 'demo' ? 40 : 4);
    const { status, err } = run([...command, '--out', out]);
    expect([status, err]).toEqual([1, expect.stringMatching(/claviger: .*: the disk is full/)]);
    expect(err).not.toMatch(/\n\s+at /);
    if (name !== 'demo') {
      const left = readdirSync(disk?.path ?? '', { recursive: true }).map(String);
      expect(left.filter((each) => !/^(?:filler|out)$/.test(each))).toEqual([]);
    }
  }, 90_000);
});

describe.skipIf(process.platform !== 'linux')('R-80: standard output that is full', () => {
  it.each([
    ['audit verify', ['audit', 'verify', at('audit.jsonl')]],
    ['audit verify --print', ['audit', 'verify', '--print', at('audit.jsonl')]],
    ['--help', ['--help']],
  ])('%s ends with 1 and says so', (_, args) => {
    const full = openSync('/dev/full', 'w');
    const { status, err } = run(args, full);
    closeSync(full);
    expect(err).toMatch(/^claviger: cannot write to standard output: the disk is full\n {2}hint: \S/);
    expect(status).toBe(1);
  });
});
