/** Certificates and lists that a KMS takes key requests by: how long they are in force, for its operator to know. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { LiveCertification } from '../../../src/entities/kms/start-certification.ts';
import { LabAuthority } from '../../../src/lab/pki/authority.ts';
import type { IssuedPem } from '../../../src/lab/pki/authority.ts';

const NOW = Date.UTC(2027, 2, 19);
const DAY = 86_400_000;
const until = (days: number) => ({ from: NOW - DAY, to: NOW + days * DAY });

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-certification-'));
const at = (name: string): string => path.join(folder, name);
let authority: LabAuthority;
let first: IssuedPem;

beforeAll(async () => {
  authority = await LabAuthority.create('Operator', until(1000));
  writeFileSync(at('ca.pem'), authority.certificate);
  first = await authority.issue(subject('one'), until(20));
  write('first', first);
  write('second', await authority.issue(subject('other'), until(400)));
  writeFileSync(at('crl.pem'), await authority.list(null, [], until(10)));
});
afterAll(() => rmSync(folder, { recursive: true }));

function subject(commonName: string) {
  return { commonName, dnsNames: [], roles: [], use: 'encryption' } as const;
}

function write(name: string, { certificate, privateKey }: IssuedPem): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(at(`${name}.pem`), certificate);
  writeFileSync(at(`${name}.key`), privateKey, { mode: 0o600 });
}

const keyOf = (name: string) => ({ certificate: at(`${name}.pem`), privateKey: at(`${name}.key`) });

function config(certificates: object, tls: object = {}) {
  return kmsConfig({
    name: 'kms.home1.example',
    tls: { certificate: at('tls.pem'), privateKey: at('tls.key'), authorities: at('ca.pem'), ...tls },
    admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
    state: at('state'),
    district: { name: 'https://kms.home1.example/.well-known/ibe', demoGroup: 'home1' },
    ...{ xk: {}, users: {}, subscribers: [], certificates },
  });
}

it('R-92: a KMS knows how long each key that phones encrypt to is certified, and when its lists end', () => {
  const certificates = { keys: [keyOf('second'), keyOf('first')], revocationLists: [at('crl.pem')] };
  expect(LiveCertification.open(config(certificates), NOW)?.validity).toEqual([
    { kind: 'certificate', file: at('second.pem'), ...until(400) },
    { kind: 'certificate', file: at('first.pem'), ...until(20) },
    { kind: 'revocation-list', file: at('crl.pem'), ...until(10) },
  ]);
});

it('R-92: … of lists that are those of TLS, TLS knows it', () => {
  const open = config({ keys: [keyOf('first')] }, { revocationLists: [at('crl.pem')] });
  expect(LiveCertification.open(open, NOW)?.validity.map(({ kind }) => kind)).toEqual(['certificate']);
});

it('R-92: … no longer than an authority between it and one that phones know', async () => {
  const root = await LabAuthority.create('Two', until(30), { levels: 2 });
  const issued = await (await root.intermediate('Two below')).issue(subject('chained'), until(400));
  write('chained', issued);
  const live = LiveCertification.open(config({ keys: [keyOf('chained')] }), NOW);
  expect(live?.validity.map(({ to }) => to)).toEqual([NOW + 30 * DAY]);
});

it('R-92: … and of a renewed one that has been read again', async () => {
  const settings = config({ keys: [keyOf('first')] });
  const live = LiveCertification.open(settings, NOW);
  writeFileSync(at('first.pem'), await authority.renew(first.certificate, until(300), 'first'));
  expect(live?.validity.map(({ to }) => to)).toEqual([NOW + 20 * DAY]);
  expect(live?.reread(settings, NOW)).toBe(true);
  expect(live?.validity.map(({ to }) => to)).toEqual([NOW + 300 * DAY]);
});
