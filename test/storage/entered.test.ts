/** Whom Claviger tells anything when it enters a database or a stream server: those that its settings name, by TLS where they say so. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { databaseAccess } from '../../src/host/database-config.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { streamAccess } from '../../src/host/stream-server-config.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import { missingNats, NatsServer } from '../support/nats-server.ts';
import { silent } from '../support/silent.ts';

const ports = { clock: systemClock(), logger: silent };
/** What a PostgreSQL client asks first, where it wants TLS: 8, 80877103. */
const SSL_REQUEST = '0000000804d2162f';
const INFO = {
  server_id: 'x',
  version: '2.9.10',
  proto: 1,
  headers: true,
  max_payload: 2 << 20,
  jetstream: true,
};

/** Listens on loopback until the test ends. */
async function listener(takes: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    takes(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('R-57: whoever takes no TLS, where settings ask for it,', () => {
  let folder = '';
  let authorities = '';
  let passwordFile = '';
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'claviger-entered-'));
    ({ authorities } = await LabPki.create(path.join(folder, 'pki'), Date.now()));
    passwordFile = path.join(folder, 'password');
    writeFileSync(passwordFile, 'very secret\n', { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is told nothing as a stream server', async () => {
    const heard: Buffer[] = [];
    const port = await listener((socket) => {
      socket.on('data', (octets: Buffer) => heard.push(octets));
      socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
    });
    const settings = { servers: [`127.0.0.1:${port}`], user: 'df', passwordFile, timeoutMs: 1_000 };
    const access = streamAccess({ ...settings, tls: { authorities } });
    await expect(StreamServer.connect(access, ports)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.not.stringContaining('secret') as unknown,
    });
    expect(Buffer.concat(heard).toString()).toBe('');
  });

  it('is told nothing as a database', async () => {
    const heard: Buffer[] = [];
    const port = await listener((socket) =>
      socket.on('data', (octets: Buffer) => {
        heard.push(octets);
        socket.write('N');
      }),
    );
    const access = databaseAccess({
      ...{ engine: 'postgresql', host: '127.0.0.1', port, name: 'd', user: 'kms', passwordFile },
      ...{ schema: 's', instance: 'a', connections: 2, timeoutMs: 1_000, tls: { authorities } },
    });
    const schema = { store: 'x', firstTables: [], migrations: [] };
    await expect(openPostgresql(access, schema)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.not.stringContaining('secret') as unknown,
    });
    expect(Buffer.concat(heard).toString('hex')).toBe(SSL_REQUEST);
  });
});

describe.skipIf(missingNats())('R-57: of a cluster of stream servers', () => {
  it('none is entered that only another has named: nobody has said how', async () => {
    const nats = await NatsServer.own();
    onTestFinished(() => nats.remove());
    let strangers = 0;
    const elsewhere = await listener(() => (strangers += 1));
    let attempts = 0;
    let isThere = true;
    const ways = new Set<Socket>();
    const port = await listener((client) => {
      attempts += 1;
      if (!isThere) return void client.destroy();
      const server = connect(nats.port, '127.0.0.1');
      for (const socket of [client, server]) {
        ways.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => [client, server].forEach((each) => each.destroy()));
      }
      client.pipe(server);
      server.once('data', (octets: Buffer) => {
        const named = `INFO {"connect_urls":["127.0.0.1:${elsewhere}"],`;
        client.write(octets.toString('latin1').replace(/^INFO \{/, named), 'latin1');
        server.pipe(client);
      });
    });
    const server = await StreamServer.connect({ ...nats.access, servers: [`127.0.0.1:${port}`] }, ports);
    onTestFinished(() => server.close());
    isThere = false;
    for (const socket of ways) socket.destroy();
    await expect.poll(() => attempts + strangers, { timeout: 10_000 }).toBeGreaterThan(5);
    expect(strangers).toBe(0);
  });
});
