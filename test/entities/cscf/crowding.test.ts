/** what anybody can send before, beside and within a target's call does not crowd the target out of interception. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CscfLimits } from '../../../src/entities/cscf/ports.ts';
import { request } from '../../sip/support.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';
import { RawPhone, routesOf } from './raw-phone.ts';

const DOMAIN = 'home1.example';
const TO_CAROL = 'To: <sip:carol@home1.example>';

let network: Network;
let home: Home;
let alice: RawPhone;
let carol: RawPhone;
const phones: RawPhone[] = [];

async function phone(user: string): Promise<RawPhone> {
  const made = await RawPhone.connect(user, home.ports.TCP);
  phones.push(made);
  return made;
}

async function registered(user: string): Promise<RawPhone> {
  const made = await phone(user);
  await made.register(DOMAIN, `<sip:${user}@127.0.0.1:${made.port};transport=tcp>`);
  return made;
}

async function begin(limits: Partial<CscfLimits> = {}): Promise<void> {
  network = new Network();
  home = await network.home(DOMAIN, ['alice', 'carol', 'mallory'], { media: false, limits });
  [alice, carol] = [await registered('alice'), await registered('carol')];
}

beforeEach(() => begin());

afterEach(async () => {
  for (const each of phones.splice(0)) each.close();
  await network.close();
});

/** Identities of a call that `who` begins. */
function from(who: string, tag = 'a'): string[] {
  return [`From: <${who}>;tag=${tag}`, 'Call-ID: c1'];
}

function contactOf({ user, port }: RawPhone): string {
  return `Contact: <sip:${user}@127.0.0.1:${port};transport=tcp>`;
}

/** Requests under the call's Call-ID and tag, each with other names; resolves when all have their answer. */
async function decoys(
  sender: RawPhone,
  count: number,
  names: (i: number) => { From?: string; To?: string; uri?: string; fields?: string[] } = () => ({}),
  method = 'INVITE',
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const {
      From = `sip:nobody${i}@x.example`,
      To = `sip:to${i}@x.example`,
      uri = To,
      fields = [],
    } = names(i);
    sender.request(method, uri, [...from(From), `To: <${To}>`, contactOf(sender), ...fields]);
  }
  for (let i = 0; i < count; i++) await sender.next(/^SIP\/2\.0 [2-6]/);
}

/** Alice calls carol, who rings, answers and hangs up. */
async function call(caller = 'sip:alice@home1.example'): Promise<void> {
  const own = from(caller);
  alice.request('INVITE', 'sip:carol@home1.example', [...own, TO_CAROL, contactOf(alice)]);
  const invite = await carol.next(/^INVITE/);
  carol.answer(invite, '183 Session Progress', [contactOf(carol)]);
  carol.answer(invite, '200 OK', [contactOf(carol)]);
  const accepted = await alice.next(/^SIP\/2\.0 200[^]*CSeq: \d+ INVITE/);
  alice.send([
    `ACK sip:carol@127.0.0.1:${carol.port};transport=tcp SIP/2.0`,
    `Via: ${alice.via};branch=z9hG4bKack`,
    'Max-Forwards: 70',
    `CSeq: ${/CSeq: (\d+)/.exec(accepted)?.[1] ?? ''} ACK`,
    ...own,
    `${TO_CAROL};tag=carol`,
    ...routesOf(accepted, true),
  ]);
  await carol.next(/^ACK/);
  carol.request('BYE', `sip:alice@127.0.0.1:${alice.port};transport=tcp`, [
    'From: <sip:carol@home1.example>;tag=carol',
    `To: <${caller}>;tag=a`,
    'Call-ID: c1',
    ...routesOf(invite, false),
  ]);
  alice.answer(await alice.next(/^BYE/), '200 OK');
  await carol.next(/^SIP\/2\.0 200[^]*BYE/);
}

const CALLER = ['> INVITE', '< 100 INVITE', '< 183 INVITE', '< 200 INVITE', '> ACK', '< BYE', '> 200 BYE'];
const CALLEE = ['< INVITE', '> 183 INVITE', '> 200 INVITE', '< ACK', '> BYE', '< 200 BYE'];

/** What was reported of the call itself: of unauthenticated requests in the target's name there may be more. */
function reported(target: string, length: number): string[] {
  return home.interception.trace(target).slice(-length);
}

describe('R-65: decoys under the Call-ID and From tag of a call', () => {
  const asserted = (i: number) => ({
    fields: [`P-Asserted-Identity: <sip:other${i}@x.example>`],
  });

  it.each<[string, string, number, Parameters<typeof decoys>[2]]>([
    ['a caller, 70', 'sip:alice@home1.example', 70, asserted],
    ['a callee, 40', 'sip:carol@home1.example', 40, undefined],
    [
      'a caller who hides, 26',
      'sip:alice@home1.example',
      26,
      () => ({ From: 'sip:anonymous@anonymous.invalid' }),
    ],
  ])('from a stranger, before the call of %s: it is reported in full', async (what, target, count, names) => {
    home.interception.add(target);
    home.interception.reports.length = 0;
    await decoys(await phone('stranger'), count, names);
    await call(what.includes('hides') ? 'sip:anonymous@anonymous.invalid' : undefined);
    const expected = target.includes('alice') ? CALLER : CALLEE;
    await expect.poll(() => home.interception.trace()).toEqual(expected);
  });

  it.each(['MESSAGE', 'SUBSCRIBE', 'UPDATE', 'PRACK', 'OPTIONS', 'REGISTER', 'NOTIFY'])(
    'as %s',
    async (method) => {
      for (const target of ['sip:alice@home1.example', 'sip:carol@home1.example'])
        home.interception.add(target);
      home.interception.reports.length = 0;
      await decoys(await phone('stranger'), 40, asserted, method);
      await call();
      expect(reported('sip:alice@home1.example', 7)).toEqual(CALLER);
      expect(reported('sip:carol@home1.example', 6)).toEqual(CALLEE);
    },
  );

  it('from a registered subscriber, in her own name, before and while it rings: both are reported, she is not', async () => {
    for (const target of ['sip:alice@home1.example', 'sip:carol@home1.example'])
      home.interception.add(target);
    const mallory = await registered('mallory');
    home.interception.reports.length = 0;
    const own = { From: 'sip:mallory@home1.example', uri: 'sip:nobody@home1.example' };
    await decoys(mallory, 70, (i) => ({ ...own, To: `sip:to${i}@x.example` }));
    expect(home.interception.reports).toEqual([]);
    const calling = call();
    await decoys(mallory, 70, (i) => ({ ...own, To: `sip:to${i}@x.example` }));
    await calling;
    expect(reported('sip:alice@home1.example', 7)).toEqual(CALLER);
    expect(reported('sip:carol@home1.example', 6)).toEqual(CALLEE);
  });

  it('over the other home’s CSCF: the call of its target is reported in full', async () => {
    const other = await network.home('home2.example', ['bob']);
    home.interception.add('sip:bob@home2.example');
    const hop = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
    const send = (i: number, asserts: string, to: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const invite = request('INVITE', {
          From: `<sip:x${i}@home2.example>;tag=b`,
          To: `<sip:x${i}@x.example>`,
          'Call-ID': 'c2',
          CSeq: `${i + 1} INVITE`,
          Contact: '<sip:bob@home2.example>',
          'P-Asserted-Identity': `<${asserts}>`,
        });
        invite.uri = to;
        const response = ({ status }: { status: number }): void => {
          if (status >= 200) resolve(status);
        };
        other.layer.send(invite, hop, `z9hG4bKpeer${i}`, { response, failed: reject });
      });
    for (let i = 0; i < 70; i++) await send(i, `sip:x${i}@home2.example`, 'sip:nobody@home1.example');
    const calling = send(70, 'sip:bob@home2.example', 'sip:carol@home1.example');
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '183 Session Progress', [contactOf(carol)]);
    carol.answer(invite, '486 Busy Here');
    expect(await calling).toBe(486);
    await expect
      .poll(() => home.interception.trace())
      .toEqual(['> INVITE', '< 100 INVITE', '< 183 INVITE', '< 486 INVITE', '> ACK']);
  });

  it('that only differ in the case of the tag, or have none, are of other calls', async () => {
    home.interception.add('sip:alice@home1.example');
    home.interception.reports.length = 0;
    const stranger = await phone('stranger');
    for (const tag of [';tag=A', '']) {
      stranger.request('INVITE', 'sip:carol@home1.example', [
        `From: <sip:nobody@x.example>${tag}`,
        'Call-ID: c1',
        TO_CAROL,
      ]);
      await stranger.next(/^SIP\/2\.0 407/);
    }
    await call();
    expect(home.interception.trace()).toEqual(CALLER);
  });
});

describe('R-65: while a call rings and is up', () => {
  it('more strangers than are remembered leave its 183, 200 and BYE', async () => {
    for (const each of phones.splice(0)) each.close();
    await network.close();
    await begin({ unadmitted: 20 });
    for (const target of ['sip:alice@home1.example', 'sip:carol@home1.example'])
      home.interception.add(target);
    home.interception.reports.length = 0;
    alice.request('INVITE', 'sip:carol@home1.example', [
      ...from('sip:alice@home1.example'),
      TO_CAROL,
      contactOf(alice),
    ]);
    const invite = await carol.next(/^INVITE/);
    const stranger = await phone('stranger');
    for (let i = 0; i < 100; i++)
      stranger.request('INVITE', 'sip:carol@home1.example', [
        `From: <sip:nobody@x.example>;tag=${i}`,
        `Call-ID: other-${i}`,
        'To: <sip:nobody@x.example>',
      ]);
    for (let i = 0; i < 100; i++) await stranger.next(/^SIP\/2\.0 407/);
    expect(home.cscf.remembered.unadmitted).toBeLessThanOrEqual(20);
    carol.answer(invite, '183 Session Progress', [contactOf(carol)]);
    carol.answer(invite, '200 OK', [contactOf(carol)]);
    await alice.next(/^SIP\/2\.0 200[^]*CSeq: \d+ INVITE/);
    expect(reported('sip:alice@home1.example', 4)).toEqual(CALLER.slice(0, 4));
    expect(reported('sip:carol@home1.example', 3)).toEqual(CALLEE.slice(0, 3));
  });

  it('a BYE of a stranger, or an answer to it, ends nothing: what follows is reported', async () => {
    home.interception.add('sip:carol@home1.example');
    alice.request('INVITE', 'sip:carol@home1.example', [
      ...from('sip:alice@home1.example'),
      TO_CAROL,
      contactOf(alice),
    ]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', [contactOf(carol)]);
    await alice.next(/^SIP\/2\.0 200[^]*CSeq: \d+ INVITE/);
    const stranger = await phone('stranger');
    stranger.request('BYE', 'sip:carol@home1.example', [
      ...from('sip:alice@home1.example'),
      `${TO_CAROL};tag=carol`,
    ]);
    await stranger.next(/^SIP\/2\.0 407/);
    home.interception.reports.length = 0;
    carol.request('BYE', `sip:alice@127.0.0.1:${alice.port};transport=tcp`, [
      'From: <sip:carol@home1.example>;tag=carol',
      'To: <sip:alice@home1.example>;tag=a',
      'Call-ID: c1',
      ...routesOf(invite, false),
    ]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
    expect(home.interception.trace()).toEqual(['> BYE', '< 200 BYE']);
  });

  it('calls that somebody leaves up, and re-INVITEs answered under another tag, take nobody’s place', async () => {
    for (const each of phones.splice(0)) each.close();
    await network.close();
    await begin({ calls: 10, callsOfOne: 4 });
    for (const target of ['sip:alice@home1.example', 'sip:carol@home1.example'])
      home.interception.add(target);
    const mallory = await registered('mallory');
    for (let i = 0; i < 20; i++) {
      const own = ['From: <sip:mallory@home1.example>;tag=m', `Call-ID: left-${i}`, contactOf(mallory)];
      const to = 'To: <sip:mallory@home1.example>';
      mallory.request('INVITE', 'sip:mallory@home1.example', [...own, to]);
      const invite = await mallory.next(/^INVITE|^SIP\/2\.0 486/);
      if (invite.startsWith('SIP')) continue;
      mallory.answer(invite, '200 OK', [contactOf(mallory)]);
      const accepted = await mallory.next(/^SIP\/2\.0 200[^]*INVITE/);
      const within = [...own, `${to};tag=mallory`, ...routesOf(accepted, true)];
      mallory.request('INVITE', `sip:mallory@127.0.0.1:${mallory.port};transport=tcp`, within);
      const again = await mallory.next(/^INVITE/);
      mallory.answer(again.replace(/;tag=mallory/, ';tag=another'), '200 OK', [contactOf(mallory)]);
      await mallory.next(/^SIP\/2\.0 200[^]*tag=another/);
    }
    expect(home.cscf.calls).toBe(4);
    expect(home.cscf.refused.caller).toBe(16);
    home.interception.reports.length = 0;
    await call();
    expect(reported('sip:alice@home1.example', 7)).toEqual(CALLER);
    expect(reported('sip:carol@home1.example', 6)).toEqual(CALLEE);
  });

  it('an answer under other tags again and again is taken up to a bound, and BYE is what the rest hears', async () => {
    home.interception.add('sip:alice@home1.example');
    alice.request('INVITE', 'sip:carol@home1.example', [
      ...from('sip:alice@home1.example'),
      TO_CAROL,
      contactOf(alice),
    ]);
    const invite = await carol.next(/^INVITE/);
    for (let i = 0; i < 40; i++)
      carol.answer(invite.replace(/^To: .*$/m, `${TO_CAROL};tag=t${i}`), '200 OK', [contactOf(carol)]);
    for (let i = 32; i < 40; i++) expect(await carol.next(/^BYE/)).toContain(`tag=t${i}`);
    expect(carol.received.some((message) => message.startsWith('BYE'))).toBe(false);
  });
});
