/** what strangers send costs them an answer, and this node nothing that stays. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toOctets } from '../../../src/sip/text.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';
import { RawPhone } from './raw-phone.ts';

const DOMAIN = 'home1.example';
/** A tenth of RFC 3261's, so that what would be sent again is soon sent. */
const TIMERS = { t1: 20, t2: 160, t4: 200, d: 1280 };

let network: Network;
let home: Home;
let socket: Socket;
let answers: Buffer[];

beforeEach(async () => {
  network = new Network(TIMERS);
  home = await network.home(DOMAIN, ['alice', 'carol'], { media: false, maxOctets: 1 << 20 });
  socket = createSocket('udp4');
  answers = [];
  socket.on('message', (octets) => answers.push(octets));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  socket.close();
  await network.close();
});

/** The least that is a request. */
function least(method: string, n: number): string {
  return [
    `${method} sip:carol@${DOMAIN} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK${n}`,
    `From: <sip:alice@${DOMAIN}>;tag=${n}`,
    `To: <sip:${method === 'REGISTER' ? 'alice' : 'carol'}@${DOMAIN}>`,
    `Call-ID: ${n}`,
    `CSeq: 1 ${method}`,
    '\r\n',
  ].join('\r\n');
}

async function send(...texts: string[]): Promise<void> {
  for (const text of texts)
    await new Promise((done) => socket.send(toOctets(text), home.ports.UDP, '127.0.0.1', done));
}

/** Waits until there are so many answers. */
async function answered(count: number): Promise<void> {
  for (let waited = 0; answers.length < count && waited < 30_000; waited += 5)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(answers.length).toBe(count);
}

describe('R-70: a challenge', () => {
  it.each(['INVITE', 'OPTIONS', 'REGISTER', 'SUBSCRIBE', 'BYE'])(
    'to %s from nobody in particular is sent once, is at most three times as large, and leaves nothing',
    async (method) => {
      const text = least(method, 1);
      await send(text);
      await answered(1);
      // Longer than it took to send an answer again six times.
      await new Promise((resolve) => setTimeout(resolve, 10 * TIMERS.t1));
      expect(answers.length).toBe(1);
      expect(answers[0]?.length).toBeLessThanOrEqual(3 * text.length);
      expect([home.layer.load, home.layer.memory.octets, home.cscf.calls]).toEqual([0, 0, 0]);
    },
  );

  it.each(['INVITE', 'OPTIONS'])('to each of 200 %s of 60 kB leaves nothing', async (method) => {
    const padding = `Subject: ${'x'.repeat(60_000)}\r\n\r\n`;
    for (let n = 0; n < 200; n++) {
      await send(least(method, n).replace(/\r\n$/, padding));
      await answered(n + 1);
    }
    expect([home.layer.load, home.layer.memory.octets, home.cscf.calls]).toEqual([0, 0, 0]);
  });

  it('that is answered makes a call, whose ACKs for the challenge go to nobody', async () => {
    const [alice, carol] = await Promise.all(
      ['alice', 'carol'].map((user) => RawPhone.datagrams(user, home.ports.UDP)),
    );
    if (alice === undefined || carol === undefined) throw new Error('two phones are expected');
    await carol.register(DOMAIN, `<sip:carol@127.0.0.1:${carol.port}>`);
    const uri = `sip:carol@${DOMAIN}`;
    const fields = [`From: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: c', 'Contact: <sip:alice@127.0.0.1>'];
    alice.request('INVITE', uri, [...fields, `To: <${uri}>`]);
    const challenge = await alice.next(/^SIP\/2\.0 407/);
    const to = /^To: .*$/m.exec(challenge)?.[0] ?? '';
    alice.request('INVITE', uri, [...fields, `To: <${uri}>`, alice.authorization(challenge, 'INVITE', uri)]);
    carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: <sip:carol@127.0.0.1:${carol.port}>`]);
    await alice.next(/^SIP\/2\.0 200/);
    alice.send([`ACK ${uri} SIP/2.0`, `Via: ${alice.via};branch=z9hG4bKk`, ...fields, to, 'CSeq: 1 ACK']);
    alice.request('OPTIONS', uri, [...fields, `To: <${uri}>`]);
    await alice.next(/^SIP\/2\.0 407/);
    expect(carol.received.filter((message) => message.startsWith('ACK'))).toEqual([]);
    for (const phone of [alice, carol]) phone.close();
  });
});

describe('R-70: a subscriber who sends large requests', () => {
  it('fills its own share of what is kept, is told so with 503, and everybody else is served', async () => {
    const [alice, carol] = await Promise.all(
      ['alice', 'carol'].map((user) => RawPhone.datagrams(user, home.ports.UDP)),
    );
    if (alice === undefined || carol === undefined) throw new Error('two phones are expected');
    for (const phone of [alice, carol])
      await phone.register(DOMAIN, `<sip:${phone.user}@127.0.0.1:${phone.port}>`);
    const message = (from: RawPhone, to: string, n: number, octets: number): void =>
      from.request(
        'MESSAGE',
        `sip:${to}@${DOMAIN}`,
        [`From: <sip:${from.user}@${DOMAIN}>;tag=${n}`, `To: <sip:${to}@${DOMAIN}>`, `Call-ID: ${n}`],
        'x'.repeat(octets),
      );
    for (let n = 0; n < 8; n++) message(alice, 'carol', n, 60_000);
    expect(await alice.next(/^SIP\/2\.0 503/)).toMatch(/^Retry-After: \d+\r$/m);
    expect(home.layer.memory.refused).toBeGreaterThan(0);
    message(carol, 'alice', 100, 60_000);
    const came = await alice.next(/^MESSAGE/);
    alice.answer(came, '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*MESSAGE/);
    for (const phone of [alice, carol]) phone.close();
  });
});
