/** Where other homes are, by DNS (RFC 3263, RFC 2782): asked of a real server on loopback, which may be wrong or silent. */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Peers } from '../../src/entities/cscf/peers.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { DnsQueries } from '../../src/net/dns-queries.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { byChance, SipLocations } from '../../src/net/sip-locations.ts';
import type { NetworkAddress } from '../../src/bytes/network-address.ts';
import type { NextHop } from '../../src/sip/flow.ts';
import { Transport } from '../../src/sip/transport.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { request, testRandom } from '../sip/support.ts';
import { DnsServer } from '../support/dns-server.ts';
import type { DnsRecord } from '../support/dns-server.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const HOP: NextHop = { protocol: 'TCP', host: 'home2.example', port: 5060, service: true };
const SRV = '_sip._tcp.home2.example';
const OWN = { address: '127.0.0.1', port: 5060 };

let dns: DnsServer;
let server: string;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  dns = new DnsServer();
  server = await dns.start();
});
afterEach(async () => {
  dns.stop();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function located({
  hops = [HOP],
  own = [OWN],
  hosts = {},
}: { hops?: NextHop[]; own?: NetworkAddress[]; hosts?: Record<string, string> } = {}) {
  const clock = new ManualClock();
  const locations = new SipLocations({
    ...{ hops, clock, logger: silent, random: testRandom('dns') },
    hosts: new HostMap(hosts),
    own: () => own,
    dns: new DnsQueries([server], 100),
  });
  return { clock, locations };
}

const srv = (target: string, port: number, priority = 0, weight = 0, ttl = 60): DnsRecord => ({
  ...{ type: 'SRV', target, port, priority, weight, ttl },
});
const a = (address: string, ttl = 60): DnsRecord => ({ type: 'A', address, ttl });
const aaaa = (address: string, ttl = 60): DnsRecord => ({ type: 'AAAA', address, ttl });

describe('R-95: another home by DNS', () => {
  it('is where its SRV records say, by priority, at all addresses of both families', async () => {
    dns.records.set(SRV, [srv('cscf2.home2.example', 5072, 20), srv('CSCF1.home2.example', 5071, 10)]);
    dns.records.set('cscf1.home2.example', [a('192.0.2.1'), aaaa('2001:db8::1')]);
    dns.records.set('cscf2.home2.example', [a('192.0.2.2')]);
    const { locations } = located();
    expect(await locations.candidates(HOP)).toEqual([
      { address: '2001:db8::1', port: 5071 },
      { address: '192.0.2.1', port: 5071 },
      { address: '192.0.2.2', port: 5072 },
    ]);
    expect(locations.names(HOP)).toEqual(['cscf1.home2.example', 'cscf2.home2.example']);
  });

  it('without SRV records is at its own addresses, and with a port is not asked for them', async () => {
    dns.records.set('home2.example', [a('192.0.2.7')]);
    const said: NextHop = { protocol: 'TLS', host: 'home2.example', port: 5099 };
    expect(await located().locations.candidates(HOP)).toEqual([{ address: '192.0.2.7', port: 5060 }]);
    dns.asked.splice(0);
    expect(await located({ hops: [said] }).locations.candidates(said)).toEqual([
      { address: '192.0.2.7', port: 5099 },
    ]);
    expect(dns.asked.filter((each) => each.startsWith('SRV'))).toEqual([]);
  });

  it.each([
    ['TLS', '_sips._tcp'],
    ['UDP', '_sip._udp'],
  ] as const)('over %s is asked for as %s', async (protocol, service) => {
    dns.records.set(`${service}.home2.example`, [srv('x.home2.example', 5071)]);
    dns.records.set('x.home2.example', [a('192.0.2.1')]);
    const hop = { ...HOP, protocol };
    expect(await located({ hops: [hop] }).locations.candidates(hop)).toEqual([
      { address: '192.0.2.1', port: 5071 },
    ]);
  });

  it('that says that it is not there (a target of “.”) is not looked for elsewhere', async () => {
    dns.records.set(SRV, [srv('.', 0)]);
    dns.records.set('home2.example', [a('192.0.2.7')]);
    await expect(located().locations.candidates(HOP)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('that is in the host map is not asked for, nor is a target that is', async () => {
    const mapped = located({ hosts: { 'home2.example': '127.0.0.9:7000' } }).locations;
    await mapped.start();
    expect(await mapped.candidates(HOP)).toEqual([{ address: '127.0.0.9', port: 7000 }]);
    expect(dns.asked).toEqual([]);
    dns.records.set(SRV, [srv('cscf1.home2.example', 5071)]);
    const { locations } = located({ hosts: { 'cscf1.home2.example:5071': '127.0.0.9:7001' } });
    expect(await locations.candidates(HOP)).toEqual([{ address: '127.0.0.9', port: 7001 }]);
  });

  it.each([
    ['this node itself', [OWN], '127.0.0.1', 5060],
    ['this node itself, spelt otherwise', [{ address: '192.0.2.9', port: 5060 }], '::ffff:192.0.2.9', 5060],
    ['nobody', [OWN], '0.0.0.0', 5060],
    ['many', [OWN], '224.0.0.1', 5060],
    ['many of IPv6', [OWN], 'ff02::1', 5060],
    ['loopback, from elsewhere', [{ address: '192.0.2.9', port: 5060 }], '127.0.0.2', 5060],
    ['loopback of IPv6, from elsewhere', [{ address: '192.0.2.9', port: 5060 }], '::1', 5060],
    ['no port', [OWN], '192.0.2.1', 0],
  ])('an answer that leads to %s is dropped, and nobody is trusted for it', async (_, own, address, port) => {
    dns.records.set(SRV, [srv('x.home2.example', port, 10), srv('y.home2.example', 5071, 20)]);
    dns.records.set('x.home2.example', [address.includes(':') ? aaaa(address) : a(address)]);
    dns.records.set('y.home2.example', [a('192.0.2.1')]);
    const { locations } = located({ own });
    expect(await locations.candidates(HOP)).toEqual([{ address: '192.0.2.1', port: 5071 }]);
    expect(locations.of('home2.example', 5060)).toEqual([{ address: '192.0.2.1', port: 5071 }]);
    expect(locations.dropped).toBe(1);
  });

  it('of thousands of records a few are used', async () => {
    const many = Array.from({ length: 20 }, (_, at) => srv(`c${at}.home2.example`, 5060 + at, at));
    dns.records.set(SRV, many);
    for (let at = 0; at < 20; at++) dns.records.set(`c${at}.home2.example`, [a(`192.0.2.${at + 1}`)]);
    const found = await located().locations.candidates(HOP);
    expect(found.map(({ port }) => port)).toEqual([5060, 5061, 5062, 5063, 5064, 5065, 5066, 5067]);
  });
});

describe('R-95: what DNS has said', () => {
  it.each([
    ['at least 5 s', 1, 5],
    ['as long as its addresses', 40, 40],
    ['300 s at most', 86_400, 300],
  ])('holds %s', async (_, ttl, seconds) => {
    dns.records.set(SRV, [srv('x.home2.example', 5071)]);
    dns.records.set('x.home2.example', [a('192.0.2.1', ttl)]);
    const { clock, locations } = located();
    const asks = async (): Promise<number> => {
      dns.asked.splice(0);
      await locations.candidates(HOP);
      return dns.asked.length;
    };
    expect(await asks()).toBeGreaterThan(0);
    clock.advance(seconds * 1000 - 1);
    expect(await asks()).toBe(0);
    clock.advance(1);
    expect(await asks()).toBeGreaterThan(0);
  });

  it('that there is nothing holds for 30 s', async () => {
    const { clock, locations } = located();
    const found = (): Promise<unknown> => locations.candidates(HOP).catch(() => null);
    expect(await found()).toBeNull();
    dns.records.set('home2.example', [a('192.0.2.7')]);
    clock.advance(29_999);
    expect(await found()).toBeNull();
    clock.advance(1);
    expect(await found()).toEqual([{ address: '192.0.2.7', port: 5060 }]);
  });

  it.each(['silent', 'servfail'] as const)(
    'holds while its servers are %s, and longer than said',
    async (failing) => {
      dns.records.set('home2.example', [a('192.0.2.7')]);
      const { clock, locations } = located();
      const before = await locations.candidates(HOP);
      dns.failing = failing;
      clock.advance(61_000);
      expect(await locations.candidates(HOP)).toEqual(before);
      expect(locations.of('home2.example', 5060)).toEqual(before);
    },
  );

  it('is nothing if its servers are silent from the start: the call fails, in a bounded time', async () => {
    dns.failing = 'silent';
    await expect(located().locations.candidates(HOP)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('many calls at once ask once', async () => {
    dns.records.set('home2.example', [a('192.0.2.7')]);
    const { locations } = located();
    await Promise.all(Array.from({ length: 50 }, () => locations.candidates(HOP)));
    expect(dns.asked).toHaveLength(3);
  });
});

describe('R-95: weights of SRV records (RFC 2782)', () => {
  it('give each of one priority its chance, and none a place before a better priority', () => {
    const records = [
      { name: 'last', priority: 20, weight: 100 },
      { name: 'often', priority: 10, weight: 75 },
      { name: 'seldom', priority: 10, weight: 25 },
    ];
    const random = testRandom('weights');
    const orders = Array.from({ length: 400 }, () => byChance(records, random).map(({ name }) => name));
    expect(orders.every((order) => order.length === 3 && order[2] === 'last')).toBe(true);
    const often = orders.filter(([first]) => first === 'often').length;
    expect(often).toBeGreaterThan(240);
    expect(often).toBeLessThan(360);
  });

  it('of nothing but zeros have an order', () => {
    const records = [1, 2, 3].map((at) => ({ name: at, priority: 0, weight: 0 }));
    expect(new Set(byChance(records, testRandom('zero')))).toEqual(new Set(records));
  });
});

describe('R-95: the way to another home', () => {
  async function listening(): Promise<Server> {
    const listener = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => listener.close(resolve)));
    return listener;
  }
  const portOf = (listener: Server): number => (listener.address() as AddressInfo).port;

  it('goes on to the next where the first refuses', async () => {
    const gone = await listening();
    const closed = portOf(gone);
    await new Promise((resolve) => gone.close(resolve));
    const port = portOf(await listening());
    dns.records.set(SRV, [srv('x.home2.example', closed, 10), srv('x.home2.example', port, 20)]);
    dns.records.set('x.home2.example', [a('127.0.0.1')]);
    const { locations } = located();
    const transport = new Transport({
      ...{ clock: systemClock(), logger: silent, hosts: new HostMap(), locator: locations },
    });
    cleanups.push(() => transport.close());
    const flow = await transport.flowTo(HOP);
    expect(flow.remote).toEqual({ address: '127.0.0.1', port });
    expect(await transport.flowTo(HOP)).toBe(flow);
  });

  it('is tried last for as long as said where it has failed, and no longer', async () => {
    dns.records.set(SRV, [
      srv('x.home2.example', 5071, 10, 0, 300),
      srv('y.home2.example', 5072, 20, 0, 300),
    ]);
    dns.records.set('x.home2.example', [a('192.0.2.1', 300)]);
    dns.records.set('y.home2.example', [a('192.0.2.2', 300)]);
    const { clock, locations } = located();
    const order = async (): Promise<number[]> => (await locations.candidates(HOP)).map(({ port }) => port);
    const x = { address: '192.0.2.1', port: 5071 };
    expect(await order()).toEqual([5071, 5072]);
    locations.avoid({ at: x, seconds: 120 });
    // What fails again meanwhile makes it no shorter.
    locations.avoid({ at: x, seconds: 30 });
    clock.advance(119_999);
    expect(await order()).toEqual([5072, 5071]);
    clock.advance(1);
    expect(await order()).toEqual([5071, 5072]);
    // Whoever says years is believed for five minutes.
    locations.avoid({ at: x, seconds: 999_999_999 });
    clock.advance(300_000);
    expect(await order()).toEqual([5071, 5072]);
  });

  it('is known as that home’s by the names and addresses that DNS has, and by no others', async () => {
    dns.records.set(SRV, [srv('cscf1.home2.example', 5071)]);
    dns.records.set('cscf1.home2.example', [a('192.0.2.1')]);
    const { locations } = located();
    await locations.start();
    const peers = new Peers(
      [{ domain: 'home2.example', cscf: HOP }],
      (host, port) => locations.of(host, port),
      (hop) => locations.names(hop),
    );
    const sent = (host: string, address: string): boolean => {
      const remote = { address, port: 40_000 };
      const flow = { protocol: 'TCP', local: OWN, remote, open: true, send: () => undefined } as const;
      return peers.sent(request('OPTIONS', { Via: `SIP/2.0/TCP ${host};branch=z9hG4bK1` }), flow);
    };
    expect(sent('cscf1.home2.example:5071', '192.0.2.1')).toBe(true);
    expect(sent('cscf1.home2.example:5071', '192.0.2.2')).toBe(false);
    expect(sent('cscf9.home2.example:5071', '192.0.2.1')).toBe(false);
    const hop = peers.hopOf(parseUri('sip:cscf1.home2.example:5071;transport=tcp;lr'));
    expect(hop).toMatchObject({ host: 'cscf1.home2.example', port: 5071 });
    expect(await locations.candidates(hop!)).toEqual([{ address: '192.0.2.1', port: 5071 }]);
    expect(peers.hopOf(parseUri('sip:cscf1.home2.example:5072;transport=tcp;lr'))).toBeNull();
    locations.stop();
  });
});
