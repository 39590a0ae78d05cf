/** The command line as a person meets it: real processes, readable scripts. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { delivered, InterceptedCall } from '../lemf/call.ts';
import { vectorFile } from '../support/shared.ts';
import { buildOnce, cli } from '../support/cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-cli-'));
interface Exchange {
  readonly messages: Readonly<Record<string, { readonly message: string }>>;
  readonly csbId: number;
  readonly uri: { readonly i: string; readonly r: string };
  readonly kms: { readonly initiator: object; readonly responder: object };
  readonly keys: { readonly cryptoSessions: readonly { readonly tek: string; readonly salt: string }[] };
}

const exchange = vectorFile('exchange-1.json') as Exchange;
const iMessage1 = exchange.messages['I_MESSAGE_1']!.message;

function run(args: string[], input = ''): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { input, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
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
    ['ue', 'run'],
    ...['kms', 'cscf', 'gateway', 'admf', 'df', 'lemf'].map((entity) => [entity, 'run']),
  ])('%s %s --help explains itself', (...command) => {
    const { status, out } = run([...command, '--help']);
    expect(status).toBe(0);
    expect(out).toMatch(/Usage: claviger/);
    if (command.length > 0) expect(out).toContain('$ claviger');
  });

  it('says what is wrong with a command line and exits with a code that says so', () => {
    const { status, err } = run(['mikey', 'decode', '--jsno']);
    expect(status).not.toBe(0);
    expect(err).toMatch(/unknown option '--jsno'/);
    expect(err).toMatch(/--help/);
  });
});

describe('claviger mikey decode', () => {
  it('prints the fields of a message in base64', () => {
    const { status, out } = run(['mikey', 'decode'], iMessage1);
    expect(status).toBe(0);
    expect(out).toMatch(/^I_MESSAGE_1, \d+ octets/);
    expect(out).toContain('ID Role: IDRi (1)');
    expect(out).toContain(`CSB ID: 0x${exchange.csbId.toString(16).padStart(8, '0')}`);
  });

  it('finds the messages in SDP, in hex and in a file, and prints JSON', () => {
    const file = path.join(folder, 'message.bin');
    writeFileSync(file, Buffer.from(iMessage1, 'base64'));
    const inputs: [string[], string][] = [
      [[], `v=0\r\na=key-mgmt:mikey ${iMessage1}\r\n`],
      [[], Buffer.from(iMessage1, 'base64').toString('hex')],
      [[file], ''],
    ];
    for (const [args, input] of inputs) {
      const { out } = run(['mikey', 'decode', '--json', ...args], input);
      expect(JSON.parse(out)).toMatchObject({ name: 'I_MESSAGE_1' });
    }
  });

  it('refuses what is no message, in one line', () => {
    const cut = run(['mikey', 'decode'], Buffer.from(iMessage1, 'base64').subarray(0, 90).toString('base64'));
    expect(cut.status).toBe(1);
    expect(cut.err).toMatch(/^claviger: /);
    expect(cut.err).not.toMatch(/ {4}at /);
    expect(run(['mikey', 'decode', path.join(folder, 'absent')]).err).toMatch(/cannot read/);
    expect(run(['mikey', 'decode']).err).toMatch(/the input is empty/);
  });
});

describe('claviger ibe setup', () => {
  const setup = ['ibe', 'setup', '--district', 'https://kms.x.example/.well-known/ibe'];

  it('writes a secret that only its owner can read, never twice over', () => {
    const args = [...setup, '--n', '2048', '--out', folder];
    expect(run(args).status).toBe(0);
    expect(statSync(path.join(folder, 'district.json')).mode & 0o777).toBe(0o600);
    const again = run(args);
    expect(again.err).toMatch(/exists already/);
    expect(again.err).not.toMatch(/searching/);
  });

  it('refuses what no KMS would take before it searches', () => {
    const out = path.join(folder, 'refused');
    for (const [option, value, why] of [
      ['--n', '1000', /1000 is not one of 2048, 3072, 7680, 15360/],
      ['--n', '1024', /1024 is not one of/],
      ['--key-lifetime', '899', /too short/],
      ['--district', 'http://kms.x.example/ibe', /not an https URI/],
      ['--district', 'https://kms.\u00e9.example/ibe', /not an https URI/],
    ] as const) {
      const { status, err } = run([...setup, '--out', out, option, value]);
      expect(status).not.toBe(0);
      expect(err).toMatch(why);
      expect(err).not.toMatch(/searching/);
    }
    expect(existsSync(out)).toBe(false);
  });

  it('says why it cannot write', () => {
    const { status, err } = run([...setup, '--n', '2048', '--out', path.join(cli, 'kms1')]);
    expect(status).toBe(1);
    expect(err).toMatch(/ENOTDIR/);
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
  it('what a caller calls itself does not speak to the terminal', () => {
    const call = new InterceptedCall();
    const [hi2, hi3] = ['hi2.ber', 'hi3.ber'].map((name) => path.join(folder, name));
    const invite = call.sip('INVITE sip:bob@home2.example SIP/2.0', 'INVITE', 'fromTarget', '');
    if (invite.kind !== 'sip-message') throw new Error('no SIP');
    const text = Buffer.from(invite.sip)
      .toString()
      .replace(/From: <[^>]*>/, 'From: <urn:x\u001b[2J>');
    writeFileSync(hi2!, Buffer.concat(delivered([{ ...invite, sip: utf8(text) }])));
    writeFileSync(hi3!, '');
    const { out } = run([
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

describe('claviger get-keys', () => {
  const secrets = path.join(folder, 'secrets.json');
  const files = Object.entries(exchange.messages).map(([name, { message }]) => {
    const file = path.join(folder, `${name}.b64`);
    writeFileSync(file, message);
    return file;
  });
  writeFileSync(secrets, JSON.stringify({ home1: exchange.kms.initiator, home2: exchange.kms.responder }));

  it.each([
    ['initiator', 'home1', exchange.uri.i],
    ['responder', 'home2', exchange.uri.r],
  ])('recomputes the keys of a call from the secrets of the %s alone (R-9)', (_, home, target) => {
    const { out } = run(['get-keys', '--secrets', secrets, '--home', home, '--target', target, ...files]);
    const answer = JSON.parse(out) as {
      verified: boolean;
      cryptoSessions: { sessionKey: string; salt: string }[];
    };
    const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
    expect(answer.verified).toBe(true);
    expect(answer.cryptoSessions.map((session) => [hex(session.sessionKey), hex(session.salt)])).toEqual(
      exchange.keys.cryptoSessions.map(({ tek, salt }) => [tek, salt]),
    );
  });

  it('gives no keys for somebody who took no part, and says so', () => {
    const args = [
      'get-keys',
      '--secrets',
      secrets,
      '--home',
      'home1',
      '--target',
      'sip:mallory@home1.example',
    ];
    const { status, out, err } = run([...args, ...files]);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toEqual({ failureIndication: 'target-not-party' });
    expect(err).toMatch(/target-not-party/);
  });
});
