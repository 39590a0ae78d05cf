/** Who may take the place of a call (RFC 3891), of phones behind two homes. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { judgeReplacement } from '../../../src/entities/ue/replacing.ts';
import { vouchedReplacement } from '../../../src/entities/ue/replacement-proof.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import type { OutgoingHandler } from '../../../src/sip/agent-types.ts';
import { formatReplaces, otherEnd } from '../../../src/sip/referral.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import { sdpBody } from '../cscf/network.ts';
import { FOREIGN_KEY, requestsOf } from './support/homes.ts';
import type { HomePhone, Homes } from './support/homes.ts';
import { homesFor, legOf, oneCallOf, PATIENCE, sip } from './support/transfers.ts';

let homes: Homes;
const opened = (own: Homes): void => void (homes = own);

/** Asks for the place of a call, as anybody might; gives the final response. */
async function askFor(phone: HomePhone, target: string, replaces: string): Promise<SipResponse> {
  return new Promise((resolve, reject) => {
    const handler: OutgoingHandler = {
      accepted: (leg, response) => {
        leg.ack();
        void leg.bye();
        resolve(response);
      },
      failed: (error, response) => (response === null ? reject(error) : resolve(response)),
    };
    phone.agent.invite(
      target,
      {
        body: sdpBody(4000),
        fields: [
          ['Replaces', replaces],
          ['Referred-By', '<sip:alice@home1.example>'],
        ],
      },
      handler,
    );
  });
}

describe('R-42: who may take the place of a call', () => {
  homesFor('group', opened);
  let [alice, bob, erik]: HomePhone[] = [];
  let call: PhoneCall;
  let answered: PhoneCall;

  beforeAll(async () => {
    [alice, bob, erik] = await Promise.all(['alice', 'bob', 'erik'].map((user) => homes.phone(user)));
    ({ call, answered } = await homes.call(alice!, bob!));
  });
  const named = () => otherEnd(legOf(call));

  test('a stranger who has seen its Call-ID and tags gets 481, whatever proof he makes up', async () => {
    for (const replaces of [
      formatReplaces(named()),
      `${formatReplaces(named())};proof=AAAA`,
      formatReplaces(vouchedReplacement(FOREIGN_KEY, named(), sip('erik'))),
    ]) {
      expect((await askFor(erik!, sip('bob'), replaces)).status).toBe(481);
    }
    expect([call.state, answered.state, bob!.incoming.length]).toEqual(['established', 'established', 1]);
  });

  test('a stranger with guessed tags gets 481', async () => {
    const { callId, localTag, remoteTag } = named();
    for (const guess of [
      { callId, localTag: remoteTag, remoteTag: localTag },
      { callId, localTag, remoteTag: `${remoteTag}x` },
      { callId: 'x', localTag, remoteTag },
    ])
      expect((await askFor(erik!, sip('bob'), formatReplaces(guess))).status).toBe(481);
    expect(answered.state).toBe('established');
  });

  test("a proof that is another's gets 481: it is for whom the transferor named", async () => {
    const key = call.replacementKey!;
    const replaces = formatReplaces(vouchedReplacement(key, named(), 'sip:dora@home1.example'));
    expect((await askFor(erik!, sip('bob'), replaces)).status).toBe(481);
    // His own is taken: what fails then is the offer, which has no keys.
    const own = formatReplaces(vouchedReplacement(key, named(), sip('erik')));
    expect((await askFor(erik!, sip('bob'), own)).status).toBe(488);
    expect([call.state, answered.state]).toEqual(['established', 'established']);
  });

  test.each([
    ['two of them', (one: string) => `${one}, ${one}`, 400],
    ['without a tag', () => 'x;to-tag=1', 400],
    ['with a tag twice', () => 'x;to-tag=1;to-tag=2;from-tag=3', 400],
    ['early-only, and the call is up', (one: string) => `${one};early-only`, 486],
  ])('%s', async (_, spell, status) => {
    const one = formatReplaces(vouchedReplacement(call.replacementKey!, named(), sip('erik')));
    expect((await askFor(erik!, sip('bob'), spell(one))).status).toBe(status);
    expect(answered.state).toBe('established');
  });

  test('of a request that is none of INVITE: 400', async () => {
    await expect(legOf(call).send('NOTIFY', [['Replaces', formatReplaces(named())]])).rejects.toThrow(/^400/);
  });

  test('a phone that refuses transfers knows no such call: 481', async () => {
    const carol = await homes.phone('carol', { transfers: 'refuse' });
    const { call: other } = await homes.call(alice!, carol);
    const own = vouchedReplacement(other.replacementKey!, otherEnd(legOf(other)), sip('erik'));
    expect((await askFor(erik!, sip('carol'), formatReplaces(own))).status).toBe(481);
  });

  test('whoever shows another identity by the key exchange than the network asserts takes no place', async () => {
    const dora = await homes.phone('dora', { policy: { kind: 'accept', ringMs: 5, answerMs: 60_000 } });
    const calling = await erik!.ue.call(dora.identity);
    const late = await oneCallOf(dora);
    late.takesPlaceOf(answered, sip('carol'));
    late.secured(fakeResult(sip('erik')));
    await vi.waitFor(() => expect([calling.state, late.state]).toEqual(['ended', 'ended']), PATIENCE);
    expect(answered.state).toBe('established');
  });

  test('a call that is over has no place to take: 481, or 603 while it is remembered', async () => {
    const replaces = formatReplaces(vouchedReplacement(call.replacementKey!, named(), sip('erik')));
    await call.hangUp();
    await vi.waitFor(() => expect(answered.state).toBe('ended'), PATIENCE);
    expect([481, 603]).toContain((await askFor(erik!, sip('bob'), replaces)).status);
  });
});

/** Keys of a call of which nothing but the other end counts. */
function fakeResult(peer: string) {
  const never = () => Promise.reject(new Error('not here'));
  return {
    ...{ peer, sas: 'x', isDeferred: true, sessions: [], update: never, answerUpdate: never },
    ...{ settle: () => undefined, wipe: () => undefined },
  };
}

describe('R-42: an early dialog', () => {
  homesFor('test', opened);

  test('that this end has begun may be taken over; one that has come in may not', async () => {
    const slow = { kind: 'accept', ringMs: 5, answerMs: 60_000 } as const;
    const [alice, bob] = await Promise.all([homes.phone('alice'), homes.phone('bob', { policy: slow })]);
    const call = await alice.ue.call(sip('bob'));
    await vi.waitFor(() => expect([call.state, call.peer]).toEqual(['ringing', sip('bob')]), PATIENCE);
    const incoming = await oneCallOf(bob);
    await vi.waitFor(() => expect(incoming.peer).toBe(alice.identity), PATIENCE);
    const invite = requestsOf(alice.messages, 'INVITE')[0]!;
    const judged = (phone: HomePhone, at: PhoneCall, by: string) => {
      const [leg] = at.legs;
      const request = invite.clone();
      request.set('From', `<${by}>;tag=1`);
      request.remove('P-Asserted-Identity');
      request.set('Replaces', `${formatReplaces(leg!)};early-only`);
      return judgeReplacement(request, phone.ue.calls);
    };
    expect(judged(alice, call, sip('bob'))).toMatchObject({ kind: 'replaces', call });
    expect(judged(bob, incoming, alice.identity)).toEqual({ kind: 'refused', status: 481 });
    expect(judged(alice, call, sip('erik'))).toEqual({ kind: 'refused', status: 481 });
  });
});
