/** The CSCF from its configuration: X1 in, X2 out, media anchored over Iq at a real gateway. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/host/config.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import type { RunningCscf } from '../../../src/entities/cscf/start.ts';
import { gatewayConfig } from '../../../src/entities/gateway/config.ts';
import { startGateway } from '../../../src/entities/gateway/start.ts';
import type { RunningGateway } from '../../../src/entities/gateway/start.ts';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { correlationId } from '../../../src/entities/cscf/charging.ts';
import type { X1Requester } from '../../../src/x1/requester.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import {
  DIRECTION,
  PAYLOAD_FORMAT,
  PDU_TYPE,
  numberAttribute,
  textAttribute,
} from '../../../src/wire/x2x3/pdu.ts';
import { UserAgent } from '../../../src/sip/agent.ts';
import { Transport } from '../../../src/sip/transport.ts';
import { describeMessage, readSdp, sdpBody } from './network.ts';
import { ElementHome, elementRuntime, interceptTo } from '../../support/elements.ts';

const runtime = elementRuntime;
const XID = '11111111-2222-4333-8444-555555555555';
const DID = '66666666-2222-4333-8444-555555555555';

describe('a CSCF from its configuration', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-cscf-'));
  const stops: (() => Promise<void>)[] = [];
  let home: ElementHome;
  let cscf: RunningCscf;
  let gateway: RunningGateway;
  let admf: X1Requester;
  let alice: UserAgent;
  let bob: UserAgent;

  beforeAll(async () => {
    home = await ElementHome.create(folder);
    const df = { 'df.home1.example:41000': await home.startDf() };
    gateway = await startGateway(
      gatewayConfig({ ...(await home.settings('gateway', df)), media: { from: 21500, to: 21550 } }),
      runtime,
    );
    const known = { ...df, 'gateway.home1.example': `127.0.0.1:${gateway.control.port}` };
    cscf = await startCscf(
      cscfConfig({
        ...(await home.settings('cscf', known)),
        domain: 'home1.example',
        host: 'cscf.home1.example',
        iq: { url: 'https://gateway.home1.example' },
        subscribers: ['alice', 'bob'].map((user, i) => ({
          identity: `sip:${user}@home1.example`,
          aliases: [`tel:+155500${i}`],
          username: user,
          password: `${user}-secret`,
        })),
      }),
      runtime,
    );
    home.hosts.set('cscf.home1.example', `127.0.0.1:${cscf.sip.port}`);
    admf = await home.admf('cscf', cscf.x1.port);
    [alice, bob] = [phone('alice'), phone('bob')];
    await Promise.all([alice.register(), bob.register()]);
    stops.push(
      () => cscf.stop(),
      () => gateway.stop(),
      () => home.close(),
    );
  });

  afterAll(async () => {
    for (const stop of stops) await stop();
    rmSync(folder, { recursive: true });
  });

  function phone(user: string): UserAgent {
    const transport = new Transport({ ...runtime, hosts: home.hosts });
    stops.push(() => transport.close());
    return new UserAgent({
      ...runtime,
      transport,
      identity: `sip:${user}@home1.example`,
      contact: `sip:${user}@${user}.invalid;transport=tcp`,
      sentBy: `${user}.invalid`,
      outbound: { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 },
      credentials: { username: user, password: Secret.of(utf8(`${user}-secret`)) },
    });
  }

  test('R-1, R-55: X2 of a call whose callee is tasked over X1 by tel number', async () => {
    const target = { name: 'telUri', value: 'tel:+1555001' } as const;
    const delivered = { did: DID, xid: XID, target, deliveryType: 'X2Only' } as const;
    await interceptTo(admf, 'tls://df.home1.example:41000', delivered);
    const offers: ReturnType<typeof readSdp>[] = [];
    bob.incoming = (call) => {
      offers.push(readSdp(call.request.body));
      void call.accept(sdpBody(5000, 'R1')).catch(() => undefined);
    };
    const icids = new Set<string>();
    cscf.observe(({ message }) => icids.add(message.callId));
    await new Promise<void>((resolve, reject) => {
      alice.invite(
        'sip:bob@home1.example',
        { body: sdpBody(4000, 'I1') },
        {
          accepted: (leg) => {
            leg.ack();
            void leg.bye().then(resolve, reject);
          },
          failed: reject,
        },
      );
    });
    expect(await cscf.drain(5000)).toBe(true);
    expect(offers[0]?.port).toBeGreaterThanOrEqual(21500);
    expect(offers[0]?.key).toBe('I1');
    const x2 = home.pdus.filter(({ type }) => type === PDU_TYPE.x2);
    expect(x2.map(({ payload, direction }) => `${direction} ${describeMessage(payload)}`)).toEqual([
      `${DIRECTION.toTarget} INVITE`,
      `${DIRECTION.fromTarget} 100 INVITE`,
      `${DIRECTION.fromTarget} 200 INVITE`,
      `${DIRECTION.toTarget} ACK`,
      `${DIRECTION.toTarget} BYE`,
      `${DIRECTION.fromTarget} 200 BYE`,
    ]);
    expect(x2.map((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(new Set(x2.map((pdu) => pdu.payloadFormat))).toEqual(new Set([PAYLOAD_FORMAT.sip]));
    expect(textAttribute(x2[0]!, ATTRIBUTE.matchedTarget)).toBe('<telUri>tel:+1555001</telUri>');
    const [callId] = [...icids];
    expect(Buffer.from(x2[0]!.correlation)).not.toEqual(Buffer.from(correlationId(callId!)));
    expect(cscf.lost).toBe(0);
  });

  test.each([
    ['a wrong peer', { peers: [{ domain: 'x', cscf: 'nowhere' }] }],
    ['a peer over TLS', { peers: [{ domain: 'x', cscf: 'sip:cscf.x;transport=tls' }] }],
    ['an unknown algorithm', { algorithms: ['SHA-1'] }],
    ['an identity that is none', { subscribers: [{ identity: 'alice', username: 'a', password: 'b' }] }],
    ['an unknown setting', { sipp: {} }],
  ])('%s refuses to start', (_, wrong) => {
    const base = {
      tls: { certificate: 'c', privateKey: 'k', authorities: 'a' },
      x1: { identifier: 'x', admf: { identifier: 'a', url: 'u' }, store: 's' },
      audit: 'a',
      domain: 'home1.example',
      host: 'cscf.home1.example',
    };
    expect(() => cscfConfig(base)).not.toThrow();
    expect(() => cscfConfig({ ...base, ...wrong })).toThrow(ConfigError);
  });
});
