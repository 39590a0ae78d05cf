/** Subscribers that are taken anew while the CSCF runs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { DEFAULT_CSCF_LIMITS } from '../../../src/entities/cscf/ports.ts';
import type { Subscriber } from '../../../src/entities/cscf/ports.ts';
import { Registrar } from '../../../src/entities/cscf/registrar.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';
import { RawPhone, routesOf } from './raw-phone.ts';

const DOMAIN = 'home1.example';
let network: Network;
let home: Home;
const phones: RawPhone[] = [];

const subscriber = (user: string, more: Partial<Subscriber> = {}): Subscriber => ({
  identity: `sip:${user}@${DOMAIN}`,
  aliases: [],
  username: `${user}@${DOMAIN}`,
  password: Secret.of(utf8(`password-of-${user}`)),
  ...more,
});
const other = Secret.of(utf8('another'));

beforeEach(async () => {
  network = new Network();
  home = await network.home(DOMAIN, ['alice', 'carol', 'mallory'], { media: false });
});

afterEach(async () => {
  for (const each of phones.splice(0)) each.close();
  await network.close();
});

async function registered(user: string): Promise<RawPhone> {
  const phone = await RawPhone.connect(user, home.ports.TCP);
  phones.push(phone);
  await phone.register(DOMAIN, contactOf(phone), `register-${user}-${phone.port}`);
  return phone;
}

const contactOf = ({ user, port }: RawPhone): string => `<sip:${user}@127.0.0.1:${port};transport=tcp>`;

/** The first answer to an INVITE but 100; with a challenge, that to the one with credentials. */
async function invited(phone: RawPhone, to: string, callId: string): Promise<string> {
  const uri = `sip:${to}@${DOMAIN}`;
  const fields = [`From: <sip:${phone.user}@${DOMAIN}>;tag=${callId}`, `To: <${uri}>`, `Call-ID: ${callId}`];
  const send = (more: string[] = []): void =>
    phone.request('INVITE', uri, [...fields, `Contact: ${contactOf(phone)}`, ...more]);
  const final = new RegExp(`^SIP/2\\.0 [2-6][^]*Call-ID: ${callId}`);
  send();
  const first = await phone.next(final);
  if (!first.startsWith('SIP/2.0 407')) return first.slice(0, 11);
  send([phone.authorization(first, 'INVITE', uri)]);
  return (await phone.next(final)).slice(0, 11);
}

describe('R-92: new subscribers of a running CSCF', () => {
  it('who is gone is called no more and calls nobody; their calls go on, intercepted', async () => {
    home.interception.add(`sip:alice@${DOMAIN}`);
    const [alice, carol, mallory] = [
      await registered('alice'),
      await registered('carol'),
      await registered('mallory'),
    ];
    const ids = [`From: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: c1'];
    alice.request('INVITE', `sip:carol@${DOMAIN}`, [
      ...ids,
      `To: <sip:carol@${DOMAIN}>`,
      `Contact: ${contactOf(alice)}`,
    ]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', [`Contact: ${contactOf(carol)}`]);
    const answer = await alice.next(/^SIP\/2\.0 200[^]*INVITE/);
    home.interception.reports.length = 0;

    const next = ['carol', 'mallory', 'dave'].map((user) => subscriber(user));
    expect(home.cscf.replaceSubscribers(next)).toBe(1);
    expect(home.cscf.calls).toBe(1);
    expect(await invited(mallory, 'alice', 'm1')).toBe('SIP/2.0 404');
    expect(await invited(alice, 'mallory', 'a1')).toBe('SIP/2.0 407');
    const to = `To: <sip:carol@${DOMAIN}>;tag=carol`;
    alice.request('INFO', contactOf(carol).slice(1, -1), [...ids, to, ...routesOf(answer, true)]);
    carol.answer(await carol.next(/^INFO/), '200 OK');
    await alice.next(/^SIP\/2\.0 200[^]*INFO/);
    carol.request('BYE', contactOf(alice).slice(1, -1), [
      ...[`From: <sip:carol@${DOMAIN}>;tag=carol`, `To: <sip:alice@${DOMAIN}>;tag=a`, 'Call-ID: c1'],
      ...routesOf(invite, false),
    ]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
    expect(home.interception.trace()).toEqual(expect.arrayContaining(['> INFO', '< BYE', '> 200 BYE']));
    await registered('dave');
  });

  it('who has other credentials registers by them; old ones are worth nothing', async () => {
    const [carol, mallory] = [await registered('carol'), await registered('mallory')];
    const [alice, bystander] = [subscriber('alice'), subscriber('mallory')];
    expect(home.cscf.replaceSubscribers([alice, subscriber('carol', { password: other }), bystander])).toBe(
      1,
    );
    expect(await invited(mallory, 'carol', 'm1')).toBe('SIP/2.0 480');
    expect(await invited(carol, 'mallory', 'c1')).toBe('SIP/2.0 407');
    const uri = `sip:${DOMAIN}`;
    const fields = [`From: <sip:carol@${DOMAIN}>;tag=r`, `To: <sip:carol@${DOMAIN}>`, 'Call-ID: again'];
    carol.request('REGISTER', uri, fields);
    const challenge = await carol.next(/^SIP\/2\.0 401/);
    carol.request('REGISTER', uri, [...fields, carol.authorization(challenge, 'REGISTER', uri)]);
    await carol.next(/^SIP\/2\.0 401[^]*Call-ID: again/);
    // And back: what was registered under the first credentials stays void.
    home.cscf.replaceSubscribers([alice, subscriber('carol'), bystander]);
    expect(await invited(mallory, 'carol', 'm2')).toBe('SIP/2.0 480');
    const again = await registered('carol');
    const ringing = invited(mallory, 'carol', 'm3');
    again.answer(await again.next(/^INVITE/), '486 Busy Here');
    expect(await ringing).toBe('SIP/2.0 486');
  });

  it('who has other aliases stays registered, and is called by them', async () => {
    const [carol, mallory] = [await registered('carol'), await registered('mallory')];
    const next = [subscriber('carol', { aliases: [`sip:cc@${DOMAIN}`] }), subscriber('mallory')];
    home.cscf.replaceSubscribers(next);
    const ringing = invited(mallory, 'cc', 'm1');
    carol.answer(await carol.next(/^INVITE/), '486 Busy Here');
    expect(await ringing).toBe('SIP/2.0 486');
  });

  it('what is void does not come back by a restart', () => {
    const saved: string[] = [];
    const store = {
      load: () => new Map(),
      save: (identity: string, bindings: readonly unknown[]) =>
        void saved.push(`${identity} ${bindings.length}`),
    };
    new Registrar(new ManualClock(), DEFAULT_CSCF_LIMITS, store).void(subscriber('carol'));
    expect(saved).toEqual([`sip:carol@${DOMAIN} 0`]);
  });

  it.each([
    ['an identity', { username: 'x' }, /sip:alice@home1\.example of one subscriber alone/],
    [
      'an alias',
      { identity: 'sip:b@home1.example', username: 'x', aliases: ['sip:alice@HOME1.example'] },
      /sip:alice@home1\.example of one/,
    ],
    ['a user name', { identity: 'sip:b@home1.example' }, /user name alice of one/],
  ])('R-57: %s of two subscribers is refused', (_, more, message) => {
    const alice = { identity: 'sip:alice@home1.example', username: 'alice', password: 'x' };
    expect(() => cscfConfig({ subscribers: [alice, { ...alice, ...more }] })).toThrow(message);
    expect(() => cscfConfig({ subscribers: [alice] })).not.toThrow(/of one subscriber/);
  });
});
