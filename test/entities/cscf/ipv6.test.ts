/** Two homes whose CSCFs, phones and descriptions have addresses of IPv6 alone. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingCall } from '../../../src/sip/agent-types.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { parseUri } from '../../../src/sip/uri.ts';
import { Peers } from '../../../src/entities/cscf/peers.ts';
import { SDP_TYPE, SessionDescription } from '../../../src/sip/sdp.ts';
import { HAS_IPV6 } from '../../support/loopback.ts';
import { Network } from './network.ts';

const SDP = (port: number, type = 'IP6', address = '::1'): string =>
  [
    'v=0',
    'o=x 1 1 IN IP6 ::1',
    's=-',
    `c=IN ${type} ${address}`,
    't=0 0',
    `m=audio ${port} RTP/SAVP 0`,
    `a=rtcp:${port + 1} IN ${type} ${address}`,
    '',
  ].join('\r\n');
const body = (text: string) => ({ type: SDP_TYPE, octets: toOctets(text) });

describe('R-95: the CSCF of another home by an address of IPv6', () => {
  const cscf = { protocol: 'TCP', host: '2001:db8::7', port: 5070 } as const;
  const peers = new Peers([{ domain: 'home2.example', cscf }], (address, port) => [{ address, port }]);

  it('is where a Route leads that has it in brackets, however it is spelt', () => {
    const hop = peers.hopOf(parseUri('sip:[2001:DB8:0:0::7]:5070;transport=tcp;lr'));
    expect(hop).toEqual(cscf);
    expect(peers.hopOf(parseUri('sip:[2001:db8::8]:5070;transport=tcp;lr'))).toBeNull();
    expect(peers.listensAt({ address: '2001:0db8::7', port: 5070 })).toBe(true);
  });
});

describe.skipIf(!HAS_IPV6)('R-95: a call over IPv6', () => {
  let network: Network;
  beforeEach(async () => {
    network = new Network(undefined, '::1');
    await network.home('home1.example', ['alice']);
    await network.home('home2.example', ['bob']);
    for (const home of network.homes.values()) home.interception.add('sip:alice@home1.example');
  });
  afterEach(() => network.close());

  /** Two phones whose contacts and Vias are addresses in brackets. */
  async function phones(protocol: 'TCP' | 'UDP') {
    const alice = await network.phone('alice', 'home1.example', { protocol, numeric: true });
    const bob = await network.phone('bob', 'home2.example', { protocol, numeric: true });
    await alice.register();
    await bob.register();
    return { alice, bob };
  }

  it.each(['TCP', 'UDP'] as const)(
    'over %s goes from home to home, is anchored and reported with its addresses',
    async (protocol) => {
      const { alice, bob } = await phones(protocol);
      const offers: string[] = [];
      bob.incoming = (call: IncomingCall) => {
        offers.push(fromOctets(call.request.body));
        void call.accept(body(SDP(6000))).catch(() => undefined);
      };
      const answered = new Promise<string>((resolve, reject) => {
        alice.invite(
          'sip:bob@home2.example',
          { body: body(SDP(4000)) },
          {
            accepted: (leg, response) => {
              leg.ack();
              resolve(fromOctets(response.body));
            },
            failed: reject,
          },
        );
      });
      const answer = await answered;
      for (const text of [offers[0] ?? '', answer]) {
        const [medium] = SessionDescription.parse(toOctets(text)).media;
        expect(medium?.connection).toEqual({ addressType: 'IP4', address: '127.0.0.77' });
        expect(text).not.toMatch(/^c=.*::1|a=rtcp/m);
      }
      const home = network.homes.get('home1.example')!;
      expect(home.gateway.puts[0]?.streams[0]?.a).toMatchObject({ address: '::1', port: 4000 });
      const { observation } = home.interception.reports[0]!;
      expect([observation.source?.address, observation.destination?.address]).toEqual(['::1', '::1']);
    },
  );

  it.each([
    ['IP4', '::1'],
    ['IP6', '127.0.0.1'],
  ])('a description of type %s with the address %s is refused with 488', async (type, address) => {
    const { alice } = await phones('TCP');
    const failed = new Promise<number>((resolve) => {
      alice.invite(
        'sip:bob@home2.example',
        { body: body(SDP(4000, type, address)) },
        {
          accepted: () => resolve(200),
          failed: (_, response) => resolve(response?.status ?? 0),
        },
      );
    });
    expect(await failed).toBe(488);
    expect(network.homes.get('home1.example')!.gateway.puts).toEqual([]);
  });
});
