/** Chains with intermediate authorities, and revocation lists. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabPki } from '../../src/lab/network/pki.ts';
import { createAuthority, DAY_MS, openAuthority, revokeIn, validityFrom } from '../../src/lab/pki/folder.ts';
import { pemBlocks, readCertificates, whyNotTrusted } from '../../src/net/chains.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient, httpsServer, listen, peerOfRequest } from '../../src/net/https.ts';
import { endWhenRevoked, LiveTls, LiveTrust } from '../../src/net/live-tls.ts';
import { CertifiedSip } from '../../src/net/sip-security.ts';
import { TlsListener } from '../../src/net/tls-listener.ts';
import { loadRevocation, loadTls, secureContext } from '../../src/net/tls.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { silent } from '../support/silent.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-chains-'));
const folder = path.join(root, 'pki');
const now = Date.now();
const ca = path.join(folder, 'ca.pem');
const lists = path.join(folder, 'crl.pem');
let df: TlsFiles;
let cscf: TlsFiles;
let gateway: TlsFiles;
let kms: TlsFiles;

beforeAll(async () => {
  await createAuthority(folder, { name: 'Test', days: 100, intermediate: true, now });
  const authority = await openAuthority(folder);
  await revokeIn(folder, [], { days: 30, now });
  const pki = new LabPki(folder, authority, validityFrom(now, 50, authority), lists);
  const issue = (role: 'df' | 'cscf' | 'gateway' | 'kms'): Promise<TlsFiles> =>
    pki.issue({ commonName: `${role}.home1.example`, dnsNames: [`${role}.home1.example`], roles: [role] });
  [df, cscf, gateway, kms] = await Promise.all([issue('df'), issue('cscf'), issue('gateway'), issue('kms')]);
});
afterAll(() => rmSync(root, { recursive: true }));

function written(name: string, ...parts: readonly (string | Uint8Array)[]): string {
  const file = path.join(root, name);
  writeFileSync(file, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return file;
}

describe('R-95: a chain in the file of a certificate', () => {
  const pemOf = (file: string): string => readFileSync(file, 'utf8');
  const chainOf = (...pems: readonly string[]): TlsFiles => ({
    ...df,
    certificate: written('x.pem', ...pems),
  });

  it('is the own certificate and its issuer, in force and in order', () => {
    expect(readCertificates(loadTls(df, now).certificate, '')).toHaveLength(2);
  });

  it.each([
    [
      'the issuer first',
      () => pemBlocks(pemOf(df.certificate), 'CERTIFICATE').toReversed().join('\n'),
      /the private key belongs to certificate 2 \(CN=df\.home1\.example\): put the own/,
    ],
    [
      'another between',
      () => pemBlocks(pemOf(df.certificate), 'CERTIFICATE').join(`\n${pemOf(cscf.certificate)}\n`),
      /certificate 2 \(CN=cscf\.home1\.example\) did not issue certificate 1 \(CN=df/,
    ],
    [
      'an authority of somebody else',
      () => `${pemBlocks(pemOf(df.certificate), 'CERTIFICATE')[0]!}\n${pemOf(ca)}`,
      /certificate 2 \(CN=Test\) did not issue certificate 1/,
    ],
    [
      'one that is cut off',
      () => pemOf(df.certificate).slice(0, -60),
      /of its 2 certificates, one does not parse/,
    ],
    [
      'one that is none',
      () =>
        `${pemBlocks(pemOf(df.certificate), 'CERTIFICATE')[0]!}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      /number 2 does not parse/,
    ],
  ])('is refused with %s', (_, pem, message) => {
    expect(() => loadTls(chainOf(pem()), now)).toThrow(message);
  });

  it('is refused when the issuer has ended, by its name, and not trusted where an authority allows none between', async () => {
    const short = path.join(root, 'short');
    await createAuthority(short, { name: 'Short', days: 10, intermediate: true, now });
    const authority = await openAuthority(short);
    const validity = { from: now, to: now + 50 * DAY_MS };
    const files = await new LabPki(short, authority, validity).issue({
      commonName: 'a',
      dnsNames: [],
      roles: [],
    });
    expect(() => loadTls(files, now + 20 * DAY_MS)).toThrow(
      /certificate 2 \(CN=Short intermediate\): in force from .* only/,
    );
    const chain = readCertificates(pemOf(files.certificate), '');
    const anchors = readCertificates(pemOf(path.join(short, 'ca.pem')), '');
    expect(whyNotTrusted(chain, anchors, now)).toBeNull();
    expect(whyNotTrusted(chain.slice(0, 1), anchors, now)).toBe('');
    expect(whyNotTrusted([chain[0]!, chain[1]!, chain[1]!], anchors, now + 20 * DAY_MS)).toMatch(
      /CN=Short is in force/,
    );
  });
});

describe('R-95: revocation lists', () => {
  const withLists = (...files: readonly string[]): TlsFiles => ({ ...df, revocationLists: files });
  const parts = (): string[] => pemBlocks(readFileSync(lists, 'utf8'), 'X509 CRL');
  const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

  it('are read as PEM and as DER', () => {
    const der = parts().map((pem, at) => written(`${at}.crl`, derOf(pem)));
    const [one, other] = [withLists(lists), withLists(...der)].map((files) => loadTls(files, now).revocation);
    expect(one?.pem).toHaveLength(2);
    expect(other?.digest).toBe(one?.digest);
  });

  it.each([
    ['a file that is not there', () => ['/nonexistent.crl'], /cannot read the revocation list/],
    ['a certificate', () => [ca], /not a revocation list \(PEM/],
    ['an empty file', () => [written('empty.crl')], /not a revocation list/],
    [
      'octets after the list',
      () => [lists, written('more.crl', derOf(parts()[0]!), 'x')],
      /not a revocation list/,
    ],
    [
      'no list of the one between',
      () => [written('one.crl', parts()[0]!)],
      /there is no list of CN=Test intermediate/,
    ],
    [
      'a list that somebody else has signed',
      () => {
        const forged = derOf(parts()[0]!);
        forged[forged.length - 1]! ^= 1;
        return [lists, written('forged.crl', forged)];
      },
      /that CN=Test has not signed/,
    ],
  ])('are refused with %s', (_, files, message) => {
    expect(() => loadTls(withLists(...files()), now)).toThrow(message);
  });

  it.each([-2, 31])('are refused out of force: %d days from now', (days) => {
    expect(() => loadTls(withLists(lists), now + days * DAY_MS)).toThrow(/in force from|only/);
  });

  it('refuse, cut off and keep out a peer that is revoked: listeners and clients, HTTPS and streams', async () => {
    const [server, client] = [new LiveTls(loadTls(df, now)), new LiveTls(loadTls(cscf, now))];
    const other = new LiveTls(loadTls(gateway, now));
    const app = httpsServer({ name: 'test', logger: silent, tls: server, authentication: 'mutual' });
    app.get('/', (request) => peerOfRequest(request).commonName);
    const port = await listen(app, '127.0.0.1', 0);
    const hosts = new HostMap({ 'df.home1.example': `127.0.0.1:${port}` });
    const [https, others] = [new HttpsClient({ hosts, tls: client }), new HttpsClient({ hosts, tls: other })];
    const ask = async (by: HttpsClient): Promise<string> =>
      new TextDecoder().decode((await by.request('GET', 'https://df.home1.example/')).body);
    const ends: TLSSocket[] = [];
    const listener = new TlsListener({
      ...{ name: 'X2/X3', address: '127.0.0.1', port: 0, tls: server, logger: silent },
      admission: { roles: ['cscf', 'gateway'], names: ['cscf.home1.example', 'gateway.home1.example'] },
      admit: (socket) => void ends.push(socket),
    });
    const streamPort = await listener.start();
    const open = (tls: LiveTls): Promise<TLSSocket> => {
      const socket = connect({
        ...secureContext(tls, 'TLSv1.2'),
        port: streamPort,
        servername: 'df.home1.example',
      });
      socket.on('error', () => undefined);
      endWhenRevoked(socket, tls);
      return new Promise((resolve, reject) =>
        socket.once('secureConnect', () => resolve(socket)).once('error', reject),
      );
    };
    const closed = (socket: TLSSocket): Promise<unknown> =>
      socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve));
    try {
      expect([await ask(https), await ask(others)]).toEqual(['cscf.home1.example', 'gateway.home1.example']);
      const [stream, kept] = [await open(client), await open(other)];
      await expect.poll(() => ends.length).toBe(2);
      await revokeIn(folder, [cscf.certificate], { days: 30, now });
      server.replace(loadTls(df, now));
      await closed(stream);
      expect(listener.connections.cuts).toMatchObject({ revoked: 1 });
      await expect(ask(https)).rejects.toMatchObject({ code: 'unreachable' });
      expect(await ask(others)).toBe('gateway.home1.example');
      const refused = await open(client).catch(() => null);
      if (refused !== null) await closed(refused);
      expect(kept.destroyed).toBe(false);
      expect(() => loadTls(cscf, now)).toThrow(/CN=cscf\.home1\.example is revoked/);
      // And the other way round: the server is revoked, and the client knows.
      await revokeIn(folder, [df.certificate], { days: 30, now });
      other.replace(loadTls(gateway, now));
      await closed(kept);
      await expect(open(other)).rejects.toThrow(/revoked/);
      await expect(ask(others)).rejects.toThrow(/CERT_REVOKED/);
      const serials = loadTls(gateway, now).revocation!;
      expect(serials.revokes(new X509Certificate(readFileSync(df.certificate)))).toBe(true);
      expect(serials.revokes(new X509Certificate(readFileSync(gateway.certificate)))).toBe(false);
    } finally {
      await Promise.all([https.close(), others.close(), listener.stop(), app.close()]);
    }
  });

  it('refuse and cut off a server that is revoked, for who shows no certificate: a phone', async () => {
    const authorities = readFileSync(ca, 'utf8');
    const trusted = () => ({ authorities, revocation: loadRevocation({ authorities }, [lists], now)! });
    const trust = new LiveTrust(trusted());
    const app = httpsServer({
      name: 'test',
      logger: silent,
      tls: loadTls(kms, now),
      authentication: 'server',
    });
    app.get('/', () => 'keys');
    const port = await listen(app, '127.0.0.1', 0);
    const https = new HttpsClient({
      hosts: new HostMap({ 'kms.home1.example': `127.0.0.1:${port}` }),
      tls: trust,
    });
    const ask = async (): Promise<number> =>
      (await https.request('GET', 'https://kms.home1.example/')).status;
    const stream = new CertifiedSip({ tls: trust }).connect(
      { address: '127.0.0.1', port },
      'kms.home1.example',
    );
    const ended = new Promise<Error>((resolve) => stream.once('error', resolve));
    try {
      await new Promise((resolve) => stream.once('secureConnect', resolve));
      expect(await ask()).toBe(200);
      await revokeIn(folder, [kms.certificate], { days: 30, now });
      expect(await ask()).toBe(200);
      expect([trust.replace(trusted()), trust.replace(trusted())]).toEqual([true, false]);
      expect((await ended).message).toContain('revoked');
      await expect(ask()).rejects.toThrow(/CERT_REVOKED/);
    } finally {
      stream.destroy();
      await Promise.all([https.close(), app.close()]);
    }
  });
});
