/** Sockets for media: what arrives is handed on, and what cannot be sent is in the log of whoever looks for it. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Logger } from '../../src/bytes/ports.ts';
import type { Datagrams, DatagramSocket } from '../../src/media/datagrams.ts';
import { udpDatagrams } from '../../src/net/datagrams.ts';
import { silent } from '../support/silent.ts';
import { calls, PolledSockets } from './polled/polled-sockets.ts';

/** More than a datagram can have. */
const TOO_LARGE = new Uint8Array(65_536);
const UNSENT = 'a datagram could not be sent';

const debugged: string[] = [];
const logger: Logger = { ...silent, debug: (_, message) => void debugged.push(message) };
const sockets: DatagramSocket[] = [];
const found = await calls();
const polled = found === null ? null : new PolledSockets(found, logger);
const kinds: [string, Datagrams][] = [['Node.js', udpDatagrams(logger)]];
if (polled !== null) kinds.push(['the C library', polled.datagrams]);

void polled?.turn();

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
  debugged.splice(0);
});

afterAll(() => polled?.stop());

describe.each(kinds)('sockets of %s', (_, datagrams) => {
  async function bound(): Promise<DatagramSocket> {
    const socket = await datagrams.bind('127.0.0.1', 0);
    if (socket === null) throw new Error('no port');
    sockets.push(socket);
    return socket;
  }

  it('what arrives is handed on with where it came from', async () => {
    const [one, other] = [await bound(), await bound()];
    const heard: unknown[] = [];
    other.onDatagram((octets, from) => heard.push([[...octets], from]));
    one.send(Uint8Array.of(1, 2), other.local);
    one.send(Uint8Array.of(3), other.local);
    await expect
      .poll(() => heard)
      .toEqual([
        [[1, 2], one.local],
        [[3], one.local],
      ]);
  });

  it('what cannot be sent is told of the first to a place, and of each 256th then', async () => {
    const [one, other, third] = [await bound(), await bound(), await bound()];
    const told = (count: number) => expect.poll(() => debugged).toEqual(Array(count).fill(UNSENT));
    for (const to of [other.local, { ...other.local }, third.local]) one.send(TOO_LARGE, to);
    await told(2);
    for (let i = 0; i < 255; i++) one.send(TOO_LARGE, third.local);
    await told(2);
    one.send(TOO_LARGE, third.local);
    await told(3);
  });
});
