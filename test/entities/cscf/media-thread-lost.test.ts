/**
 * A thread of a real gateway that relays media is killed under a call of a target: the call ends at both phones, X2
 * has its end, X3 the content until then, and the alarms are there; the thread is started again, and the next call speaks.
 * So does a call end whose gateway is started anew.
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import type { RunningCscf } from '../../../src/entities/cscf/start.ts';
import { UserAgent } from '../../../src/sip/agent.ts';
import type { Leg } from '../../../src/sip/agent-types.ts';
import { Transport } from '../../../src/sip/transport.ts';
import { PDU_TYPE } from '../../../src/wire/x2x3/pdu.ts';
import { elementRuntime, interceptTo } from '../../support/elements.ts';
import { GatewayHome } from '../../support/gateway-home.ts';
import { describeMessage, readSdp, sdpBody } from './network.ts';

const XID = '11111111-2222-4333-8444-555555555555';
const DID = '66666666-2222-4333-8444-555555555555';
const TARGET = { name: 'sipUri', value: 'sip:bob@home1.example' } as const;

const transports: Transport[] = [];
const sockets: Socket[] = [];
const workers: Worker[] = [];
const noteWorker = (worker: Worker): void => void workers.push(worker);
let home: GatewayHome;
let cscf: RunningCscf;
let alice: UserAgent;
let bob: UserAgent;

beforeAll(async () => {
  process.on('worker', noteWorker);
  home = await GatewayHome.create(1);
  const { elements } = home;
  const known = { ...home.df, 'gateway.home1.example': home.control };
  cscf = await startCscf(
    cscfConfig({
      ...(await elements.settings('cscf', known)),
      domain: 'home1.example',
      host: 'cscf.home1.example',
      iq: { url: 'https://gateway.home1.example' },
      subscribers: ['alice', 'bob'].map((user) => ({
        identity: `sip:${user}@home1.example`,
        username: user,
        password: `${user}-secret`,
      })),
    }),
    elementRuntime,
  );
  elements.hosts.set('cscf.home1.example', `127.0.0.1:${cscf.sip.port}`);
  const x2 = await elements.admf('cscf', cscf.x1.port);
  const x3 = await elements.admf('gateway', home.gateway.x1.port);
  const url = 'tls://df.home1.example:41000';
  await interceptTo(x2, url, { did: DID, xid: XID, target: TARGET, deliveryType: 'X2Only' });
  await interceptTo(x3, url, { did: DID, xid: XID, target: TARGET, deliveryType: 'X3Only' });
  [alice, bob] = [phone('alice'), phone('bob')];
  await Promise.all([alice.register(), bob.register()]);
});

afterAll(async () => {
  process.off('worker', noteWorker);
  for (const transport of transports) await transport.close();
  for (const socket of sockets) socket.close();
  await cscf.stop();
  await home.close();
});

function phone(user: string): UserAgent {
  const transport = new Transport({ ...elementRuntime, hosts: home.elements.hosts });
  transports.push(transport);
  return new UserAgent({
    ...elementRuntime,
    transport,
    identity: `sip:${user}@home1.example`,
    contact: `sip:${user}@${user}.invalid;transport=tcp`,
    sentBy: `${user}.invalid`,
    outbound: { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 },
    credentials: { username: user, password: Secret.of(utf8(`${user}-secret`)) },
  });
}

async function socket(): Promise<Socket> {
  const made = createSocket('udp4');
  sockets.push(made);
  made.bind(0, '127.0.0.1');
  await once(made, 'listening');
  return made;
}

interface Spoken {
  readonly leg: Leg;
  /** How it ended, of each side, as it ends. */
  readonly ended: string[];
}

/** A call, in which Alice says a word to Bob. */
async function call(word: string): Promise<Spoken> {
  const [near, far] = [await socket(), await socket()];
  const ended: string[] = [];
  bob.incoming = (incoming) => {
    incoming.handler = { ended: (reason) => void ended.push(`bob ${reason}`) };
    void incoming.accept(sdpBody(far.address().port)).catch(() => undefined);
  };
  const [leg, port] = await new Promise<readonly [Leg, number]>((resolve, reject) => {
    alice.invite(
      'sip:bob@home1.example',
      { body: sdpBody(near.address().port) },
      {
        accepted: (accepted, response) => {
          accepted.ack();
          resolve([accepted, readSdp(response.body).port]);
        },
        failed: reject,
      },
    );
  });
  leg.handler = { ended: (reason) => void ended.push(`alice ${reason}`) };
  const heard = once(far, 'message');
  near.send(word, port, '127.0.0.1');
  expect(String((await heard)[0])).toBe(word);
  return { leg, ended };
}

const alarms = async () =>
  (await home.gateway.operation.state()).alarms.map(({ name, about }) => [name, about]);

test('R-72: a call whose media thread dies ends at both phones, X2 and the alarms tell of it, and the next one speaks', async () => {
  const { ended } = await call('first');
  await expect.poll(() => home.elements.pdus.filter(({ type }) => type === PDU_TYPE.x3)).toHaveLength(1);
  expect(await alarms()).toEqual([]);
  await workers[0]!.terminate();
  await expect.poll(() => [...ended].sort()).toEqual(['alice bye', 'bob bye']);
  expect([cscf.cscf.calls, cscf.cscf.lostMedia?.count, home.gateway.gateway.sessions]).toEqual([0, 1, 0]);
  expect(await alarms()).toEqual(
    expect.arrayContaining([
      ['task-fault', XID],
      ['element-fault', ''],
    ]),
  );
  expect(home.gateway.lost).toBe(1);
  await expect
    .poll(() =>
      home.elements.pdus
        .filter(({ type }) => type === PDU_TYPE.x2)
        .map(({ payload }) => describeMessage(payload)),
    )
    .toContain('BYE');
  await expect.poll(() => home.gateway.gateway.ports.free).toBe(8);
  const again = await call('second');
  await again.leg.bye();
  expect(again.ended).toContain('bob bye');
});

test('R-72: a call ends at both phones whose gateway was started anew', async () => {
  const { ended } = await call('third');
  await home.restart();
  await expect.poll(() => [...ended].sort(), { timeout: 20_000 }).toEqual(['alice bye', 'bob bye']);
  expect([cscf.cscf.calls, cscf.cscf.lostMedia?.count]).toEqual([0, 2]);
});
