/** A laboratory in a folder: made whole or not at all, and run as processes. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initLab } from '../../../src/lab/folder/init.ts';
import type { InitOptions } from '../../../src/lab/folder/init.ts';
import { LabFolder } from '../../../src/lab/folder/lab-folder.ts';
import { SERVICES } from '../../../src/lab/network/home.ts';
import { holdLab, isHeld, orphans, readNote } from '../../../src/lab/processes/run-note.ts';
import { Supervisor } from '../../../src/lab/processes/supervisor.ts';
import type { RestartPolicy } from '../../../src/lab/processes/supervisor.ts';
import { agencyConfig } from '../../../src/entities/admf/config-agency.ts';
import { officerConfig } from '../../../src/entities/admf/config-officer.ts';
import { admfConfig } from '../../../src/entities/admf/config.ts';
import { analystConfig } from '../../../src/entities/lemf/config-analyst.ts';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { dfConfig } from '../../../src/entities/df/config.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { mailboxConfig } from '../../../src/entities/mailbox/config.ts';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { ueConfig } from '../../../src/entities/ue/config.ts';
import { readSecretFile } from '../../../src/host/config.ts';
import { systemRandom } from '../../../src/host/runtime.ts';
import { showCertificates } from '../../../src/lab/pki/authority.ts';
import { decodeHi1Message } from '../../../src/wire/hi1/messages.ts';
import { missingShared, missingTool } from '../../support/shared.ts';
import { HI1_SCHEMA, judged } from '../../wire/hi1/support.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-lab-'));
afterAll(() => rmSync(root, { recursive: true }));
const now = Date.now();
const folder = path.join(root, 'deep', 'lab');

function init(options: Partial<InitOptions> = {}): ReturnType<typeof initLab> {
  return initLab({
    ...{ folder, homes: ['north'], portBase: 20_000, force: false, now, random: systemRandom() },
    ...options,
  });
}

function filesBelow(at: string): string[] {
  return readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

beforeAll(async () => {
  await init();
});

describe('claviger init', () => {
  it('R-93: makes configurations that entities read, whose paths work from anywhere', () => {
    const file = path.join(folder, 'north', 'df.json');
    const df = dfConfig(readSecretFile(file), file);
    expect(df.tls.certificate).toBe(path.join(folder, 'pki', 'df.north.example.pem'));
    expect(df.store).toBe(path.join(folder, 'state', 'north', 'df.db'));
    expect(readFileSync(file, 'utf8')).not.toContain(root);
    const phone = path.join(folder, 'north', 'alice.json');
    expect(ueConfig(readSecretFile(phone), phone).identity).toBe('sip:alice@north.example');
    const kms = path.join(folder, 'north', 'kms.json');
    expect(kmsConfig(readSecretFile(kms), kms).subscribers.map(({ id }) => id)).toEqual([
      ...['alice', 'carol', 'mailbox'],
    ]);
  });

  it('R-42: makes a mailbox that takes the calls of all subscribers, and that the phones of all homes know', async () => {
    const lab = path.join(root, 'two');
    await init({ folder: lab, homes: ['a', 'b'] });
    const read = (name: string): unknown => readSecretFile(path.join(lab, name));
    const { identity, folder: kept, admin } = mailboxConfig(read('b/mailbox.json'), path.join(lab, 'b/x'));
    expect([identity, kept]).toEqual(['sip:mailbox@b.example', path.join(lab, 'state', 'b', 'mailbox')]);
    expect(admin?.port).toBeGreaterThan(0);
    const { subscribers } = cscfConfig(read('b/cscf.json'), path.join(lab, 'b/x'));
    expect(subscribers.map(({ mailbox }) => mailbox?.identity)).toEqual([identity, identity, undefined]);
    const { mailboxes } = ueConfig(read('a/alice.json'), path.join(lab, 'a/x'));
    expect(mailboxes).toEqual(['sip:mailbox@a.example', identity]);
    expect(
      LabFolder.open(lab)
        .phones()
        .map(({ name }) => name),
    ).not.toContain('mailbox');
  });

  it('R-94: of before there were mailboxes has none, and works on', () => {
    const old = path.join(root, 'old');
    mkdirSync(path.join(old, 'north'), { recursive: true });
    writeFileSync(path.join(old, 'lab.json'), '{"version":1,"homes":[{"name":"north","users":[]}]}');
    for (const kind of ['kms', 'cscf', 'gateway', 'df', 'admf', 'lemf'])
      writeFileSync(path.join(old, 'north', `${kind}.json`), '{}');
    expect(
      LabFolder.open(old)
        .entities()
        .map(({ kind }) => kind),
    ).not.toContain('mailbox');
    writeFileSync(
      path.join(old, 'lab.json'),
      '{"version":1,"homes":[{"name":"north","users":[],"mailbox":true}]}',
    );
    expect(() => LabFolder.open(old).entities()).toThrow(/mailbox\.json is missing/);
  });

  it('R-93: makes officers who are admitted at the ADMF of their home, and know its door and its LEMF', () => {
    const file = path.join(folder, 'north', 'officer-1.json');
    const officer = officerConfig(readSecretFile(file), file);
    const admf = path.join(folder, 'north', 'admf.json');
    const { officers, approval } = admfConfig(readSecretFile(admf), admf);
    expect(officer.tls.certificate).toBe(path.join(folder, 'pki', 'officer-1.north.example.pem'));
    expect(officer.hosts[new URL(officer.url).host]).toBe(`127.0.0.1:${String(officers?.port)}`);
    expect(officer.lemf).toMatchObject({ hi2: { host: 'lemf.north.example' }, hi3: { port: 7513 } });
    expect(officers?.peers).toContain('officer-1.north.example');
    expect(approval).toBe('two');
  });

  it('R-93: makes an analyst who is admitted at the LEMF of their home, which recovers while it runs', () => {
    const file = path.join(folder, 'north', 'analyst.json');
    const analyst = analystConfig(readSecretFile(file), file);
    const lemf = path.join(folder, 'north', 'lemf.json');
    const { analysts, recoverInto } = lemfConfig(readSecretFile(lemf), lemf);
    expect(analyst.hosts[new URL(analyst.url).host]).toBe(`127.0.0.1:${String(analysts?.port)}`);
    expect(analysts?.peers).toEqual(['analyst.north.example']);
    expect(recoverInto).toBe(path.join(folder, 'state', 'north', 'recovered'));
  });

  it('R-93: makes an auditor and an operator who may watch each entity of their home, and nobody else who may', () => {
    for (const who of ['auditor', 'operator', 'officer-1']) {
      const file = path.join(folder, 'north', `${who}.json`);
      const { entities = [], hosts } = officerConfig(readSecretFile(file), file);
      expect(entities.map(({ kind }) => kind)).toEqual(who === 'officer-1' ? [] : SERVICES);
      for (const { kind, url } of entities) {
        const { admin } = readSecretFile(path.join(folder, 'north', `${kind}.json`)) as {
          admin: { port: number; peers: string[] };
        };
        expect(url).toBe(`https://${kind}.north.example:9464`);
        expect(hosts[new URL(url).host]).toBe(`127.0.0.1:${admin.port}`);
        expect(admin.peers).toEqual(['auditor.north.example', 'operator.north.example']);
      }
    }
  });

  it('R-91: makes an agency that the ADMF knows, and requests that it may send', () => {
    const file = path.join(folder, 'north', 'agency.json');
    const { url, hosts, tls } = agencyConfig(readSecretFile(file), file);
    const admf = path.join(folder, 'north', 'admf.json');
    const { hi1 } = admfConfig(readSecretFile(admf), admf);
    expect(hosts[new URL(url).host]).toBe(`127.0.0.1:${String(hi1?.listen.port)}`);
    expect(hi1?.agencies).toMatchObject([{ certificate: { name: 'agency.north.example' } }]);
    expect(readFileSync(tls.certificate, 'utf8')).toContain('BEGIN CERTIFICATE');
    const requests = path.join(folder, 'north', 'hi1');
    expect(readdirSync(requests).sort()).toEqual(['cancel.xml', 'extend.xml', 'list.xml', 'new.xml']);
    const octets = readdirSync(requests).map((name) => readFileSync(path.join(requests, name)));
    for (const each of octets) expect(decodeHi1Message(each).payload.kind).toBe('requests');
    if (!missingShared(HI1_SCHEMA) && !missingTool('xmllint')) expect(judged(octets)).toBe('');
  });

  it('leaves secrets to nobody but the owner', () => {
    const open = filesBelow(folder).filter((file) => (statSync(file).mode & 0o077) !== 0);
    expect(open.filter((file) => !file.endsWith('.pem'))).toEqual([]);
    expect(statSync(folder).mode & 0o077).toBe(0);
  });

  it.each([
    ['officer-1', ['officer', 'approver']],
    ['officer-2', ['officer', 'approver']],
    ['auditor', ['auditor']],
    ['operator', ['operator']],
    ['analyst', ['analyst']],
  ])('gives %s a certificate with the roles %j', (person, roles) => {
    const pem = readFileSync(path.join(folder, 'pki', `${person}.north.example.pem`), 'utf8');
    expect(showCertificates(pem, now)).toMatchObject([{ roles }]);
  });

  it.each([
    ['no home', { homes: [] }],
    ['a home twice', { homes: ['a', 'a'] }],
    ['a home with a path for a name', { homes: ['../a'] }],
    ['a home by the name of a folder of its own', { homes: ['state'] }],
    ['a name that is too long for HI2', { homes: ['northw'] }],
    ['more homes than ports', { homes: ['a', 'b', 'c', 'd', 'e'] }],
  ])('refuses %s, and makes nothing', async (_, options) => {
    const at = path.join(root, 'none', 'lab');
    await expect(init({ ...options, folder: at })).rejects.toMatchObject({ code: 'options' });
    expect(existsSync(path.join(root, 'none'))).toBe(false);
  });

  it('touches no folder with something else in it, nor another laboratory unless told to', async () => {
    const other = path.join(root, 'other');
    mkdirSync(other);
    writeFileSync(path.join(other, 'thesis.tex'), 'x');
    await expect(init({ folder: other, force: true })).rejects.toMatchObject({ code: 'folder' });
    expect(readdirSync(other)).toEqual(['thesis.tex']);
    await expect(init({ folder: path.join(other, 'thesis.tex') })).rejects.toMatchObject({ code: 'folder' });
    await expect(init()).rejects.toThrow(/already/);
    const key = path.join(folder, 'pki', 'ca.key');
    const before = readFileSync(key, 'utf8');
    writeFileSync(path.join(folder, 'thesis.tex'), 'x');
    await expect(init({ force: true })).rejects.toThrow(/thesis\.tex/);
    rmSync(path.join(folder, 'thesis.tex'));
    expect(readFileSync(key, 'utf8')).toBe(before);
    await init({ force: true });
    expect(readFileSync(key, 'utf8')).not.toBe(before);
    expect(readdirSync(path.dirname(folder))).toEqual(['lab']);
  });

  it('is not found in a folder whose note is damaged', () => {
    const damaged = path.join(root, 'damaged');
    mkdirSync(damaged);
    for (const text of [
      '',
      '[]',
      '{"version":2,"homes":[]}',
      '{"version":1,"homes":[{"name":"../x","users":[]}]}',
    ]) {
      writeFileSync(path.join(damaged, 'lab.json'), text);
      expect(() => LabFolder.open(damaged)).toThrow(/lab\.json is not/);
    }
  });
});

/** In an entity's place: says that it is ready, and does by its name what the test wants. */
const STAND_IN = `
const [, , entity] = process.argv;
const how = JSON.parse(process.env.STAND_IN)[entity] ?? '';
const again = process.env.CLAVIGER_RESTARTS;
console.error(entity + ' begins ' + how + (again === '0' ? '' : ' ' + again));
if (how === 'fails') process.exit(3);
process.on('SIGTERM', () => { console.error(entity + ' ends'); if (how !== 'hangs') process.exit(0); });
setInterval(() => undefined, 1000);
console.log('{}');
if (how === 'dies again' && again !== '0') process.exit(4);
`;

describe('claviger up', () => {
  const script = path.join(root, 'stand-in.cjs');
  let lines: string[] = [];

  beforeAll(() => writeFileSync(script, STAND_IN));

  const usual: RestartPolicy = { most: 2, firstPauseMs: 1, longestPauseMs: 2, calmMs: 60_000 };

  function supervise(how: Record<string, string> = {}, restarts = usual): Supervisor {
    process.env['STAND_IN'] = JSON.stringify(how);
    lines = [];
    return new Supervisor({
      ...{ script, restarts, note: { lab: LabFolder.open(folder), since: new Date(now).toISOString() } },
      onLine: (name, line) => lines.push(`${name}: ${line}`),
      onRestart: (line) => lines.push(`up: ${line}`),
    });
  }

  /** As somebody else would, or the system where memory is short. */
  const kill = (name: string): void => {
    const { pid = 0 } =
      readNote(LabFolder.open(folder))?.entities.find((entity) => entity.name === name) ?? {};
    process.kill(pid, 'SIGKILL');
  };

  const start = (supervisor: Supervisor): Promise<void> =>
    supervisor.start(LabFolder.open(folder).entities());

  it('R-93: starts entities in order, and stops them in the reverse order', async () => {
    const supervisor = supervise();
    await start(supervisor);
    const order = ['kms', 'lemf', 'df', 'gateway', 'cscf', 'admf', 'mailbox'].map(
      (entity) => `${entity}.north`,
    );
    expect(supervisor.names).toEqual(order);
    const note = readNote(LabFolder.open(folder));
    expect(note).toMatchObject({ state: 'ready', pid: process.pid });
    expect(note?.entities.map(({ name }) => name)).toEqual(order);
    await supervisor.stop();
    expect(lines.filter((line) => line.endsWith('ends')).map((line) => line.split(':')[0])).toEqual(
      order.toReversed(),
    );
    expect(readNote(LabFolder.open(folder))).toBeNull();
  });

  it('R-93: an entity that does not start is named, with its status and the last that it said; the others are stopped', async () => {
    const supervisor = supervise({ cscf: 'fails' });
    await expect(start(supervisor)).rejects.toThrow(/^cscf\.north ended with 3.*\n {2}cscf begins fails$/);
    expect(lines).toContain('kms.north: kms ends');
    expect(lines.filter((line) => line.startsWith('admf'))).toEqual([]);
  });

  it('R-93: an entity that ends although nobody told it to is started again, so many times, then named', async () => {
    const supervisor = supervise({ admf: 'dies again' });
    await start(supervisor);
    kill('admf.north');
    const failure = await supervisor.firstFailure();
    expect(failure).toMatchObject({ code: 'process' });
    expect(failure.message).toMatch(
      /^admf\.north ended with 4, and was started again 2 times in vain; the last that it said:\n/,
    );
    expect(lines.filter((line) => line.startsWith('admf.north: admf begins'))).toEqual([
      'admf.north: admf begins dies again',
      'admf.north: admf begins dies again 1',
      'admf.north: admf begins dies again 2',
    ]);
    await supervisor.stop();
  });

  it('R-93: … and goes on beside the others where that helps; how often it was is noted', async () => {
    const supervisor = supervise();
    await start(supervisor);
    kill('kms.north');
    await expect.poll(() => lines, { timeout: 30_000 }).toContain('up: kms.north is ready again');
    expect(lines.join('\n')).toMatch(
      /up: kms\.north ended by SIGKILL.*\n.*\nit is started again in 0\.001 s \(1 of 2 in a row, 1 in all\)/,
    );
    expect(supervisor.names).toHaveLength(7);
    const note = readNote(LabFolder.open(folder));
    expect(note?.entities.find(({ name }) => name === 'kms.north')).toMatchObject({ restarts: 1 });
    expect(note?.entities.find(({ name }) => name === 'lemf.north')).toMatchObject({ restarts: 0 });
    await supervisor.stop();
    expect(lines.filter((line) => line.endsWith(' ends'))).toHaveLength(7);
  });

  it('R-93: one that is told to end while it waits to be started again stays down', async () => {
    const supervisor = supervise({}, { ...usual, firstPauseMs: 600_000, longestPauseMs: 600_000 });
    await start(supervisor);
    kill('cscf.north');
    await expect.poll(() => lines.join(), { timeout: 30_000 }).toContain('it is started again in 600 s');
    await supervisor.stop();
    expect(lines.filter((line) => line.startsWith('cscf.north: cscf begins'))).toHaveLength(1);
  });

  it('R-93: no entity that ends because it was told to is a failure', async () => {
    const supervisor = supervise();
    await start(supervisor);
    const failed = supervisor.firstFailure();
    await supervisor.stop();
    expect(await Promise.race([failed, Promise.resolve('none')])).toBe('none');
  });

  it('R-93: one runs at a time; who comes second is told who has it', () => {
    const lab = LabFolder.open(folder);
    const held = holdLab(lab, now);
    expect(() => holdLab(lab, now)).toThrow(/runs already/);
    expect(isHeld(lab, now)).toBe(true);
    held.release();
    expect(isHeld(lab, now)).toBe(false);
  });

  it('what a killed run has left is found by what its processes are, not by their numbers alone', async () => {
    const supervisor = supervise();
    await start(supervisor);
    const lab = LabFolder.open(folder);
    expect(orphans(lab)).toHaveLength(7);
    const note = JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')) as {
      entities: { pid: number }[];
    };
    for (const entity of note.entities) entity.pid = process.pid;
    writeFileSync(path.join(folder, 'run.json'), JSON.stringify(note));
    expect(orphans(lab)).toEqual([]);
    await supervisor.stop();
  });
});
