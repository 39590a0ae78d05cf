/** Streams of a NATS server: what is stored, what is refused, and what becomes of both when the server is killed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../src/bytes/octets.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { streamAccess } from '../../src/host/stream-server-config.ts';
import type { StreamServerConfig } from '../../src/host/stream-server-config.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import type { StreamAccess } from '../../src/storage/jetstream.ts';
import type { StreamReading } from '../../src/storage/stream-reading.ts';
import { missingNats, NatsServer } from '../support/nats-server.ts';
import { silent } from '../support/silent.ts';

const ports = { clock: systemClock(), logger: silent };

/** So many messages, or those that came until it was closed. */
async function texts(reading: StreamReading, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const messages = await reading.take();
    if (messages.length === 0) break;
    taken.push(...messages.map(({ octets }) => fromUtf8(octets)));
  }
  return taken;
}

describe.skipIf(missingNats())('Streams of a NATS server', () => {
  let nats: NatsServer;
  let name = '';
  let count = 0;
  const open: StreamServer[] = [];

  beforeAll(async () => {
    nats = await NatsServer.own();
  });
  afterAll(() => nats.remove());
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close();
  });

  async function entered(access: StreamAccess = nats.access): Promise<StreamServer> {
    const server = await StreamServer.connect(access, ports);
    open.push(server);
    return server;
  }

  async function stream(octets = 4 << 20, perSubject?: number): Promise<StreamServer> {
    name = `t${++count}`;
    const server = await entered();
    const subjects = [`${name}.*`];
    await server.keep({
      name,
      subjects,
      octets,
      replicas: 1,
      ...(perSubject === undefined ? {} : { perSubject }),
    });
    return server;
  }

  const lay = (server: StreamServer, text: string, id?: string): Promise<number> =>
    server.publish(name, `${name}.0`, utf8(text), id === undefined ? {} : { id });

  it('gives messages of a subject in their order, from a number on, with their headers', async () => {
    const server = await stream();
    for (const text of ['a', 'b', 'c']) await lay(server, text);
    await server.publish(name, `${name}.1`, utf8('another'));
    const reading = server.read(name, `${name}.0`, 1);
    expect(await texts(reading, 2)).toEqual(['b', 'c']);
    await server.publish(name, `${name}.0`, utf8('d'), { headers: { 'X-Of': 'd%C3%A4' } });
    const [last] = await reading.take();
    expect([last?.number, last?.header('X-Of'), last?.header('X-None')]).toEqual([5, 'd%C3%A4', '']);
  });

  it('R-23: a reading that is closed while its way is being opened ends', async () => {
    const server = await stream();
    await lay(server, 'a');
    const reading = server.read(name, `${name}.0`, 0);
    let isClosed = false;
    void reading.close().then(() => (isClosed = true));
    await expect.poll(() => isClosed).toBe(true);
    expect(await reading.take()).toEqual([]);
  });

  it('R-23: a reader asks for nothing that the server refuses, however long the next message is: it would wait for seconds', async () => {
    const server = await stream();
    const others = await connect({ port: nats.port, user: 'claviger', pass: nats.access.password() });
    const refused: number[] = [];
    others.subscribe('_INBOX.>', {
      callback: (_, { headers }) => {
        if (headers !== undefined && headers.code > 0) refused.push(headers.code);
      },
    });
    await others.flush();
    const reading = server.read(name, `${name}.0`, 0);
    const short = Array.from({ length: 120 }, (_, n) => `${n}`);
    for (const text of short) await lay(server, text);
    expect(await texts(reading, short.length)).toEqual(short);
    for (const octets of [64 << 10, 256 << 10]) {
      await server.publish(name, `${name}.0`, new Uint8Array(octets));
      const [long] = await reading.take();
      expect(long?.octets.length).toBe(octets);
    }
    await others.close();
    // 100: it is there; 408: the time of a request was over.
    expect(refused.filter((code) => code >= 400 && code !== 408)).toEqual([]);
  });

  it('stores copies with one id once', async () => {
    const server = await stream();
    expect([await lay(server, 'a', 'one'), await lay(server, 'a', 'one')]).toEqual([1, 1]);
    expect(await lay(server, 'b', 'two')).toBe(2);
    expect((await server.kept(name)).messages).toBe(2);
  });

  it('refuses what exceeds the octets of a stream, keeps what is in it, and takes more once there is room', async () => {
    const server = await stream(64 << 10);
    const text = 'x'.repeat(10_000);
    const numbers: number[] = [];
    const fill = async (): Promise<void> => {
      for (;;) numbers.push(await lay(server, text));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'full' });
    expect(numbers.length).toBeGreaterThan(4);
    expect((await server.kept(name)).messages).toBe(numbers.length);
    await server.trim(name, `${name}.0`, 3);
    expect(await lay(server, text)).toBeGreaterThan(numbers.length);
    const [oldest] = await server.read(name, `${name}.0`, 0).take();
    expect(oldest?.number).toBe(4);
  });

  it('has a stream that is there be as it is wanted now', async () => {
    const server = await stream(64 << 10);
    await lay(server, 'a');
    await server.keep({ name, subjects: [`${name}.*`], octets: 1 << 20, replicas: 1 });
    for (let at = 0; at < 10; at++) await lay(server, 'x'.repeat(10_000));
    expect((await server.kept(name)).messages).toBe(11);
  });

  it('replaces a message only where the last one is the one that is named', async () => {
    const server = await stream(1 << 20, 1);
    const put = (text: string, after: number): Promise<number> =>
      server.publish(name, `${name}.a`, utf8(text), { after });
    expect(await server.newest(name, `${name}.a`)).toBeNull();
    expect(await put('first', 0)).toBe(1);
    await expect(put('late', 0)).rejects.toMatchObject({ code: 'conflict' });
    expect(await put('second', 1)).toBe(2);
    const newest = await server.newest(name, `${name}.a`);
    expect([newest?.number, fromUtf8(newest?.octets ?? new Uint8Array())]).toEqual([2, 'second']);
  });

  it('is entered by those with the password alone', async () => {
    const wrong = { ...nats.access, password: () => 'another' };
    await expect(StreamServer.connect(wrong, ports)).rejects.toMatchObject({ name: 'StorageError' });
  });

  describe('that is killed', () => {
    let own: NatsServer;
    beforeAll(async () => {
      own = await NatsServer.own();
    });
    afterAll(() => own.remove());

    it('has what it has stored when it is back, is told to be away meanwhile, and readers go on without a gap', async () => {
      const server = await entered(own.access);
      name = 'killed';
      await server.keep({ name, subjects: [`${name}.*`], octets: 1 << 20, replicas: 1 });
      const reading = server.read(name, `${name}.0`, 0);
      for (const text of ['a', 'b']) await lay(server, text);
      expect(await texts(reading, 2)).toEqual(['a', 'b']);
      await lay(server, 'c');
      await own.kill();
      await expect.poll(() => server.awaySince).not.toBeNull();
      await expect(lay(server, 'nowhere')).rejects.toMatchObject({ code: 'unavailable' });
      await own.start();
      await expect.poll(() => server.awaySince, { timeout: 5_000 }).toBeNull();
      await expect.poll(() => lay(server, 'd').catch(() => 0), { timeout: 5_000 }).toBe(4);
      expect(await texts(reading, 2)).toEqual(['c', 'd']);
      expect(server.disconnections).toBe(1);
    }, 20_000);

    it('R-56: numbers go on above all that were given, also where nothing was left in a stream', async () => {
      const server = await entered(own.access);
      name = 'emptied';
      await server.keep({ name, subjects: [`${name}.*`], octets: 1 << 20, replicas: 1 });
      const reading = server.read(name, `${name}.0`, 0);
      let last = 0;
      for (let turn = 0; turn < 3; turn++) {
        for (const text of ['a', 'b', 'c']) {
          const number = await lay(server, text);
          expect(number).toBeGreaterThan(last);
          last = number;
        }
        expect(await texts(reading, 3)).toEqual(['a', 'b', 'c']);
        await server.trim(name, `${name}.0`, last);
        await own.kill();
        await expect.poll(() => server.awaySince).not.toBeNull();
        await own.start();
        await expect.poll(() => server.awaySince, { timeout: 5_000 }).toBeNull();
      }
    }, 20_000);

    it('does not answer while it stands still: nobody knows what became of a message, and its copy is stored once', async () => {
      const server = await entered({ ...own.access, timeoutMs: 300 });
      name = 'still';
      await server.keep({ name, subjects: [`${name}.*`], octets: 1 << 20, replicas: 1 });
      const resume = own.pause();
      await expect(lay(server, 'a', 'one')).rejects.toMatchObject({ code: 'unavailable' });
      resume();
      await expect.poll(() => lay(server, 'a', 'one').catch(() => 0), { timeout: 5_000 }).toBe(1);
      await expect.poll(async () => (await server.kept(name)).messages).toBe(1);
    }, 20_000);
  });

  it('R-57: is entered by TLS, if its certificate bears the name that is expected and comes from whom is trusted, with one of its own where it is asked for', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-nats-tls-'));
    const [pki, strangers] = [
      await LabPki.create(folder, ports.clock.now()),
      await LabPki.create(path.join(folder, 'other'), ports.clock.now()),
    ];
    const issue = (by: LabPki, name: string) =>
      by.issue({ commonName: name, dnsNames: [name], roles: ['df'] });
    const files = await issue(pki, 'nats.home1.example');
    const [df, strange] = [await issue(pki, 'df.home1.example'), await issue(strangers, 'df.home1.example')];
    const own = await NatsServer.own({ tls: files });
    const by = (changes: Partial<StreamServerConfig['tls']>): StreamAccess =>
      streamAccess({
        ...{
          servers: own.access.servers,
          user: 'claviger',
          passwordFile: own.passwordFile,
          timeoutMs: 2_000,
        },
        tls: { ...right, ...changes },
      });
    const { authorities } = files;
    const shown = ({ certificate, privateKey }: typeof df) => ({ certificate, privateKey });
    const right = { authorities, serverName: 'nats.home1.example', ...shown(df) };
    try {
      expect((await entered(by({}))).largestMessage).toBe(2 << 20);
      const wrong = [
        { serverName: 'other.home1.example' },
        { authorities: strange.authorities },
        { certificate: undefined, privateKey: undefined },
        shown(strange),
      ];
      for (const changes of wrong)
        await expect(StreamServer.connect(by(changes), ports)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(StreamServer.connect(own.access, ports)).rejects.toThrow();
    } finally {
      await own.remove();
      rmSync(folder, { recursive: true });
    }
  });
});
