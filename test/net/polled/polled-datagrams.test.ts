/** Sockets by calls of the C library, turn by turn: who is served when, what a bell does, and what is left of them. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DatagramSocket } from '../../../src/media/datagrams.ts';
import type { NetworkAddress } from '../../../src/bytes/network-address.ts';
import { silent } from '../../support/silent.ts';
import type { SystemCalls } from '../../../src/net/polled/system-calls.ts';
import { calls, PolledSockets } from './polled-sockets.ts';

const found = await calls();

describe.runIf(found !== null)('sockets by calls of the C library', () => {
  let polled: PolledSockets;
  let heard: { octets: number[]; from: NetworkAddress }[];
  let problems: string[];

  beforeEach(() => {
    [heard, problems] = [[], []];
    const note = (_: object, message: string): void => void problems.push(message);
    polled = new PolledSockets(found!, { ...silent, warn: note, debug: note });
  });

  afterEach(() => polled.stop());

  async function bound(address = '127.0.0.1', port = 0): Promise<DatagramSocket> {
    const socket = await polled.datagrams.bind(address, port);
    if (socket === null) throw new Error('no port');
    socket.onDatagram((octets, from) => void heard.push({ octets: [...octets], from }));
    return socket;
  }

  /** Turns until a datagram has come. */
  function turn(): void {
    const before = heard.length;
    for (let tries = 0; heard.length === before && tries < 100; tries++)
      polled.datagrams.turn(10, () => undefined);
  }

  test.each(['127.0.0.1', '::1'])(
    'what arrives at %s is handed on with where it came from',
    async (address) => {
      const [one, other] = [await bound(address), await bound(address)];
      for (const octets of [[1, 2], [], [3]]) {
        one.send(Uint8Array.from(octets), other.local);
        turn();
      }
      expect(heard).toEqual([[1, 2], [], [3]].map((octets) => ({ octets, from: one.local })));
      // Whoever compares where they come from need not look at the text.
      expect(heard[2]?.from).toBe(heard[0]?.from);
    },
  );

  test('what comes from Node.js and goes there is the same, the longest as well', async () => {
    const socket = await bound();
    const node = createSocket('udp4');
    node.bind(0, '127.0.0.1');
    await once(node, 'listening');
    const longest = Buffer.from(Uint8Array.from({ length: 65_507 }, (_, at) => at & 0xff));
    for (let n = 0; n < 5; n++) {
      await new Promise((resolve) => node.send(longest, socket.local.port, '127.0.0.1', resolve));
      turn();
    }
    expect(heard.map(({ octets }) => Buffer.from(octets).equals(longest))).toEqual(Array(5).fill(true));
    expect(heard[0]?.from).toEqual({ address: '127.0.0.1', port: node.address().port });
    const came = once(node, 'message');
    socket.send(longest, heard[0]!.from);
    expect(longest.equals((await came)[0] as Buffer)).toBe(true);
    node.close();
  });

  test('R-53: what has been handed on stays as it was, however much follows', async () => {
    const [one, other] = [await bound(), await bound()];
    const kept: Uint8Array[] = [];
    other.onDatagram((octets) => {
      kept.push(octets);
      heard.push({ octets: [], from: one.local });
    });
    for (let n = 0; n < 600; n++) {
      one.send(new Uint8Array(1000).fill(n & 0xff), other.local);
      turn();
    }
    expect(kept.length).toBe(600);
    kept.forEach((octets, n) => expect(octets.every((octet) => octet === (n & 0xff))).toBe(true));
  });

  test('a socket of IPv6 hears of IPv4 in its own spelling, and answers there', async () => {
    const [both, four] = [await bound('::'), await bound()];
    four.send(Uint8Array.of(4), { address: '127.0.0.1', port: both.local.port });
    turn();
    expect(heard).toEqual([{ octets: [4], from: four.local }]);
    both.send(Uint8Array.of(6), heard[0]!.from);
    turn();
    expect(heard[1]).toEqual({ octets: [6], from: { address: '127.0.0.1', port: both.local.port } });
  });

  test('each that has some is served once in a turn, however much one has', async () => {
    const [busy, calm, from] = [await bound(), await bound(), await bound()];
    for (let n = 0; n < 3; n++) from.send(Uint8Array.of(1), busy.local);
    from.send(Uint8Array.of(2), calm.local);
    polled.datagrams.turn(10, () => undefined);
    expect(heard.map(({ octets: [octet] }) => octet).sort()).toEqual([1, 2]);
    polled.datagrams.turn(0, () => undefined);
    polled.datagrams.turn(0, () => undefined);
    expect(heard.length).toBe(4);
  });

  test('R-24: a bell ends the wait, and what it is rung for is heard before what has come, once', async () => {
    const [one, other] = [await bound(), await bound()];
    const order: string[] = [];
    other.onDatagram(() => void order.push('datagram'));
    one.send(Uint8Array.of(1), other.local);
    for (let n = 0; n < 2; n++) polled.sockets.ring();
    polled.datagrams.turn(60_000, () => void order.push('bell'));
    expect(order).toEqual(['bell', 'datagram']);
    polled.datagrams.turn(0, () => void order.push('bell'));
    expect(order.length).toBe(2);
    polled.sockets.ring();
    polled.datagrams.turn(60_000, () => void order.push('bell'));
    expect(order.length).toBe(3);
  }, 20_000);

  test('R-24: a bell that rings while it is being heard is heard before what came since', async () => {
    const [one, other] = [await bound(), await bound()];
    const order: string[] = [];
    other.onDatagram(() => void order.push('datagram'));
    polled.sockets.ring();
    polled.datagrams.turn(10, () => {
      if (order.push('bell') > 1) return;
      polled.sockets.ring();
      one.send(Uint8Array.of(1), other.local);
    });
    expect(order).toEqual(['bell', 'bell', 'datagram']);
  });

  test('R-72: whoever is told to end when a bell has rung makes no more calls for what is closed', async () => {
    const waits: number[] = [];
    const epollWait: SystemCalls['epollWait'] = (epoll, ...rest) => {
      waits.push(epoll);
      return found!.epollWait(epoll, ...rest);
    };
    const ended = new PolledSockets(
      { ...found!, epollWait },
      { ...silent, warn: () => problems.push('warn') },
    );
    const socket = await ended.datagrams.bind('127.0.0.1', 0);
    ended.sockets.ring();
    ended.datagrams.turn(10, () => {
      socket?.close();
      ended.datagrams.end();
    });
    ended.datagrams.turn(10, () => undefined);
    expect(waits.length).toBe(1);
    await expect(ended.datagrams.bind('127.0.0.1', 0)).rejects.toMatchObject({ code: 'EBADF' });
    expect(problems).toEqual([]);
    ended.stop();
  });

  test('what is done when a bell has rung may open and close sockets', async () => {
    const [one, other] = [await bound(), await bound()];
    one.send(Uint8Array.of(1), other.local);
    polled.sockets.ring();
    let opened: Promise<DatagramSocket> | null = null;
    polled.datagrams.turn(10, () => {
      other.close();
      opened = bound();
    });
    expect(heard).toEqual([]);
    one.send(Uint8Array.of(2), (await opened!).local);
    turn();
    expect(heard).toEqual([{ octets: [2], from: one.local }]);
  });

  test('a socket that a listener closes hears nothing of the same turn, nor does what takes its place', async () => {
    const [first, second, from] = [await bound(), await bound(), await bound()];
    const opened: Promise<DatagramSocket>[] = [];
    for (const [socket, other] of [
      [first, second],
      [second, first],
    ] as const)
      socket.onDatagram(() => {
        heard.push({ octets: [1], from: from.local });
        other.close();
        opened.push(bound());
      });
    from.send(Uint8Array.of(1), first.local);
    from.send(Uint8Array.of(1), second.local);
    turn();
    polled.datagrams.turn(0, () => undefined);
    expect(heard.length).toBe(1);
    await Promise.all(opened);
    expect(polled.datagrams.open).toBe(3);
  });

  test('a port that is taken is none, and an address that is not here is an error', async () => {
    const { local } = await bound();
    expect(await polled.datagrams.bind('127.0.0.1', local.port)).toBeNull();
    await expect(polled.datagrams.bind('192.0.2.1', 0)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    await expect(polled.datagrams.bind('gateway.invalid', 0)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(polled.datagrams.open).toBe(1);
  });

  test('more sockets than were asked for are refused, and leave nothing', async () => {
    for (let n = 0; n < 16; n++) await bound();
    const before = readdirSync('/proc/self/fd').length;
    await expect(polled.datagrams.bind('127.0.0.1', 0)).rejects.toMatchObject({ code: 'EMFILE' });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test.each([
    ['a name', { address: 'phone.invalid', port: 5004 }],
    ['an address of IPv6 from one of IPv4', { address: '::1', port: 5004 }],
    ['port 0', { address: '127.0.0.1', port: 0 }],
  ])('to %s nothing is sent, which is in the log', async (_, to) => {
    const socket = await bound();
    socket.send(Uint8Array.of(1), to);
    expect(problems).toEqual(['a datagram could not be sent']);
  });

  test('R-72: what was open when a thread ended is closed by who started it, and nothing else', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const sockets = new PolledSockets(found!, silent);
    for (let n = 0; n < 3; n++) await sockets.datagrams.bind('127.0.0.1', 0);
    const closed = await sockets.datagrams.bind('127.0.0.1', 0);
    closed?.close();
    // The bell, what the thread waits by, and three sockets.
    expect(open()).toBe(before + 5);
    sockets.sockets.ended();
    sockets.sockets.ended();
    expect(open()).toBe(before);
    sockets.sockets.ring();
  });
});

test('there are none on other systems, and Node.js has sockets there', async () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'freebsd' });
  try {
    const { systemCalls } = await import('../../../src/net/polled/system-calls.ts');
    expect(await systemCalls()).toBeNull();
  } finally {
    Object.defineProperty(process, 'platform', { value: platform });
  }
});
