import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewayConfig } from '../../../src/entities/gateway/config.ts';
import { toHex } from '../../../src/bytes/octets.ts';
import type { WantedSession } from '../../../src/wire/iq/sessions.ts';
import type { X1Requester } from '../../../src/x1/requester.ts';
import {
  DIRECTION,
  PAYLOAD_FORMAT,
  PDU_TYPE,
  numberAttribute,
  textAttribute,
} from '../../../src/wire/x2x3/pdu.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { IqClient } from '../../../src/entities/cscf/http/iq-client.ts';
import { interceptTo } from '../../support/elements.ts';
import { GatewayHome } from '../../support/gateway-home.ts';

const XID = '11111111-2222-4333-8444-555555555555';
const DID = '66666666-2222-4333-8444-555555555555';

describe.each([0, 2])('a media gateway from its configuration, with %i threads for media', (workers) => {
  let home: GatewayHome;
  let iq: IqClient;
  let admf: X1Requester;
  let alice: Socket;
  let bob: Socket;

  beforeAll(async () => {
    home = await GatewayHome.create(workers);
    home.elements.hosts.set('gateway.home1.example:8443', home.control);
    iq = new IqClient(await home.elements.client('cscf'), 'https://gateway.home1.example:8443');
    admf = await home.elements.admf('gateway', home.gateway.x1.port);
    [alice, bob] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [alice, bob]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
  });

  afterAll(async () => {
    alice.close();
    bob.close();
    await home.close();
  });

  test('X3 of a call whose party is tasked over X1 while it is up: each packet once, in order, described', async () => {
    const wanted: WantedSession = {
      correlation: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
      parties: { a: ['sip:alice@home1.example'], b: ['sip:bob@home2.example', 'tel:+441632960000'] },
      sdps: { a: 'v=0 of alice', b: 'v=0 of bob' },
      streams: [
        {
          a: { address: '127.0.0.1', port: alice.address().port },
          b: { address: '127.0.0.1', port: bob.address().port },
        },
      ],
    };
    const [stream] = await iq.put('call', wanted);
    const talk = async (from: Socket, to: Socket, port: number, text: string) => {
      const arrived = once(to, 'message');
      from.send(text, port, '127.0.0.1');
      const [octets] = (await arrived) as [Buffer];
      expect(octets.toString()).toBe(text);
    };
    await talk(alice, bob, stream!.a.port, 'before the task');

    const target = { name: 'telUri', value: 'tel:+441632960000' } as const;
    const delivered = { did: DID, xid: XID, target, deliveryType: 'X3Only' } as const;
    await interceptTo(admf, 'tls://df.home1.example:41000', delivered);
    await talk(alice, bob, stream!.a.port, '1 to bob');
    await talk(bob, alice, stream!.b.port, '2 from bob');
    await talk(alice, bob, stream!.a.port, '3 to bob');
    expect(await home.gateway.drain(5000)).toBe(true);
    await admf.request({ type: 'DeactivateTask', xid: XID });
    await talk(bob, alice, stream!.b.port, 'after the task');
    await iq.delete('call');
    expect(await home.gateway.drain(5000)).toBe(true);

    const content = home.elements.pdus.filter(({ type }) => type === PDU_TYPE.x3);
    expect(
      content.map((pdu) => [
        Buffer.from(pdu.payload).toString(),
        pdu.direction,
        numberAttribute(pdu, ATTRIBUTE.sequenceNumber),
        textAttribute(pdu, ATTRIBUTE.sdp),
        textAttribute(pdu, ATTRIBUTE.matchedTarget),
      ]),
    ).toEqual([
      ['1 to bob', DIRECTION.toTarget, 0, 'v=0 of alice', '<telUri>tel:+441632960000</telUri>'],
      ['2 from bob', DIRECTION.fromTarget, 1, 'v=0 of bob', '<telUri>tel:+441632960000</telUri>'],
      ['3 to bob', DIRECTION.toTarget, 2, null, '<telUri>tel:+441632960000</telUri>'],
    ]);
    for (const pdu of content) {
      expect([pdu.xid, pdu.payloadFormat, toHex(pdu.correlation)]).toEqual([
        XID,
        PAYLOAD_FORMAT.rtp,
        '0909090909090909',
      ]);
    }
    expect(textAttribute(content[1]!, ATTRIBUTE.sourceIpv4)).toBe('127.0.0.1');
    expect(numberAttribute(content[1]!, ATTRIBUTE.sourcePort)).toBe(bob.address().port);
    expect(numberAttribute(content[1]!, ATTRIBUTE.destinationPort)).toBe(stream!.b.port);
    expect(home.gateway.lost).toBe(0);
  });

  test.each([
    [{ media: { from: 30000, to: 30000 } }, /media is not a range whose from is below to/],
    [{ idleMs: 'long' }, /idleMs/],
    [{ idelMs: 5000 }, /idelMs: no such setting/],
  ])('a configuration with %j is refused', (wrong, message) => {
    const config = {
      tls: { certificate: 'c', privateKey: 'k', authorities: 'a' },
      x1: { identifier: 'g', admf: { identifier: 'a', url: 'u' }, store: 's', listen: {} },
      audit: 'a',
      ...wrong,
    };
    expect(() => gatewayConfig(config)).toThrow(message);
  });
});
