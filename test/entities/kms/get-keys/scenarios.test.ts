/** get_keys in calls with fresh secrets: who is a party, and what each kind of call gives. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import type { ResponderPolicy } from '../../../../src/ibake/initiator.ts';
import type { Endpoint } from '../../../../src/ibake/ports.ts';
import { SRTP_POLICY } from '../../../../src/ibake/policy.ts';
import type { CsbSession } from '../../../../src/ibake/session.ts';
import { deferredSessions, type CryptoSession } from '../../../../src/ibake/session-keys.ts';
import { UpdateOffer, answerUpdate, type UpdateOptions } from '../../../../src/ibake/update.ts';
import { decodeMessage, encodeMessage } from '../../../../src/mikey/message.ts';
import type { GetKeysRequest } from '../../../../src/wire/xk/get-keys.ts';
import {
  ALICE,
  BOB,
  BOB_DESK,
  BOB_MOBILE,
  CAROL,
  MAILBOX,
  Network,
  answered,
  completed,
  type Call,
  type TestEndpoint,
} from '../../../ibake/support/scenario.ts';
import { TestRecords, ask, serialRecord, spelt } from './support/kms.ts';

const DEVICES = [ALICE, BOB, BOB_DESK, BOB_MOBILE, CAROL, MAILBOX];

function kmsOf(network: Network, home: 'home1' | 'home2', devices = DEVICES): TestRecords {
  return new TestRecords(
    network[home],
    devices.filter((uri) => uri.includes(`@${home}.`)),
  );
}

function requestOf(call: Call, target: string, change: Partial<GetKeysRequest> = {}): GetKeysRequest {
  const { iMessage1, rMessage1, iMessage2, rMessage2 } = call;
  const messages = { iMessage1, rMessage1, iMessage2, rMessage2 };
  return { targetKmsIdentity: target, xid: 'xid', ...messages, updates: [], midCall: false, ...change };
}

type Update = GetKeysRequest['updates'][number];

type Side = 'initiator' | 'responder';

const LINE = { ssrc: 9, policyNo: 0 };

const spelledOut = (list: readonly CryptoSession[]) =>
  list.map(({ csId, ssrc, mki, tek, salt }) => ({
    csId,
    ssrc,
    mki: toHex(mki!),
    tek: toHex(tek.expose()),
    salt: toHex(salt.expose()),
  }));

const keysOf = ({ cryptoSessions }: CsbSession) => spelledOut(cryptoSessions);

const verified = (session: CsbSession) => ({
  verified: true,
  cryptoSessions: keysOf(session),
});

/** An endpoint that draws its secrets from something else. */
function ignoringItsSeed(endpoint: TestEndpoint): Endpoint {
  return {
    ...endpoint,
    keys: {
      privateKey: endpoint.keys.privateKey.bind(endpoint.keys),
      hold: endpoint.keys.hold.bind(endpoint.keys),
      slotKey: () => Secret.of(endpoint.random.bytes(32)),
    },
  };
}

interface Setup {
  readonly network: Network;
  readonly alice: TestEndpoint;
  readonly call: Call;
}

function call(seed: string, to: readonly [string, string] = [BOB, BOB], policy: ResponderPolicy = {}): Setup {
  const network = new Network(seed);
  const alice = network.endpoint(ALICE);
  const initiator = network.offer(alice, BOB);
  const responder = answered(network.endpoint(...to), initiator.message);
  network.clock.advance(500);
  return { network, alice, call: completed(initiator, responder, policy) };
}

describe('calls', () => {
  it.each([
    ['P-384', { curve: 11 }],
    ['P-521', { curve: 14 }],
    ['PRF-HMAC-SHA-1', { prfFunc: 0 }],
    [
      'several media, one unused, two policies',
      { media: [{ ssrc: 1 }, { ssrc: 0 }, { ssrc: 3, policy: SRTP_POLICY.aesCm256 }] },
    ],
  ])('R-3, R-9, R-32: %s: either KMS alone has the keys of all crypto sessions', async (_, offer) => {
    const network = new Network('get-keys');
    const initiator = network.offer(network.endpoint(ALICE), BOB, offer);
    const responder = answered(network.endpoint(BOB, BOB_DESK), initiator.message, { ssrcs: [2, 0, 4] });
    const made = completed(initiator, responder);
    const expected = verified(made.sessions.initiator);
    expect(spelt(await ask(kmsOf(network, 'home1'), requestOf(made, ALICE)))).toEqual(expected);
    expect(spelt(await ask(kmsOf(network, 'home2'), requestOf(made, BOB_DESK), [BOB]))).toEqual(expected);
  });

  it('over midnight', async () => {
    const network = new Network('midnight');
    network.clock.advance(12 * 3_600_000 - 1_000);
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const responder = answered(network.endpoint(BOB), initiator.message);
    network.clock.advance(2_000);
    const made = completed(initiator, responder);
    for (const [home, target] of [
      ['home1', ALICE],
      ['home2', BOB],
    ] as const)
      expect(spelt(await ask(kmsOf(network, home), requestOf(made, target)))).toEqual(
        verified(made.sessions.initiator),
      );
  });

  it('R-45: forked-to devices, each with its own messages', async () => {
    const network = new Network('fork');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    for (const device of [BOB_DESK, BOB_MOBILE]) {
      const made = completed(initiator, answered(network.endpoint(BOB, device), initiator.message));
      for (const [home, target] of [
        ['home1', ALICE],
        ['home2', BOB],
      ] as const)
        expect(spelt(await ask(kmsOf(network, home), requestOf(made, target)))).toEqual(
          verified(made.sessions.responder),
        );
    }
  });

  it('R-45: retargeted-to; the original callee is no party', async () => {
    const { network, call: made } = call('retarget', [CAROL, CAROL]);
    const expected = verified(made.sessions.initiator);
    const home2 = kmsOf(network, 'home2');
    expect(spelt(await ask(kmsOf(network, 'home1'), requestOf(made, ALICE)))).toEqual(expected);
    expect(spelt(await ask(home2, requestOf(made, CAROL)))).toEqual(expected);
    expect(spelt(await ask(home2, requestOf(made, BOB)))).toBe('target-not-party');
    const early = requestOf(made, CAROL, { iMessage2: null, rMessage2: null });
    expect(spelt(await ask(home2, early))).toBe('messages-inconsistent');
    const unechoed = requestOf(made, ALICE, { rMessage2: null });
    const keys = spelt(await ask(kmsOf(network, 'home1'), unechoed));
    const withoutMki = expected.cryptoSessions.map((key, i) => (i === 0 ? { ...key, mki: null } : key));
    expect(keys).toMatchObject({ verified: false, cryptoSessions: withoutMki });
  });

  it('R-45: deferred: the recipient has the keys of the content, the sender those and its own', async () => {
    const policy = { acceptMailbox: () => true };
    const { network, call: made } = call('deferred', [MAILBOX, MAILBOX], policy);
    const { csb, map, policies, spis } = made.sessions.initiator;
    const content = deferredSessions(made.leg.deferredKey!, csb, map, policies, spis.initiator);
    const deferred = spelledOut(content).map((key) => ({ ...key, deferred: true }));
    expect(deferred.map(({ csId }) => csId)).toEqual([1]);
    const home2 = kmsOf(network, 'home2', []);
    // An ESK party needs no seed.
    const toBob = requestOf(made, BOB, { rMessage2: null });
    expect(spelt(await ask(home2, toBob))).toEqual({ verified: false, cryptoSessions: deferred });
    const own = verified(made.sessions.initiator);
    expect(spelt(await ask(kmsOf(network, 'home1'), requestOf(made, ALICE)))).toEqual({
      verified: true,
      cryptoSessions: [...own.cryptoSessions, ...deferred],
    });
    const toMailbox = requestOf(made, MAILBOX);
    expect(spelt(await ask(kmsOf(network, 'home2'), toMailbox))).toEqual(verified(made.sessions.responder));
    expect(spelt(await ask(home2, requestOf(made, CAROL)))).toBe('target-not-party');
  });

  it('of two parties that one task covers, the one that the question names', async () => {
    const network = new Network('both');
    const bob = ignoringItsSeed(network.endpoint(BOB, BOB_DESK));
    const initiator = network.offer(bob, CAROL);
    const made = completed(initiator, answered(network.endpoint(CAROL), initiator.message));
    const answerTo = async (target: string) =>
      spelt(await ask(kmsOf(network, 'home2'), requestOf(made, target), [BOB, CAROL]));
    expect(await answerTo(CAROL)).toEqual(verified(made.sessions.initiator));
    expect(await answerTo(BOB_DESK)).toBe('endpoint-not-compliant');
  });

  it('a period with two valid serials: the one that was encrypted under is found', async () => {
    const { network, call: made } = call('serials');
    const records = kmsOf(network, 'home2');
    records.others = [serialRecord({ ...network.home1, serial: network.home2.serial + 1 })];
    expect(spelt(await ask(records, requestOf(made, BOB)))).toEqual(verified(made.sessions.responder));
  });
});

describe('updates', () => {
  const STARTERS = ['initiator', 'responder'] as const;
  const PARTIES = [
    ['home1', ALICE, 'initiator'],
    ['home2', BOB, 'responder'],
  ] as const;

  /** A call, and updates in it that the one side starts. */
  function updated(seed: string, from: Side, steps: readonly UpdateOptions[], curve = 8) {
    const network = new Network(seed);
    const endpoints = { initiator: network.endpoint(ALICE), responder: network.endpoint(BOB, BOB_DESK) };
    const initiator = network.offer(endpoints.initiator, BOB, { curve });
    const made = completed(initiator, answered(endpoints.responder, initiator.message));
    const to = from === 'initiator' ? 'responder' : 'initiator';
    const sessions: Record<Side, CsbSession> = { ...made.sessions };
    const updates: Update[] = [];
    const stages: CsbSession[] = [];
    for (const options of steps) {
      network.clock.advance(1_000_000);
      const offer = UpdateOffer.start(endpoints[from], sessions[from], options);
      const answer = answerUpdate(endpoints[to], sessions[to], offer.message, [10]);
      sessions[from] = offer.complete(answer.message);
      sessions[to] = answer.session;
      updates.push({ iMessage1: offer.message, rMessage1: answer.message });
      stages.push(answer.session);
    }
    return { network, made, updates, stages };
  }

  /** The keys, save the MKI of what the party itself answered with: its KMS cannot open that. */
  const visible = (session: CsbSession, part: Side, from: Side) =>
    keysOf(session).map((key) =>
      part !== from && key.csId % 2 === (part === 'initiator' ? 1 : 0) ? { ...key, mki: null } : key,
    );

  it.each(STARTERS)('R-43, R-45, R-66: the keys in force after each, started by the %s', async (from) => {
    const steps = [
      { rekey: true },
      { rekey: true, added: [LINE] },
      { rekey: false, added: [LINE] },
      { rekey: true },
    ];
    const { network, made, updates, stages } = updated('updates', from, steps, 11);
    const [first, second, third, fourth] = updates as [Update, Update, Update, Update];
    for (const [home, target, part] of PARTIES) {
      const answerTo = async (...carried: Update[]) =>
        spelt(await ask(kmsOf(network, home), requestOf(made, target, { updates: carried })));
      for (const [carried, stage] of [
        [[first], 0],
        [[second], 1],
        [[second, third], 2],
        [[fourth], 3],
      ] as const)
        expect(await answerTo(...carried)).toEqual({
          verified: true,
          cryptoSessions: visible(stages[stage]!, part, from),
        });
      // An update that adds alone is proved by the keys in force, which are not those of the exchange.
      for (const carried of [[third], [first, third], [first, second], [third, fourth], [third, second]])
        expect(await answerTo(...carried)).toBe('messages-inconsistent');
      expect(await answerTo(first, second, third)).toBe('messages-inconsistent');
      const swapped = { ...second, rMessage1: fourth.rMessage1 };
      expect(await answerTo(swapped)).toBe('messages-inconsistent');
    }
  });

  it.each(STARTERS)('R-66: an answer is verified only with the exchange, started by the %s', async (from) => {
    const { network, made, updates } = updated('unverified', from, [{ rekey: true }]);
    for (const [change, verdict] of [
      [{}, true],
      [{ iMessage2: null }, true],
      [{ iMessage2: null, rMessage2: null }, false],
    ] as const) {
      const question = requestOf(made, BOB, { updates, ...change });
      expect(spelt(await ask(kmsOf(network, 'home2'), question))).toMatchObject({ verified: verdict });
    }
  });

  it.each(STARTERS)(
    'R-66: a map forged around the target’s new point gets no keys, started by the %s',
    async (from) => {
      const { network, made, updates } = updated('forged update', from, [{ rekey: true }]);
      const [{ iMessage1, rMessage1 }] = updates as [Update];
      const changed = (octets: Uint8Array) => {
        const { header, payloads } = decodeMessage(octets);
        const { csIdMap } = header;
        if (csIdMap.kind !== 'srtp-id') throw new Error('no SRTP-ID map');
        const entries = [...csIdMap.entries, ...csIdMap.entries];
        const csCount = entries.length;
        return encodeMessage({
          header: { ...header, csCount, csIdMap: { kind: 'srtp-id', entries } },
          payloads,
        });
      };
      for (const [home, target] of PARTIES) {
        for (const forged of [
          { iMessage1: changed(iMessage1), rMessage1: changed(rMessage1) },
          { iMessage1, rMessage1: changed(rMessage1) },
        ]) {
          const question = requestOf(made, target, { updates: [forged] });
          expect(spelt(await ask(kmsOf(network, home), question))).toBe('messages-inconsistent');
        }
      }
    },
  );

  it('R-43: without new points, under one MPK: not twice, not mixed, and each adds sessions', async () => {
    const steps = [LINE, { ...LINE, ssrc: 11 }].map((line) => ({ rekey: false, added: [line] }));
    const { network, made, updates, stages } = updated('map updates', 'initiator', steps);
    const [first, second] = updates as [Update, Update];
    const answerTo = async (...carried: Update[]) =>
      spelt(await ask(kmsOf(network, 'home1'), requestOf(made, ALICE, { updates: carried })));
    // The last one carries what those before it have added.
    for (const [stage, update] of updates.entries())
      expect(await answerTo(update)).toEqual({ verified: true, cryptoSessions: keysOf(stages[stage]!) });
    for (const carried of [
      [first, second],
      [first, first],
      [{ ...second, rMessage1: first.rMessage1 }],
      [{ ...first, rMessage1: second.rMessage1 }],
    ])
      expect(await answerTo(...carried)).toBe('messages-inconsistent');
  });
});

describe('refusals', () => {
  it('R-5: a subscriber who has no part in the call', async () => {
    const { network, call: made } = call('stranger');
    expect(spelt(await ask(kmsOf(network, 'home2'), requestOf(made, CAROL)))).toBe('target-not-party');
    expect(spelt(await ask(kmsOf(network, 'home1'), requestOf(made, BOB)))).toBe('target-not-party');
    expect(spelt(await ask(kmsOf(network, 'home1'), requestOf(made, ALICE), []))).toBe('target-not-party');
  });

  it('R-5: a device whose seed this KMS never issued', async () => {
    const { network, call: made } = call('unissued');
    expect(spelt(await ask(kmsOf(network, 'home2', [CAROL]), requestOf(made, BOB)))).toBe('target-not-party');
  });

  it('an endpoint that ignores its seed', async () => {
    const network = new Network('ignores');
    const initiator = network.offer(ignoringItsSeed(network.endpoint(ALICE)), BOB);
    const made = completed(initiator, answered(network.endpoint(BOB), initiator.message));
    const request = requestOf(made, ALICE);
    expect(spelt(await ask(kmsOf(network, 'home1'), request))).toBe('endpoint-not-compliant');
    expect(spelt(await ask(kmsOf(network, 'home2'), requestOf(made, BOB)))).toMatchObject({ verified: true });
  });

  it('an epoch whose LI root is destroyed; a root that is not at hand', async () => {
    const { network, call: made } = call('destroyed');
    const records = kmsOf(network, 'home1');
    records.root = { state: 'destroyed' };
    expect(spelt(await ask(records, requestOf(made, ALICE)))).toBe('epoch-destroyed');
    records.root = { state: 'absent' };
    expect(spelt(await ask(records, requestOf(made, ALICE)))).toBe('temporarily-unavailable');
  });

  it('the wrong LI root: no keys, whatever it gives', async () => {
    const { network, call: made } = call('wrong root');
    const records = kmsOf(network, 'home1');
    records.root = { state: 'kept', root: Secret.of(new Uint8Array(32)) };
    expect(spelt(await ask(records, requestOf(made, ALICE)))).toBe('endpoint-not-compliant');
  });

  it('messages of two calls mixed, in every way', async () => {
    const one = call('mixed 1');
    const two = call('mixed 2').call;
    for (const name of ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'] as const) {
      for (const [home, target] of [
        ['home1', ALICE],
        ['home2', BOB],
      ] as const) {
        const request = requestOf(one.call, target, { [name]: two[name] });
        expect(spelt(await ask(kmsOf(one.network, home), request)), name).toBe('messages-inconsistent');
      }
    }
  });

  it('a message in another’s place, an update as the exchange, rubbish', async () => {
    const { network, call: made } = call('rubbish');
    const records = kmsOf(network, 'home1');
    for (const octets of [made.rMessage1, new Uint8Array(), new Uint8Array(1000), made.rMessage2]) {
      const request = requestOf(made, ALICE, { iMessage1: octets });
      expect(spelt(await ask(records, request))).toBe('messages-inconsistent');
    }
  });
});
