/** `claviger demo` as its user runs it: a process of its own, with the recordings of the package. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/host/runtime.ts';
import { fromHex } from '../../src/bytes/octets.ts';
import { periodStart, publicIdentity } from '../../src/ibake/identity.ts';
import { advanceSlotKey, liSeed, slotOf } from '../../src/ibake/recoverable-secret.ts';
import { bigIntEngine } from '../../src/ibe/bigint-engine.ts';
import { planHome } from '../../src/lab/network/home.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import { REPRODUCIBLE_TIME } from '../../src/lab/network/network.ts';
import { PortBlock } from '../../src/lab/network/ports.ts';
import { compareSamples, recording, spoken } from '../../src/lab/scenarios/call.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import { COLUMNS, renderLines } from '../../src/lab/timeline.ts';
import { decodeDistrictFile } from '../../src/entities/kms/district-file.ts';
import { toBigInt } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { ownPorts } from '../support/own-ports.ts';
import type { OwnPorts } from '../support/own-ports.ts';
import { claviger, failures, filesBelow, octetsOf, pdusOf, recordsOf, temporaryFolder } from './support.ts';
import type { Finished } from './support.ts';

const folder = temporaryFolder();
const out = { plain: folder.at('plain'), debug: folder.at('debug'), kms: folder.at('kms') };
const SEED = 'a seed of the tests';
let plain: Finished;
let debug: Finished;
let kms: Finished;
let late: Finished;
let ports: OwnPorts;

beforeAll(async () => {
  await buildOnce();
  plain = await claviger('demo', '--out', out.plain);
  ports = await ownPorts();
  const seeded = ['--seed', SEED, '--port-base', String(ports.base), '--reveal-secrets', '--log', 'debug'];
  [debug, kms, late] = await Promise.all([
    claviger('demo', '--out', out.debug, '--target', 'both', ...seeded),
    claviger('demo', '--out', out.kms, '--fault', 'kms-down=home1', '--json'),
    claviger('demo', '--out', folder.at('late'), '--fault', 'df-down=home2', '--from', '60000'),
  ]);
}, 240_000);
afterAll(() => {
  ports.release();
  folder.remove();
});

const reportOf = (from: string): DemoReport =>
  JSON.parse(readFileSync(path.join(from, 'report.json'), 'utf8')) as DemoReport;

describe('claviger demo', () => {
  it('ends with 0 within 30 s, and never takes 700 MB', () => {
    expect(plain.status, plain.stderr).toBe(0);
    // What it computes and the time of the call in a row: at least what it takes on a machine with nothing else to do.
    const { dialled = 0, ended = 0 } = reportOf(out.plain).calls[0]?.times ?? {};
    const speech = recording('alice').length / 8;
    expect(plain.milliseconds).toBeGreaterThan(ended - dialled);
    expect(plain.computed).toBeGreaterThan(500);
    expect(plain.computed + speech).toBeLessThan(30_000);
    expect(plain.peak).toBeGreaterThan(0);
    expect(plain.peak).toBeLessThan(700 * 1024);
    expect(plain.stderr).toBe('');
  });

  it('tells what happened, line by line, and what was checked', () => {
    const lines = plain.stdout.split('\n');
    const line = (text: string): string => lines.find((candidate) => candidate.includes(text)) ?? '';
    expect(line('REGISTER sip:home1.example')).toMatch(
      /^ *\d+\.\d{3} s {2}alice +→ cscf\.home1 +Gm +REGISTER/,
    );
    for (const what of [
      'ActivateTaskRequest',
      '[I_MESSAGE_1]',
      '[R_MESSAGE_1]',
      '[I_MESSAGE_2]',
      '[R_MESSAGE_2]',
      'get_keys for sip:alice@home1.example',
      'get_keys_response: 2 crypto sessions',
      'decryptionKeysAvailable, CS ID 1',
      'recovered-alice.wav, recovered-bob.wav',
    ])
      expect(line(what), what).not.toBe('');
    expect(lines.filter((text) => text.startsWith('  ok  ')).length).toBeGreaterThan(6);
    expect(plain.stdout).not.toContain('FAILED');
    expect(lines.filter((text) => text.length > COLUMNS)).toEqual([]);
  });

  it('leaves what it says, and no secrets', () => {
    const names = filesBelow(out.plain).map((file) => path.relative(out.plain, file));
    for (const name of [
      ...['report.html', 'report.json'],
      ...['spoken-alice.wav', 'spoken-bob.wav', 'recovered-alice.wav', 'recovered-bob.wav'],
      ...['home1', 'home2'].flatMap((home) =>
        ['hi2.ber', 'hi3.ber', 'x2.bin', 'x3.bin'].map((file) => path.join(home, file)),
      ),
      path.join('home1', 'x1', '001-admf-kms.xml'),
      path.join('signalling', '001-alice-cscf.home1.sip'),
    ])
      expect(names).toContain(name);
    expect(names.filter((name) => /secrets|xk/.test(name))).toEqual([]);
  });

  it('R-13 R-20: both recordings last 8 s at least, differ, and are recovered whole', () => {
    const [alice, bob] = (['alice', 'bob'] as const).map((speaker) => {
      const said = decodeWav(octetsOf(out.plain, `spoken-${speaker}.wav`));
      expect(compareSamples(said, spoken(recording(speaker)))).toMatchObject({ equal: true });
      expect(said.length).toBeGreaterThanOrEqual(8 * 8000);
      const recovered = decodeWav(octetsOf(out.plain, `recovered-${speaker}.wav`));
      expect(compareSamples(recovered, said)).toMatchObject({ equal: true });
      return said;
    });
    expect(compareSamples(alice!, bob!).equal).toBe(false);
  });

  it('has on record what it told, to the end: every line, every SIP message, every X1 document', () => {
    const { timeline } = reportOf(out.plain);
    const [printed = ''] = plain.stdout.split('\nWhat was checked');
    expect(timeline.flatMap(renderLines).join('\n').trim()).toEqual(printed.trim());
    expect(timeline.map(({ what }) => what)).toContain('DeactivateTaskRequest');
    const names = (folderName: string): string[] =>
      readdirSync(path.join(out.plain, folderName))
        .sort()
        .map((name) => name.replace(/^\d+-/, ''));
    const lines = (points: string[], form: (from: string, to: string) => string): string[] =>
      timeline.flatMap(({ reference, from, to }) => (points.includes(reference) ? [form(from, to)] : []));
    expect(names('signalling')).toEqual(lines(['Gm', 'Mw'], (from, to) => `${from}-${to}.sip`));
    const entity = (name: string): string => name.replace('.home1', '');
    expect(names('home1/x1')).toEqual(lines(['X1'], (from, to) => `${entity(from)}-${entity(to)}.xml`));
  });

  it('reports the call, its crypto sessions and the checks with what was measured', () => {
    const report = reportOf(out.plain);
    expect(failures(report)).toEqual([]);
    expect(report.passed).toBe(true);
    expect(report.calls).toHaveLength(1);
    const [call] = report.calls;
    expect(call).toMatchObject({ target: 'sip:alice@home1.example', role: 'initiator' });
    expect(call?.callId).toMatch(/\S/);
    expect(call?.icid).toMatch(/\S/);
    expect(call?.millisecondsToKeyRecord).toBeGreaterThan(0);
    const packets = (speaker: 'alice' | 'bob'): number => Math.ceil(recording(speaker).length / 160);
    expect(call?.cryptoSessions.map((each) => [each.csId, each.packets])).toEqual([
      [1, packets('alice')],
      [2, packets('bob')],
    ]);
    expect(call?.cryptoSessions.every(({ ssrc }) => ssrc > 0)).toBe(true);
    expect(report.checks.every(({ detail }) => detail !== '')).toBe(true);
  });

  it('R-93: counts what went over each reference point as the files have it', () => {
    const { links, warrants } = reportOf(out.plain);
    const count = (reference: string, from: string): number =>
      links.find((link) => link.reference === reference && link.from === from)?.count ?? 0;
    const [x2, x3] = (['x2', 'x3'] as const).map((reference) => pdusOf(out.plain, 'home1', reference).length);
    expect([count('X2', 'cscf.home1'), count('X3', 'gateway.home1')]).toEqual([x2, x3]);
    expect(count('HI3', 'df.home1')).toBe(x3);
    expect(count('media', 'alice') + count('media', 'bob')).toBe(x3);
    expect(
      links.filter(({ from, reference }) => from.endsWith('.home2') && /^(?:X[23k]|HI)/.test(reference)),
    ).toEqual([]);
    expect(warrants).toEqual([{ liid: 'LIID-ALICE', target: 'sip:alice@home1.example', home: 'home1' }]);
  });

  it('R-93: names at its end a page that has the checks and the audio of the run', () => {
    expect(plain.stdout.trimEnd().split('\n').at(-1)).toContain(`${out.plain}/report.html`);
    const page = readFileSync(path.join(out.plain, 'report.html'), 'utf8');
    for (const file of ['spoken-alice', 'spoken-bob', 'recovered-alice', 'recovered-bob'])
      expect(page).toContain(`base64,${Buffer.from(octetsOf(out.plain, `${file}.wav`)).toString('base64')}"`);
    const { checks } = reportOf(out.plain);
    expect(page.match(/ passed<\/td>/g)).toHaveLength(checks.length);
    for (const { detail } of checks) expect(page).toContain(detail);
    expect(page).toContain(`${checks.length} of ${checks.length} checks passed`);
    expect(readFileSync(path.join(out.kms, 'report.html'), 'utf8')).toContain('kms-down=home1');
  });

  it('R-30: with the KMS down for the whole call, the failure is on record, and the keys follow when it is back', () => {
    expect(kms.status, kms.stderr).toBe(0);
    expect((JSON.parse(kms.stdout) as DemoReport).checks).toEqual(reportOf(out.kms).checks);
    const records = recordsOf(out.kms, 'home1', 'hi2.ber');
    const failed = records.findIndex(({ mediaSecFailure }) => mediaSecFailure === 0);
    const keyed = records.findIndex(({ keys }) => keys !== undefined);
    expect(records.filter(({ mediaSecFailure }) => mediaSecFailure !== undefined)).toHaveLength(1);
    expect(failed).toBeGreaterThan(0);
    expect(keyed).toBeGreaterThan(failed);
    expect(reportOf(out.kms).calls[0]?.recovery.map(({ recovered }) => recovered)).toEqual([true]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it at once; of keys and state nothing stays', async (signal, code) => {
    const temporary = folder.at(signal);
    mkdirSync(temporary);
    const args = [cli, 'demo', '--out', folder.at(`${signal}-out`)];
    const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: temporary } });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        if (text.includes('REGISTER')) resolve();
      });
    });
    expect(readdirSync(temporary)).toHaveLength(1);
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('says that a fault came too late to show anything', () => {
    expect(late.status).toBe(1);
    expect(late.stdout).toMatch(/FAILED {2}df\.home2 was down during the call: the call ended \d+\.\d+ s/);
  });

  it('refuses a folder that holds other things, a fault and a target that do not exist', async () => {
    const runs = await Promise.all([
      claviger('demo', '--out', folder.path),
      claviger('demo', '--out', folder.at('x'), '--fault', 'kms-down=home3'),
      claviger('demo', '--out', folder.at('x'), '--target', 'carol'),
      claviger('demo', '--out', folder.at('x'), '--from', '5', '--to', '4'),
    ]);
    for (const { status, stderr } of runs) {
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/\S/);
      expect(stderr).not.toContain('    at ');
    }
    expect(existsSync(path.join(out.plain, 'report.json'))).toBe(true);
  });
});

describe('secrets', () => {
  interface XkFile {
    readonly response: { readonly cryptoSessions: readonly { sessionKey: string; salt: string }[] };
  }

  /** What nobody may read anywhere, by name. */
  function secrets(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    const random = seededRandom(SEED, 'plan');
    const block = new PortBlock(20_000, createServer(), '127.0.0.1');
    const revealed = JSON.parse(readFileSync(path.join(out.debug, 'secrets.json'), 'utf8')) as Record<
      HomeName,
      Record<string, unknown>
    >;
    for (const [home, user] of [
      ['home1', 'alice'],
      ['home2', 'bob'],
    ] as const) {
      const [subscriber] = planHome(home, [user], block, random).subscribers;
      found.set(`PSK of ${user}`, fromHex(subscriber?.psk ?? ''));
      found.set(`password of ${user}`, fromHex(subscriber?.password ?? ''));
      const { district, keyLifetime, serial, liRoot } = decodeDistrictFile(revealed[home]);
      if (liRoot === null) throw new Error('no LI root was revealed');
      found.set(`master secret of ${home}`, serial.masterSecret.expose());
      found.set(`LI root of ${home}`, liRoot.expose());
      const now = REPRODUCIBLE_TIME / 1000;
      const period = periodStart(now, keyLifetime);
      const identity = publicIdentity(`sip:${user}@${home}.example`, period, {
        district,
        serial: serial.serial,
      });
      const master = toBigInt(serial.masterSecret.expose());
      const point = bigIntEngine().extract(serial.bf, master, identity);
      found.set(`private key of ${user}`, fromHex(point.x.toString(16).padStart(384, '0')));
      const seed = liSeed(liRoot, identity);
      let key = Secret.of(seed.expose().slice());
      for (let slot = 0; slot <= slotOf(now, period) + 2; slot++) {
        found.set(`slot key ${slot} of ${user}`, key.expose().slice());
        key = advanceSlotKey(key, 1);
      }
    }
    return found;
  }

  function sessionKeys(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const file of filesBelow(out.debug).filter((name) => /xk.\d+\.json$/.test(name))) {
      const { response } = JSON.parse(readFileSync(file, 'utf8')) as XkFile;
      response.cryptoSessions.forEach(({ sessionKey, salt }, at) => {
        found.set(`key ${at} of ${file}`, new Uint8Array(Buffer.from(sessionKey, 'base64')));
        found.set(`salt ${at} of ${file}`, new Uint8Array(Buffer.from(salt, 'base64')));
      });
    }
    return found;
  }

  /** A secret in every form in which it might be written. */
  function forms(octets: Uint8Array): Buffer[] {
    const buffer = Buffer.from(octets);
    const hex = buffer.toString('hex');
    const texts = [
      hex,
      hex.toUpperCase(),
      buffer.toString('base64').replace(/=+$/, ''),
      buffer.toString('base64url'),
    ];
    const list = JSON.stringify([...buffer]).slice(1, -1);
    const named = JSON.stringify(Object.fromEntries(buffer.entries())).slice(1, -1);
    return [
      buffer,
      ...[...texts, list, named, BigInt(`0x${hex}`).toString()].map((text) => Buffer.from(text)),
    ];
  }

  function expectNowhere(searched: Map<string, Buffer>, sought: Map<string, Uint8Array>): void {
    for (const [name, octets] of sought) {
      const written = forms(octets);
      for (const [where, content] of searched) {
        expect(
          written.some((form) => content.includes(form)),
          `${name} in ${where}`,
        ).toBe(false);
      }
    }
  }

  it('the run that reveals them logs at debug level, and passes', () => {
    expect(debug.status, debug.stderr.slice(-2000)).toBe(0);
    expect(failures(reportOf(out.debug))).toEqual([]);
    const lines = debug.stderr.split('\n').filter(Boolean);
    const levels = lines.map((line) => (JSON.parse(line) as { level: number }).level);
    expect(levels.length).toBeGreaterThan(5);
    expect(levels.filter((level) => level >= 50)).toEqual([]);
  });

  it('are in no log, no timeline and nothing that is left for everybody', () => {
    const revealing = /(secrets\.json|xk.\d+\.json|hi2\.ber)$/;
    const searched = new Map<string, Buffer>([
      ['stdout', Buffer.from(debug.stdout)],
      ['stderr', Buffer.from(debug.stderr)],
      ...filesBelow(out.debug)
        .filter((file) => !revealing.test(file))
        .map((file): [string, Buffer] => [file, readFileSync(file)]),
    ]);
    expect(searched.size).toBeGreaterThan(80);
    const keys = sessionKeys();
    expect(keys.size).toBeGreaterThanOrEqual(8);
    expectNowhere(searched, new Map([...secrets(), ...keys]));
  });

  it('on HI2 are session keys and salts, and nothing that they are made from', () => {
    for (const home of ['home1', 'home2'] as const) {
      const file = path.join(out.debug, home, 'hi2.ber');
      const content = readFileSync(file);
      const own = [...sessionKeys()].filter(([name]) => name.includes(`${path.sep}${home}${path.sep}`));
      expect(own.length).toBeGreaterThan(0);
      for (const [name, octets] of own) expect(content.includes(Buffer.from(octets)), name).toBe(true);
      expectNowhere(new Map([[file, content]]), secrets());
    }
  });
});
