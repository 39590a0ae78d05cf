/** who speaks is told by where a message comes from, and nothing is sent where only a stranger's message leads. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SipRequest } from '../../../src/sip/message.ts';
import { toOctets } from '../../../src/sip/text.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';
import { RawPhone, routesOf } from './raw-phone.ts';

/** An address of loopback where nobody has asked for anything. */
const THIRD = '127.0.0.66';
const DOMAIN = 'home1.example';

let network: Network;
let home: Home;
const phones: RawPhone[] = [];
const sockets: Socket[] = [];
let third: { readonly tcp: Server; readonly port: number; heard: number };

beforeEach(async () => {
  network = new Network();
  home = await network.home(DOMAIN, ['alice', 'carol'], { media: false });
  third = await thirdHost();
});

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.close();
  for (const socket of sockets.splice(0)) socket.close();
  third.tcp.close();
  await network.close();
});

/** Counts connections and datagrams to a host that is nobody's business. */
async function thirdHost(): Promise<typeof third> {
  const tcp = createServer((socket) => {
    host.heard += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => tcp.listen(0, THIRD, resolve));
  const { port } = tcp.address() as { port: number };
  const host = { tcp, port, heard: 0 };
  (await boundTo(THIRD, port)).on('message', () => (host.heard += 1));
  return host;
}

async function boundTo(address: string, port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return socket;
}

async function phone(user: string, protocol: 'TCP' | 'UDP'): Promise<RawPhone> {
  const port = home.ports[protocol];
  const made = await (protocol === 'TCP' ? RawPhone.connect(user, port) : RawPhone.datagrams(user, port));
  phones.push(made);
  return made;
}

function next(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('message', (octets) => resolve(octets.toString('latin1'))));
}

function options(via: string): string {
  return [
    `OPTIONS sip:${DOMAIN} SIP/2.0`,
    `Via: SIP/2.0/UDP ${via};branch=z9hG4bKo`,
    'Max-Forwards: 70',
    'From: <sip:x@elsewhere.example>;tag=1',
    `To: <sip:${DOMAIN}>`,
    'Call-ID: o',
    'CSeq: 1 OPTIONS',
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');
}

describe('R-70: a registered phone over UDP', () => {
  it.each([';rport', ''])(
    'is known by where its datagrams come from: another process at its address, whose Via%s has its port, is challenged',
    async (rport) => {
      const alice = await phone('alice', 'UDP');
      await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port}>`);
      const thief = await phone('thief', 'UDP');
      const message = (whose: RawPhone): void =>
        whose.send([
          `MESSAGE sip:carol@${DOMAIN} SIP/2.0`,
          `Via: SIP/2.0/UDP 127.0.0.1:${alice.port};branch=z9hG4bK${whose.port}${rport}`,
          'Max-Forwards: 70',
          `From: <sip:alice@${DOMAIN}>;tag=${whose.port}`,
          `To: <sip:carol@${DOMAIN}>`,
          `Call-ID: ${whose.port}`,
          'CSeq: 1 MESSAGE',
        ]);
      home.interception.add(`sip:alice@${DOMAIN}`);
      message(thief);
      await (rport === '' ? alice : thief).next(/^SIP\/2\.0 407/);
      message(alice);
      await alice.next(/^SIP\/2\.0 480/);
      const requests = home.interception.reports.filter(({ observation }) => observation.direction === 3);
      expect(requests.map(({ observation }) => observation.source?.port)).toEqual([thief.port, alice.port]);
    },
  );

  it('behind a NAT, with a Contact that leads nowhere, is called over the mapping, and in the dialog too', async () => {
    const [alice, carol] = [await phone('alice', 'UDP'), await phone('carol', 'UDP')];
    await alice.register(DOMAIN, '<sip:alice@192.168.1.7:5060>');
    await carol.register(DOMAIN, '<sip:carol@192.168.1.7:5060>');
    const from = [`From: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: nat'];
    const to = `To: <sip:carol@${DOMAIN}>`;
    // Contacts in the dialog are other than those that were registered, as some phones have it.
    const contact = 'Contact: <sip:alice@192.168.1.7:5062>';
    alice.request('INVITE', `sip:carol@${DOMAIN}`, [...from, to, contact]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', ['Contact: <sip:carol@192.168.1.7:5064>']);
    const routes = routesOf(await alice.next(/^SIP\/2\.0 200[^]*INVITE/), true);
    alice.request('INFO', 'sip:carol@192.168.1.7:5064', [...from, `${to};tag=carol`, ...routes]);
    carol.answer(await carol.next(/^INFO/), '200 OK');
    await alice.next(/^SIP\/2\.0 200[^]*INFO/);
    carol.request('BYE', 'sip:alice@192.168.1.7:5062', [
      `From: <sip:carol@${DOMAIN}>;tag=carol`,
      `To: <sip:alice@${DOMAIN}>;tag=a`,
      'Call-ID: nat',
      ...routesOf(invite, false),
    ]);
    await alice.next(/^BYE/);
  });
});

describe('R-70: an answer goes to where its request came from', () => {
  it('with rport to the very port, and says which (RFC 3581)', async () => {
    const socket = await boundTo('127.0.0.2');
    socket.send(toOctets(options(`${THIRD}:${third.port};rport`)), home.ports.UDP, '127.0.0.1');
    expect(await next(socket)).toContain(
      `;rport=${socket.address().port};branch=z9hG4bKo;received=127.0.0.2\r\n`,
    );
  });

  it('without rport to the port of its Via (RFC 3261 section 18.2.2)', async () => {
    const [sender, receiver] = [await boundTo('127.0.0.2'), await boundTo('127.0.0.2')];
    const { port } = receiver.address();
    sender.send(toOctets(options(`${THIRD}:${port}`)), home.ports.UDP, '127.0.0.1');
    expect(await next(receiver)).toContain(`;received=127.0.0.2`);
  });

  it.each(['received', 'maddr'])('and to no third host that %s in a Via names', async (name) => {
    const [sender, receiver] = [await boundTo('127.0.0.2'), await boundTo('127.0.0.2', third.port)];
    for (const host of ['127.0.0.2', THIRD])
      for (const rport of ['', ';rport', `;rport=${third.port}`])
        sender.send(
          toOctets(options(`${host}:${third.port};${name}=${THIRD}${rport}`)),
          home.ports.UDP,
          '127.0.0.1',
        );
    const answers = [await next(receiver), await next(receiver)];
    expect(answers.map((answer) => answer.slice(0, 11))).toEqual(['SIP/2.0 407', 'SIP/2.0 407']);
    expect(third.heard).toBe(0);
  });

  it('also once the connection is gone, whatever its Via says', async () => {
    const carol = await phone('carol', 'TCP');
    const alice = await phone('alice', 'TCP');
    await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port};transport=tcp>`);
    await carol.register(DOMAIN, `<sip:carol@127.0.0.1:${carol.port};transport=tcp>`);
    const back = createServer((socket) => void socket.destroy());
    await new Promise<void>((resolve) => back.listen(third.port, '127.0.0.1', resolve));
    const reached = new Promise((resolve) => back.once('connection', resolve));
    alice.send([
      `MESSAGE sip:carol@${DOMAIN} SIP/2.0`,
      `Via: SIP/2.0/TCP ${THIRD}:${third.port};branch=z9hG4bKm;received=${THIRD};maddr=${THIRD}`,
      'Max-Forwards: 70',
      `From: <sip:alice@${DOMAIN}>;tag=a`,
      `To: <sip:carol@${DOMAIN}>`,
      'Call-ID: m',
      'CSeq: 1 MESSAGE',
    ]);
    const message = await carol.next(/^MESSAGE/);
    alice.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    carol.answer(message, '200 OK');
    await reached;
    back.close();
    expect(third.heard).toBe(0);
  });
});

describe('R-70: nobody makes the node speak to a third host', () => {
  it('by a response with Call-ID and tags of a call', async () => {
    const [alice, carol] = [await phone('alice', 'UDP'), await phone('carol', 'UDP')];
    await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port}>`);
    await carol.register(DOMAIN, `<sip:carol@127.0.0.1:${carol.port}>`);
    const names = [`From: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: c'];
    alice.request('INVITE', `sip:carol@${DOMAIN}`, [...names, `To: <sip:carol@${DOMAIN}>`]);
    carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: <sip:carol@127.0.0.1:${carol.port}>`]);
    await alice.next(/^SIP\/2\.0 200/);
    const stranger = await boundTo('127.0.0.2');
    for (const params of ['', `;maddr=${THIRD}`, `;received=${THIRD}`])
      for (const protocol of ['UDP', 'TCP']) {
        const text = [
          'SIP/2.0 200 OK',
          `Via: SIP/2.0/UDP cscf.${DOMAIN}:5060;branch=z9hG4bKx`,
          `Via: SIP/2.0/${protocol} ${params === '' ? THIRD : '127.0.0.1'}:${third.port};branch=z9hG4bKy${params}`,
          ...names,
          `To: <sip:carol@${DOMAIN}>;tag=carol`,
          'CSeq: 1 INVITE',
          'Content-Length: 0\r\n\r\n',
        ].join('\r\n');
        stranger.send(toOctets(text), home.ports.UDP, '127.0.0.1');
      }
    stranger.send(toOctets(options('127.0.0.2;rport')), home.ports.UDP, '127.0.0.1');
    await next(stranger);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(third.heard).toBe(0);
  });

  it.each([
    `<sip:cscf.home2.example;maddr=${THIRD};lr>`,
    '<sip:cscf.home2.example:9;lr>',
    `<sip:${THIRD};lr>`,
    `<sip:home2.example;transport=tcp;maddr=${THIRD};lr>`,
  ])('by a Route of %s: 404', async (route) => {
    const alice = await phone('alice', 'TCP');
    await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port};transport=tcp>`);
    alice.request('MESSAGE', 'sip:bob@home2.example', [
      `From: <sip:alice@${DOMAIN}>;tag=a`,
      'To: <sip:bob@home2.example>',
      'Call-ID: r',
      `Route: ${route}`,
    ]);
    await alice.next(/^SIP\/2\.0 404/);
    expect(third.heard).toBe(0);
  });

  it.each(['', ';transport=tcp', ';transport=tcp;maddr=THIRD'])(
    'by a Request-URI within a call%s: it goes to the other end of the call, wherever the URI leads',
    async (params) => {
      const [alice, carol] = [await phone('alice', 'UDP'), await phone('carol', 'UDP')];
      await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port}>`);
      await carol.register(DOMAIN, `<sip:carol@127.0.0.1:${carol.port}>`);
      const from = [`From: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: c'];
      alice.request('INVITE', `sip:carol@${DOMAIN}`, [...from, `To: <sip:carol@${DOMAIN}>`]);
      carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: <sip:carol@127.0.0.1:${carol.port}>`]);
      const routes = routesOf(await alice.next(/^SIP\/2\.0 200/), true);
      const uri = `sip:${params.includes('maddr') ? 'carol@127.0.0.1' : THIRD}:${third.port}${params.replace('THIRD', THIRD)}`;
      alice.request('INFO', uri, [...from, `To: <sip:carol@${DOMAIN}>;tag=carol`, ...routes]);
      await carol.next(/^INFO/);
      expect(third.heard).toBe(0);
    },
  );
});

it('R-70: a stranger’s connection that is gone before its answer costs nothing', async () => {
  const socket = connect(home.ports.TCP, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.resume();
  socket.end(options(`${THIRD}:${third.port}`).replace('SIP/2.0/UDP', 'SIP/2.0/TCP'));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(third.heard).toBe(0);
});

it('R-70: more option tags than are read are answered 400', async () => {
  const alice = await phone('alice', 'TCP');
  alice.request('MESSAGE', `sip:carol@${DOMAIN}`, [
    `From: <sip:alice@${DOMAIN}>;tag=a`,
    `To: <sip:carol@${DOMAIN}>`,
    'Call-ID: r',
    `Proxy-Require: ${Array.from({ length: 1000 }, (_, i) => `a${i}`).join(',')}`,
  ]);
  await alice.next(/^SIP\/2\.0 400/);
});

describe('R-70: own Routes', () => {
  it.each([
    [250, /^SIP\/2\.0 480/],
    [2221, /^SIP\/2\.0 400/],
  ])('%s of them in one request are taken off in one walk, or are too many', async (count, answer) => {
    const replaced = vi.spyOn(SipRequest.prototype, 'replaceFirst');
    const alice = await phone('alice', 'TCP');
    await alice.register(DOMAIN, `<sip:alice@127.0.0.1:${alice.port};transport=tcp>`);
    const before = replaced.mock.calls.length;
    alice.request('MESSAGE', `sip:carol@${DOMAIN}`, [
      `From: <sip:alice@${DOMAIN}>;tag=a`,
      `To: <sip:carol@${DOMAIN}>`,
      'Call-ID: r',
      `Route: ${Array.from({ length: count }, () => `<sip:cscf.${DOMAIN};lr>`).join(',')}`,
    ]);
    await alice.next(answer);
    expect(replaced.mock.calls.length - before).toBeLessThan(3);
    replaced.mockRestore();
  });
});

describe('R-70: silent connections', () => {
  it('shut nobody out: not who is registered, nor who comes to register, and the node still makes its own', async () => {
    const crowded = await network.home('home2.example', ['bob', 'dave'], {
      media: false,
      connections: { most: 12, perAddress: 8 },
    });
    const connectTo = (user: string): Promise<RawPhone> => RawPhone.connect(user, crowded.ports.TCP);
    const bob = await connectTo('bob');
    await bob.register('home2.example', `<sip:bob@127.0.0.1:${bob.port};transport=tcp>`);
    const silent = Array.from({ length: 40 }, (_, i) =>
      connect({ port: crowded.ports.TCP, host: '127.0.0.1', localAddress: `127.0.0.${10 + (i % 20)}` }),
    );
    for (const socket of silent) socket.on('error', () => undefined);
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const dave = await connectTo('dave');
    await dave.register('home2.example', `<sip:dave@127.0.0.1:${dave.port};transport=tcp>`);
    dave.request('MESSAGE', 'sip:bob@home2.example', [
      'From: <sip:dave@home2.example>;tag=d',
      'To: <sip:bob@home2.example>',
      'Call-ID: d',
    ]);
    bob.answer(await bob.next(/^MESSAGE/), '200 OK');
    await dave.next(/^SIP\/2\.0 200[^]*MESSAGE/);
    dave.request('MESSAGE', `sip:alice@${DOMAIN}`, [
      'From: <sip:dave@home2.example>;tag=e',
      `To: <sip:alice@${DOMAIN}>`,
      'Call-ID: e',
    ]);
    // By the other home, over a connection that this one makes.
    await dave.next(/^SIP\/2\.0 480/);
    for (const socket of [...silent, bob, dave])
      if (socket instanceof RawPhone) socket.close();
      else socket.destroy();
  });
});
