/** SIP over IPv6: addresses in URIs and Vias (RFC 3261 section 25.1, RFC 5118, RFC 5954), sockets of both families. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Flow } from '../../src/sip/flow.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { toOctets } from '../../src/sip/text.ts';
import { Transport } from '../../src/sip/transport.ts';
import { parseUri, sameUri } from '../../src/sip/uri.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { HAS_IPV6 } from '../support/loopback.ts';
import { silent } from '../support/silent.ts';
import { request } from './support.ts';

const transports: Transport[] = [];
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
});

function transportOn(): { transport: Transport; heard: { message: SipRequest | SipResponse; flow: Flow }[] } {
  const transport = new Transport({ clock: systemClock(), logger: silent, hosts: new HostMap() });
  transports.push(transport);
  const heard: { message: SipRequest | SipResponse; flow: Flow }[] = [];
  transport.attach({ arrived: (message, _, flow) => heard.push({ message, flow }), closed: () => undefined });
  return { transport, heard };
}

describe('R-95: a URI with an address of IPv6', () => {
  it.each([
    ['sip:a@[2001:db8::1]', 'sip:a@[2001:DB8:0:0::1]', true],
    ['sip:a@[::ffff:192.0.2.1]', 'sip:a@192.0.2.1', true],
    ['sip:a@[2001:db8::1]', 'sip:a@[2001:db8::2]', false],
    ['sip:a@[2001:db8::1]:5060', 'sip:a@[2001:db8::1]', false],
  ])('%s is %s: %s (RFC 5954)', (a, b, same) => {
    expect(sameUri(parseUri(a), parseUri(b))).toBe(same);
  });

  it.each([
    'sip:a@[12]',
    'sip:a@[1::2::3]',
    'sip:a@2001:db8::1',
    'sip:a@[2001:db8::1',
    'sip:a@[::1%25lo]',
    'sip:a@[]',
  ])('%s is none', (text) => {
    expect(() => parseUri(text)).toThrow(expect.objectContaining({ code: 'syntax' }));
  });
});

describe.skipIf(!HAS_IPV6)('R-95: sockets', () => {
  it.each([
    ['[::1]', null],
    ['[0:0:0:0:0:0:0:1]', null],
    ['[2001:db8::1]', '::1'],
  ])('a Via of %s that came from ::1 has received %s', async (host, received) => {
    const { transport, heard } = transportOn();
    const { port } = await transport.listen('UDP', '::1', 0);
    const socket = createSocket('udp6');
    const message = request('OPTIONS', { Via: `SIP/2.0/UDP ${host};branch=z9hG4bK1` });
    socket.send(message.serialise(), port, '::1');
    await expect.poll(() => heard.length).toBe(1);
    socket.close();
    const text = (heard[0]!.message as SipRequest).first('Via') ?? '';
    expect(/;received=([^;]*)/.exec(text)?.[1] ?? null).toBe(received);
  });

  it('one that listens on both families answers each in its own, and knows IPv4 by its own addresses', async () => {
    const { transport, heard } = transportOn();
    const { port } = await transport.listen('UDP', '::', 0);
    for (const [type, address] of [
      ['udp4', '127.0.0.1'],
      ['udp6', '::1'],
    ] as const) {
      const socket = createSocket(type);
      const message = request('OPTIONS', { Via: 'SIP/2.0/UDP host.example;rport;branch=z9hG4bK1' });
      socket.send(message.serialise(), port, address);
      await expect.poll(() => heard.length).toBe(1);
      const [{ message: asked, flow }] = heard.splice(0) as [{ message: SipRequest; flow: Flow }];
      expect(flow.remote.address).toBe(address);
      const answered = once(socket, 'message');
      flow.send(makeResponse(asked, 200).serialise());
      expect(String((await answered)[0])).toMatch(/^SIP\/2.0 200 /);
      socket.close();
    }
  });

  it('to a destination of either family there is a way, whatever is listened on', async () => {
    for (const [own, type, address] of [
      ['127.0.0.1', 'udp6', '::1'],
      ['::1', 'udp4', '127.0.0.1'],
    ] as const) {
      const { transport } = transportOn();
      await transport.listen('UDP', own, 0);
      const socket = createSocket(type);
      socket.bind(0, address);
      await once(socket, 'listening');
      const arrived = once(socket, 'message');
      const flow = await transport.flowTo({ protocol: 'UDP', host: address, port: socket.address().port });
      flow.send(toOctets('x'));
      expect(String((await arrived)[0])).toBe('x');
      socket.close();
    }
  });

  it('connections of IPv4 to a listener of both families have addresses of IPv4', async () => {
    const { transport, heard } = transportOn();
    const { port } = await transport.listen('TCP', '::', 0);
    const flow = await transportOn().transport.flowTo({ protocol: 'TCP', host: '127.0.0.1', port });
    flow.send(request('OPTIONS', {}).serialise());
    await expect.poll(() => heard.length).toBe(1);
    expect([heard[0]!.flow.remote.address, heard[0]!.flow.local.address]).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});
