/** TCP connections are bounded, and who goes first is never somebody whom this node knows. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countedAddress } from '../../src/bytes/network-address.ts';
import type { Flow } from '../../src/sip/flow.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { toOctets } from '../../src/sip/text.ts';
import { TCP_LIMITS, TcpConnections } from '../../src/sip/tcp-connections.ts';
import type { TcpLimits } from '../../src/sip/tcp-connections.ts';
import { Transport } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';
import { loopback } from './support.ts';

let clock: ManualClock;
let transport: Transport;
let port: number;
const sockets: Socket[] = [];
/** Connections that a message came on, by its Call-ID. */
const flows = new Map<string, Flow>();

beforeEach(() => void (clock = new ManualClock()));

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  flows.clear();
  await transport.close();
});

async function listen(connections: Partial<TcpLimits>): Promise<void> {
  transport = new Transport({ clock, logger: silent, hosts: loopback, connections });
  transport.attach({
    arrived: (message, _, flow) => {
      if (message.kind !== 'request') return;
      flows.set(message.callId, flow);
      flow.send(makeResponse(message, 200, { toTag: 't' }).serialise());
    },
    closed: () => undefined,
  });
  ({ port } = await transport.listen('TCP', '127.0.0.1', 0));
}

/** A connection from an address of loopback. */
async function connected(localAddress = '127.0.0.1', allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  await until(() => socket.destroyed || transport.connections.open.incoming > 0);
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 30_000) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function options(callId: string, more = ''): string {
  return `OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK${callId}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: ${callId}\r\nCSeq: 1 OPTIONS\r\n${more}Content-Length: 0\r\n\r\n`;
}

/** Asks, and waits for the answer. */
async function served(socket: Socket, callId: string): Promise<Flow> {
  socket.write(options(callId));
  await new Promise((resolve) => socket.once('data', resolve));
  const flow = flows.get(callId);
  if (flow === undefined) throw new Error('nothing came');
  return flow;
}

describe('R-70: TCP connections in number', () => {
  it('silent ones of one address take the room of that address alone', async () => {
    await listen({ most: 20, perAddress: 4 });
    for (let i = 0; i < 30; i++) await connected('127.0.0.9');
    await served(await connected('127.0.0.2'), 'b');
    await until(() => transport.connections.open.incoming <= 5);
    expect(transport.connections.cuts).toEqual({ 'too-many-of-address': 26 });
    await served(await connected('127.0.0.9'), 'c');
  });

  it('those of one network of IPv6 are of one address, however many it has', () => {
    const connections = new TcpConnections({ ...TCP_LIMITS, perAddress: 2 }, silent);
    const cut: string[] = [];
    for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8:0:0:ffff::3']) {
      expect(connections.hasRoom(address)).toBe(true);
      const countedFor = countedAddress(address);
      const stranger = { countedFor, outgoing: false, owner: null, active: 0, held: 0 };
      connections.add({ ...stranger, cut: () => cut.push(address) });
    }
    expect(cut).toEqual(['2001:db8::1']);
  });

  it('silent ones of many addresses go before those that are known, the oldest first', async () => {
    await listen({ most: 6, perAddress: 4 });
    const known = await connected();
    (await served(known, 'known')).vouch?.('alice');
    for (let i = 10; i < 30; i++) await connected(`127.0.0.${i}`);
    await until(() => transport.connections.open.incoming <= 6);
    await served(await connected('127.0.0.2'), 'new');
    await served(known, 'again');
    expect(transport.connections.cuts).toEqual({ 'too-many': 16 });
  });

  it('of known ones the owner with most loses its oldest, and nobody loses its only one', async () => {
    await listen({ most: 4, perOwner: 8 });
    const alice = await connected();
    (await served(alice, 'alice')).vouch?.('alice');
    const mallory: Socket[] = [];
    for (let i = 0; i < 3; i++) {
      const socket = await connected();
      (await served(socket, `mallory${i}`)).vouch?.('mallory');
      clock.advance(1);
      mallory.push(socket);
    }
    for (const owner of ['carol', 'dave']) (await served(await connected(), owner)).vouch?.(owner);
    await until(() => mallory[0]!.destroyed && mallory[1]!.destroyed);
    await served(alice, 'again');
    await served(mallory[2]!, 'last');
    const refused = await connected();
    await until(() => refused.destroyed);
    expect(transport.connections.cuts).toEqual({ 'too-many': 3 });
  });

  it('one owner has so many at most', async () => {
    await listen({ perOwner: 2 });
    const own: Socket[] = [];
    for (let i = 0; i < 3; i++) {
      own.push(await connected());
      (await served(own[i]!, `a${i}`)).vouch?.('alice');
      clock.advance(1);
    }
    await until(() => own[0]!.destroyed);
    expect([own[1]!.destroyed, own[2]!.destroyed]).toEqual([false, false]);
  });

  it('those that this node makes have a bound of their own', async () => {
    await listen({ most: 2, outgoing: 2 });
    const other = new Transport({ clock, logger: silent, hosts: loopback });
    for (let i = 0; i < 4; i++) await connected(`127.0.0.${i + 10}`);
    const made: Flow[] = [];
    for (let i = 0; i < 3; i++) {
      const at = await other.listen('TCP', '127.0.0.1', 0);
      made.push(await transport.flowTo({ protocol: 'TCP', host: at.address, port: at.port }));
      clock.advance(1);
    }
    expect(made.map(({ open }) => open)).toEqual([false, true, true]);
    await other.close();
  });
});

describe('R-70: a TCP connection in time', () => {
  it('that says nothing is closed, a stranger’s sooner than one that is known', async () => {
    await listen({ strangerMs: 1000, knownMs: 5000 });
    const [stranger, known] = [await connected(), await connected()];
    await served(stranger, 'stranger');
    (await served(known, 'known')).vouch?.('alice');
    clock.advance(999);
    await served(stranger, 'again');
    clock.advance(999);
    expect(stranger.destroyed).toBe(false);
    stranger.write('\r\n\r\n');
    await new Promise((resolve) => stranger.once('data', resolve));
    clock.advance(1);
    await until(() => stranger.destroyed);
    await served(known, 'known again');
    clock.advance(5000);
    await until(() => known.destroyed);
    expect(transport.connections.cuts).toEqual({ idle: 2 });
  });

  it('that sends an octet a second has 30 s for its message', async () => {
    await listen({});
    const slow = await connected();
    for (const octet of toOctets(options('slow').slice(0, 29))) {
      slow.write(Uint8Array.of(octet));
      await new Promise((resolve) => setTimeout(resolve, 2));
      clock.advance(1000);
    }
    expect(slow.destroyed).toBe(false);
    clock.advance(1000);
    await until(() => slow.destroyed);
    expect(transport.connections.cuts).toEqual({ 'slow-sender': 1 });
  });

  it('that goes on with messages, each in its time, is not slow', async () => {
    await listen({});
    const socket = await connected();
    const text = options('x');
    socket.write(text.slice(0, 20));
    for (let i = 0; i < 5; i++) {
      clock.advance(20_000);
      const answered = new Promise((resolve) => socket.once('data', resolve));
      socket.write(text.slice(20) + text.slice(0, 20));
      await answered;
    }
    expect(socket.destroyed).toBe(false);
  });

  it('that is half open after what cannot be framed is cut', async () => {
    await listen({});
    const socket = await connected('127.0.0.1', true);
    socket.resume();
    socket.write(options('x').replace('Content-Length: 0\r\n', ''));
    await new Promise((resolve) => socket.once('end', resolve));
    expect(transport.connections.open.incoming).toBe(1);
    clock.advance(5000);
    await until(() => transport.connections.open.incoming === 0);
  });
});

describe('R-70: TCP connections in octets', () => {
  it('who does not read is dropped: a stranger at a quarter of a MiB, and all is given back', async () => {
    await listen({});
    const socket = await connected();
    const flow = await served(socket, 'deaf');
    socket.pause();
    const large = new Uint8Array(200_000);
    for (let i = 0; i < 500 && flow.open; i++) flow.send(large);
    expect(flow.open).toBe(false);
    expect(transport.connections.cuts).toEqual({ 'slow-reader': 1 });
    expect(transport.connections.open).toEqual({ incoming: 0, outgoing: 0, octets: 0 });
  });

  it('of all messages that are not whole the largest of strangers goes, and known ones stay', async () => {
    await listen({ octets: 50_000 });
    const known = await connected();
    (await served(known, 'known')).vouch?.('alice');
    const head = (callId: string, octets: number): string =>
      options(callId, `Subject: ${'x'.repeat(octets)}`).slice(0, octets);
    known.write(head('k', 30_000));
    await until(() => transport.connections.open.octets === 30_000);
    const [small, large] = [await connected(), await connected()];
    small.write(head('s', 5_000));
    await until(() => transport.connections.open.octets === 35_000);
    large.write(head('l', 20_000));
    await until(() => large.destroyed);
    expect([known.destroyed, small.destroyed]).toEqual([false, false]);
    expect(transport.connections.cuts).toEqual({ 'too-many-octets': 1 });
  });
});
