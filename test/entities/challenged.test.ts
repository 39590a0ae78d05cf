/**
 * Calls between two homes whose caller is challenged: what the CSCFs report on X2 goes to a DF each, whose questions a KMS
 * each answers from its own secrets. SIP is on real sockets; the MIKEY messages are those of the state machines.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import type { ResponderPolicy } from '../../src/ibake/initiator.ts';
import type { CryptoSession } from '../../src/ibake/session-keys.ts';
import { deferredSessions } from '../../src/ibake/session-keys.ts';
import { answerUpdate, UpdateOffer } from '../../src/ibake/update.ts';
import type { UserAgent } from '../../src/sip/agent.ts';
import type { Leg } from '../../src/sip/agent-types.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import {
  ALICE,
  answered,
  BOB,
  BOB_DESK,
  CAROL,
  completed,
  MAILBOX,
  Network as Keys,
} from '../ibake/support/scenario.ts';
import type { Call } from '../ibake/support/scenario.ts';
import { settle } from '../support/manual-clock.ts';
import { Network, sdpBody } from './cscf/network.ts';
import type { Home } from './cscf/network.ts';
import { kinds, start } from './df/delivery-function.ts';
import type { Df } from './df/delivery-function.ts';
import { handedOver, task, XID } from './df/support.ts';
import { ask, TestRecords } from './kms/get-keys/support/kms.ts';

const DEVICES = { home1: [ALICE], home2: [BOB, BOB_DESK, CAROL, MAILBOX] };

let network: Network;
let homes: Record<'home1' | 'home2', Home>;
let alice: UserAgent;

beforeEach(async () => {
  network = new Network();
  homes = {
    home1: await network.home('home1.example', ['alice']),
    home2: await network.home('home2.example', ['bob', 'carol']),
  };
  // It has not registered, and is asked who it is.
  alice = await network.phone('alice', 'home1.example', { device: '7', protocol: 'UDP' });
});

afterEach(() => network.close());

/** The messages of a call over SIP: in INVITE, 183, PRACK and its answer, and of an update in UPDATE and its answer. */
async function carried(
  callee: string,
  call: Call,
  update?: readonly [Uint8Array, Uint8Array],
): Promise<void> {
  const phone = await network.phone(callee.slice(4).split('@')[0] ?? '', 'home2.example');
  await phone.register();
  const over = new Promise<void>((resolve) => {
    phone.incoming = (incoming) => {
      incoming.handler = {
        prack: () => ({ body: sdpBody(5000, call.rMessage2) }),
        update: () => ({ body: sdpBody(5000, update?.[1]) }),
        ended: () => resolve(),
      };
      void incoming
        .reliable(183, sdpBody(5000, call.rMessage1))
        .then(() => incoming.accept())
        .catch(() => undefined);
    };
  });
  const pracked: Promise<unknown>[] = [];
  const leg = await new Promise<Leg>((resolve, reject) => {
    alice.invite(
      callee,
      { body: sdpBody(4000, call.iMessage1) },
      {
        provisional: (early, response, reliable) => {
          if (reliable) pracked.push(early.prack(response, sdpBody(4000, call.iMessage2)));
        },
        accepted: (accepted) => {
          accepted.ack();
          resolve(accepted);
        },
        failed: reject,
      },
    );
  });
  await Promise.all(pracked);
  if (update !== undefined) await leg.update(sdpBody(4000, update[0]));
  await leg.bye();
  await over;
}

/** A DF that has what a home's CSCF reported of a target, and its KMS. */
async function delivered(
  home: 'home1' | 'home2',
  keys: Keys,
  target: string,
  answer?: Df['kms']['answer'],
): Promise<Df> {
  const df = await start([{ ...task(XID, 'LIID-1'), targets: [{ name: 'sipUri', value: target }] }]);
  const records = new TestRecords(keys[home], DEVICES[home]);
  df.kms.answer = answer ?? ((question) => ask(records, question));
  const pdus = homes[home].interception.reports.map(({ observation, match }) => {
    const direction = match.direction ?? observation.direction;
    const { pdu, ...rest } = df.poi.x2([observation.payload, direction]);
    const attributes = pdu.attributes.map((one) =>
      one.type === ATTRIBUTE.matchedTarget
        ? { ...one, kind: 'text' as const, value: `<sipUri>${target}</sipUri>` }
        : one,
    );
    return { ...rest, pdu: { ...pdu, attributes } };
  });
  await df.mediation.accept(pdus);
  await settle();
  return df;
}

/** What a DF has handed over of keys: all of it, in order. */
async function keysOf({ store, kms }: Df): Promise<string[]> {
  await expect
    .poll(async () => (await handedOver(store)).filter(({ keyInfo }) => keyInfo).length)
    .toBeGreaterThan(0);
  await expect.poll(() => kms.asked.length).toBeGreaterThan(0);
  await settle();
  const records = await handedOver(store);
  expect(kinds(records).filter((kind) => kind === 'key-failure')).toEqual([]);
  return records.flatMap(({ keyInfo }) =>
    keyInfo === undefined ? [] : [`${keyInfo.csId} ${keyInfo.key} ${keyInfo.salt}`],
  );
}

const spelt = (sessions: readonly CryptoSession[]): string[] =>
  sessions.map(({ csId, tek, salt }) => `${csId} ${toHex(tek.expose())} ${toHex(salt.expose())}`);

interface Made {
  readonly keys: Keys;
  readonly call: Call;
}

function exchange(
  seed: string,
  [aor, device]: readonly [string, string],
  policy: ResponderPolicy = {},
): Made {
  const keys = new Keys(seed);
  const initiator = keys.offer(keys.endpoint(ALICE), BOB);
  const responder = answered(keys.endpoint(aor, device), initiator.message);
  keys.clock.advance(500);
  return { keys, call: completed(initiator, responder, policy) };
}

/** Warrants on alice, and on who is called. */
function tap(callee: string): void {
  homes.home1.interception.add(ALICE);
  homes.home2.interception.add(callee);
}

describe('a call whose caller is challenged, at both homes', () => {
  it.each([
    ['the callee', BOB, [BOB, BOB]],
    ['one of the callee’s devices', BOB, [BOB, BOB_DESK]],
    ['another to whom it was forwarded', CAROL, [CAROL, CAROL]],
  ] as const)(
    'R-2 R-4 R-45: with %s: one question with the four messages, and the keys',
    async (_, callee, answerer) => {
      const { keys, call } = exchange(answerer.join(), answerer);
      tap(callee);
      await carried(callee, call);
      expect(homes.home1.interception.trace()).toContain('< 407 INVITE');
      const { iMessage1, rMessage1, iMessage2, rMessage2 } = call;
      for (const [home, target, party] of [
        ['home1', ALICE, ALICE],
        ['home2', callee, answerer[1]],
      ] as const) {
        const df = await delivered(home, keys, target);
        expect(await keysOf(df)).toEqual(spelt(call.sessions.initiator.cryptoSessions));
        const messages = { iMessage1, rMessage1, iMessage2, rMessage2 };
        const question = { targetKmsIdentity: party, xid: XID, ...messages, updates: [], midCall: false };
        expect(df.kms.asked).toEqual([question]);
      }
    },
  );

  it('R-45: with a mailbox: the recipient’s home has the keys of what was left, the caller’s those and its own', async () => {
    const { keys, call } = exchange('mailbox', [MAILBOX, MAILBOX], { acceptMailbox: () => true });
    tap(BOB);
    await carried(BOB, call);
    const { csb, map, policies, spis, cryptoSessions } = call.sessions.initiator;
    const left = spelt(deferredSessions(call.leg.deferredKey!, csb, map, policies, spis.initiator));
    expect(await keysOf(await delivered('home2', keys, BOB))).toEqual(left);
    expect(await keysOf(await delivered('home1', keys, ALICE))).toEqual([...spelt(cryptoSessions), ...left]);
  });

  it('R-45: content that was left before the warrant on its recipient, and is delivered under it: its keys, and it is said that it is older', async () => {
    const { keys, call } = exchange('delivered', [MAILBOX, MAILBOX], { acceptMailbox: () => true });
    homes.home2.interception.add(BOB);
    const { iMessage1, rMessage1, iMessage2 } = call;
    const bob = await network.phone('bob', 'home2.example');
    await bob.register();
    bob.incoming = (incoming) => void incoming.accept(sdpBody(5000));
    const mailbox = await network.phone('carol', 'home2.example', { device: '9' });
    await mailbox.register();
    const leg = await new Promise<Leg>((resolve, reject) => {
      mailbox.invite(
        BOB,
        { body: sdpBody(6000, [iMessage1, rMessage1, iMessage2]) },
        {
          accepted: (accepted) => {
            accepted.ack();
            resolve(accepted);
          },
          failed: reject,
        },
      );
    });
    await leg.bye();
    const df = await delivered('home2', keys, BOB);
    const { csb, map, policies, spis } = call.sessions.initiator;
    const left = spelt(deferredSessions(call.leg.deferredKey!, csb, map, policies, spis.initiator));
    expect(await keysOf(df)).toEqual(left);
    const messages = { iMessage1, rMessage1, iMessage2, rMessage2: null };
    expect(df.kms.asked).toEqual([
      { targetKmsIdentity: BOB, xid: XID, ...messages, updates: [], midCall: true },
    ]);
  });

  it('R-66: a subscriber who names another own identity in IDRi than the warrant does is told of as one whose keys are not to be had', async () => {
    const other = 'sip:alice.private@home1.example';
    const keys = new Keys('another identity');
    const initiator = keys.offer(keys.endpoint(other), BOB);
    const responder = answered(keys.endpoint(BOB), initiator.message);
    keys.clock.advance(500);
    const call = completed(initiator, responder, {});
    tap(BOB);
    await carried(BOB, call);
    // The warrant of home1 is on alice alone: signalling is delivered, and one record says why there are no keys.
    const records = new TestRecords(keys.home1, [ALICE, other]);
    const df = await delivered('home1', keys, ALICE, (question) => ask(records, question, [ALICE]));
    await expect.poll(async () => kinds(await handedOver(df.store))).toContain('key-failure');
    await settle();
    const handed = kinds(await handedOver(df.store));
    expect(handed.filter((kind) => kind === 'key-failure')).toHaveLength(1);
    expect(handed.filter((kind) => kind !== 'key-failure').length).toBeGreaterThan(5);
    expect((await handedOver(df.store)).filter(({ keyInfo }) => keyInfo !== undefined)).toEqual([]);
    // Whom the warrant of the other home is on has its keys all the same.
    expect(await keysOf(await delivered('home2', keys, BOB))).toEqual(
      spelt(call.sessions.initiator.cryptoSessions),
    );
  });

  it('R-45: with keys that change in it: those before and those after', async () => {
    const keys = new Keys('update');
    const ends = { alice: keys.endpoint(ALICE), bob: keys.endpoint(BOB) };
    const initiator = keys.offer(ends.alice, BOB);
    const call = completed(initiator, answered(ends.bob, initiator.message));
    keys.clock.advance(1_000_000);
    const offer = UpdateOffer.start(ends.alice, call.sessions.initiator, { rekey: true });
    const answer = answerUpdate(ends.bob, call.sessions.responder, offer.message, []);
    tap(BOB);
    await carried(BOB, call, [offer.message, answer.message]);
    for (const [home, target] of [
      ['home1', ALICE],
      ['home2', BOB],
    ] as const) {
      const df = await delivered(home, keys, target);
      await expect.poll(() => df.kms.asked.length).toBe(2);
      await expect
        .poll(async () => new Set(await keysOf(df)))
        .toEqual(
          new Set(spelt([...call.sessions.initiator.cryptoSessions, ...answer.session.cryptoSessions])),
        );
      const [update] = df.kms.asked[1]!.updates;
      expect(update).toEqual({ iMessage1: offer.message, rMessage1: answer.message });
    }
  });
});
