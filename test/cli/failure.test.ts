/** How commands fail: once why, in words, what to do, and an exit code by kind (docs/errors.md). */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { BytesError } from '../../src/bytes/errors.ts';
import { systemWords } from '../../src/bytes/system-errors.ts';
import { CliError, reportFailure } from '../../src/cli/failure.ts';
import { EndpointError } from '../../src/endpoint/errors.ts';
import { ConfigError } from '../../src/host/config.ts';
import { LabError } from '../../src/lab/errors.ts';
import { TlsError } from '../../src/net/tls-error.ts';
import { StorageError } from '../../src/storage/errors.ts';
import { unreadable } from '../../src/storage/files.ts';
import { claviger } from './in-process.ts';

/** What is printed of an error, and how the command ends. */
function told(error: unknown): { status: number; text: string } {
  let text = '';
  const to = { write: (chunk: string) => ((text += chunk), true) } as unknown as NodeJS.WritableStream;
  return { status: reportFailure(error, to), text };
}

/** As Node.js makes it. */
function system(code: string, more: object = { path: '/a/b' }): Error {
  const error = new Error(`${code}: the system's own words, open '/a/b'`);
  return Object.assign(error, { code, syscall: 'open', errno: -1, ...more });
}

const CODES = [...Object.keys(constants.errno), 'ENOTFOUND', 'EAI_AGAIN'].filter(
  (code) => systemWords(code) !== null,
);

const times = (text: string, part: string): number => text.split(part).length - 1;

/** Every class that is thrown with an error of the system beneath, where it says why and where it does not. */
const WRAPPED: readonly (readonly [string, (cause: Error) => Error])[] = [
  ['a file of a command', (cause) => unreadable('/a/b', cause)],
  ['a configuration', (cause) => new ConfigError('configuration', 'cannot read /a/b', { cause })],
  [
    'a certificate',
    (cause) => new TlsError('tls-configuration', 'cannot read the certificate /a/b', { cause }),
  ],
  ['a KMS', (cause) => new EndpointError('kms', 'https://kms.example does not answer', { cause })],
  ['a store', (cause) => new StorageError('damaged', '/a/b cannot be opened', { cause })],
  ['a command', (cause) => new CliError('failed', 'it cannot be asked', undefined, { cause })],
  [
    'a command, by something of ours',
    (cause) => {
      const below = new EndpointError('kms', 'https://kms.example does not answer', { cause });
      return new CliError('failed', 'the phone has no keys', undefined, { cause: below });
    },
  ],
];

describe('R-80: an error of the system', () => {
  it('knows the usual codes', () => expect(CODES.length).toBeGreaterThan(35));

  it.each(CODES.filter((code) => code !== 'EPIPE'))('%s is told in words, with its place', (code) => {
    const { status, text } = told(system(code));
    const [first, ...hints] = text.trimEnd().split('\n');
    expect([status, first]).toEqual([1, `claviger: /a/b: ${systemWords(code)}`]);
    expect(hints.length).toBeLessThan(2);
    for (const hint of hints) expect(hint).toMatch(/^ {2}hint: [A-Z].*[.?]$/);
  });

  it.each(WRAPPED)('beneath %s is told once, whether that says so itself or not', (_, wrap) => {
    for (const code of CODES) {
      const words = systemWords(code) ?? '';
      const cause = system(code);
      const said = wrap(cause);
      const own = Object.assign(wrap(cause), { message: `${said.message.split(': ')[0]}: ${words}` });
      for (const error of [said, own]) {
        const { status, text } = told(error);
        expect([status, times(text.split('\n  hint: ')[0] ?? '', words)], text).toEqual([1, 1]);
        expect(text).not.toMatch(new RegExp(`\\b${code}\\b|own words|\\n +at |undefined`));
        expect(times(text, 'hint: ')).toBeLessThan(2);
      }
    }
  });

  it('is told once, too, where each of several says what is beneath', () => {
    const cause = system('ECONNREFUSED');
    const below = new EndpointError('kms', 'https://kms.example does not answer', { cause });
    const text = 'no keys: https://kms.example does not answer';
    const error = new CliError('failed', text, undefined, { cause: below });
    expect(told(error).text).toMatch(new RegExp(`^claviger: ${text}: nobody listens there\n`));
  });

  it('of several addresses is that of the first, with what to do', () => {
    const each = ['::1', '127.0.0.1'].map((address) => system('ECONNREFUSED', { address, port: 5 }));
    const all = Object.assign(new AggregateError(each, ''), { code: 'ECONNREFUSED', syscall: 'connect' });
    const error = new EndpointError('kms', 'https://kms.example does not answer', { cause: all });
    expect(told(error).text).toMatch(
      /^claviger: https:\/\/kms\.example does not answer: nobody listens there\n/,
    );
  });

  it('says what to do about the file, where its kind has no more to say than that it is wrong', () => {
    const missing = new ConfigError('configuration', 'cannot read /a/b', { cause: system('ENOENT') });
    expect(told(missing).text).toMatch(/\n {2}hint: Is the path right/);
    const locked = new StorageError('locked', '/a/b is in use', { cause: system('EACCES') });
    expect(told(locked).text).toMatch(/\n {2}hint: Stop that process/);
    expect(told(new ConfigError('configuration', 'wrong')).text).toMatch(/\n {2}hint: Each command takes/);
  });

  it('of a pipe whose reader has gone is not told at all', () => {
    expect(told(system('EPIPE'))).toEqual({ status: 1, text: '' });
  });
});

describe('R-80: what others say', () => {
  it('is not quoted: it may hold what they have read', () => {
    const cause = new SyntaxError('Unexpected token in "psk": "0f0f"');
    const { text } = told(new ConfigError('configuration', 'a.json is not JSON', { cause }));
    expect(text).toMatch(/^claviger: a\.json is not JSON\n/);
    expect(text).not.toContain('psk');
  });

  it.each([
    'SQLITE_FULL',
    'SQLITE_IOERR_WRITE',
    'SQLITE_READONLY',
    'SQLITE_CANTOPEN',
    'SQLITE_BUSY',
    'SQLITE_NOTADB',
  ])('of a store (%s) has a hint', (code) => {
    const { status, text } = told(Object.assign(new Error('database or disk'), { code }));
    expect(status).toBe(1);
    expect(text).toMatch(/^claviger: a store cannot be used: database or disk\n {2}hint: \S.*\n$/);
  });
});

describe('R-80: the exit code', () => {
  it.each([
    ['a command line that cannot be used', new CliError('usage', 'wrong'), 2],
    ['options of a laboratory', new LabError('options', 'wrong'), 2],
    ['an unknown option', new CommanderError(1, 'commander.unknownOption', 'unknown'), 2],
    ['--help', new CommanderError(0, 'commander.helpDisplayed', ''), 0],
    ['input that cannot be read', new CliError('input', 'wrong'), 1],
    ['a laboratory that runs', new LabError('running', 'it runs'), 1],
    ['octets that end', new BytesError('truncated', 'too short'), 1],
  ])('of %s', (_, error, expected) => {
    const { status, text } = told(error);
    expect(status).toBe(expected);
    expect(text).not.toMatch(/\n +at /);
  });

  it('of what nobody foresaw is 70, with the stack', () => {
    const { status, text } = told(new TypeError('x is not a function'));
    expect(status).toBe(70);
    expect(text).toMatch(/^claviger: unexpected failure\nTypeError: x is not a function\n +at /);
    expect(told('a text')).toEqual({ status: 70, text: 'claviger: unexpected failure\na text\n' });
  });
});

it('R-80: hints are for errors that there are', () => {
  const source = readFileSync('src/cli/failure.ts', 'utf8');
  const table = /const HINTS[^{]*\{([^]*?)\n\};/.exec(source)?.[1] ?? '';
  const kinds = [...table.matchAll(/^ {2}'(\w+) ([\w-]+)':/gm)];
  expect(kinds.length).toBeGreaterThan(30);
  const documented = readFileSync('docs/errors.md', 'utf8').split(/^## /m);
  for (const [, name = '', code = ''] of kinds) {
    const section = documented.find((each) => each.startsWith(`${name}\n`)) ?? '';
    expect(section, `${name} ${code}`).toContain(`| \`${code}\``);
  }
});

describe('R-80: a name too many', () => {
  it.each([
    [['status', 'lab'], '--state <folder> or --config <file>'],
    [['warrant', 'list', 'officer.json'], '--config <file>'],
  ])('says which option names what it is about: %s', async (args, options) => {
    const { status, err } = await claviger(...args);
    expect([status, err]).toEqual([
      2,
      `error: too many arguments for '${args.at(-2)}'. Expected 0 arguments but got 1.\n  hint: what it is about is named by ${options}\n(add --help for usage and examples)\n`,
    ]);
  });
});
