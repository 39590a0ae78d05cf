/** What the command line makes of MIKEY messages: printed, and the keys that secrets recompute from them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildOnce, cli, piped } from '../support/cli.ts';
import { vectorFile } from '../support/shared.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-mikey-'));
interface Exchange {
  readonly messages: Readonly<Record<string, { readonly message: string }>>;
  readonly csbId: number;
  readonly uri: { readonly i: string; readonly r: string };
  readonly spi: { readonly i: string };
  readonly time: { readonly unix: number };
  readonly kms: { readonly initiator: object; readonly responder: object };
  readonly keys: { readonly cryptoSessions: readonly { readonly tek: string; readonly salt: string }[] };
}

const exchange = vectorFile('exchange-1.json') as Exchange;
const iMessage1 = exchange.messages['I_MESSAGE_1']!.message;

/** A command in this process. */
const run = (args: readonly string[]): Promise<{ status: number; out: string; err: string }> =>
  claviger(...args);

beforeAll(buildOnce, 120_000);

describe('claviger mikey decode', () => {
  it('prints the fields of a message in base64', () => {
    const { status, out } = piped(['mikey', 'decode'], iMessage1);
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
      const { out } = piped(['mikey', 'decode', '--json', ...args], input);
      expect(JSON.parse(out)).toMatchObject({ name: 'I_MESSAGE_1' });
    }
  });

  it('reads every other way in which a message is pasted', () => {
    const hex = Buffer.from(iMessage1, 'base64').toString('hex');
    for (const input of [
      `mikey ${iMessage1}`,
      `key-mgmt:mikey ${iMessage1}\n`,
      `A=KEY-MGMT: mikey\t${iMessage1}  \r\n`,
      iMessage1.replace(/.{64}/g, '$&\n'),
      `0x${hex}`,
      hex.replace(/..(?=.)/g, '$&:'),
    ]) {
      const { status, out } = piped(['mikey', 'decode'], input);
      expect([status, out.split(',')[0]], input.slice(0, 30)).toEqual([0, 'I_MESSAGE_1']);
    }
  });

  it('takes all messages of a SIP file, and says which of them is broken, and what to do', () => {
    const attribute = (message: string) => `a=key-mgmt:mikey ${message}\r\n`;
    const file = `INVITE sip:b@h SIP/2.0\r\n\r\nv=0\r\n${attribute(iMessage1)}${attribute(iMessage1.slice(0, 400))}`;
    const { status, out, err } = piped(['mikey', 'decode'], file);
    expect([status, out.match(/^I_MESSAGE_1/gm)?.length]).toEqual([1, 1]);
    expect(err).toMatch(/^claviger: message 2 of 2 cannot be decoded: .*IBAKE.*\n {2}hint: /);
    for (const [input, message] of [
      [attribute(`${iMessage1.slice(0, 77)}!!`), /not whole base64/],
      [iMessage1.replace(/=*$/, '').slice(0, 401), /not whole base64/],
      ['SGVsbG8gd29ybGQh', /is not MIKEY: it begins with version 72/],
      ['a=key-mgmt:keyp1 AAAA', /no MIKEY message found/],
      ['ÿþý', /no MIKEY message found/],
    ] as const) {
      const refused = piped(['mikey', 'decode'], input);
      expect([refused.status, refused.out]).toEqual([1, '']);
      expect(refused.err).toMatch(message);
      expect(refused.err).toMatch(/\n {2}hint: /);
    }
  });

  it('ends quietly when nobody reads on', () => {
    const file = path.join(folder, 'many.sdp');
    writeFileSync(file, `a=key-mgmt:mikey ${iMessage1}\r\n`.repeat(2000));
    const command = `"${process.execPath}" "${cli}" mikey decode "${file}" | head -n 1`;
    const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(stdout).toMatch(/^I_MESSAGE_1, \d+ octets\n$/);
    expect(stderr).toBe('');
  });

  it('refuses what is no message, in one line', async () => {
    const cut = piped(
      ['mikey', 'decode'],
      Buffer.from(iMessage1, 'base64').subarray(0, 90).toString('base64'),
    );
    expect(cut.status).toBe(1);
    expect(cut.err).toMatch(/^claviger: /);
    expect(cut.err).not.toMatch(/ {4}at /);
    expect((await run(['mikey', 'decode', path.join(folder, 'absent')])).err).toMatch(/cannot read/);
    expect(piped(['mikey', 'decode'], '').err).toMatch(/the input is empty/);
  });
});

describe('claviger mikey decode of several files, and with keys', () => {
  const secrets = path.join(folder, 'districts.json');
  const key = path.join(folder, 'bob.key.json');
  const day = new Date(Math.floor(exchange.time.unix / 86_400) * 86_400_000).toISOString().slice(0, 10);
  const two = ['I_MESSAGE_1', 'R_MESSAGE_1'].map((name) => {
    const file = path.join(folder, `${name}.mikey`);
    writeFileSync(file, exchange.messages[name]!.message);
    return file;
  });
  const extract = (...more: string[]) =>
    run(['ibe', 'extract', '--secrets', secrets, '--home', 'home2', '--identity', exchange.uri.r, ...more]);

  beforeAll(async () => {
    writeFileSync(secrets, JSON.stringify({ home1: exchange.kms.initiator, home2: exchange.kms.responder }));
    const { out, status } = await extract('--at', `${day}T23:59:59Z`, '--out', key);
    expect(out.startsWith(`wrote ${key}: ${exchange.uri.r}, ${day}T00:00:00Z to `)).toBe(true);
    expect([status, statSync(key).mode & 0o777]).toEqual([0, 0o600]);
  });

  it('says whom a container is for and what it is bound to, without a key too', async () => {
    const { out } = await run(['mikey', 'decode', two[0]!]);
    expect(out).toMatch(
      new RegExp(`recipient: ${exchange.uri.r}\\n +period: ${day}T00:00:00Z\\n +district: https:`),
    );
    expect(out).toMatch(/prefix: [0-9a-f]{64}, of this message\n/);
    expect(out).not.toContain('contents:');
  });

  it('opens what is for the user of the key, and nothing else; names each file', async () => {
    const { status, out } = await run(['mikey', 'decode', '--key', key, ...two]);
    expect(status).toBe(0);
    const [ours = '', theirs = ''] = out.split(`${two[1]!}: `);
    expect(ours.startsWith(`${two[0]!}: I_MESSAGE_1, `)).toBe(true);
    expect(ours).toMatch(/contents:\n +1\. IDR:\n[^]*2\. ECCPT:\n +ECC Curve: secp256r1 \(8\)/);
    expect(ours).toContain(`SPI: ${exchange.spi.i}`);
    expect(theirs).toContain(
      'contents: not opened: none of the keys is of this recipient, period and serial',
    );
    const json = (await run(['mikey', 'decode', '--json', '--key', key, ...two])).out.trim().split('\n');
    expect(json.map((line) => (JSON.parse(line) as { file: string }).file)).toEqual(two);
  });

  it('shows that a container was moved to another message, and opens none that was changed', async () => {
    const octets = Buffer.from(iMessage1, 'base64');
    const [moved, changed] = [Buffer.from(octets), Buffer.from(octets)];
    moved[5]! ^= 1;
    changed[octets.length - 1]! ^= 1;
    const files = [moved, changed].map((each, at) => {
      const file = path.join(folder, `changed-${at}.bin`);
      writeFileSync(file, each);
      return file;
    });
    const { out } = await run(['mikey', 'decode', '--key', key, ...files]);
    const [first = '', second = ''] = out.split(files[1]!);
    expect(first).toContain('NOT OF THIS MESSAGE');
    expect(second).toContain('not opened: the key is of this recipient, and does not open it');
  });

  it('passes over SIP without MIKEY among several files, and says where there is nothing, or no message', async () => {
    const ack = path.join(folder, 'ack.sip');
    writeFileSync(ack, 'ACK sip:b@h SIP/2.0\r\n\r\n');
    expect((await run(['mikey', 'decode', ack, two[0]!])).out).toMatch(/^[^\n]*I_MESSAGE_1, /);
    expect(await run(['mikey', 'decode', ack, ack])).toMatchObject({ status: 1, out: '' });
    const broken = path.join(folder, 'broken.txt');
    writeFileSync(broken, 'ÿþý');
    expect((await run(['mikey', 'decode', two[0]!, broken])).err).toContain(
      `${broken}: no MIKEY message found`,
    );
  });

  it('refuses what is not a key, a time or an identity, quotes nothing of it, and replaces no file', async () => {
    const other = path.join(folder, 'other.key.json');
    const parts = JSON.parse(readFileSync(key, 'utf8')) as Record<string, string>;
    const decode = async (content: object | string): Promise<string> => {
      writeFileSync(other, typeof content === 'string' ? content : JSON.stringify(content));
      const { status, err } = await run(['mikey', 'decode', '--key', other, two[0]!]);
      expect(status).toBe(1);
      expect(err).toMatch(/^claviger: .*other\.key\.json[^]*hint: /);
      for (const part of Object.values(parts)) expect(err).not.toContain(part.slice(40, 60));
      return err;
    };
    await decode('not JSON');
    expect(await decode({ ...parts, privateKey: 'AAAA' })).toMatch(/BFPrivateKeyBlock/);
    expect(await decode({ ...parts, privateKey: undefined })).toMatch(/privateKey/);
    await decode({ ...parts, parameters: parts['identity'] });
    await decode({ ...parts, identity: parts['privateKey'] });
    const stranger = Buffer.from(parts['privateKey']!, 'base64');
    stranger[stranger.length - 1]! ^= 1;
    await decode({ ...parts, privateKey: stranger.toString('base64') });
    const kept = readFileSync(key, 'utf8');
    expect(await extract('--out', key)).toMatchObject({ status: 1, out: '' });
    expect(await extract('--at', 'tomorrow', '--out', other)).toMatchObject({ status: 2 });
    expect((await extract('--out', path.join(folder, 'none', 'key.json'))).status).toBe(1);
    expect(
      (
        await run([
          'ibe',
          'extract',
          '--secrets',
          secrets,
          '--home',
          'home2',
          '--identity',
          'bob',
          '--out',
          other,
        ])
      ).err,
    ).toMatch(/SIP URI/);
    expect(readFileSync(key, 'utf8')).toBe(kept);
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
  ])('recomputes the keys of a call from the secrets of the %s alone (R-9)', async (_, home, target) => {
    const { out } = await run([
      'get-keys',
      '--secrets',
      secrets,
      '--home',
      home,
      '--target',
      target,
      ...files,
    ]);
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

  it('says which homes there are, and quotes nothing of a file that is no JSON', async () => {
    const target = ['--target', exchange.uri.i, ...files];
    expect(await run(['get-keys', '--secrets', secrets, ...target])).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--home is needed\n.*It has home1, home2/) as string,
    });
    expect(await run(['get-keys', '--secrets', secrets, '--home', 'home3', ...target])).toMatchObject({
      status: 2,
      err: expect.stringMatching(/has no home3/) as string,
    });
    const broken = path.join(folder, 'broken.json');
    writeFileSync(broken, '{ "masterSecret": 0x0123456789abcdef }');
    const { status, err } = await run(['get-keys', '--secrets', broken, ...target]);
    expect(status).toBe(1);
    expect(err).toMatch(/broken\.json is not JSON.*\n {2}hint: Give the secrets\.json/);
    expect(err).not.toMatch(/0123|masterSecret/);
  });

  it('says what a target is, and takes it in any form', async () => {
    const home = path.join(folder, 'home1.json');
    writeFileSync(home, JSON.stringify(exchange.kms.initiator));
    const args = (target: string) => ['get-keys', '--secrets', home, '--target', target, ...files];
    expect((await run(args('alice'))).err).toMatch(/not a SIP URI.*\n {2}hint: /);
    const other = `${exchange.uri.i.replace('sip:', 'SIPS:')};transport=tls`;
    expect(JSON.parse((await run(args(other))).out)).toMatchObject({ verified: true });
  });

  it('gives no keys for somebody who took no part, and says so', async () => {
    const args = [
      'get-keys',
      '--secrets',
      secrets,
      '--home',
      'home1',
      '--target',
      'sip:mallory@home1.example',
    ];
    const { status, out, err } = await run([...args, ...files]);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toEqual({ failureIndication: 'target-not-party' });
    expect(err).toMatch(/target-not-party/);
  });
});
