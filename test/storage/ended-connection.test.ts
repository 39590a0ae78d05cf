/** A PostgreSQL server that ends a connection in the moment in which it has made it, as one that is killed does. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { sql } from 'kysely';
import { databaseAsItIs } from '../../src/storage/postgresql.ts';

/** A message of the server: its letter, its length without that, and its contents. */
function message(letter: string, contents: Buffer): Buffer {
  const head = Buffer.from(`${letter}....`);
  head.writeUInt32BE(contents.length + 4, 1);
  return Buffer.concat([head, contents]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const ENDED = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

it('R-20: a connection that ends with what it said last is one that cannot be used, and ends nothing else', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, ENDED])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { kysely, pool } = databaseAsItIs({
    ...{ host: '127.0.0.1', port, database: 'df', user: 'df', schema: 'df', password: () => '', tls: null },
    ...{ connections: 2, timeoutMs: 2_000 },
  });
  onTestFinished(() => pool.end());
  const uncaught: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => void uncaught.push(error));
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
  await expect(sql`SELECT 1`.execute(kysely)).rejects.toMatchObject({ code: 'unavailable' });
  expect(uncaught).toEqual([]);
});
