/** A flood of first requests over UDP: each is answered, beyond the bound with 503, or counted; calls that are up go on. */
import { afterEach, expect, it } from 'vitest';
import { Network } from './network.ts';
import { RawPhone } from './raw-phone.ts';

const FLOOD = 300;

const network = new Network();
const phones: RawPhone[] = [];

afterEach(async () => {
  for (const phone of phones) phone.close();
  await network.close();
});

async function phone(user: string, port: number): Promise<RawPhone> {
  const opened = await RawPhone.datagrams(user, port);
  phones.push(opened);
  return opened;
}

it('R-70: is answered or counted in full, a call that is up can be ended, and calls are taken again afterwards', async () => {
  network.maxWaiting = 16;
  const home = await network.home('home1.example', ['alice', 'carol'], { media: false });
  const [alice, carol, stranger] = [
    await phone('alice', home.ports.UDP),
    await phone('carol', home.ports.UDP),
    await phone('mallory', home.ports.UDP),
  ];
  await alice.register('home1.example', `<sip:alice@127.0.0.1:${alice.port}>`);
  await carol.register('home1.example', `<sip:carol@127.0.0.1:${carol.port}>`);
  await call('before the flood');
  for (let n = 0; n < FLOOD; n++)
    stranger.request('INVITE', 'sip:carol@home1.example', [
      'From: <sip:mallory@elsewhere.example>;tag=m',
      'To: <sip:carol@home1.example>',
      `Call-ID: flood ${n}`,
    ]);
  bye('before the flood');
  carol.answer(await carol.next(/^BYE/), '200 OK');
  await alice.next(/^SIP\/2\.0 200[^]*BYE/);
  await expect.poll(() => stranger.received.length + home.layer.overload.counts.dropped).toBe(FLOOD);
  const statuses = stranger.received.map((message) => message.slice(8, 11));
  const putOff = stranger.received.filter((message) => message.startsWith('SIP/2.0 503'));
  expect(new Set(statuses)).toEqual(new Set(['407', '503']));
  for (const message of putOff) expect(message).toMatch(/^Retry-After: 5\r$/m);
  expect(home.layer.overload.counts).toMatchObject({ waiting: putOff.length, lost: 0, transactions: 0 });
  expect([home.transport.waiting, home.cscf.calls]).toEqual([0, 0]);
  await call('after the flood');
  bye('after the flood');

  async function call(callId: string): Promise<void> {
    alice.request('INVITE', 'sip:carol@home1.example', [
      'From: <sip:alice@home1.example>;tag=a',
      'To: <sip:carol@home1.example>',
      `Call-ID: ${callId}`,
      `Contact: <sip:alice@127.0.0.1:${alice.port}>`,
    ]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', [`Contact: <sip:carol@127.0.0.1:${carol.port}>`]);
    await alice.next(/^SIP\/2\.0 200[^]*INVITE/);
    within('ACK', callId);
    await carol.next(/^ACK/);
  }

  function bye(callId: string): void {
    within('BYE', callId);
  }

  function within(method: string, callId: string): void {
    alice.request(method, `sip:carol@127.0.0.1:${carol.port}`, [
      'Route: <sip:cscf.home1.example:5060;lr>',
      'From: <sip:alice@home1.example>;tag=a',
      'To: <sip:carol@home1.example>;tag=carol',
      `Call-ID: ${callId}`,
    ]);
  }
});
