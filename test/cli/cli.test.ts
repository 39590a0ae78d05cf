/**
 * The command line as a person meets it. What a command says is the same in this process, where nothing has to be
 * loaded anew; what reads standard input, ends by a signal or writes into a pipe is a process of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import { buildOnce, cli, piped } from '../support/cli.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-cli-'));
/** A command in this process. */
const run = (args: readonly string[]): Promise<{ status: number; out: string; err: string }> =>
  claviger(...args);

const inFolder = ['--out', path.join(folder, 'demo-out')];

/** An audit log of more than a pipe holds. */
function longAuditLog(): string {
  const at = path.join(folder, 'audit.jsonl');
  if (existsSync(at)) return at;
  const lines: string[] = [];
  const store = { lines: () => lines, append: (line: string) => void lines.push(line) };
  const log = new HashChainLog(store, { now: () => 0, after: () => ({ cancel: () => undefined }) });
  for (let epoch = 0; epoch < 2000; epoch++) log.append({ kind: 'li-root-created', epoch });
  writeFileSync(at, lines.map((line) => `${line}\n`).join(''));
  return at;
}

beforeAll(buildOnce, 120_000);

describe('claviger', () => {
  it.each([
    [],
    ['demo'],
    ['mikey', 'decode'],
    ['get-keys'],
    ['ibe', 'setup'],
    ['lemf', 'recover'],
    ['audit', 'verify'],
    ['warrant'],
    ...['add', 'approve', 'list', 'import'].map((command) => ['warrant', command]),
    ['ue', 'run'],
    ...['kms', 'cscf', 'gateway', 'admf', 'df', 'lemf'].map((entity) => [entity, 'run']),
  ])('%s %s --help explains itself', async (...command) => {
    const { status, out } = await run([...command, '--help']);
    expect(status).toBe(0);
    expect(out).toMatch(/Usage: claviger/);
    if (command.length > 0) expect(out).toContain('$ claviger');
  });

  it('says what is wrong with a command line and exits with a code that says so', async () => {
    const { status, err } = await run(['mikey', 'decode', '--jsno']);
    expect(status).toBe(2);
    expect(err).toMatch(/unknown option '--jsno'/);
    expect(err).toMatch(/--help/);
  });

  it.each([
    ['an unknown command', ['no-such'], /unknown command/],
    ['no command', [], /Usage/],
    ['a choice that is none', ['demo', '--target', 'carol'], /choose alice, bob, both, none/],
    ['a fault that is none', ['demo', '--fault', 'sun-down=home1'], /there is no fault sun-down=home1/],
    ['times without an outage', ['demo', '--from', '5'], /none does/],
    ['times in the wrong order', ['demo', '--fault', 'df-down=home1', '--from', '5', '--to', '4'], /before/],
    ['a privileged port', ['demo', '--port-base', '80'], /not from 1024 to 64784/],
    ['a port beyond the last', ['demo', '--port-base', '64785'], /not from 1024 to 64784/],
    ['a file in place of a folder', ['demo', '--out', cli], /is not a folder/],
    ['a size that is none', ['ibe', 'setup', '--district', 'https://x/', '--out', 'x', '--n', '99'], /2048/],
  ] as const)('exits with 2 for %s', async (_, args, says) => {
    const { status, out, err } = await run([
      ...args.slice(0, 1),
      ...(args[0] === 'demo' ? inFolder : []),
      ...args.slice(1),
    ]);
    expect(err).toMatch(says);
    expect(err).not.toMatch(/ {4}at /);
    expect([status, out]).toEqual([2, '']);
  });

  it('goes quietly when nobody reads on', () => {
    const script = `"${process.execPath}" "${cli}" audit verify --print "${longAuditLog()}" | head -n 1`;
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    expect(stdout).toMatch(/li-root-created/);
    expect(stderr).toBe('');
  });
});

describe('claviger ENTITY run', () => {
  it('says in which line a configuration is no JSON, and quotes nothing of it', async () => {
    const file = path.join(folder, 'kms.json');
    writeFileSync(file, '{\n  "psk": x"0123456789abcdef"\n}\n', { mode: 0o600 });
    const { status, err } = await run(['kms', 'run', '--config', file]);
    expect(status).toBe(1);
    expect(err).toMatch(/kms\.json is not JSON/);
    expect(err).not.toMatch(/0123|psk/);
  });

  it('says all that is wrong with a configuration in YAML, and what was meant', async () => {
    const file = path.join(folder, 'lemf.yaml');
    writeFileSync(file, 'tls: { certificate: c, privateKey: k }\nfoldr: lemf\nhi2: { port: 70000 }\n');
    const { status, err } = await run(['lemf', 'run', '--config', file]);
    expect(status).toBe(1);
    for (const line of [
      'folder is missing: a string',
      'foldr: no such setting; did you mean folder?',
      'hi2.port is not a whole number from 0 to 65535',
      'tls.authorities is missing: a string',
    ])
      expect(err).toContain(`lemf.yaml: ${line}\n`);
  });

  it.each(['kms', 'lemf'])('says why it cannot read the configuration of %s', async (entity) => {
    const none = await run([entity, 'run', '--config', path.join(folder, 'none.json')]);
    expect(none.err).toMatch(/cannot read .*none\.json: .*no such file/);
    const open = path.join(folder, 'open-folder');
    if (!existsSync(open)) mkdirSync(open);
    expect((await run([entity, 'run', '--config', open])).err).toMatch(
      /cannot read .*open-folder: .*it is a folder/,
    );
  });

  it.each(['kms', 'cscf', 'admf', 'ue'])(
    'refuses a configuration of %s that others may read',
    async (entity) => {
      const file = path.join(folder, `open-${entity}.json`);
      writeFileSync(file, '{}', { mode: 0o644 });
      const { status, err } = await run([entity, 'run', '--config', file]);
      expect(status).toBe(1);
      expect(err).toMatch(/open to others: chmod 600 it/);
    },
  );
});

describe('claviger audit verify', () => {
  it('says which record is wrong', async () => {
    const file = longAuditLog();
    expect((await run(['audit', 'verify', file])).status).toBe(0);
    const lines = readFileSync(file, 'utf8').split('\n');
    const check = (changed: string[]): { status: number | null; err: string } =>
      piped(['audit', 'verify', '-'], changed.join('\n'));
    expect(check(lines.toSpliced(5, 1))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/record 5 does not continue/) as string,
    });
    expect(check(lines.with(7, '{'))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/record 7 is not JSON/) as string,
    });
    expect(check(lines.with(7, '{}'))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/record 7 is not of the form that is written/) as string,
    });
  });
});

describe('claviger lemf recover', () => {
  it('says what is wrong with a file', async () => {
    const [hi2, hi3] = ['hi2.ber', 'hi3.ber'].map((name) => path.join(folder, name));
    writeFileSync(hi2!, 'no BER at all');
    writeFileSync(hi3!, Buffer.from('3082ffff00', 'hex'));
    const { status, err } = await run([
      'lemf',
      'recover',
      '--hi2',
      hi2!,
      '--hi3',
      hi3!,
      '--out',
      path.join(folder, 'audio'),
    ]);
    expect(status).toBe(1);
    expect(err).toMatch(/hi2\.ber: 0 PDUs; .*13 octets were not read/);
    expect(err).toMatch(/hi3\.ber: 0 PDUs; .*5 octets were not read/);
    expect(err).toMatch(/no call with content/);
  });

  it.each(['hi2', 'hi3'] as const)('does not call recovered what a cut end of %s may lack', async (cut) => {
    const call = new InterceptedCall();
    const files = { hi2: delivered([...call.signalling, ...call.keys]), hi3: delivered(call.content) };
    const args = (['hi2', 'hi3'] as const).flatMap((kind) => {
      const file = path.join(folder, `${cut}-cut-${kind}.ber`);
      const octets = Buffer.concat(files[kind]);
      writeFileSync(file, kind === cut ? Buffer.concat([octets, octets.subarray(0, 20)]) : octets);
      return [`--${kind}`, file];
    });
    const { status, out, err } = await run([
      'lemf',
      'recover',
      ...args,
      '--out',
      path.join(folder, `${cut}-cut`),
    ]);
    expect(out).toContain('Every stream of the call was decrypted and decoded.');
    expect(err).toMatch(
      /the last 20 octets were not read\nclaviger: not all that was delivered could be read/,
    );
    expect(status).toBe(1);
  });
});

describe('claviger ibe setup', () => {
  const setup = ['ibe', 'setup', '--district', 'https://kms.x.example/.well-known/ibe'];

  it('writes a secret that only its owner can read, never twice over', async () => {
    const args = [...setup, '--n', '2048', '--out', folder];
    expect((await run(args)).status).toBe(0);
    expect(statSync(path.join(folder, 'district.json')).mode & 0o777).toBe(0o600);
    const again = await run(args);
    expect(again.err).toMatch(/exists already/);
    expect(again.err).not.toMatch(/searching/);
  });

  it('refuses what no KMS would take before it searches', async () => {
    const out = path.join(folder, 'refused');
    for (const [option, value, why] of [
      ['--n', '1000', /1000 is not one of 2048, 3072, 7680, 15360/],
      ['--n', '1024', /1024 is not one of/],
      ['--key-lifetime', '899', /too short/],
      ['--district', 'http://kms.x.example/ibe', /not an https URI/],
      ['--district', 'https://kms.\u00e9.example/ibe', /not an https URI/],
    ] as const) {
      const { status, err } = await run([...setup, '--out', out, option, value]);
      expect(status).not.toBe(0);
      expect(err).toMatch(why);
      expect(err).not.toMatch(/searching/);
    }
    expect(existsSync(out)).toBe(false);
  });

  it('says why it cannot write', async () => {
    const { status, err } = await run([...setup, '--n', '2048', '--out', path.join(cli, 'kms1')]);
    expect(status).toBe(1);
    expect(err).toMatch(/a part of the path is a file\n {2}hint: /);
  });

  it('shows progress, and gives up at Ctrl-C with nothing written', async () => {
    const out = path.join(folder, 'given-up');
    const child = spawn(process.execPath, [cli, ...setup, '--n', '15360', '--out', out]);
    let err = '';
    let asked = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      if (!asked && err.includes('searching p')) asked = child.kill('SIGINT');
    });
    const [status] = (await once(child, 'close')) as [number | null];
    expect(status).toBe(1);
    expect(err).toMatch(/searching p: 0 candidates in 0 s; about 1774 on average/);
    expect(err).toMatch(/was cancelled/);
    expect(existsSync(out)).toBe(false);
  });
});

describe('claviger lemf recover', () => {
  it('what a caller calls itself does not speak to the terminal', async () => {
    const call = new InterceptedCall();
    const [hi2, hi3] = ['hi2.ber', 'hi3.ber'].map((name) => path.join(folder, name));
    const invite = call.sip('INVITE sip:bob@home2.example SIP/2.0', 'INVITE', 'fromTarget', '');
    if (invite.kind !== 'sip-message') throw new Error('no SIP');
    const text = Buffer.from(invite.sip)
      .toString()
      .replace(/From: <[^>]*>/, 'From: <urn:x\u001b[2J>');
    writeFileSync(hi2!, Buffer.concat(delivered([{ ...invite, sip: utf8(text) }])));
    writeFileSync(hi3!, '');
    const { out } = await run([
      'lemf',
      'recover',
      '--hi2',
      hi2!,
      '--hi3',
      hi3!,
      '--out',
      path.join(folder, 'audio'),
    ]);
    expect(out).toContain('urn:x\ufffd[2J');
    expect(out).not.toContain('\u001b');
  });
});
