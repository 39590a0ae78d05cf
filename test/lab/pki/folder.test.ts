/** The laboratory's authority: what it issues is in force, bears its names and roles, and is for nobody else's eyes. */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { X509Crl } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { showCertificates } from '../../../src/lab/pki/authority.ts';
import {
  createAuthority,
  DAY_MS,
  issueInto,
  openAuthority,
  renewInPlace,
  revokeIn,
  validityFrom,
} from '../../../src/lab/pki/folder.ts';
import { pemBlocks, pemOctets } from '../../../src/net/chains.ts';
import { loadTls } from '../../../src/net/tls.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-pki-'));
const folder = path.join(root, 'pki');
const now = Date.UTC(2030, 0, 1);
const subject = { commonName: 'df.home1.example', dnsNames: ['df.home1.example'], roles: ['df'] as const };

beforeAll(async () => {
  await createAuthority(folder, { name: 'Test', days: 100, now });
});
afterAll(() => rmSync(root, { recursive: true }));

describe('an authority in a folder', () => {
  it('R-93: issues what TLS takes, with names and roles, and keys of mode 0600', async () => {
    const authority = await openAuthority(folder);
    const files = await issueInto(folder, authority, subject, validityFrom(now, 50, authority));
    loadTls({ ...files, authorities: path.join(folder, 'ca.pem') }, now);
    for (const key of [files.privateKey, path.join(folder, 'ca.key')])
      expect(statSync(key).mode & 0o777).toBe(0o600);
    const ca = new X509Certificate(readFileSync(path.join(folder, 'ca.pem')));
    const issued = new X509Certificate(readFileSync(files.certificate));
    expect(issued.checkIssued(ca) && issued.verify(ca.publicKey)).toBe(true);
    expect(showCertificates(readFileSync(files.certificate, 'utf8'), now)).toMatchObject([
      { subject: 'CN=df.home1.example', dnsNames: ['df.home1.example'], roles: ['df'], daysLeft: 50 },
    ]);
  });

  it('renews in place: the same names, roles and key, another serial and time; with a new key on demand', async () => {
    const authority = await openAuthority(folder);
    const to = path.join(root, 'renewed');
    const { certificate, privateKey } = await issueInto(to, authority, subject, validityFrom(now, 5));
    const [before, key] = [readFileSync(certificate, 'utf8'), readFileSync(privateKey, 'utf8')];
    await renewInPlace(certificate, authority, validityFrom(now, 60), false);
    expect(readFileSync(privateKey, 'utf8')).toBe(key);
    const [old, fresh] = [before, readFileSync(certificate, 'utf8')].map(
      (pem) => showCertificates(pem, now)![0]!,
    );
    expect(fresh).toMatchObject({
      subject: old?.subject,
      roles: old?.roles,
      dnsNames: old?.dnsNames,
      daysLeft: 60,
    });
    expect(fresh?.serial).not.toBe(old?.serial);
    await renewInPlace(certificate, authority, validityFrom(now, 60), true);
    expect(readFileSync(privateKey, 'utf8')).not.toBe(key);
    expect(statSync(privateKey).mode & 0o777).toBe(0o600);
    loadTls({ certificate, privateKey, authorities: path.join(folder, 'ca.pem') }, now);
  });

  it('refuses another’s certificate, a file that is none, a second certificate of the name, a second authority', async () => {
    const authority = await openAuthority(folder);
    const others = path.join(root, 'others');
    const other = await createAuthority(others, { name: 'Test', days: 100, now });
    const { certificate } = await issueInto(others, other, subject, validityFrom(now, 5));
    const before = readFileSync(certificate, 'utf8');
    const renew = (file: string) => renewInPlace(file, authority, validityFrom(now, 5), false);
    await expect(renew(certificate)).rejects.toMatchObject({ code: 'pki' });
    expect(readFileSync(certificate, 'utf8')).toBe(before);
    writeFileSync(path.join(others, 'x.pem'), 'no certificate');
    await expect(renew(path.join(others, 'x.pem'))).rejects.toMatchObject({ code: 'pki' });
    await expect(issueInto(others, other, subject, validityFrom(now, 5))).rejects.toMatchObject({
      code: 'in-the-way',
    });
    await expect(createAuthority(others, { name: 'Test', days: 1, now })).rejects.toMatchObject({
      code: 'in-the-way',
    });
  });

  it('R-95: revokes what it has issued, keeps what was revoked, and touches no list that it cannot read', async () => {
    const at = path.join(root, 'revoking');
    const authority = await createAuthority(at, { name: 'Two', days: 100, intermediate: true, now });
    const issue = (commonName: string) =>
      issueInto(at, authority, { commonName, dnsNames: [], roles: ['df'] }, validityFrom(now, 50));
    const [one, other] = [await issue('one'), await issue('other')];
    const serials = (): string[] =>
      pemBlocks(readFileSync(path.join(at, 'crl.pem'), 'utf8'), 'X509 CRL').map((pem) =>
        new X509Crl(pemOctets(pem)).entries.map(({ serialNumber }) => serialNumber.toUpperCase()).join(),
      );
    const serialOf = (file: string): string => new X509Certificate(readFileSync(file)).serialNumber;
    const order = { days: 5, now };
    await revokeIn(at, [one.certificate], order);
    await revokeIn(at, [other.certificate, path.join(at, 'intermediate.pem')], order);
    const expected = [
      serialOf(path.join(at, 'intermediate.pem')),
      `${serialOf(one.certificate)},${serialOf(other.certificate)}`,
    ];
    expect(serials()).toEqual(expected);
    await revokeIn(at, [one.certificate], order);
    expect(serials()).toEqual(expected);
    const foreign = path.join(folder, 'ca.pem');
    await expect(revokeIn(at, [foreign], order)).rejects.toThrow(/was not issued by this authority/);
    const own = path.join(at, 'ca.pem');
    await expect(revokeIn(at, [own], order)).rejects.toThrow(/ca\.pem is the authority/);
    expect(serials()).toEqual(expected);
    writeFileSync(path.join(at, 'crl.pem'), 'nothing');
    await expect(revokeIn(at, [], order)).rejects.toThrow(/has 0 revocation lists/);
    expect(readFileSync(path.join(at, 'crl.pem'), 'utf8')).toBe('nothing');
  });

  it('issues nothing beyond its own end, nothing after it, and is not opened where its key is open to others', async () => {
    const authority = await openAuthority(folder);
    expect(validityFrom(now, 5000, authority).to).toBe(authority.validity.to);
    expect(() => validityFrom(now + 101 * DAY_MS, 5, authority)).toThrow(/was in force until/);
    const key = path.join(folder, 'ca.key');
    chmodSync(key, 0o640);
    await expect(openAuthority(folder)).rejects.toThrow(/chmod 600/);
    chmodSync(key, 0o600);
    writeFileSync(key, readFileSync(path.join(root, 'others', 'ca.key')));
    await expect(openAuthority(folder)).rejects.toThrow(/belongs to another/);
  });

  it('shows nothing where there is no certificate', () => {
    expect(showCertificates('', now)).toBeNull();
    expect(showCertificates('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', now)).toBeNull();
  });
});
