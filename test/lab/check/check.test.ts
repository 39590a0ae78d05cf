/** What `claviger config check` finds, in a laboratory in which one thing at a time is wrong. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { dfConfig } from '../../../src/entities/df/config.ts';
import { readSecretFile } from '../../../src/host/config.ts';
import { systemRandom } from '../../../src/host/runtime.ts';
import { checkConfigurations } from '../../../src/lab/check/check.ts';
import type { GivenFile } from '../../../src/lab/check/configurations.ts';
import { issueInto, openAuthority, revokeIn, validityFrom } from '../../../src/lab/pki/folder.ts';
import { initLab } from '../../../src/lab/folder/init.ts';
import { LabFolder } from '../../../src/lab/folder/lab-folder.ts';
import { HostMap } from '../../../src/net/hosts.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-check-'));
const folder = path.join(root, 'lab');
const now = Date.now();
const DAY_MS = 86_400_000;
let all: GivenFile[] = [];
const HI1 = {
  listen: { address: '127.0.0.1', port: 20_000 },
  endpoint: { country: 'XX', identifier: 'b' },
  agencies: [],
  delivery: {},
};
const changed = new Map<string, string>();

beforeAll(async () => {
  const homes = ['a', 'b'];
  await initLab({ folder, homes, portBase: 20_000, force: false, now, random: systemRandom() });
  const lab = LabFolder.open(folder);
  all = [...lab.entities(), ...lab.phones(), ...lab.people()];
});
afterEach(() => {
  for (const [file, text] of changed) writeFileSync(file, text);
  changed.clear();
});
afterAll(() => rmSync(root, { recursive: true }));

const at = (name: string): string => path.join(folder, name);

/** Sets one setting of a file, e.g. `xk.url`. */
function set(name: string, setting: string, value: unknown): void {
  const text = readFileSync(at(name), 'utf8');
  if (!changed.has(at(name))) changed.set(at(name), text);
  const json = JSON.parse(text) as Record<string, unknown>;
  const steps = setting.split('.');
  const last = steps.pop() ?? '';
  let holder: Record<string, unknown> = json;
  for (const step of steps) holder = holder[step] as Record<string, unknown>;
  holder[last] = value;
  writeFileSync(at(name), JSON.stringify(json));
}

/** What is found, without the folder. */
function found(files = all, complete = true, time = now): string[] {
  const { findings } = checkConfigurations(files, complete, time);
  return findings.map(({ file, severity, text }) =>
    `${file}: ${severity}: ${text}`.replaceAll(`${folder}/`, '').replace(/\/\S*lab\//g, ''),
  );
}

describe('claviger config check', () => {
  it('R-93: databases that cannot be entered, or are shared by who may not', () => {
    const database = { engine: 'postgresql', host: '127.0.0.1', name: 'd', user: 'u', instance: 'one' };
    set('a/kms.json', 'database', database);
    expect(found()).toEqual([]);
    set('b/kms.json', 'database', { ...database, passwordFile: 'absent' });
    expect(found()).toEqual([
      expect.stringMatching(/^b\/kms.json: error: database: cannot read \S*absent/),
      'b/kms.json: error: database.instance: one is also that of a/kms.json',
      'b/kms.json: error: database.schema: claviger_kms has the district of a/kms.json: one each',
    ]);
  });

  it('R-93: … such as the DFs of two homes', () => {
    const database = { engine: 'postgresql', host: '127.0.0.1', name: 'd', user: 'u' };
    for (const home of ['a', 'b']) {
      set(`${home}/df.json`, 'store', undefined);
      set(`${home}/df.json`, 'x1.store', undefined);
      set(`${home}/df.json`, 'database', { ...database, instance: home });
    }
    expect(found()).toEqual([
      'b/df.json: error: database.schema: claviger_df has the deliveries of a/df.json: one each',
    ]);
    const streams = { servers: ['127.0.0.1:4222'], name: 'df1' };
    set('a/df.json', 'streams', streams);
    expect(found()).toContain(
      'b/df.json: error: streams.partitions: one process has all calls, but calls are in 8 in a/df.json, of one database',
    );
    set('b/df.json', 'streams', { ...streams, partitions: 8 });
    expect(found()).toHaveLength(1);
  });

  it('R-93: finds nothing wrong with what claviger init makes', () => {
    expect(found()).toEqual([]);
  });

  it('R-93: says what a laboratory of an earlier version lacks: whom its people may watch, and who admits them', () => {
    const before = (name: string): Record<string, unknown> =>
      JSON.parse(readFileSync(at(name), 'utf8')) as Record<string, unknown>;
    const { entities, hosts } = before('a/auditor.json') as {
      entities: object[];
      hosts: Record<string, string>;
    };
    const { address, port } = before('a/kms.json')['admin'] as { address: string; port: number };
    set('a/auditor.json', 'entities', undefined);
    set('a/kms.json', 'admin', { address, port });
    const [forKms, forAuditor, ...others] = found();
    expect(forKms).toBe(
      'a/kms.json: warning: admin.peers: nobody is admitted who could be shown it; add ["auditor.a.example","operator.a.example"] (it asks Prometheus for a certificate, too, then)',
    );
    const [, added = ''] =
      /^a\/auditor\.json: warning: entities: none is named.*; add (\{.*\})$/.exec(forAuditor ?? '') ?? [];
    const suggested = JSON.parse(added) as { entities: object[]; hosts: Record<string, string> };
    expect(suggested.entities).toEqual(entities);
    expect(hosts).toMatchObject(suggested.hosts);
    // Whom the ADMF asks for needs none.
    set('a/admf.json', 'officers.entities', entities);
    expect(found().filter((text) => text.includes('none is named'))).toEqual([]);
    // The operator is refused there.
    expect(others.every((text) => text.startsWith('a/kms.json: error: admin.peers'))).toBe(true);
  });

  it('R-93: … in which no CSCF asks DNS for another of the laboratory', () => {
    for (const [own, peer] of [
      ['a', 'cscf.b.example'],
      ['b', 'cscf.a.example'],
    ] as const) {
      const file = at(`${own}/cscf.json`);
      const { peers, hosts } = cscfConfig(readSecretFile(file), file);
      expect(peers.map(({ cscf }) => cscf.host)).toEqual([peer]);
      expect(new HostMap(hosts).resolve(peer, 0).address).toBe('127.0.0.1');
    }
  });

  it.each([
    [
      'links to others',
      [
        ['a/df.json', 'xk.url', 'https://kms.b.example:8443'],
        ['a/admf.json', 'elements.0.identifier', 'kms.x'],
        ['a/admf.json', 'x2x3.host', 'df.b.example'],
        ['a/cscf.json', 'iq.url', 'https://gateway.b.example'],
        ['a/cscf.json', 'peers.0.domain', 'c.example'],
        ['a/lemf.json', 'hi2.peers', ['df.b.example']],
        ['b/df.json', 'xk.url', 'https://kms.b.example'],
        ['b/df.json', 'x1.admf.identifier', 'admf.x'],
        ['b/admf.json', 'elements.0.kind', 'df'],
      ],
      [
        'b/kms.json: error: xk.peers: df.a.example of a/df.json is not admitted',
        'a/admf.json: error: elements[0].identifier is kms.x, but a/kms.json calls itself kms.a.example',
        'b/df.json: error: x2x3.peers: cscf.a.example of a/cscf.json is not admitted',
        'b/gateway.json: error: control.peers: cscf.a.example of a/cscf.json is not admitted',
        'a/cscf.json: error: peers[0].domain is c.example, but b/cscf.json serves b.example',
        'a/lemf.json: error: hi2.peers: df.a.example of a/df.json is not admitted',
        'b/df.json: error: xk.url leads to users of b/kms.json, not to xk of a kms',
        'b/df.json: error: x1.admf.identifier is admf.x, but b/admf.json calls itself admf.b.example',
        'b/admf.json: error: elements[0].url leads to x1 of b/kms.json, not to x1.listen of a df',
      ],
    ],
    [
      'ports, state and hosts',
      [
        ['a/df.json', 'x2x3.port', 20_000],
        ['a/df.json', 'store', '../state/a/admf.db'],
        ['b/df.json', 'store', 'none/df.db'],
        ['b/df.json', 'hosts', {}],
        ['a/gateway.json', 'media.to', 20_188],
        ['b/admf.json', 'officers.port', 20_000],
        ['b/admf.json', 'hi1', HI1],
      ],
      [
        'b/admf.json: error: officers: port 20000 (tcp) of 127.0.0.1: so has users of a/kms.json',
        'b/admf.json: error: hi1.listen: port 20000 (tcp) of 127.0.0.1: so has users of a/kms.json',
        'a/df.json: error: x2x3: port 20000 (tcp) of 127.0.0.1: so has users of a/kms.json',
        'a/admf.json: error: store: state/a/admf.db is also store of a/df.json',
        'b/df.json: error: store: there is no folder b/none',
        'b/df.json: error: xk.url leads to kms.b.example:8443, where nobody of these listens',
        'a/alice.json: error: media: ports 20176 to 20188 (udp) of 127.0.0.1: so has media of a/gateway.json',
      ],
    ],
    [
      'certificates and names',
      [
        ['a/df.json', 'x1.identifier', 'df.x'],
        ['a/gateway.json', 'tls.privateKey', '../pki/ca.key'],
        ['a/lemf.json', 'tls.certificate', '../pki/none.pem'],
        ['b/lemf.json', 'tls.certificate', '../pki/df.b.example.pem'],
        ['b/lemf.json', 'tls.privateKey', '../pki/df.b.example.key'],
      ],
      [
        'a/df.json: error: tls: the own certificate is for df.a.example, not for df.x: mend the name in the configuration, or get a certificate for it',
        'a/gateway.json: error: tls: pki/gateway.a.example.pem: the private key belongs to another certificate',
        'a/lemf.json: error: tls: cannot read the certificate file pki/none.pem: there is no such file or folder',
        'b/lemf.json: error: tls: the own certificate does not have the role lemf (urn:claviger:role:lemf, or a row in tls.roles)',
      ],
    ],
    [
      'phones',
      [
        ['a/alice.json', 'kms.credential', 'mallory'],
        ['a/carol.json', 'kms.psk', '00'.repeat(32)],
        ['b/bob.json', 'cscf.password', 'x'],
        ['b/dave.json', 'authorities', 'dave.json'],
      ],
      [
        'a/alice.json: error: kms.credential: a/kms.json has none of that name',
        'a/carol.json: error: kms.psk is not the one that a/kms.json has',
        'b/bob.json: error: cscf.password is not the one that b/cscf.json has',
        'b/dave.json: error: authorities: b/dave.json holds no certificate',
      ],
    ],
    [
      'agencies',
      [
        ['a/agency.json', 'receiver', { country: 'XX', identifier: 'ACTOR09' }],
        ['a/agency.json', 'sender', { country: 'XX', identifier: 'ACTOR09' }],
        ['b/agency.json', 'tls.certificate', '../pki/agency.a.example.pem'],
        ['b/agency.json', 'tls.privateKey', '../pki/agency.a.example.key'],
      ],
      [
        'a/agency.json: error: sender: a/admf.json does not take it from this certificate',
        'a/agency.json: error: receiver: a/admf.json calls itself XX ACTOR02',
        'b/admf.json: error: hi1.agencies: agency.a.example of b/agency.json is none of them',
      ],
    ],
    [
      'officers',
      [
        ['a/admf.json', 'officers.peers', ['officer-1.a.example', 'auditor.a.example', 'kms.a.example']],
        ['a/auditor.json', 'hosts', {}],
        ['b/df.json', 'admin.peers', ['operator.b.example']],
        ['a/operator.json', 'url', 'https://admf.a.example'],
        ['a/operator.json', 'colour', 'red'],
        ['b/officer-1.json', 'url', 'https://admf.b.example'],
        ['b/officer-1.json', 'hosts', { 'admf.b.example:443': '127.0.0.1:20000' }],
        ['b/officer-2.json', 'tls.certificate', '../pki/kms.b.example.pem'],
        ['b/officer-2.json', 'tls.privateKey', '../pki/kms.b.example.key'],
        ['b/lemf.json', 'analysts.peers', ['officer-1.b.example']],
      ],
      [
        'a/admf.json: error: officers.peers: officer-2.a.example of a/officer-2.json is not admitted',
        'b/admf.json: error: officers.peers: kms.b.example of b/officer-2.json is not admitted',
        'b/lemf.json: error: analysts.peers: analyst.b.example of b/analyst.json is not admitted',
        'b/df.json: error: admin.peers: auditor.b.example of b/auditor.json is not admitted',
        'a/operator.json: error: colour: no such setting',
        'b/officer-1.json: error: url leads to users of a/kms.json, not to officers of an admf',
      ],
    ],
  ] as const)('R-93: finds what is wrong with %s', (_, settings, findings) => {
    for (const [name, setting, value] of settings) set(name, setting, value);
    expect(found()).toEqual(expect.arrayContaining([...findings]));
  });

  it('R-93: finds entities that an ADMF looks at for people, and that do not admit it', () => {
    const settings = (name: string) =>
      JSON.parse(readFileSync(at(name), 'utf8')) as { hosts: object; admin: { peers: string[] } };
    set('a/admf.json', 'hosts', { ...settings('a/admf.json').hosts, ...settings('a/auditor.json').hosts });
    set('a/admf.json', 'officers.entities', [{ kind: 'df', url: 'https://df.a.example:9464' }]);
    expect(found()).toEqual(['a/df.json: error: admin.peers: admf.a.example of a/admf.json is not admitted']);
    set('a/df.json', 'admin.peers', [...settings('a/df.json').admin.peers, 'admf.a.example']);
    expect(found()).toEqual([]);
    // Who names none sees these.
    set('a/auditor.json', 'entities', undefined);
    expect(found()).toEqual([]);
  });

  it('R-93: takes roles that a table says for those that certificates of elsewhere do not', async () => {
    const authority = await openAuthority(at('pki'));
    const validity = validityFrom(now, 100, authority);
    for (const name of ['df', 'officer-1']) {
      const subject = { commonName: `${name}.b.example`, dnsNames: [`${name}.b.example`], roles: [] };
      mkdirSync(at('pki/other'), { recursive: true });
      const files = await issueInto(at('pki/other'), authority, subject, validity);
      set(`b/${name}.json`, 'tls.certificate', files.certificate);
      set(`b/${name}.json`, 'tls.privateKey', files.privateKey);
    }
    expect(found()).toEqual([
      'b/kms.json: error: xk.peers: df.b.example of b/df.json is not admitted',
      expect.stringMatching(/^b\/df\.json: error: tls: .* does not have the role df: .*tls\.roles$/),
      'b/admf.json: error: officers.peers: officer-1.b.example of b/officer-1.json is not admitted',
      'b/lemf.json: error: hi2.peers: df.b.example of b/df.json is not admitted',
      'b/lemf.json: error: hi3.peers: df.b.example of b/df.json is not admitted',
    ]);
    const df = [{ san: 'df.b.example', roles: ['df'] }];
    for (const by of ['kms', 'df', 'lemf']) set(`b/${by}.json`, 'tls.roles', df);
    // Another's table counts for nothing.
    set('a/admf.json', 'tls.roles', [{ san: 'officer-1.b.example', roles: ['officer'] }]);
    expect(found()).toEqual([expect.stringMatching(/^b\/admf\.json: error: officers\.peers: officer-1/)]);
    set('b/admf.json', 'tls.roles', [{ san: 'officer-1.b.example', roles: ['officer'] }]);
    expect(found()).toEqual([]);
  });

  it('R-14: of a LEMF that asks the KMS itself tells whether the KMS lets it', () => {
    const { xk, hosts } = dfConfig(readSecretFile(at('a/df.json')), at('a/df.json'));
    set('a/lemf.json', 'xk', { url: xk.url, hosts });
    expect(found()).toEqual(['a/kms.json: error: xk.lemfs: lemf.a.example of a/lemf.json is not among them']);
    set('a/kms.json', 'xk.lemfs', ['lemf.a.example']);
    expect(found()).toEqual([]);
    set('a/lemf.json', 'xk.url', 'https://kms.a.example:1');
    expect(found()).toEqual([
      'a/lemf.json: error: xk.url leads to kms.a.example:1, where nobody of these listens',
    ]);
  });

  it('R-14: claviger init makes a laboratory whose LEMFs may ask, if told so', async () => {
    const lab = path.join(path.dirname(folder), 'asking');
    const options = { homes: ['a'], portBase: 20_000, force: false, now, random: systemRandom() };
    await initLab({ ...options, folder: lab, lemfsAsk: true });
    const files = ['kms', 'lemf'].map((name) => ({ file: path.join(lab, 'a', `${name}.json`) }));
    expect(checkConfigurations(files, false, now).findings.filter(({ text }) => text.includes('xk'))).toEqual(
      [],
    );
    const [kms, lemf] = files.map(({ file }) => JSON.parse(readFileSync(file, 'utf8')) as { xk: unknown });
    expect([kms?.xk, lemf?.xk]).toMatchObject([
      { lemfs: ['lemf.a.example'] },
      { url: 'https://kms.a.example:8443' },
    ]);
  });

  it('R-93: tells all that is wrong at once', () => {
    set('a/df.json', 'xk.url', 'https://kms.a.example');
    set('b/bob.json', 'cscf.username', 'x');
    set('b/lemf.json', 'foldr', 'x');
    expect(found()).toEqual([
      'a/df.json: error: xk.url leads to users of a/kms.json, not to xk of a kms',
      'b/lemf.json: error: foldr: no such setting; did you mean folder?',
      'b/bob.json: error: cscf.username is not the one that b/cscf.json has',
      expect.stringMatching(/^b\/analyst\.json: warning: url leads to .*, where nobody of these listens$/),
      'b/auditor.json: warning: entities[5].url leads to 127.0.0.1:20046, where nobody of these listens',
      'b/operator.json: warning: entities[5].url leads to 127.0.0.1:20046, where nobody of these listens',
    ]);
  });

  it('R-93: warns of certificates that end within 30 days, and refuses those that have ended', () => {
    const df = [{ file: at('a/df.json') }];
    const soon = found(df, false, now + 340 * DAY_MS).filter((text) => text.includes('tls'));
    expect(soon).toEqual([expect.stringMatching(/warning: tls: .*pem ends in 2[45] days/)]);
    expect(found(df, false, now + 366 * DAY_MS)).toContainEqual(
      expect.stringMatching(/^a\/df\.json: error: tls: .*in force from/),
    );
  });

  it('R-95: of a laboratory with an intermediate authority finds nothing, and then who is revoked', async () => {
    const lab = path.join(path.dirname(folder), 'revoking');
    const options = { homes: ['a'], portBase: 20_000, force: false, now, random: systemRandom() };
    await initLab({ ...options, folder: lab, intermediate: true, revocation: true });
    const files = ['df', 'kms', 'cscf', 'alice'].map((name) => ({
      file: path.join(lab, 'a', `${name}.json`),
    }));
    const tls = (): string[] =>
      checkConfigurations(files, false, now).findings.flatMap(({ severity, text }) =>
        /tls|revo|authorit/.test(text) ? `${severity}: ${text}` : [],
      );
    expect(tls()).toEqual([]);
    await revokeIn(path.join(lab, 'pki'), [path.join(lab, 'pki', 'df.a.example.pem')], { days: 5, now });
    expect(tls()).toEqual([expect.stringMatching(/^error: tls: .*CN=df\.a\.example is revoked/)]);
    const later = checkConfigurations(files, false, now + 4 * DAY_MS).findings;
    const ended = later.flatMap(({ file, text }) =>
      text.includes('the revocation list') ? [path.basename(file, '.json')] : [],
    );
    expect(ended).toEqual(['kms', 'cscf', 'alice']);
    writeFileSync(path.join(lab, 'pki', 'crl.pem'), 'nothing');
    expect(tls()).toHaveLength(4);
    rmSync(lab, { recursive: true });
  });

  it('R-93: warns of what key requests go by before it ends, at KMS, mailbox and phone, and refuses what has ended', async () => {
    const lab = path.join(path.dirname(folder), 'certified');
    const options = { homes: ['a'], portBase: 20_000, force: false, now, random: systemRandom() };
    await initLab({ ...options, folder: lab, phoneCertificates: true, revocation: true });
    const given = ['kms', 'mailbox', 'alice'].map((name) => path.join(lab, 'a', `${name}.json`));
    const own = path.join(lab, 'pki', 'phones.pem');
    const kms = JSON.parse(readFileSync(given[0] ?? '', 'utf8')) as { certificates: object };
    const lists = { certificates: { ...kms.certificates, revocationLists: [own] } };
    writeFileSync(given[0] ?? '', JSON.stringify({ ...kms, ...lists }), { mode: 0o600 });
    const { file } = await revokeIn(path.join(lab, 'pki'), [], { days: 400, now });
    writeFileSync(own, readFileSync(file));
    await revokeIn(path.join(lab, 'pki'), [], { days: 2000, now });
    // One by one: who is at the other end does not matter.
    const texts = (days: number): string[] =>
      given.flatMap((file) =>
        checkConfigurations([{ file }], false, now + days * DAY_MS).findings.flatMap(({ severity, text }) =>
          /^(?:kms\.)?certificate/.test(text) ? [`${severity}: ${text.replaceAll(`${lab}/pki/`, '')}`] : [],
        ),
      );
    const shortly = (days: number): string[] =>
      texts(days).map((text) => text.replace(/ in \d+ days, on \S+:| on \S+:/, ' soon:'));
    expect(texts(0)).toEqual([]);
    expect(shortly(340)).toEqual([
      'warning: certificates: kms.a.example.encryption.pem ends soon: renew it',
      'warning: certificates: the revocation list phones.pem ends soon: get a new one',
      'warning: kms.certificate: mailbox.a.example.signing.pem ends soon: renew it',
      'warning: kms.certificate: kms.a.example.encryption.pem ends soon: renew it',
      'warning: kms.certificate: alice.a.example.signing.pem ends soon: renew it',
      'warning: kms.certificate: kms.a.example.encryption.pem ends soon: renew it',
    ]);
    expect(texts(366)).toEqual([
      expect.stringMatching(/^error: certificates: kms\.a\.example\.encryption\.pem.* in force from/),
      expect.stringMatching(/^error: kms\.certificate: kms\.a\.example\.encryption\.pem: in force from/),
      expect.stringMatching(/^error: kms\.certificate: kms\.a\.example\.encryption\.pem: in force from/),
    ]);
    rmSync(path.join(lab, 'pki', 'alice.a.example.signing.key'));
    expect(texts(0)).toEqual([
      'error: kms.certificate: cannot read the private key file alice.a.example.signing.key',
    ]);
    // Told once, also where the KMS is there to be compared with.
    expect(
      checkConfigurations(
        given.map((file) => ({ file })),
        false,
        now,
      ).errors,
    ).toBe(1);
    rmSync(lab, { recursive: true });
  });

  it('says of secrets which file others may read, and never what they are', () => {
    chmodSync(at('a/kms.json'), 0o644);
    chmodSync(at('pki/df.a.example.key'), 0o644);
    const texts = found();
    expect(texts.filter((text) => text.includes('chmod 600'))).toHaveLength(2);
    const { subscribers } = JSON.parse(readFileSync(at('a/cscf.json'), 'utf8')) as {
      subscribers: { password: string }[];
    };
    for (const { password } of subscribers) expect(texts.join('\n')).not.toContain(password);
    chmodSync(at('a/kms.json'), 0o600);
    chmodSync(at('pki/df.a.example.key'), 0o600);
  });

  it('of some of the configurations, what leads to others is a warning', () => {
    expect(found([{ file: at('a/df.json') }, { file: at('a/kms.json') }], false)).toEqual([
      expect.stringMatching(/^a\/df\.json: warning: x1\.admf\.url leads to 127\.0\.0\.1:\d+, where nobody/),
      expect.stringMatching(/^a\/kms\.json: warning: admf\.url leads to/),
    ]);
  });

  it('tells whose a file is from its settings where its name does not, and asks where neither does', () => {
    const file = at('a/first.json');
    writeFileSync(file, readFileSync(at('a/lemf.json')));
    expect(found([{ file }], false)).toEqual([]);
    writeFileSync(file, '{}');
    expect(found([{ file }], false)).toEqual([expect.stringMatching(/whose is it\? Say so: ENTITY=/)]);
    expect(found([{ file, kind: 'lemf' }], false)).toContain(
      'a/first.json: error: folder is missing: a string',
    );
    rmSync(file);
  });
});
