/** Transferred calls (RFC 3515, RFC 5589) of phones behind two homes; `replaces.test.ts` has who may take a call's place. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { MAX_REFERRALS } from '../../../src/entities/ue/transfer.ts';
import { vouchedReplacement } from '../../../src/entities/ue/replacement-proof.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import { fromUtf8 } from '../../../src/bytes/octets.ts';
import { formatReferTo, otherEnd } from '../../../src/sip/referral.ts';
import { SipRequest } from '../../../src/sip/message.ts';
import { requestsOf } from './support/homes.ts';
import type { HomePhone, Homes } from './support/homes.ts';
import { homesFor, legOf, oneCallOf, PATIENCE, sip } from './support/transfers.ts';

let homes: Homes;
const opened = (own: Homes): void => void (homes = own);

const phonesOf = async <Users extends readonly string[]>(...users: Users) =>
  (await Promise.all(users.map((user) => homes.phone(user)))) as { [User in keyof Users]: HomePhone };

const notified = (phone: HomePhone) =>
  requestsOf(phone.messages, 'NOTIFY').map(
    (request) => `${fromUtf8(request.body).trim()} | ${request.first('Subscription-State') ?? ''}`,
  );

describe('R-42: a blind transfer', () => {
  homesFor('test', opened);

  test('the other end calls whom it is referred to, with keys of their own, and the transferor hangs up', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const { call, answered } = await homes.call(alice, bob);
    const transferred: PhoneCall[] = [];
    answered.onEvent((event) => {
      if (event.kind === 'transferred') transferred.push(event.call);
    });
    await alice.ue.transfer(call, sip('carol'));
    const [next] = transferred;
    const last = await oneCallOf(carol);
    await Promise.all([next?.established, last.established, call.ended, answered.ended]);
    expect([next?.peer, last.peer]).toEqual([sip('carol'), sip('bob')]);
    expect([next?.sas, next?.referredBy]).toEqual([last.sas, 'sip:alice@home1.example']);
    expect(next?.sas).not.toBe(call.sas);
    expect(notified(alice)).toEqual([
      'SIP/2.0 100 Trying | active;expires=180',
      'SIP/2.0 180 Ringing | active;expires=180',
      'SIP/2.0 200 OK | terminated;reason=noresource',
    ]);
    const [refer] = requestsOf(alice.messages, 'REFER');
    expect(requestsOf(alice.messages, 'NOTIFY').map((request) => request.first('Event'))).toEqual(
      Array(3).fill(`refer;id=${refer?.cseq.number ?? 0}`),
    );
    expect(bob.trace).toContain('> 202 REFER');
    const [, invite] = requestsOf(bob.messages, 'INVITE');
    expect([invite?.uri, invite?.first('Referred-By'), invite?.first('Replaces')]).toEqual([
      sip('carol'),
      '<sip:alice@home1.example>',
      null,
    ]);
  });

  test('the callee may transfer as well as the caller', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const { call, answered } = await homes.call(alice, bob);
    await bob.ue.transfer(answered, sip('carol'));
    await (
      await oneCallOf(carol)
    ).established;
    await call.ended;
    expect(carol.incoming[0]?.peer).toBe('sip:alice@home1.example');
  });

  test('where nobody takes the call the transferor is told so, and the call goes on', async () => {
    const [alice, bob] = await Promise.all([homes.phone('alice'), homes.phone('bob')]);
    await homes.phone('carol', { policy: { kind: 'reject', status: 486 } });
    const { call, answered } = await homes.call(alice, bob);
    await expect(alice.ue.transfer(call, sip('carol'))).rejects.toThrow(/486 Busy Here/);
    expect(notified(alice).at(-1)).toBe('SIP/2.0 486 Busy Here | terminated;reason=noresource');
    expect([call.state, answered.state]).toEqual(['established', 'established']);
    // Another one may follow.
    await expect(alice.ue.transfer(call, sip('nobody'))).rejects.toThrow(/404 Not Found/);
  });

  test('a phone that refuses transfers declines with 603, and calls nobody', async () => {
    const alice = await homes.phone('alice');
    const bob = await homes.phone('bob', { transfers: 'refuse' });
    const { call, answered } = await homes.call(alice, bob);
    await expect(alice.ue.transfer(call, sip('carol'))).rejects.toThrow(/603/);
    expect(bob.trace).not.toContain('> NOTIFY');
    expect([call.state, answered.state]).toEqual(['established', 'established']);
  });

  test('with Refer-Sub: false the outcome is not told (RFC 4488)', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const { call } = await homes.call(alice, bob);
    const response = await legOf(call).send('REFER', [
      ['Refer-To', `<${sip('carol')}>`],
      ['Refer-Sub', 'false'],
    ]);
    expect([response.status, response.first('Refer-Sub')]).toEqual([202, 'false']);
    await (
      await oneCallOf(carol)
    ).established;
    expect(bob.trace).not.toContain('> NOTIFY');
  });
});

describe('R-42: an attended transfer', () => {
  homesFor('test', opened);

  test('the third party gives up its call for that of whom the transferor vouches for, once that is secured', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const first = await homes.call(alice, bob);
    await first.call.hold();
    const second = await homes.call(alice, carol);
    await alice.ue.join(first.call, second.call);
    await vi.waitFor(() => expect(carol.incoming).toHaveLength(2), PATIENCE);
    const last = carol.incoming[1]!;
    await Promise.all([last.established, first.call.ended, first.answered.ended]);
    const ends = await Promise.all([second.call.ended, second.answered.ended]);
    expect([last.peer, last.replaced, last.sas === second.call.sas]).toEqual([
      sip('bob'),
      second.answered,
      false,
    ]);
    expect(ends.map(({ error }) => error)).toEqual([null, null]);
    const invite = requestsOf(carol.messages, 'INVITE')[1];
    expect(invite?.lists('Require', 'replaces')).toBe(true);
    expect(carol.ue.calls).toEqual([last]);
  });

  test('the third party hangs up on the transferor by itself', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const first = await homes.call(alice, bob);
    const second = await homes.call(alice, carol);
    const place = vouchedReplacement(second.call.replacementKey!, otherEnd(legOf(second.call)), sip('bob'));
    await legOf(first.call).send('REFER', [['Refer-To', formatReferTo(sip('carol'), place)]]);
    await vi.waitFor(() => expect(second.call.state).toBe('ended'), PATIENCE);
    expect((await second.call.ended).reason).toBe('bye');
    expect(carol.incoming[1]?.state).toBe('established');
    expect(first.call.state).toBe('established');
  });

  test('also after the keys of the call have been replaced, by either end', async () => {
    const [alice, bob, carol] = await phonesOf('alice', 'bob', 'carol');
    const first = await homes.call(alice, bob);
    const second = await homes.call(alice, carol);
    await second.call.rekey();
    await second.answered.rekey();
    await alice.ue.join(first.call, second.call);
    await vi.waitFor(() => expect(carol.incoming).toHaveLength(2), PATIENCE);
    await carol.incoming[1]?.established;
  });

  test('of several devices, the one that is in the call is called', async () => {
    const [alice, bob] = await Promise.all([homes.phone('alice'), homes.phone('bob')]);
    const carols = [
      await homes.phone('carol', {
        instance: 'urn:uuid:1',
        policy: { kind: 'accept', ringMs: 5, answerMs: 60_000 },
      }),
      await homes.phone('carol', { instance: 'urn:uuid:2' }),
    ] as const;
    const first = await homes.call(alice, bob);
    const second = await homes.call(alice, carols[1]);
    await alice.ue.join(first.call, second.call);
    await vi.waitFor(() => expect(carols[1].incoming).toHaveLength(2), PATIENCE);
    await carols[1].incoming[1]?.established;
    expect(carols[1].incoming[1]?.peer).toBe(sip('bob'));
    expect(carols[0].incoming).toHaveLength(1);
  });
});

describe('R-42: REFER that is none to follow', () => {
  homesFor('group', opened);
  let [alice, bob]: HomePhone[] = [];
  let call: PhoneCall;

  beforeAll(async () => {
    [alice, bob] = await Promise.all(['alice', 'bob'].map((user) => homes.phone(user)));
    ({ call } = await homes.call(alice!, bob!));
  });

  test.each([
    ['nobody', [], 400],
    ['two', [`<${sip('carol')}>, <${sip('erik')}>`], 400],
    ['what is no URI', ['<carol>'], 400],
    ['two places', [`<${sip('carol')}?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=a>`], 400],
    ['a bad escape', [`<${sip('carol')}?Replaces=%FF>`], 400],
    ['a page', ['<https://home2.example/>'], 416],
    ['another method', [`<${sip('carol')};method=BYE>`], 603],
    ['itself', [`<${sip('bob')}>`], 603],
    ['a number that it does not know', ['<tel:+15550000>'], 603],
  ])('to %s: %s gets %i, and nobody is called', async (_, referTo, status) => {
    const fields = referTo.map((value) => ['Refer-To', value] as const);
    await expect(legOf(call).send('REFER', fields)).rejects.toThrow(new RegExp(`^${status}`));
    expect(requestsOf(bob!.messages, 'INVITE')).toHaveLength(1);
    expect(call.state).toBe('established');
  });

  test.each(['sip:mallory@203.0.113.9:5060', 'sip:mallory@attacker.example'])(
    'to a third host, %s: nothing is sent there, and the outcome is told',
    async (target) => {
      const sent = bob!.trace.length;
      await expect(alice!.ue.transfer(call, target)).rejects.toThrow(/503/);
      expect(bob!.trace.slice(sent).filter((line) => line === '> INVITE')).toEqual([]);
      expect(call.state).toBe('established');
    },
  );

  test('fields that the URI asks for are not written in the name of who is referred', async () => {
    const carol = await homes.phone('carol');
    const target = `<${sip('carol')}?From=%3Csip%3Aerik%40home2.example%3E&Route=%3Csip%3A203.0.113.9%3E&body=x>`;
    await legOf(call).send('REFER', [['Refer-To', target]]);
    await (
      await oneCallOf(carol)
    ).established;
    const invite = requestsOf(carol.messages, 'INVITE')[0];
    expect([invite?.from.uri.text, invite?.all('Route')]).toEqual([sip('bob'), []]);
  });

  test('outside a call: 403, and a NOTIFY of nothing 481', async () => {
    const response = (method: string): Promise<number> =>
      new Promise((resolve) => {
        const request = new SipRequest(method, sip('bob'));
        for (const [name, value] of [
          ['From', `<${alice!.identity}>;tag=1`],
          ['To', `<${sip('bob')}>`],
          ['Call-ID', `out-of-dialog-${method}`],
          ['CSeq', `1 ${method}`],
          ['Max-Forwards', '70'],
          ['Refer-To', `<${sip('carol')}>`],
          ['Content-Length', '0'],
        ] as const)
          request.append(name, value);
        alice!.agent.layer.send(
          request,
          { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 },
          `z9hG4bK${method}`,
          {
            response: ({ status }) => (status >= 200 ? resolve(status) : undefined),
            failed: () => resolve(0),
          },
        );
      });
    const invites = requestsOf(bob!.messages, 'INVITE').length;
    expect(await response('REFER')).toBe(403);
    expect(requestsOf(bob!.messages, 'INVITE')).toHaveLength(invites);
  });

  test.each([
    ['of another event', [['Event', 'presence']], 489],
    ['of no REFER', [['Event', 'refer']], 481],
  ] as const)('NOTIFY %s', async (_, fields, status) => {
    const all = [...fields, ['Subscription-State', 'active']] as const;
    await expect(legOf(call).send('NOTIFY', all)).rejects.toThrow(new RegExp(`^${status}`));
  });

  test('another one while the first is under way gets 491', async () => {
    const told = notified(alice!).length;
    await homes.phone('dora', { policy: { kind: 'accept', ringMs: 5, answerMs: 60_000 } });
    const first = alice!.ue.transfer(call, 'sip:dora@home1.example');
    first.catch(() => undefined);
    await vi.waitFor(() => expect(notified(alice!)).toHaveLength(told + 2), PATIENCE);
    await expect(alice!.ue.transfer(call, sip('erik'))).rejects.toThrow(/under way/);
    await expect(legOf(call).send('REFER', [['Refer-To', `<${sip('erik')}>`]])).rejects.toThrow(/^491/);
    await call.hangUp();
    await expect(first).rejects.toThrow(/ended before/);
  });
});

describe('R-42: referrals', () => {
  homesFor('test', opened);

  test('that go round come to an end', async () => {
    const users = ['alice', 'bob', 'carol'];
    const [alice, bob, carol] = await Promise.all(users.map((user) => homes.phone(user)));
    // Whoever is called refers the caller on at once: bob to carol, carol to bob, and so on.
    const refused: unknown[] = [];
    for (const [phone, other] of [
      [bob!, 'carol'],
      [carol!, 'bob'],
    ] as const)
      phone.ue.onIncoming((call) => {
        call.established
          .then(() => phone.ue.transfer(call, sip(other)))
          .catch((error: unknown) => refused.push(error));
      });
    const call = await alice!.ue.call(sip('bob'));
    await call.established;
    await vi.waitFor(() => expect(refused).toHaveLength(1), PATIENCE);
    expect(String(refused[0])).toMatch(/603/);
    expect(requestsOf(alice!.messages, 'INVITE').filter(({ toTag }) => toTag === null)).toHaveLength(
      1 + MAX_REFERRALS,
    );
  });
});
