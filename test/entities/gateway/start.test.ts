import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewayConfig } from '../../../src/entities/gateway/config.ts';
import { startGateway } from '../../../src/entities/gateway/start.ts';
import type { RunningGateway } from '../../../src/entities/gateway/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { toHex } from '../../../src/bytes/octets.ts';
import type { WantedSession } from '../../../src/wire/iq/sessions.ts';
import { LabPki } from '../../../src/lab/network/pki.ts';
import { X1Requester } from '../../../src/x1/requester.ts';
import type { Pdu } from '../../../src/wire/x2x3/pdu.ts';
import {
  DIRECTION,
  PAYLOAD_FORMAT,
  PDU_TYPE,
  numberAttribute,
  textAttribute,
} from '../../../src/wire/x2x3/pdu.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { HttpsClient } from '../../../src/net/https.ts';
import { IqClient } from '../../../src/entities/cscf/http/iq-client.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { Role, TlsMaterial } from '../../../src/net/tls.ts';
import { x1Transport } from '../../../src/x1/client.ts';
import { X2X3Server } from '../../../src/entities/df/listeners/x2x3-server.ts';
import { silent } from '../../support/silent.ts';

const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger: silent };
const XID = '11111111-2222-4333-8444-555555555555';
const DID = '66666666-2222-4333-8444-555555555555';

describe('a media gateway from its configuration', () => {
  const hosts = new HostMap();
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-gateway-'));
  const pdus: Pdu[] = [];
  let running: RunningGateway;
  let df: X2X3Server;
  let iq: IqClient;
  let admf: X1Requester;
  let alice: Socket;
  let bob: Socket;
  const clients: HttpsClient[] = [];

  beforeAll(async () => {
    const pki = await LabPki.create(path.join(folder, 'pki'), clock.now());
    const issue = (role: Role) => {
      const name = `${role}.home1.example`;
      return pki.issue({ commonName: name, dnsNames: [name], roles: [role] });
    };
    const tlsOf = async (role: Role): Promise<TlsMaterial> => loadTls(await issue(role), clock.now());
    const clientOf = async (role: Role) => {
      const client = new HttpsClient({ hosts, tls: await tlsOf(role) });
      clients.push(client);
      return client;
    };
    df = new X2X3Server({
      address: '127.0.0.1',
      port: 0,
      tls: await tlsOf('df'),
      consumer: {
        accept: (batch) => {
          pdus.push(...batch.map(({ pdu }) => pdu));
          return Promise.resolve();
        },
        refused: (_, reason) => {
          throw new Error(reason);
        },
      },
      clock,
      logger: silent,
    });
    const config = gatewayConfig({
      tls: await issue('gateway'),
      hosts: { 'df.home1.example:41000': `127.0.0.1:${await df.start()}` },
      x1: {
        identifier: 'gateway.home1.example',
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
        store: path.join(folder, 'tasks.db'),
        listen: {},
      },
      audit: path.join(folder, 'audit.jsonl'),
      media: { from: 21400, to: 21450 },
      delivery: { busyKeepaliveMs: 50 },
    });
    running = await startGateway(config, runtime);
    hosts.set('gateway.home1.example:443', `127.0.0.1:${running.x1.port}`);
    hosts.set('gateway.home1.example:8443', `127.0.0.1:${running.control.port}`);
    iq = new IqClient(await clientOf('cscf'), 'https://gateway.home1.example:8443');
    admf = new X1Requester({
      side: 'admf',
      admfIdentifier: 'admf.home1.example',
      neIdentifier: 'gateway.home1.example',
      transport: x1Transport(await clientOf('admf'), 'https://gateway.home1.example/X1/NE'),
      clock,
      random: systemRandom(),
    });
    [alice, bob] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [alice, bob]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
  });

  afterAll(async () => {
    alice.close();
    bob.close();
    await running.stop();
    await df.stop();
    for (const client of clients) await client.close();
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

    await admf.request({
      type: 'CreateDestination',
      destination: {
        did: DID,
        deliveryType: 'X3Only',
        address: { kind: 'uri', value: 'tls://df.home1.example:41000' },
      },
    });
    await admf.request({
      type: 'ActivateTask',
      task: {
        xid: XID,
        targets: [{ name: 'telUri', value: 'tel:+441632960000' }],
        deliveryType: 'X3Only',
        dids: [DID],
        mediation: [],
      },
    });
    await talk(alice, bob, stream!.a.port, '1 to bob');
    await talk(bob, alice, stream!.b.port, '2 from bob');
    await talk(alice, bob, stream!.a.port, '3 to bob');
    expect(await running.drain(5000)).toBe(true);
    await admf.request({ type: 'DeactivateTask', xid: XID });
    await talk(bob, alice, stream!.b.port, 'after the task');
    await iq.delete('call');
    expect(await running.drain(5000)).toBe(true);

    const content = pdus.filter(({ type }) => type === PDU_TYPE.x3);
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
    expect(running.lost).toBe(0);
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
