/** What SIP lets a far end do, and what a call must outlive (RFC 3261, RFC 3262, RFC 3311, RFC 4028, RFC 6228). */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../../src/bytes/ports.ts';
import { fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import type { AnswerPolicy } from '../../../src/entities/ue/answering.ts';
import { Caller } from '../../../src/entities/ue/caller.ts';
import type { CallerParts } from '../../../src/entities/ue/caller.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import { AgentLeg } from '../../../src/sip/agent-leg.ts';
import type { Leg } from '../../../src/sip/agent-types.ts';
import { SipError } from '../../../src/sip/errors.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import { BOB } from '../../ibake/support/scenario.ts';
import { Homes, requestsOf } from './support/homes.ts';
import { twoPhones } from './support/phones.ts';
import { sip } from './support/transfers.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) await end();
});

const LATE: AnswerPolicy = { kind: 'accept', ringMs: 5, answerMs: 5, reliable: false };

/** Pauses between attempts are a hundredth. */
const hasty = (): Clock => {
  const clock = systemClock();
  return { now: () => clock.now(), after: (ms, action) => clock.after(ms / 100, action) };
};

async function phones(settings: Parameters<typeof twoPhones>[0]) {
  const made = await twoPhones(settings);
  ends.push(made.stop);
  return made;
}

describe('R-42: a 3xx that names several', () => {
  const named = (): AnswerPolicy => ({
    kind: 'redirect',
    to: `${sip('erik')}>;q=0.2, <${sip('nobody')}>;q=0.8, <${sip('carol')}`,
  });

  async function redirected(carol: AnswerPolicy, way: 'call' | 'callForOffer' = 'call') {
    const homes = await Homes.open();
    ends.push(() => homes.close());
    const alice = await homes.phone('alice');
    await homes.phone('bob', { policy: named() });
    const first = await homes.phone('carol', { policy: carol });
    await homes.phone('erik');
    const dialled = alice.ue[way](sip('bob'));
    const invited = (): string[] => [
      ...new Set(
        requestsOf(alice.messages, 'INVITE').map(({ uri }) => uri.slice('sip:'.length).split('@')[0] ?? ''),
      ),
    ];
    return { dialled, invited, first };
  }

  test.each(['call', 'callForOffer'] as const)(
    'is followed in their order, one after the other, until somebody takes the call (%s)',
    async (way) => {
      const { dialled, invited } = await redirected({ kind: 'reject', status: 486 }, way);
      const call = await dialled;
      await call.established;
      expect(invited()).toEqual(['bob', 'carol', 'nobody', 'erik']);
      expect(call.peer).toBe(sip('erik'));
    },
  );

  test.each(['call', 'callForOffer'] as const)(
    'to the next also from whom keys were agreed with before the call was declined (%s)',
    async (way) => {
      const { dialled, invited, first } = await redirected(
        { kind: 'accept', ringMs: 9_000, answerMs: 9_000 },
        way,
      );
      await expect.poll(() => first.incoming.length).toBe(1);
      const declined = first.incoming[0];
      await expect.poll(() => declined?.sas).toBeTruthy();
      await declined?.hangUp();
      const call = await dialled;
      await call.established;
      expect(invited()).toEqual(['bob', 'carol', 'nobody', 'erik']);
      expect(call.peer).toBe(sip('erik'));
      expect(call.sas).not.toBe(declined?.sas);
    },
  );

  test('and no further once somebody declines for all (6xx)', async () => {
    const { dialled, invited } = await redirected({ kind: 'reject', status: 603 });
    const call = await dialled;
    expect(await call.ended).toMatchObject({ status: 603 });
    expect(invited()).toEqual(['bob', 'carol']);
  });
});

describe('R-40: without 100rel', () => {
  test.each(['call', 'callForOffer'] as const)(
    'I_MESSAGE_2 that crosses another offer, twice, comes again (%s)',
    async (way) => {
      const clock = hasty();
      const { alice, bob } = await phones({
        alice: way === 'call' ? { clock } : {},
        bob: { ...(way === 'call' ? {} : { clock }), policy: LATE },
      });
      const crossed = (): SipError => new SipError('crossed', '491 Request Pending');
      const update = vi.spyOn(AgentLeg.prototype, 'update');
      update.mockRejectedValueOnce(crossed()).mockRejectedValueOnce(crossed());
      const call = await alice.ue[way](BOB);
      await Promise.all([call.established, bob.incoming?.established]);
      expect(update).toHaveBeenCalledTimes(3);
    },
  );

  test('a session that is refreshed before it has keys goes on', async () => {
    const { alice, bob } = await phones({ bob: { policy: LATE } });
    // The first time only: what it calls is what there is.
    vi.spyOn(AgentLeg.prototype, 'update').mockImplementationOnce(async function (this: AgentLeg, body) {
      expect((await this.update()).status).toBe(200);
      return this.update(body);
    });
    const call = await alice.ue.call(BOB, { video: false });
    await Promise.all([call.established, bob.incoming?.established]);
    expect(call.sas).toBe(bob.incoming?.sas);
  });
});

test('R-40: with 100rel, I_MESSAGE_2 may come in an UPDATE, after a PRACK without a description', async () => {
  const { alice, bob } = await phones({ bob: { policy: { kind: 'accept', ringMs: 200, answerMs: 200 } } });
  vi.spyOn(AgentLeg.prototype, 'prack').mockImplementationOnce(async function (
    this: AgentLeg,
    response,
    body,
  ) {
    expect((await this.prack(response)).status).toBe(200);
    return this.update(body);
  });
  const call = await alice.ue.call(BOB, { video: false });
  await Promise.all([call.established, bob.incoming?.established]);
  expect(call.sas).toBe(bob.incoming?.sas);
});

describe('R-42: an early dialog of several', () => {
  test('that knows nothing of its PRACK any more, as after 199, ends no other', () => {
    const over = vi.fn();
    const call = { controlledBy: vi.fn(), over, ringing: vi.fn() };
    const parts = {
      agent: { invite: () => ({ callId: '1', cancel: vi.fn() }) },
      said: { offer: () => ({ type: 'application/sdp', octets: new Uint8Array() }) },
      exchange: { close: vi.fn() },
      call: () => call,
    } as unknown as CallerParts;
    const caller = new Caller(parts);
    const gone = new SipError('no-dialog', '481 Call/Transaction Does Not Exist');
    const prack = vi.fn(() => Promise.reject(gone));
    const leg = { remoteTag: 'b', state: 'early', prack } as unknown as Leg;
    caller.provisional(leg, { status: 199, body: new Uint8Array() } as unknown as SipResponse, true);
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      expect(prack).toHaveBeenCalledOnce();
      expect(over).not.toHaveBeenCalled();
    });
  });
});

test('R-42: without an offer, a device whose I_MESSAGE_2 does not verify ends no other’s early dialog', async () => {
  const homes = await Homes.open();
  ends.push(() => homes.close());
  const alice = await homes.phone('alice');
  const policy: AnswerPolicy = { kind: 'accept', ringMs: 5, answerMs: 500 };
  const devices = [
    await homes.phone('bob', { policy, instance: 'urn:uuid:00000000-0000-4000-8000-000000000001' }),
    await homes.phone('bob', { policy, instance: 'urn:uuid:00000000-0000-4000-8000-000000000002' }),
  ];
  // Of the first to confirm a bit is changed in the V of its message.
  vi.spyOn(AgentLeg.prototype, 'update').mockImplementationOnce(async function (this: AgentLeg, body) {
    const text = fromUtf8(body?.octets ?? new Uint8Array());
    const altered = text.replace(
      /(a=key-mgmt:mikey \S*)(\S)(\S{7})/,
      (_, before: string, octet: string, after: string) => `${before}${octet === 'A' ? 'B' : 'A'}${after}`,
    );
    return this.update({ type: body?.type ?? '', octets: utf8(altered) });
  });
  const call = await alice.ue.callForOffer(sip('bob'));
  await call.established;
  const states = () => devices.flatMap(({ incoming }) => incoming.map(({ state }) => state)).sort();
  await expect.poll(states).toEqual(['ended', 'established']);
});

describe('R-43: a call to which a medium was added', () => {
  test('may end at once: nothing is left that would use its keys', async () => {
    const timers: { readonly ms: number; readonly action: () => void; isCancelled: boolean }[] = [];
    const real = systemClock();
    const clock: Clock = {
      now: () => real.now(),
      after: (ms, action) => {
        const own = { ms, action, isCancelled: false };
        timers.push(own);
        const timer = real.after(ms, action);
        const cancel = (): void => {
          own.isCancelled = true;
          timer.cancel();
        };
        return { ...timer, cancel };
      },
    };
    const { alice, bob } = await phones({ alice: { video: true }, bob: { video: true, clock } });
    const call = await alice.ue.call(BOB, { video: false });
    await Promise.all([call.established, bob.incoming?.established]);
    const before = timers.length;
    await call.addVideo();
    const late = timers.slice(before).filter(({ ms }) => ms === 1000);
    await call.hangUp();
    await bob.incoming?.ended;
    expect(late.map(({ isCancelled }) => isCancelled)).toEqual([true]);
  });
});

describe('R-43: a call that is held', () => {
  test('holds what is added to it, too', async () => {
    const { alice, bob } = await phones({ alice: { video: true }, bob: { video: true } });
    const call = await alice.ue.call(BOB, { video: false });
    await Promise.all([call.established, bob.incoming?.established]);
    await call.hold();
    await call.addVideo();
    const last = alice.sent.findLast((message) => message.kind === 'request' && message.body.length > 0);
    const [, audio = '', video = ''] = fromUtf8(last?.body ?? new Uint8Array()).split('m=');
    expect([audio, video].map((line) => /a=(send\w+|recvonly|inactive)/.exec(line)?.[1])).toEqual([
      ...['sendonly', 'sendonly'],
    ]);
  });
});
