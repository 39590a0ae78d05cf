/** R-70: Call-ID and tags are no secret: who may speak in a call is known by flow, digest or peer. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SipResponse } from '../../../src/sip/message.ts';
import { request } from '../../sip/support.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';
import { RawPhone, routesOf } from './raw-phone.ts';

const DOMAIN = 'home1.example';
const FROM_ALICE = ['From: <sip:alice@home1.example>;tag=a', 'Call-ID: c1'];
const TO_CAROL = 'To: <sip:carol@home1.example>';
/** What a request of alice’s, or of carol’s, within the call says. */
const WITHIN = [...FROM_ALICE, `${TO_CAROL};tag=carol`];
const BACK = [
  'From: <sip:carol@home1.example>;tag=carol',
  'To: <sip:alice@home1.example>;tag=a',
  'Call-ID: c1',
];

let network: Network;
let home: Home;
const phones: RawPhone[] = [];

beforeEach(async () => {
  network = new Network();
  home = await network.home(DOMAIN, ['alice', 'carol', 'mallory'], { media: false });
});

afterEach(async () => {
  for (const each of phones.splice(0)) each.close();
  await network.close();
});

async function phone(user: string, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<RawPhone> {
  const made =
    protocol === 'TCP'
      ? await RawPhone.connect(user, home.ports.TCP)
      : await RawPhone.datagrams(user, home.ports.UDP);
  phones.push(made);
  return made;
}

async function registered(user: string, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<RawPhone> {
  const made = await phone(user, protocol);
  await made.register(DOMAIN, contactOf(made), `register-${user}-${made.port}`);
  return made;
}

function contactOf({ user, port, via }: RawPhone): string {
  return `<sip:${user}@127.0.0.1:${port};transport=${via.includes('/TCP') ? 'tcp' : 'udp'}>`;
}

interface Up {
  readonly alice: RawPhone;
  readonly carol: RawPhone;
  /** Route lines of either. */
  readonly routes: { readonly alice: string[]; readonly carol: string[] };
}

/** A call from alice to carol; with `answered`, it is up. */
async function call(answered = true, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<Up & { invite: string }> {
  const [alice, carol] = [await registered('alice', protocol), await registered('carol', protocol)];
  const contact = `Contact: ${contactOf(alice)}`;
  alice.request('INVITE', 'sip:carol@home1.example', [...FROM_ALICE, TO_CAROL, contact]);
  const invite = await carol.next(/^INVITE/);
  const status = answered ? '200 OK' : '180 Ringing';
  carol.answer(invite, status, [`Contact: ${contactOf(carol)}`]);
  const response = await alice.next(new RegExp(`^SIP/2.0 ${status}[^]*INVITE`));
  const routes = { alice: routesOf(response, true), carol: routesOf(invite, false) };
  await alice.next(/^SIP\/2\.0 100/);
  return { alice, carol, routes, invite };
}

/** The credentials that a challenge asks for. */
function credentials(challenge: string, user: string, method: string, uri: string): string {
  const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const secret = md5(`${user}@${DOMAIN}:${DOMAIN}:password-of-${user}`);
  const answer = md5(`${secret}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
  return `Proxy-Authorization: Digest username="${user}@${DOMAIN}", realm="${DOMAIN}", nonce="${nonce}", uri="${uri}", response="${answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`;
}

describe('R-70: a stranger who knows Call-ID and tags', () => {
  it.each(['BYE', 'INVITE', 'UPDATE', 'INFO', 'REFER', 'MESSAGE', 'NOTIFY', 'PRACK'])(
    'cannot send %s in either’s name: it is asked who it is, and nothing goes on',
    async (method) => {
      const { alice, carol } = await call();
      const stranger = await phone('stranger');
      for (const said of [WITHIN, BACK]) {
        stranger.request(method, contactOf(said === WITHIN ? carol : alice).slice(1, -1), said);
        await stranger.next(/^SIP\/2\.0 407/);
      }
      expect([alice.received, carol.received]).toEqual([[], []]);
      expect(home.cscf.calls).toBe(1);
    },
  );

  it('cannot acknowledge in the caller’s name', async () => {
    const { alice, carol, routes } = await call();
    const stranger = await phone('stranger');
    for (const who of [stranger, alice])
      who.send([
        `ACK ${contactOf(carol).slice(1, -1)} SIP/2.0`,
        `Via: ${who.via};branch=z9hG4bKack${who.user}`,
        'Max-Forwards: 70',
        'CSeq: 1 ACK',
        ...WITHIN,
        ...routes.alice,
      ]);
    expect(await carol.next(/^ACK/)).toContain('z9hG4bKackalice');
    expect(carol.received).toEqual([]);
  });

  it('cannot give up a call that rings, by its branch, and the CANCEL of another is not the target’s', async () => {
    home.interception.add('sip:alice@home1.example');
    const { alice, carol, invite } = await call(false);
    home.interception.reports.length = 0;
    const [, via = ''] = [...invite.matchAll(/^Via: (.*)$/gm)].map(([, value]) => value);
    const cancel = [
      'CANCEL sip:carol@home1.example SIP/2.0',
      `Via: ${via.replace(/;received=[^;]*/, '').replace(/;rport=\d+/, ';rport')}`,
      'Max-Forwards: 70',
      'CSeq: 2 CANCEL',
      'From: <sip:nobody@x.example>;tag=a',
      'Call-ID: c1',
      TO_CAROL,
    ];
    const mallory = await registered('mallory');
    mallory.send(cancel);
    await mallory.next(/^SIP\/2\.0 481/);
    expect([carol.received, home.interception.trace()]).toEqual([[], []]);
    alice.send(cancel);
    await alice.next(/^SIP\/2\.0 200[^]*CANCEL/);
    await carol.next(/^CANCEL/);
    expect(home.interception.trace()).toContain('> CANCEL');
  });

  it('cannot acknowledge a refusal, by its branch, and the ACK of another is not the target’s', async () => {
    home.interception.add('sip:alice@home1.example');
    const { alice, carol, invite } = await call(false, 'UDP');
    carol.answer(invite, '486 Busy Here');
    const refused = await alice.next(/^SIP\/2\.0 486/);
    home.interception.reports.length = 0;
    const [via = '', to = ''] = ['Via', 'To'].map(
      (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(refused)?.[1],
    );
    const ack = [
      'ACK sip:carol@home1.example SIP/2.0',
      `Via: ${via.replace(/;received=[^;]*/, '').replace(/;rport=\d+/, ';rport')}`,
      'Max-Forwards: 70',
      'CSeq: 2 ACK',
      'From: <sip:nobody@x.example>;tag=a',
      'Call-ID: c1',
      `To: ${to}`,
    ];
    const mallory = await registered('mallory', 'UDP');
    mallory.send(ack);
    await alice.next(/^SIP\/2\.0 486/);
    expect(home.interception.trace()).toEqual([]);
    alice.send(ack);
    await expect.poll(() => home.interception.trace()).toEqual(['> ACK']);
    expect(carol.received.filter((each) => !each.startsWith('ACK'))).toEqual([]);
  });

  it('cannot end it as another subscriber, registered or with digest: 403', async () => {
    const { alice, carol } = await call();
    const mallory = await registered('mallory');
    mallory.request('BYE', contactOf(carol).slice(1, -1), WITHIN);
    const challenge = await mallory.next(/^SIP\/2\.0 407/);
    const uri = contactOf(carol).slice(1, -1);
    mallory.request('BYE', uri, [...WITHIN, credentials(challenge, 'mallory', 'BYE', uri)]);
    await mallory.next(/^SIP\/2\.0 403/);
    expect([alice.received, carol.received, home.cscf.calls]).toEqual([[], [], 1]);
  });

  it('cannot end it as the other end: each speaks from its own', async () => {
    const { alice, carol } = await call();
    carol.request('BYE', contactOf(carol).slice(1, -1), WITHIN);
    await carol.next(/^SIP\/2\.0 407/);
    expect([alice.received, carol.received, home.cscf.calls]).toEqual([[], [], 1]);
  });

  it('a registered subscriber’s INVITE under the same Call-ID and tag moves nothing', async () => {
    const { alice, carol, routes } = await call();
    const mallory = await registered('mallory');
    mallory.request('INVITE', 'sip:carol@home1.example', [
      'From: <sip:mallory@home1.example>;tag=a',
      'Call-ID: c1',
      TO_CAROL,
      `Contact: ${contactOf(mallory)}`,
    ]);
    const second = await carol.next(/^INVITE/);
    expect(home.cscf.calls).toBe(2);
    carol.answer(second, '486 Busy Here');
    await mallory.next(/^SIP\/2\.0 486/);
    carol.request('BYE', contactOf(alice).slice(1, -1), [...BACK, ...routes.carol]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
    expect([mallory.received.filter((each) => each.startsWith('BYE')), home.cscf.calls]).toEqual([[], 0]);
  });
});

describe('R-70: who is in a call', () => {
  it('over another connection, or behind a NAT that has changed, is asked once, and is spoken to there', async () => {
    home.interception.add('sip:carol@home1.example');
    const { alice, carol, routes } = await call(true, 'UDP');
    home.interception.reports.length = 0;
    const moved = await phone('carol', 'UDP');
    const uri = contactOf(alice).slice(1, -1);
    moved.request('UPDATE', uri, [...BACK, ...routes.carol]);
    const challenge = await moved.next(/^SIP\/2\.0 407/);
    moved.request('UPDATE', uri, [
      ...BACK,
      ...routes.carol,
      'Contact: <sip:carol@192.0.2.9>',
      credentials(challenge, 'carol', 'UPDATE', uri),
    ]);
    alice.answer(await alice.next(/^UPDATE/), '200 OK');
    await moved.next(/^SIP\/2\.0 200[^]*UPDATE/);
    alice.request('BYE', 'sip:carol@192.0.2.9', [...WITHIN, ...routes.alice]);
    moved.answer(await moved.next(/^BYE/), '200 OK');
    await alice.next(/^SIP\/2\.0 200[^]*BYE/);
    expect([carol.received, home.cscf.calls]).toEqual([[], 0]);
    const trace = ['> UPDATE', '< 407 UPDATE', '> UPDATE', '< 200 UPDATE', '< BYE', '> 200 BYE'];
    expect(home.interception.trace()).toEqual(trace);
    const correlations = home.interception.reports.map(({ observation: { correlation } }) =>
      Buffer.from(correlation).toString('hex'),
    );
    expect(new Set(correlations).size).toBe(1);
  });

  it('may be at another home, whose CSCF alone speaks for it', async () => {
    const other = await network.home('home2.example', ['bob']);
    const carol = await registered('carol');
    const hop = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
    const from = { From: '<sip:bob@home2.example>;tag=b', 'Call-ID': 'c2' };
    const send = (method: string, fields: Record<string, string>): Promise<SipResponse> =>
      new Promise((resolve, reject) => {
        const made = request(method, { ...from, Contact: '<sip:bob@home2.example>', ...fields });
        made.uri = 'sip:carol@home1.example';
        const response = (answer: SipResponse): void => {
          if (answer.status >= 200) resolve(answer);
        };
        other.layer.send(made, hop, `z9hG4bKpeer${method}`, { response, failed: reject });
      });
    const accepted = send('INVITE', { To: '<sip:carol@home1.example>' });
    carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: ${contactOf(carol)}`]);
    await accepted;
    const within = ['From: <sip:bob@home2.example>;tag=b', `${TO_CAROL};tag=carol`, 'Call-ID: c2'];
    for (const who of [await phone('stranger'), await registered('mallory'), carol]) {
      who.request('BYE', contactOf(carol).slice(1, -1), within);
      await who.next(/^SIP\/2\.0 403/);
    }
    const ended = send('BYE', { To: '<sip:carol@home1.example>;tag=carol', CSeq: '2 BYE' });
    carol.answer(await carol.next(/^BYE/), '200 OK');
    expect((await ended).status).toBe(200);
    expect(home.cscf.calls).toBe(0);
  });

  it('a call that comes back by way of another home is two calls, each with its own ends', async () => {
    const other = await network.home('home2.example', ['bob']);
    home.interception.add('sip:alice@home1.example');
    const [alice, carol] = [await registered('alice'), await registered('carol')];
    home.interception.reports.length = 0;
    // What home2 gets for bob goes back to carol of home1: its CSCF as a proxy that diverts.
    const back = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
    other.layer.attach({
      request: (transaction) => {
        const onward = transaction.request.clone();
        if (onward.toTag === null) onward.uri = 'sip:carol@home1.example';
        else if (onward.routes.length > 0) onward.replaceFirst('Route', null);
        const branch = `z9hG4bKspiral${onward.method}${onward.cseq.number}${onward.fromTag ?? ''}`;
        if (onward.toTag === null)
          onward.prepend('Record-Route', '<sip:cscf.home2.example:5060;transport=tcp;lr>');
        transaction.admit(null);
        other.layer.send(onward, back, branch, {
          response: (response) => {
            const up = response.clone();
            up.replaceFirst('Via', null);
            if (response.status > 100) transaction.respond(up);
          },
          failed: () => undefined,
        });
      },
      ack: () => undefined,
      stray: () => undefined,
      closed: () => undefined,
    });
    alice.request('INVITE', 'sip:bob@home2.example', [
      ...FROM_ALICE,
      'To: <sip:bob@home2.example>',
      `Contact: ${contactOf(alice)}`,
    ]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', [`Contact: ${contactOf(carol)}`]);
    await alice.next(/^SIP\/2\.0 200[^]*INVITE/);
    expect(home.cscf.calls).toBe(2);
    carol.request('BYE', contactOf(alice).slice(1, -1), [
      'From: <sip:bob@home2.example>;tag=carol',
      'To: <sip:alice@home1.example>;tag=a',
      'Call-ID: c1',
      ...routesOf(invite, false),
    ]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
    expect(home.cscf.calls).toBe(0);
    expect(home.interception.trace()).toContain('< BYE');
  });
});

describe('R-70: calls of one caller', () => {
  const INVITE = (i: number, who: string): string[] => [
    `From: <sip:${who}@home1.example>;tag=a`,
    `Call-ID: many-${i}`,
    `To: <sip:${who}@home1.example>`,
  ];

  beforeEach(async () => {
    await network.close();
    network = new Network();
    const limits = { calls: 20, callsOfOne: 3 };
    home = await network.home(DOMAIN, ['alice', 'carol', 'mallory'], { media: false, limits });
  });

  it('to itself are bounded, counted and answered 486; others go on', async () => {
    const mallory = await registered('mallory');
    for (let i = 0; i < 5; i++)
      mallory.request('INVITE', 'sip:mallory@home1.example', [
        ...INVITE(i, 'mallory'),
        `Contact: ${contactOf(mallory)}`,
      ]);
    for (let i = 0; i < 2; i++) expect(await mallory.next(/^SIP\/2\.0 486/)).toMatch(/^Retry-After: \d+/m);
    expect([home.cscf.calls, home.cscf.refused]).toEqual([3, { full: 0, caller: 2, peers: 0 }]);
    const { carol } = await call();
    expect(carol.received).toEqual([]);
    expect(home.cscf.calls).toBe(4);
  });

  it('those whose connection is gone make room, and the other side hears BYE', async () => {
    const [mallory, carol] = [await registered('mallory'), await registered('carol')];
    const answered = async (from: RawPhone, i: number): Promise<void> => {
      from.request('INVITE', 'sip:carol@home1.example', [
        'From: <sip:mallory@home1.example>;tag=a',
        `Call-ID: many-${i}`,
        TO_CAROL,
        `Contact: ${contactOf(from)}`,
      ]);
      carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: ${contactOf(carol)}`]);
      await from.next(/^SIP\/2\.0 200[^]*INVITE/);
    };
    for (let i = 0; i < 3; i++) await answered(mallory, i);
    mallory.close();
    const again = await registered('mallory');
    await answered(again, 3);
    expect(await carol.next(/^BYE/)).toMatch(/^Call-ID: many-0/m);
    expect(home.cscf.calls).toBe(3);
  });

  it('first requests of one call are bounded too', async () => {
    const [mallory, carol] = [await registered('mallory'), await registered('carol')];
    for (let i = 0; i < 34; i++)
      mallory.request('INVITE', 'sip:carol@home1.example', [
        'From: <sip:mallory@home1.example>;tag=a',
        'Call-ID: one',
        `To: <sip:x${i}@x.example>`,
        `Contact: ${contactOf(mallory)}`,
      ]);
    for (let i = 0; i < 2; i++) await mallory.next(/^SIP\/2\.0 486/);
    await expect.poll(() => carol.received.filter((each) => each.startsWith('INVITE')).length).toBe(32);
    expect(home.cscf.calls).toBe(1);
  });
});
