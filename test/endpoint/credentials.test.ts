/** What an endpoint proves itself to its KMS by, where that is a certificate: files that are renewed in their place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { knownByCertificate } from '../../src/endpoint/credentials.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { LabAuthority } from '../../src/lab/pki/authority.ts';
import type { IssuedPem } from '../../src/lab/pki/authority.ts';
import { decodeKeyRequest } from '../../src/wire/request-key/request.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const NOW = Date.UTC(2027, 2, 19);
const HOUR = 3_600_000;
const ALICE = 'sip:alice@home1.example';

let folder: string;
let authority: LabAuthority;
let own: IssuedPem;
let kms: IssuedPem;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-credentials-'));
  authority = await LabAuthority.create('Operator', { from: NOW - HOUR, to: NOW + 1000 * HOUR });
  const day = { from: NOW - HOUR, to: NOW + 24 * HOUR };
  const subject = { commonName: 'a', dnsNames: [], roles: [] };
  own = await authority.issue({ ...subject, uris: [ALICE], use: 'signing' }, day);
  kms = await authority.issue({ ...subject, use: 'encryption' }, { ...day, to: NOW + 900 * HOUR });
});

afterAll(() => rmSync(folder, { recursive: true }));

function filed(parts: Partial<Record<'certificate' | 'privateKey' | 'kmsCertificate', string>> = {}) {
  const texts = { ...own, kmsCertificate: kms.certificate, ...parts };
  const at = mkdtempSync(path.join(folder, 'phone-'));
  const file = (name: keyof typeof texts): string => {
    writeFileSync(path.join(at, name), texts[name], { mode: 0o600 });
    return path.join(at, name);
  };
  return {
    certificate: file('certificate'),
    privateKey: file('privateKey'),
    kmsCertificate: file('kmsCertificate'),
  };
}

function phone(files: ReturnType<typeof filed>) {
  const clock = new ManualClock(NOW);
  const warned: object[] = [];
  const logger = { ...silent, warn: (fields: object) => void warned.push(fields) };
  const identification = knownByCertificate(files, 'https://kms.home1.example/.well-known/ibe', {
    clock,
    logger,
  });
  /** The certificate of a new request, in DER. */
  const shown = (): string => {
    const wanted = { uris: [ALICE], time: clock.now(), wanted: { from: null, to: null } };
    const request = decodeKeyRequest(identification.ask(wanted, systemRandom()).octets);
    if ('errorNo' in request || request.proof.kind !== 'certificate')
      throw new Error('not with a certificate');
    return Buffer.from(request.proof.chain[0]!).toString('base64');
  };
  return { clock, warned, shown, validity: () => identification.validity() };
}

it('R-41: a renewed certificate is shown with the next request; one that cannot be used is not, and the old one is', async () => {
  const files = filed();
  const { shown, warned, clock } = phone(files);
  const first = shown();
  writeFileSync(
    files.certificate,
    await authority.renew(own.certificate, { from: NOW - HOUR, to: NOW + 48 * HOUR }, 'a'),
  );
  const second = shown();
  expect(second).not.toBe(first);
  writeFileSync(files.certificate, kms.certificate);
  expect([shown(), warned.length]).toEqual([second, 1]);
  clock.advance(49 * HOUR);
  expect(() => shown()).toThrow(/no certificate for the KMS/);
});

it.each([
  [
    'a key of another certificate',
    () => ({ privateKey: kms.privateKey }),
    /the private key belongs to another certificate/,
  ],
  ['a certificate that is not for signatures', () => kms, /lacks digitalSignature/],
  [
    'a certificate of the KMS that nobody encrypts to',
    () => ({ kmsCertificate: own.certificate }),
    /lacks keyEncipherment/,
  ],
  [
    'an authority of ECDSA',
    () => ({ kmsCertificate: authority.certificate }),
    /takes RSA keys of 2048 to 8192 bits/,
  ],
  ['no certificate', () => ({ certificate: 'nothing' }), /not a PEM certificate/],
  ['no key', () => ({ privateKey: 'nothing' }), /not a private key in PEM/],
] as const)('R-41: a phone with %s does not start', (_, parts, why) => {
  expect(() => phone(filed(parts()))).toThrow(why);
});

it('R-92: says how long its certificates are in force, of renewed ones at once, and of none that cannot be used', async () => {
  const files = filed();
  const { validity, warned } = phone(files);
  const ends = (): number[] => validity().map(({ to }) => (to - NOW) / HOUR);
  expect(validity().map(({ file }) => file)).toEqual([files.certificate, files.kmsCertificate]);
  expect(ends()).toEqual([24, 900]);
  const days = { from: NOW - HOUR, to: NOW + 48 * HOUR };
  writeFileSync(files.certificate, await authority.renew(own.certificate, days, 'a'));
  expect(ends()).toEqual([48, 900]);
  writeFileSync(files.certificate, 'nothing');
  expect([ends(), warned]).toEqual([[48, 900], []]);
});
