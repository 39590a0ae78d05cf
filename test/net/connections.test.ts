/** The bounds of TLS listeners, against those who connect and then keep still, on real sockets. */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LabPki } from '../../src/lab/network/pki.ts';
import type { ConnectionLimits, CutReason } from '../../src/net/connections.ts';
import { CONNECTION_LIMITS } from '../../src/net/connections.ts';
import { listenerShare, publicShare } from '../../src/net/descriptors.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { connectionsOf, HttpsClient, httpsServer, listen } from '../../src/net/https.ts';
import type { HttpsServerOptions } from '../../src/net/https.ts';
import { TlsListener } from '../../src/net/tls-listener.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { answered, closed, HOST, secured } from './exchanges.ts';

const now = Date.now();
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-connections-'));
const cleanups: (() => unknown)[] = [];
const lines: object[] = [];
/** Requests of `/slow` that have no answer yet. */
const waiting: (() => void)[] = [];
const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields: object) => lines.push(fields),
  error: () => undefined,
};
let own: TlsMaterial;
let df: TlsMaterial;
let other: TlsMaterial;

beforeAll(async () => {
  const pki = await LabPki.create(folder, now);
  const issue = async (name: string, role: 'kms' | 'df') =>
    loadTls(await pki.issue({ commonName: name, dnsNames: [name], roles: [role] }), now);
  own = await issue(HOST, 'kms');
  df = await issue('df.home1.example', 'df');
  other = await issue('df.home2.example', 'df');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  lines.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

/* ------------------------------------------------------------------- parties */

async function serve(
  limits: Partial<ConnectionLimits>,
  more: Partial<HttpsServerOptions> = {},
): Promise<{ server: FastifyInstance; port: number; cuts: () => Partial<Record<CutReason, number>> }> {
  const server = httpsServer({
    ...{ name: 'test', logger, tls: own, authentication: 'mutual', limits },
    ...more,
  });
  server.post('/', () => ({ taken: true }));
  server.get('/', () => ({ answered: true }));
  server.get('/large', (_request, reply) => reply.send(Buffer.alloc(64 << 20)));
  server.get('/slow', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { answered: 'slow' };
  });
  server.get('/lasting', async (_request, reply) => {
    connectionsOf(server).lasts(reply.raw);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { answered: 'lasting' };
  });
  const port = await listen(server, '127.0.0.1', 0);
  cleanups.push(() => server.close());
  return { server, port, cuts: () => connectionsOf(server).cuts };
}

function tcp(port: number, localAddress = '127.0.0.1'): Socket {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

function tls(port: number, as: TlsMaterial | null, more: object = {}): TLSSocket {
  const identity = as === null ? {} : { cert: as.certificate, key: as.privateKey };
  const socket = connectTls({
    ...{ host: '127.0.0.1', port, servername: HOST, ca: own.authorities },
    ...identity,
    ...more,
  });
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

/* --------------------------------------------------------------------- tests */

describe('R-72: a connection that keeps still ends', () => {
  it('one that never begins its handshake', async () => {
    const { port, cuts } = await serve({ handshakeMs: 50 });
    await closed(tcp(port));
    expect(cuts()).toEqual({ 'handshake-time': 1 });
    expect(lines).toMatchObject([
      { listener: 'test', reason: 'handshake-time', whose: '127.0.0.1', count: 1 },
    ]);
  });

  it('one with a certificate that is not trusted, and it is told', async () => {
    const { port, cuts } = await serve({});
    const pki = await LabPki.create(path.join(folder, 'foreign'), now);
    const files = await pki.issue({ commonName: 'df', dnsNames: ['df.home1.example'], roles: ['df'] });
    const foreign = loadTls(files, now);
    await closed(tls(port, foreign));
    expect(cuts()).toEqual({ 'handshake-failed': 1 });
    expect(lines).toEqual([expect.objectContaining({ reason: 'handshake-failed', count: 1 })]);
    expect(lines[0]).toMatchObject({ detail: expect.stringMatching(/CERT|ISSUER|VERIFY/) as string });
  });

  it('one that stops within its handshake', async () => {
    const { port, cuts } = await serve({ handshakeMs: 50 });
    const socket = tcp(port);
    socket.write(Uint8Array.of(0x16, 0x03, 0x01, 0x40, 0x00));
    await closed(socket);
    expect(cuts()).toEqual({ 'handshake-time': 1 });
  });

  it.each(['h2', 'http/1.1'])('one that asks nothing after its handshake, %s', async (protocol) => {
    const { port, cuts } = await serve({ firstRequestMs: 50 });
    await closed(tls(port, df, { ALPNProtocols: [protocol] }));
    expect(cuts()).toEqual({ 'first-request-time': 1 });
  });

  it('one that sends the head of its request octet by octet', async () => {
    const { port, cuts } = await serve({ firstRequestMs: 80 });
    const socket = tls(port, df);
    socket.write('GET / HTTP/1.1\r\nX-Patience: ');
    const drip = setInterval(() => socket.write('a'), 5);
    cleanups.push(() => clearInterval(drip));
    await closed(socket);
    expect(cuts()).toEqual({ 'first-request-time': 1 });
  });

  it('one that asked once, over HTTP/1.1', async () => {
    const { port, cuts } = await serve({ idleMs: 50 });
    const socket = tls(port, df);
    expect(await answered(socket)).toContain('200 OK');
    await closed(socket);
    expect(cuts()).toEqual({ 'idle-time': 1 });
  });

  it('a session of HTTP/2 that only pings, with GOAWAY', async () => {
    const { port, cuts } = await serve({ idleMs: 80 });
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      ...{ servername: HOST, ca: own.authorities, cert: df.certificate, key: df.privateKey },
    });
    cleanups.push(() => session.destroy());
    const goaway = new Promise((resolve) => session.once('goaway', resolve));
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await new Promise((resolve) => stream.once('end', resolve));
    const pings = setInterval(() => !session.destroyed && session.ping(() => undefined), 10);
    cleanups.push(() => clearInterval(pings));
    expect(await goaway).toBe(0);
    expect(cuts()).toEqual({ 'idle-time': 1 });
  });

  it('one that does not send the body that it announced is answered 408', async () => {
    const { port, cuts } = await serve({ requestMs: 50 });
    const socket = tls(port, df);
    const type = 'Content-Type: application/json\r\nContent-Length: 1000';
    socket.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\n${type}\r\n\r\n{`);
    expect(await closed(socket)).toContain('408');
    expect(cuts()).toEqual({ 'request-time': 1 });
  });

  it('but not one whose answer takes its time, over either version', async () => {
    const { port, cuts } = await serve({ requestMs: 30, idleMs: 30, firstRequestMs: 5000 });
    const socket = tls(port, df);
    socket.write(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      ...{ servername: HOST, ca: own.authorities, cert: df.certificate, key: df.privateKey },
    });
    cleanups.push(() => session.destroy());
    const stream = session.request({ ':path': '/slow' });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await expect.poll(() => waiting.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(cuts()).toEqual({});
    waiting.splice(0).forEach((resolve) => resolve());
    expect(await answered(socket, '')).toContain('slow');
    await expect.poll(() => text).toContain('slow');
  });

  it('one that does not take its answer', async () => {
    const { port, cuts } = await serve({ exchangeMs: 100 });
    const socket = tls(port, df);
    await secured(socket);
    socket.pause();
    socket.write(`GET /large HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await expect.poll(cuts).toEqual({ 'exchange-time': 1 });
  });

  it('but not one whose answer lasts, as its server knows', async () => {
    const { port, cuts } = await serve({ exchangeMs: 100 });
    const lasting = tls(port, df);
    lasting.write(`GET /lasting HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await expect.poll(() => waiting.length).toBe(1);
    // Asked for later, and over before.
    const slow = tls(port, df);
    slow.write(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await closed(slow);
    expect(cuts()).toEqual({ 'exchange-time': 1 });
    waiting.splice(0).forEach((resolve) => resolve());
    expect(await answered(lasting, '')).toContain('lasting');
  });

  it('a stream over TLS without an octet, but not one that goes on', async () => {
    const listener = new TlsListener({
      ...{ name: 'stream', address: '127.0.0.1', port: 0, tls: own, logger },
      admission: { roles: ['df'], names: ['df.home1.example'] },
      limits: { firstRequestMs: 100, idleMs: 100 },
      admit: (socket) => socket.on('data', () => undefined).on('error', () => undefined),
    });
    const port = await listener.start();
    cleanups.push(() => listener.stop());
    const alive = tls(port, df);
    const beat = setInterval(() => alive.write('.'), 10);
    cleanups.push(() => clearInterval(beat));
    await closed(tls(port, df));
    expect(listener.connections.cuts).toEqual({ 'first-request-time': 1 });
    expect(alive.destroyed).toBe(false);
    clearInterval(beat);
    await closed(alive);
    expect(listener.connections.cuts).toEqual({ 'first-request-time': 1, 'idle-time': 1 });
  });
});

describe('R-72: a client of ours', () => {
  it('asks again after its idle session was ended, as often as that happens', async () => {
    const { server, port, cuts } = await serve({ idleMs: 40 });
    const hosts = new HostMap({ [HOST]: `127.0.0.1:${port}` });
    const client = new HttpsClient({ hosts, tls: df });
    cleanups.push(() => client.close());
    for (let round = 1; round <= 3; round++) {
      expect((await client.request('GET', `https://${HOST}/`)).status).toBe(200);
      await expect.poll(() => cuts()['idle-time']).toBe(round);
      // Before that the client may not know yet that the session is ended.
      await expect.poll(() => connectionsOf(server).open).toBe(0);
    }
  });
});

describe('R-72: a client of ours with many questions at once', () => {
  it('has an answer to each, under one certificate', async () => {
    const { server, port, cuts } = await serve({});
    const hosts = new HostMap({ [HOST]: `127.0.0.1:${port}` });
    const client = new HttpsClient({ hosts, tls: df });
    cleanups.push(() => client.close());
    const answers = Array.from({ length: 200 }, () => client.request('GET', `https://${HOST}/slow`));
    const release = setInterval(() => waiting.splice(0).forEach((resolve) => resolve()), 20);
    cleanups.push(() => clearInterval(release));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(connectionsOf(server).open).toBeLessThan(CONNECTION_LIMITS.perPeer);
    expect(cuts()).toEqual({});
  });
});

describe('R-72: a client of ours that asks nothing more', () => {
  it('ends its connection before the server does', async () => {
    const { server, port, cuts } = await serve({});
    const hosts = new HostMap({ [HOST]: `127.0.0.1:${port}` });
    const client = new HttpsClient({ hosts, tls: df, idleMs: 30 });
    cleanups.push(() => client.close());
    for (let round = 0; round < 2; round++) {
      expect((await client.request('GET', `https://${HOST}/`)).status).toBe(200);
      await expect.poll(() => connectionsOf(server).open).toBe(0);
    }
    expect(cuts()).toEqual({});
  });
});

describe('R-72: a stream over TLS', () => {
  it('is not for the same role under another name', async () => {
    const admitted: string[] = [];
    const listener = new TlsListener({
      ...{ name: 'stream', address: '127.0.0.1', port: 0, tls: own, logger },
      admission: { roles: ['df'], names: ['df.home1.example'] },
      admit: (_socket, { commonName }) => admitted.push(commonName),
    });
    const port = await listener.start();
    cleanups.push(() => listener.stop());
    await closed(tls(port, other));
    tls(port, df);
    await expect.poll(() => admitted).toEqual(['df.home1.example']);
  });
});

describe('R-72: nobody fills a listener', () => {
  it('of silent connections of one address the oldest go, and who has a certificate is served', async () => {
    const { port, cuts } = await serve({ perAddress: 4 });
    const silent = Array.from({ length: 8 }, () => tcp(port));
    await expect.poll(() => cuts()['too-many-of-address']).toBe(4);
    expect(await answered(tls(port, df))).toContain('200 OK');
    expect(cuts()).toEqual({ 'too-many-of-address': 5 });
    await expect.poll(() => silent.filter((socket) => socket.closed).length).toBe(5);
  });

  it('a flood from many addresses leaves those that are authenticated, idle or not', async () => {
    const { port, cuts } = await serve({ most: 6 });
    const friend = tls(port, df);
    expect(await answered(friend)).toContain('200 OK');
    for (let address = 2; address < 22; address++) tcp(port, `127.0.0.${address}`);
    await expect.poll(() => cuts()['too-many']).toBe(15);
    expect(await answered(friend)).toContain('200 OK');
    expect(await answered(tls(port, df))).toContain('200 OK');
  });

  it('one that goes makes room within both bounds', async () => {
    const { server, port, cuts } = await serve({ most: 3, perAddress: 3 });
    for (let n = 0; n < 4; n++) tcp(port);
    await expect.poll(cuts).toEqual({ 'too-many-of-address': 1 });
    await expect.poll(() => connectionsOf(server).open).toBe(3);
  });

  it('where clients have no certificates, idle ones of the address with most make room', async () => {
    const { port, cuts } = await serve({ most: 5 }, { authentication: 'server' });
    const hoard = Array.from({ length: 4 }, () => tls(port, null, { localAddress: '127.0.0.2' }));
    for (const socket of hoard) expect(await answered(socket)).toContain('200 OK');
    const phone = tls(port, null, { localAddress: '127.0.0.3' });
    expect(await answered(phone)).toContain('200 OK');
    const late = tls(port, null, { localAddress: '127.0.0.4' });
    expect(await answered(late)).toContain('200 OK');
    expect(cuts()).toEqual({ 'too-many': 1 });
    expect(await answered(phone)).toContain('200 OK');
  });

  it('a connection that is being answered is not dropped for another: the new one is refused', async () => {
    const { port, cuts } = await serve({ most: 1 }, { authentication: 'server' });
    const busy = tls(port, null);
    await secured(busy);
    busy.write(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await expect.poll(() => waiting.length).toBe(1);
    await closed(tls(port, null));
    expect(cuts()).toEqual({ 'too-many': 1 });
    waiting.splice(0).forEach((resolve) => resolve());
    expect(await answered(busy, '')).toContain('slow');
  });

  it('under one certificate, its own oldest idle connection goes, whatever the address', async () => {
    const { port, cuts } = await serve({ perPeer: 2 });
    const first = tls(port, df, { localAddress: '127.0.0.2' });
    await answered(first);
    const stranger = tls(port, other, { localAddress: '127.0.0.2' });
    await answered(stranger);
    await answered(tls(port, df, { localAddress: '127.0.0.3' }));
    expect(await answered(tls(port, df, { localAddress: '127.0.0.4' }))).toContain('200 OK');
    await expect.poll(() => first.closed).toBe(true);
    expect(stranger.closed).toBe(false);
    expect(cuts()).toEqual({ 'too-many-of-peer': 1 });
  });

  it('one log line of each kind, however many are cut', async () => {
    const { port, cuts } = await serve({ perAddress: 1 });
    for (let n = 0; n < 20; n++) tcp(port);
    await expect.poll(() => cuts()['too-many-of-address']).toBe(19);
    expect(lines).toHaveLength(1);
  });

  it('half of the process’s files are out of strangers’ reach, more of a listener with certificates', async () => {
    expect([publicShare(1024), listenerShare(1024)]).toEqual([512, 128]);
    const { server } = await serve({ most: 2 ** 40 }, { authentication: 'server' });
    expect(connectionsOf(server).most).toBeLessThan(2 ** 40);
    expect(lines).toMatchObject([{ listener: 'test', wanted: 2 ** 40 }]);
    const mutual = await serve({ most: 2 ** 40 });
    expect(connectionsOf(mutual.server).most).toBeLessThan(connectionsOf(server).most);
  });
});

describe('R-72: closing', () => {
  it('waits for nobody who keeps still, and for who has a question', async () => {
    const { server, port } = await serve({});
    const socket = tls(port, df);
    await answered(socket);
    const silent = [tcp(port), tls(port, df), tls(port, df, { ALPNProtocols: ['h2'] })];
    await secured(silent[2] as TLSSocket);
    const asking = tls(port, df);
    await secured(asking);
    asking.write(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await expect.poll(() => waiting.length).toBe(1);
    const done = server.close();
    await Promise.all(silent.map(closed));
    waiting.splice(0).forEach((resolve) => resolve());
    expect(await closed(asking)).toContain('slow');
    await done;
    await expect.poll(() => connectionsOf(server).open).toBe(0);
  });
});

describe('R-72: closing, of who hangs', () => {
  it.each(['h2', 'http/1.1'])('cuts what is not answered, %s', async (protocol) => {
    const { server, port } = await serve({});
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      ...{ servername: HOST, ca: own.authorities, cert: df.certificate, key: df.privateKey },
    });
    session.on('error', () => undefined);
    cleanups.push(() => session.destroy());
    if (protocol === 'h2') session.request({ ':path': '/slow' }).on('error', () => undefined);
    else tls(port, df).write(`GET /slow HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await expect.poll(() => waiting.length).toBe(1);
    await server.close();
    await expect.poll(() => connectionsOf(server).open).toBe(0);
    waiting.length = 0;
  });
});

describe('R-72: Xk', () => {
  it.each([
    [false, false],
    [true, true],
  ])('with resumption %s, a session is taken up again: %s', async (resumption, reused) => {
    const { port } = await serve({}, { resumption, minVersion: 'TLSv1.3' });
    const first = tls(port, df);
    const session = new Promise<Buffer>((resolve) => first.once('session', resolve));
    await answered(first);
    const second = tls(port, df, { session: await session });
    await secured(second);
    expect(second.isSessionReused()).toBe(reused);
  });
});
