/** Certificates by which phones and their KMS know each other (REQUEST_KEY), as `claviger pki` and `claviger init` make them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opening } from '../../src/bytes/opened.ts';
import { openEndpoint } from '../../src/endpoint/start.ts';
import { kmsConfig } from '../../src/entities/kms/config.ts';
import { startKms } from '../../src/entities/kms/start.ts';
import { ueConfig } from '../../src/entities/ue/config.ts';
import { readSecretFile } from '../../src/host/config.ts';
import { LabFolder } from '../../src/lab/folder/lab-folder.ts';
import { showCertificates } from '../../src/lab/pki/authority.ts';
import { uriNamesOf } from '../../src/net/certified.ts';
import { readRsaPair } from '../../src/net/rsa-pair.ts';
import { loadTls } from '../../src/net/tls.ts';
import { elementRuntime as runtime } from '../support/elements.ts';
import { ownPorts } from '../support/own-ports.ts';
import type { OwnPorts } from '../support/own-ports.ts';
import { claviger } from './in-process.ts';

const ALICE = 'sip:alice@home1.example';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-cli-pki-'));
const pki = path.join(root, 'pki');
/** Asked when something is judged: what was made a moment ago is of this second. */
const now = (): number => Date.now();
let ports: OwnPorts;

beforeAll(async () => {
  ports = await ownPorts();
  expect(await claviger('pki', 'init', '--out', pki)).toMatchObject({ status: 0, err: '' });
}, 60_000);
afterAll(() => {
  ports.release();
  rmSync(root, { recursive: true });
});

const issue = (...args: string[]) => claviger('pki', 'issue', '--authority', pki, ...args);

function pairAt(name: string) {
  return { certificate: path.join(pki, `${name}.pem`), privateKey: path.join(pki, `${name}.key`) };
}

describe('claviger pki issue --use', () => {
  it('R-93: signing: a certificate that a phone signs with, with its identity, and nothing else', async () => {
    const files = pairAt('alice.home1.example.signing');
    const { status, out } = await issue(
      ...['--name', 'alice.home1.example', '--use', 'signing', '--identity', ALICE, '--days', '40'],
    );
    expect(status).toBe(0);
    for (const file of Object.values(files)) expect(out).toContain(`wrote ${file}\n`);
    expect(statSync(files.privateKey).mode & 0o777).toBe(0o600);
    const { chain } = readRsaPair(files, 'digitalSignature', now());
    expect(chain.map(uriNamesOf)).toEqual([[ALICE]]);
    expect(() => readRsaPair(files, 'keyEncipherment', now())).toThrow(/lacks keyEncipherment/);
    expect(showCertificates(readFileSync(files.certificate, 'utf8'), now())).toMatchObject([
      { subject: 'CN=alice.home1.example', dnsNames: [], roles: [], uris: [ALICE], daysLeft: 39 },
    ]);
    const shown = await claviger('pki', 'show', files.certificate);
    expect(shown.out).toMatch(/^identity +sip:alice@home1\.example$/m);
  });

  it('R-93: encryption: one that phones encrypt to, beside that of TLS of the same name', async () => {
    const [own, tls] = [pairAt('kms.home1.example.encryption'), pairAt('kms.home1.example')];
    expect(await issue('--name', 'kms.home1.example', '--role', 'kms')).toMatchObject({ status: 0 });
    expect(await issue('--name', 'kms.home1.example', '--use', 'encryption')).toMatchObject({ status: 0 });
    expect(readRsaPair(own, 'keyEncipherment', now()).chain).toHaveLength(1);
    expect(() => readRsaPair(own, 'digitalSignature', now())).toThrow(/lacks digitalSignature/);
    loadTls({ ...tls, authorities: path.join(pki, 'ca.pem') }, now());
    const [shown] = showCertificates(readFileSync(own.certificate, 'utf8'), now()) ?? [];
    expect(shown).toMatchObject({ dnsNames: ['kms.home1.example'], roles: [], uris: [] });
  });

  it('R-93: … and renew keeps what it is for, with a new key too', async () => {
    const files = pairAt('alice.home1.example.signing');
    const [before, key] = [readFileSync(files.certificate, 'utf8'), readFileSync(files.privateKey, 'utf8')];
    const renew = (...args: string[]) =>
      claviger('pki', 'renew', files.certificate, '--authority', pki, ...args);
    expect((await renew()).status).toBe(0);
    expect(readFileSync(files.certificate, 'utf8')).not.toBe(before);
    expect(readFileSync(files.privateKey, 'utf8')).toBe(key);
    expect((await renew('--new-key')).status).toBe(0);
    expect(readFileSync(files.privateKey, 'utf8')).not.toBe(key);
    expect(readRsaPair(files, 'digitalSignature', now()).chain.map(uriNamesOf)).toEqual([[ALICE]]);
  });

  it.each([
    ['neither a role nor a use', [], /is for TLS, or for REQUEST_KEY/],
    ['both', ['--use', 'encryption', '--role', 'kms'], /--role is of a certificate for TLS/],
    ['signing for nobody', ['--use', 'signing'], /by the identity that its certificate bears/],
    ['encryption for a phone', ['--use', 'encryption', '--identity', ALICE], /of the certificate of a phone/],
    ['a role with an identity', ['--role', 'df', '--identity', ALICE], /of the certificate of a phone/],
    [
      'an identity of another form',
      ['--use', 'signing', '--identity', 'sip:Alice@HOME1.example'],
      /not an identity in canonical form/,
    ],
    [
      'no identity',
      ['--use', 'signing', '--identity', 'alice'],
      /alice is not an identity in canonical form/,
    ],
    ['a use that is none', ['--use', 'tls'], /Allowed choices are signing, encryption/],
  ] as const)('R-93: refuses %s, with what to do, and writes nothing', async (_, args, says) => {
    const before = readdirSync(pki);
    const { status, out, err } = await issue('--name', 'x.home1.example', ...args);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(says);
    expect(readdirSync(pki)).toEqual(before);
  });

  it('R-93: overwrites nothing', async () => {
    const { status, err } = await issue('--name', 'kms.home1.example', '--use', 'encryption');
    expect(status).toBe(1);
    expect(err).toMatch(/kms\.home1\.example\.encryption\.(?:pem|key) exists already/);
  });
});

describe('claviger init --phone-certificates', () => {
  const folder = path.join(root, 'lab');
  const configOf = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(path.join(folder, 'home1', `${name}.json`), 'utf8')) as Record<string, unknown>;

  it('R-93: makes phones and a mailbox that have certificates and no pre-shared key, and a KMS that takes these alone', async () => {
    const base = String(ports.base);
    const made = await claviger(
      'init',
      folder,
      '--homes',
      'home1',
      '--port-base',
      base,
      '--phone-certificates',
    );
    expect(made).toMatchObject({ status: 0, err: '' });
    const lab = LabFolder.open(folder);
    for (const { file } of lab.phones()) {
      const { kms } = ueConfig(readSecretFile(file), file);
      if (kms.proof.kind !== 'certificate') throw new Error(`${file}: by a key`);
      expect(existsSync(kms.proof.certificate)).toBe(true);
      readRsaPair(kms.proof, 'digitalSignature', now());
    }
    for (const name of ['kms', 'mailbox', 'alice', 'carol'])
      expect(JSON.stringify(configOf(name))).not.toContain('"psk"');
    const { subscribers } = configOf('kms') as { subscribers: { devices: { certified?: boolean }[] }[] };
    expect(subscribers.flatMap(({ devices }) => devices.map(({ certified }) => certified))).toEqual([
      ...[true, true, true],
    ]);
    expect(await claviger('config', 'check', folder)).toMatchObject({ status: 0, err: '' });
  });

  it('R-41, R-93: … which get their keys of it', async () => {
    const [kmsFile, phoneFile] = ['kms', 'alice'].map((name) => path.join(folder, 'home1', `${name}.json`));
    const kms = await startKms(kmsConfig(readSecretFile(kmsFile ?? ''), kmsFile), runtime);
    try {
      const config = ueConfig(readSecretFile(phoneFile ?? ''), phoneFile);
      const tls = { authorities: readFileSync(path.join(folder, 'pki', 'ca.pem'), 'utf8') };
      const phone = await opening((opened) =>
        openEndpoint({ ...config, replays: ':memory:' }, runtime, opened, { tls }),
      );
      await phone.keeper.refresh();
      phone.keeper.stop();
      expect(phone.endpoint.keys.privateKey(ALICE, Date.now() / 1000)).not.toBeNull();
      await phone.stop();
    } finally {
      await kms.stop();
    }
    const audit = readFileSync(path.join(folder, 'state', 'home1', 'kms', 'audit.jsonl'), 'utf8');
    expect(audit).toMatch(/"by":"certificate"/);
    expect(audit).not.toMatch(/"by":"psk"/);
  });
});
