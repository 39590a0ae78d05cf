/** Where the gateway does not send, whoever asks: by the rule, over control, and over real sockets. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { isNetwork, MediaDestinations } from '../../../src/entities/gateway/destinations.ts';
import { broadcastAddresses, udpDatagrams } from '../../../src/net/datagrams.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import type { MediaAddress, WantedSession } from '../../../src/wire/iq/sessions.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { FakeSockets } from './fake-sockets.ts';
import { localGateway } from './local-gateway.ts';

const media = { address: '198.51.100.7', from: 20_000, to: 20_099 };
const entities = new HostMap({
  'cscf.home1.example:5060': '198.51.100.8:15060',
  'df.home1.example:6514': '198.51.100.9',
  'kms.home1.example': '198.51.100.10',
}).endpoints();
const rules = {
  media,
  entities,
  closed: ['203.0.113.0/24', '2001:db8:1::/48'],
  broadcasts: ['198.51.100.255'],
};

describe('R-71: media do not go', () => {
  test.each([
    ['to a port of the gateway itself', '198.51.100.7', 20_000],
    ['to one that it may use later', '198.51.100.7', 20_099],
    ['to its own port in another spelling', '::ffff:198.51.100.7', 20_000],
    ['to its own port in yet another', '0:0:0:0:0:FFFF:c633:6407', 20_000],
    ['where a CSCF speaks SIP', '198.51.100.8', 15_060],
    ['where a delivery function listens, on the port of its name', '198.51.100.9', 6514],
    ['to the port of SIP, whoever is there', '192.0.2.1', 5060],
    ['to the port of SIP over TLS', '192.0.2.1', 5061],
    ['to ports of the system', '192.0.2.1', 53],
    ['to loopback from a network that is not on it', '127.0.0.1', 30_000],
    ['to loopback of IPv6', '::1', 30_000],
    ['to many', '224.0.0.1', 30_000],
    ['to many, administratively scoped', '239.255.255.255', 30_000],
    ['to many on IPv6', 'ff02::1', 30_000],
    ['to all', '255.255.255.255', 30_000],
    ['to all of the network that the machine is in', '198.51.100.255', 30_000],
    ['to this host on this network', '0.0.0.0', 30_000],
    ['to this network', '0.1.2.3', 30_000],
    ['to the unspecified address of IPv6', '::', 30_000],
    ['to an address that is reserved', '250.1.2.3', 30_000],
    ['through an interface that the description names', 'fe80::1%eth0', 30_000],
    ['to a network that is closed by setting', '203.0.113.77', 30_000],
    ['to a closed network of IPv6', '2001:db8:1::9', 30_000],
    ['to a name', 'cscf.home1.example', 30_000],
    ['to an address of IPv6, from one of IPv4', '2001:db8::7', 4000],
  ])('%s: %s port %s', (_, address, port) => {
    const destinations = new MediaDestinations(rules);
    expect(destinations.allows({ address, port })).toBe(false);
    expect(destinations.refusal({ address, port })).not.toBeNull();
    expect(destinations.refused).toBe(1);
  });

  test.each([
    ['198.51.100.7', 19_999],
    ['198.51.100.7', 20_100],
    ['198.51.100.8', 15_062],
    ['192.0.2.1', 20_000],
    ['10.0.0.1', 4000],
    ['::ffff:10.0.0.1', 4000],
  ])('but to %s port %i they do', (address, port) => {
    expect(new MediaDestinations(rules).refusal({ address, port })).toBeNull();
  });

  const ipv6 = {
    media: { ...media, address: '2001:db8::7' },
    entities: new HostMap({ '[2001:db8::8]:5060': '[2001:0DB8::9]:15060' }).endpoints(),
    closed: ['2001:db8:1::/48'],
  };

  test.each([
    ['to a port of the gateway itself, in another spelling', '2001:0DB8:0::7', 20_000],
    ['where a CSCF speaks SIP, in another spelling', '2001:db8:0:0:0:0:0:9', 15_060],
    ['to a closed network', '2001:db8:1::9', 30_000],
    ['to loopback', '::1', 30_000],
    ['to loopback of IPv4, mapped', '::ffff:127.0.0.1', 30_000],
    ['to loopback of IPv4, as it was once written', '::127.0.0.1', 30_000],
    ['to a host of IPv4, mapped or not', '::ffff:192.0.2.1', 30_000],
    ['to a host of IPv4', '192.0.2.1', 30_000],
    ['to an address of a link, which says nothing without it', 'fe80::1', 30_000],
    ['to many on the link', 'ff02::1', 30_000],
    ['to many anywhere', 'ff0e::101', 30_000],
    ['to nobody', '::', 30_000],
    ['to the port of SIP', '2001:db8::99', 5060],
  ])('R-95: from an address of IPv6 %s: %s port %s', (_, address, port) => {
    expect(new MediaDestinations(ipv6).refusal({ address, port })).not.toBeNull();
  });

  test.each([
    ['2001:db8::7', 20_100],
    ['2001:db8::99', 20_000],
    ['fd00::1', 4000],
  ])('R-95: but to %s port %i they do', (address, port) => {
    expect(new MediaDestinations(ipv6).refusal({ address, port })).toBeNull();
  });

  test('R-95: loopback of IPv6 is open to a gateway on it, loopback of IPv4 is not', () => {
    const own = new MediaDestinations({ media: { ...media, address: '::1' } });
    expect(own.allows({ address: '::1', port: 30_000 })).toBe(true);
    expect(own.allows({ address: '0:0:0:0:0:0:0:1', port: 20_000 })).toBe(false);
    expect(own.allows({ address: '127.0.0.1', port: 30_000 })).toBe(false);
  });

  test('loopback is open where the gateway itself is on it, but for what others listen on', () => {
    const own = new MediaDestinations({
      media: { ...media, address: '127.0.0.1' },
      entities: [{ address: '127.0.0.2', port: 7000 }],
    });
    expect(own.allows({ address: '127.0.0.2', port: 6000 })).toBe(true);
    expect(own.allows({ address: '127.0.0.2', port: 7000 })).toBe(false);
    expect(own.allows({ address: '127.0.0.1', port: 20_050 })).toBe(false);
  });

  test.each(['192.0.2.1', '192.0.2.0/24', '::/0', '2001:db8::1'])('%s is a network', (text) => {
    expect(isNetwork(text)).toBe(true);
  });

  test.each([
    '',
    'home1.example',
    '192.0.2.0/33',
    '192.0.2.0/',
    '::/129',
    '192.0.2.0/24/24',
    'fe80::1%lo',
    '192.0.2.0/-1',
  ])('“%s” is not', (text) => {
    expect(isNetwork(text)).toBe(false);
  });

  test('the broadcast addresses of this machine’s networks are known', () => {
    expect(broadcastAddresses()).toContain('127.255.255.255');
  });
});

describe('R-71: what control asks for', () => {
  const wanted = (a: MediaAddress | null, b: MediaAddress | null): WantedSession => ({
    correlation: new Uint8Array(8),
    parties: { a: [], b: [] },
    sdps: { a: null, b: null },
    streams: [{ a, b }],
  });
  const phone = { address: '127.0.0.1', port: 40_000 };
  const own = { address: '127.0.0.1', port: 20_050 };

  test.each([
    ['c= with the gateway’s own ports', own],
    ['RTCP by a=rtcp to its own ports', { ...phone, rtcp: own }],
    ['RTCP on the port after, which is its own', { address: '127.0.0.1', port: 19_999 }],
    ['RTCP on the port after, which is that of SIP', { address: '127.0.0.1', port: 5059 }],
    ['an address of the other family', { address: '::1', port: 40_000 }],
  ])('%s is refused on either side, and a call that is up goes on as it was', async (_, bad) => {
    const sockets = new FakeSockets();
    const gateway = localGateway({
      datagrams: sockets,
      ports: { address: '127.0.0.1', from: 20_000, to: 20_099 },
      poi: { report: () => {} },
      tasks: { revision: 0, match: () => [] },
      clock: new ManualClock(),
      logger: silent,
    });
    for (const session of [wanted(bad, phone), wanted(phone, bad)]) {
      await expect(gateway.put('new', session)).rejects.toMatchObject({ code: 'destination' });
      expect([gateway.sessions, gateway.ports.used, sockets.bound]).toEqual([0, 0, 0]);
    }
    const [stream] = await gateway.put('up', wanted(phone, { ...phone, port: 40_002 }));
    await expect(gateway.put('up', wanted(phone, bad))).rejects.toMatchObject({ code: 'destination' });
    sockets.arrive(Uint8Array.of(1), phone, stream!.a);
    expect(sockets.sent.map(({ to }) => to.port)).toEqual([40_002]);
    expect(gateway.refusedDestinations).toBe(3);
  });
});

describe('over real sockets', () => {
  const open: { close(): unknown }[] = [];
  afterEach(() => open.splice(0).forEach((each) => each.close()));

  test('R-71: SIP text in a packet does not reach the port where SIP is spoken, nor does a datagram go round', async () => {
    const [cscf, phone] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [cscf, phone]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      open.push(socket);
    }
    const heard: string[] = [];
    cscf.on('message', (octets) => heard.push(octets.toString()));
    const where = (socket: Socket) => ({ address: '127.0.0.1', port: socket.address().port });
    const gateway = localGateway({
      datagrams: udpDatagrams(silent),
      ports: { address: '127.0.0.1', from: 21_500, to: 21_600 },
      refuse: { entities: [where(cscf)] },
      poi: { report: () => {} },
      tasks: { revision: 0, match: () => [] },
      clock: new ManualClock(),
      logger: silent,
    });
    const session = { correlation: new Uint8Array(8), parties: { a: [], b: [] }, sdps: { a: null, b: null } };
    const put = (b: MediaAddress) => gateway.put('call', { ...session, streams: [{ a: where(phone), b }] });
    await expect(put(where(cscf))).rejects.toMatchObject({ code: 'destination' });
    const sink = createSocket('udp4');
    sink.bind(0, '127.0.0.1');
    await once(sink, 'listening');
    open.push(sink);
    const [stream] = await put(where(sink));
    await expect(put(stream!.b)).rejects.toMatchObject({ code: 'destination' });
    const arrived = once(sink, 'message');
    phone.send('INVITE sip:alice@home1.example SIP/2.0\r\n\r\n', stream!.a.port, '127.0.0.1');
    await arrived;
    expect(gateway.counts('call')?.[0]?.received).toBe(1);
    expect(heard).toEqual([]);
    await gateway.stop();
  });
});
