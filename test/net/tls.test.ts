import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { webcrypto, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient, httpsServer, listen, peerOfRequest } from '../../src/net/https.ts';
import {
  admissionOf,
  isAdmitted,
  loadTls,
  peerOf,
  peerOfCertificate,
  requireOwn,
} from '../../src/net/tls.ts';
import type { Admission } from '../../src/net/tls.ts';
import { silent } from '../support/silent.ts';
import type { TlsFiles } from '../../src/net/tls.ts';

const now = Date.now();
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tls-'));
let kms: TlsFiles;
let df: TlsFiles;
let stranger: TlsFiles;

beforeAll(async () => {
  const pki = await LabPki.create(path.join(folder, 'pki'), now);
  kms = await pki.issue({ commonName: 'kms.home1.example', dnsNames: ['kms.home1.example'], roles: ['kms'] });
  df = await pki.issue({ commonName: 'df.home1.example', dnsNames: ['df.home1.example'], roles: ['df'] });
  const other = await LabPki.create(path.join(folder, 'other'), now, 'Somebody else');
  stranger = await other.issue({
    commonName: 'df.home1.example',
    dnsNames: ['df.home1.example'],
    roles: ['df'],
  });
});

describe('a TLS configuration that is wrong refuses to start (R-57)', () => {
  it.each([
    [
      'a file that is not there',
      () => ({ ...kms, certificate: '/nonexistent.pem' }),
      /cannot read the certificate file/,
    ],
    [
      'the key of another certificate',
      () => ({ ...kms, privateKey: df.privateKey }),
      /belongs to another certificate/,
    ],
    [
      'a certificate that is no certificate',
      () => ({ ...kms, certificate: kms.privateKey }),
      /not a PEM certificate/,
    ],
    [
      'authorities that are none',
      () => ({ ...kms, authorities: kms.privateKey }),
      /authorities file is not PEM/,
    ],
  ])('%s', (_, files, message) => {
    expect(() => loadTls(files(), now)).toThrow(message);
  });

  it('a certificate out of its validity', () => {
    expect(() => loadTls(kms, now + 30 * 86_400_000)).toThrow(/in force from/);
  });

  it('a key file that others may read', () => {
    const copy = path.join(folder, 'open.key');
    writeFileSync(copy, 'x');
    chmodSync(copy, 0o644);
    expect(() => loadTls({ ...kms, privateKey: copy }, now)).toThrow(/chmod 600/);
  });
});

describe('R-72: peers are admitted by name and role', () => {
  const peer = (commonName: string, roles: string[], dnsNames: string[] = []) => ({
    commonName,
    dnsNames,
    roles,
  });
  const dfs: Admission = { roles: ['df'], names: ['df.home1.example', 'df2.home1.example'] };

  it.each([
    [true, 'by its common name', peer('df.home1.example', ['df'])],
    [true, 'by a DNS name, whatever its case', peer('x', ['df', 'kms'], ['x', 'DF2.home1.example'])],
    [
      false,
      'another operator’s, of the same authority',
      peer('df.home2.example', ['df'], ['df.home2.example']),
    ],
    [false, 'with the name alone', peer('df.home1.example', ['lemf'])],
    [false, 'with a longer name', peer('df.home1.example.evil.example', ['df'])],
    [false, 'without a name', peer('', ['df'])],
  ])('%s: %s', (admitted, _, who) => {
    expect(isAdmitted(who, dfs)).toBe(admitted);
  });

  it('whom the configuration names, else those of the own domain', () => {
    const own = loadTls(kms, now);
    expect(admissionOf(['a.example'], own, ['df'])).toEqual({ roles: ['df'], names: ['a.example'] });
    expect(admissionOf([], own, ['df']).names).toEqual([]);
    expect(admissionOf(undefined, own, ['cscf', 'gateway']).names).toEqual([
      'cscf.home1.example',
      'gateway.home1.example',
    ]);
  });

  it('one’s own certificate must bear name and role', () => {
    const own = loadTls(kms, now);
    expect(() => requireOwn(own, 'KMS.home1.example', 'kms')).not.toThrow();
    expect(() => requireOwn(own, 'kms.home2.example', 'kms')).toThrow(/is for kms.home1.example, not for/);
    expect(() => requireOwn(own, 'kms.home1.example', 'df')).toThrow(/does not have the role df/);
  });
});

describe('HTTPS with certificates on both sides (R-11)', () => {
  const hosts = new HostMap();
  let server: ReturnType<typeof httpsServer>;
  const clientOf = (files: TlsFiles) =>
    new HttpsClient({ hosts, tls: loadTls(files, now), minVersion: 'TLSv1.3' });

  beforeAll(async () => {
    server = httpsServer({
      name: 'test',
      logger: silent,
      tls: loadTls(kms, now),
      authentication: 'mutual',
      minVersion: 'TLSv1.3',
    });
    server.post('/who', (request) => peerOfRequest(request));
    const port = await listen(server, '127.0.0.1', 0);
    hosts.set('kms.home1.example:443', `127.0.0.1:${port}`);
    hosts.set('other.home1.example:443', `127.0.0.1:${port}`);
  });
  afterAll(() => server.close());

  const body = { type: 'application/json', octets: new TextEncoder().encode('{}') };

  it('tells the server who asks, with the roles of the certificate', async () => {
    const client = clientOf(df);
    const answer = await client.request('POST', 'https://kms.home1.example/who', body);
    expect(answer.status).toBe(200);
    expect(JSON.parse(new TextDecoder().decode(answer.body))).toMatchObject({
      commonName: 'df.home1.example',
      roles: ['df'],
    });
    await client.close();
  });

  it('knows a certificate without common name by its first DNS name', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: 'O=home1',
      notBefore: new Date(now),
      notAfter: new Date(now + 60_000),
      signingAlgorithm: algorithm,
      keys: await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: 'admf.home1.example' },
          { type: 'dns', value: 'admf' },
        ]),
      ],
    });
    expect(peerOfCertificate(new X509Certificate(certificate.toString('pem')))).toMatchObject({
      commonName: 'admf.home1.example',
      dnsNames: ['admf.home1.example', 'admf'],
    });
  });

  it('refuses a client whose authority it does not know, or that has no certificate', async () => {
    const { authorities } = loadTls(kms, now);
    const client = new HttpsClient({ hosts, tls: { ...loadTls(stranger, now), authorities } });
    await expect(client.request('POST', 'https://kms.home1.example/who', body)).rejects.toMatchObject({
      code: 'unreachable',
    });
    await client.close();
    const bare = new HttpsClient({ hosts, tls: { authorities } });
    await expect(bare.request('POST', 'https://kms.home1.example/who', body)).rejects.toMatchObject({
      code: 'unreachable',
    });
    await bare.close();
  });

  it('is refused by a client to which the certificate names another host', async () => {
    const client = clientOf(df);
    await expect(client.request('POST', 'https://other.home1.example/who', body)).rejects.toMatchObject({
      code: 'unreachable',
    });
    await client.close();
  });
});

describe('the peer of a connection', () => {
  const connection = (authorized = true) => {
    const getPeerX509Certificate = vi.fn(() => new X509Certificate(loadTls(df, now).certificate));
    return { socket: { authorized, getPeerX509Certificate } as unknown as TLSSocket, getPeerX509Certificate };
  };

  it('is read once, and anew by another table of roles', () => {
    const { socket, getPeerX509Certificate } = connection();
    const own = { roles: [] };
    const first = peerOf(socket, own);
    expect([first.commonName, first.roles]).toEqual(['df.home1.example', ['df']]);
    expect(peerOf(socket, own)).toBe(first);
    expect(getPeerX509Certificate).toHaveBeenCalledTimes(1);
    expect(peerOf(socket, { roles: [] })).toEqual(first);
    expect(getPeerX509Certificate).toHaveBeenCalledTimes(2);
  });

  it('is nobody where the connection is not authorised, whoever it was before', () => {
    expect(() => peerOf(connection(false).socket)).toThrow('not authenticated');
    const { socket } = connection();
    peerOf(socket);
    Object.assign(socket, { authorized: false });
    expect(() => peerOf(socket)).toThrow('not authenticated');
  });
});
