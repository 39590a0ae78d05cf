/** TLS under SIP: what certificates prove, bounds of connections that are not through their handshake, new certificates. */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { LabPki } from '../../src/lab/network/pki.ts';
import { createAuthority, openAuthority, revokeIn, validityFrom } from '../../src/lab/pki/folder.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { LiveTls } from '../../src/net/live-tls.ts';
import { CertifiedSip, sipDomains } from '../../src/net/sip-security.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import type { TcpLimits } from '../../src/sip/tcp-connections.ts';
import { Transport } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const HOST = 'cscf.home1.example';
const now = Date.now();
const folders = ['ours', 'theirs'].map((name) => mkdtempSync(path.join(tmpdir(), `claviger-sip-${name}-`)));
const cleanups: (() => unknown)[] = [];
let own: TlsMaterial;
let renewed: TlsMaterial;
let foreign: TlsMaterial;

beforeAll(async () => {
  const [ours, theirs] = await Promise.all(folders.map((folder) => LabPki.create(folder, now)));
  const subject = { commonName: HOST, dnsNames: [HOST], roles: ['cscf'] } as const;
  own = loadTls(await ours!.issue(subject), now);
  renewed = loadTls(await ours!.issue(subject), now);
  foreign = loadTls(await theirs!.issue(subject), now);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

async function listening(limits: Partial<TcpLimits> = {}, tls: TlsMaterial = own) {
  const clock = new ManualClock();
  const transport = new Transport({
    ...{ clock, logger: silent, hosts: new HostMap(), connections: limits },
    security: new CertifiedSip({ tls, role: 'cscf' }),
  });
  transport.attach({ arrived: () => undefined, closed: () => undefined });
  cleanups.push(() => transport.close());
  const { port } = await transport.listen('TLS', '127.0.0.1', 0);
  return { clock, transport, port };
}

/** A connection, and whether it has been closed. */
function watched<S extends Socket>(socket: S): { socket: S; isClosed: () => boolean } {
  let closed = false;
  socket.on('error', () => undefined).once('close', () => (closed = true));
  cleanups.push(() => socket.destroy());
  return { socket, isClosed: () => closed };
}

function overTls(port: number, as?: TlsMaterial): { socket: TLSSocket; isClosed: () => boolean } {
  const certificate = as === undefined ? {} : { cert: as.certificate, key: as.privateKey };
  return watched(
    connect({ port, host: '127.0.0.1', servername: HOST, ca: (as ?? own).authorities, ...certificate }),
  );
}

/** Waits until a connection is served: its keep-alive is answered (RFC 5626 section 3.5.1). */
async function answered(socket: TLSSocket): Promise<void> {
  socket.write('\r\n\r\n');
  await once(socket, 'data');
}

describe('R-95: what a certificate proves (RFC 5922)', () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

  it.each([
    [[['dns', 'CSCF.home1.example']], ['cscf.home1.example']],
    [
      [
        ['dns', 'www.home1.example'],
        ['url', 'sip:Home1.example'],
      ],
      ['home1.example'],
    ],
    [
      [
        ['url', 'sip:alice@home1.example'],
        ['url', 'sips:home2.example'],
        ['url', 'https://home3.example'],
      ],
      [],
    ],
  ] as const)('%j: %j', async (names, domains) => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...{ name: 'CN=home4.example', keys, signingAlgorithm: algorithm },
      extensions: [new SubjectAlternativeNameExtension(names.map(([type, value]) => ({ type, value })))],
    });
    expect(sipDomains(new X509Certificate(certificate.toString('pem')))).toEqual(domains);
  });
});

describe('R-95: connections over TLS are bounded as those over TCP', () => {
  it('one that does not come through its handshake is ended, and counted', async () => {
    const { clock, transport, port } = await listening();
    const { isClosed } = watched(connectTcp({ port, host: '127.0.0.1' }));
    await expect.poll(() => transport.connections.open.incoming).toBe(1);
    clock.advance(9_999);
    expect(transport.connections.cuts).toEqual({});
    clock.advance(1);
    await expect.poll(isClosed).toBe(true);
    expect(transport.connections.cuts).toEqual({ handshake: 1 });
    expect(transport.connections.open.incoming).toBe(0);
  });

  it('one that says nothing after it is ended as over TCP', async () => {
    const { clock, transport, port } = await listening();
    const { socket, isClosed } = overTls(port);
    await answered(socket);
    clock.advance(30_000);
    expect(isClosed()).toBe(false);
    clock.advance(30_000);
    await expect.poll(isClosed).toBe(true);
    expect(transport.connections.cuts).toEqual({ idle: 1 });
  });

  it('of one address there are so many, whether through their handshake or not', async () => {
    const { transport, port } = await listening({ perAddress: 2 });
    const first = overTls(port);
    await answered(first.socket);
    const second = watched(connectTcp({ port, host: '127.0.0.1' }));
    await expect.poll(() => transport.connections.open.incoming).toBe(2);
    watched(connectTcp({ port, host: '127.0.0.1' }));
    await expect.poll(first.isClosed).toBe(true);
    expect(second.isClosed()).toBe(false);
    expect(transport.connections.cuts).toEqual({ 'too-many-of-address': 1 });
  });

  it('one with a certificate of another authority is refused, not taken for one without', async () => {
    const { transport, port } = await listening();
    const { isClosed } = overTls(port, { ...foreign, authorities: own.authorities });
    await expect.poll(isClosed).toBe(true);
    expect(transport.connections.cuts).toEqual({ untrusted: 1 });
    expect(transport.connections.open.incoming).toBe(0);
  });
});

describe('R-95: a certificate that is revoked', () => {
  it('ends the connection that it is used on, and makes no other', async () => {
    const folder = path.join(folders[0]!, 'revoking');
    await createAuthority(folder, { name: 'Test', days: 100, now });
    const authority = await openAuthority(folder);
    await revokeIn(folder, [], { days: 30, now });
    const pki = new LabPki(folder, authority, validityFrom(now, 50, authority), path.join(folder, 'crl.pem'));
    const [mine, theirs] = await Promise.all(
      [HOST, 'cscf.home2.example'].map((name) =>
        pki.issue({ commonName: name, dnsNames: [name], roles: ['cscf'] }),
      ),
    );
    const live = new LiveTls(loadTls(mine!, now));
    const { transport, port } = await listening({}, live);
    const other = loadTls(theirs!, now);
    const { socket, isClosed } = overTls(port, other);
    await answered(socket);
    await revokeIn(folder, [theirs!.certificate], { days: 30, now });
    live.replace(loadTls(mine!, now));
    await expect.poll(isClosed).toBe(true);
    await expect.poll(overTls(port, other).isClosed).toBe(true);
    expect(transport.connections.cuts).toEqual({ untrusted: 1 });
  });
});

describe('R-95: a certificate that is put in place of another', () => {
  it('is shown to whoever connects from then on, and who is connected stays so', async () => {
    const live = new LiveTls(own);
    const { port } = await listening({}, live);
    const shown = async (): Promise<{ raw: string; isClosed: () => boolean }> => {
      const { socket, isClosed } = overTls(port);
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      return { raw: socket.getPeerX509Certificate()?.fingerprint256 ?? '', isClosed };
    };
    const before = await shown();
    live.replace(renewed);
    const after = await shown();
    const print = ({ certificate }: TlsMaterial): string => new X509Certificate(certificate).fingerprint256;
    expect([before.raw, after.raw]).toEqual([print(own), print(renewed)]);
    expect(before.isClosed()).toBe(false);
  });
});
