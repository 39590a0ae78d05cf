/** Certificates that are replaced while connections stand. */
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient, httpsServer, listen, peerOfRequest } from '../../src/net/https.ts';
import { LiveTls } from '../../src/net/live-tls.ts';
import { TlsListener } from '../../src/net/tls-listener.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { silent } from '../support/silent.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-live-'));
const NAMES = ['df.home1.example', 'cscf.home1.example'] as const;
type Material = Readonly<Record<(typeof NAMES)[number], TlsMaterial>>;
let before: Material;
let after: Material;

async function issued(name: string, more = ''): Promise<Material> {
  const pki = await LabPki.create(path.join(folder, name), Date.now(), name);
  const material: Record<string, TlsMaterial> = {};
  for (const commonName of NAMES) {
    const files = await pki.issue({
      commonName,
      dnsNames: [commonName],
      roles: [commonName.split('.')[0] as 'df'],
    });
    const { authorities, ...own } = loadTls(files, Date.now());
    material[commonName] = { ...own, authorities: authorities + more };
  }
  return material as Material;
}

beforeAll(async () => {
  before = await issued('old');
  // Whoever moves to another authority trusts both for a while.
  after = await issued('new', readFileSync(path.join(folder, 'old/ca.pem'), 'utf8'));
});

afterAll(() => rmSync(folder, { recursive: true }));

it('R-92: requests under way end as they began, and later ones go under the new certificates', async () => {
  const [server, client] = [new LiveTls(before[NAMES[0]]), new LiveTls(before[NAMES[1]])];
  const app = httpsServer({ name: 'test', logger: silent, tls: server, authentication: 'mutual' });
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  app.get('/peer', (request) => peerOfRequest(request).fingerprint);
  app.get('/held', async (request) => {
    await held;
    return peerOfRequest(request).fingerprint;
  });
  const port = await listen(app, '127.0.0.1', 0);
  const https = new HttpsClient({ hosts: new HostMap({ [NAMES[0]]: `127.0.0.1:${port}` }), tls: client });
  const get = async (at: string): Promise<string> =>
    new TextDecoder().decode((await https.request('GET', `https://${NAMES[0]}${at}`)).body);
  try {
    const old = await get('/peer');
    const underWay = get('/held');
    await expect.poll(() => get('/peer')).toBe(old);
    expect(server.replace(after[NAMES[0]])).toBe(true);
    // The server has moved, and the client not yet: it does not know the new authority.
    expect(client.replace(after[NAMES[1]])).toBe(true);
    const now = await get('/peer');
    expect(now).not.toBe(old);
    release();
    expect(await underWay).toBe(old);
    expect(client.replace(after[NAMES[1]])).toBe(false);
    expect(await get('/peer')).toBe(now);
  } finally {
    release();
    await https.close();
    await app.close();
  }
});

it('R-92: a stream goes on under the certificate that it began with; the next one sees the new', async () => {
  const tls = new LiveTls(before[NAMES[0]]);
  const taken: TLSSocket[] = [];
  const listener = new TlsListener({
    ...{ name: 'X2/X3', address: '127.0.0.1', port: 0, tls, logger: silent },
    admission: { roles: ['cscf'], names: [NAMES[1]] },
    admit: (socket) => {
      taken.push(socket);
      socket.on('data', (chunk: Buffer) => socket.write(chunk));
    },
  });
  const port = await listener.start();
  const open = async (own: TlsMaterial, trusted: string): Promise<TLSSocket> => {
    const { certificate: cert, privateKey: key } = own;
    const socket = connect({ host: '127.0.0.1', port, servername: NAMES[0], cert, key, ca: trusted });
    socket.on('error', () => undefined);
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return socket;
  };
  const echoed = (socket: TLSSocket, text: string): Promise<string> => {
    const answer = new Promise<string>((resolve) =>
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    socket.write(text);
    return answer;
  };
  try {
    const first = await open(before[NAMES[1]], before[NAMES[1]].authorities);
    expect(await echoed(first, 'one')).toBe('one');
    tls.replace(after[NAMES[0]]);
    expect(await echoed(first, 'two')).toBe('two');
    const second = await open(after[NAMES[1]], after[NAMES[1]].authorities);
    expect(await echoed(second, 'three')).toBe('three');
    expect(second.getPeerCertificate().fingerprint256).not.toBe(first.getPeerCertificate().fingerprint256);
    expect(taken).toHaveLength(2);
  } finally {
    await listener.stop();
  }
});
