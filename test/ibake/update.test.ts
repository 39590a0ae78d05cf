/** CSB updates: started by either side, with new points, new crypto sessions, or both. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { formOf } from '../../src/ibake/messages.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { UpdateOffer, answerUpdate } from '../../src/ibake/update.ts';
import { ALICE, BOB, BOB_DESK, Network, answered, completed } from './support/scenario.ts';

const keysOf = ({ cryptoSessions }: CsbSession) =>
  cryptoSessions.map(({ csId, ssrc, mki, tek, salt }) => ({
    csId,
    ssrc,
    mki: toHex(mki!),
    tek: toHex(tek.expose()),
    salt: toHex(salt.expose()),
  }));

function setup(seed: string) {
  const network = new Network(seed);
  const alice = network.endpoint(ALICE);
  const bob = network.endpoint(BOB, BOB_DESK);
  const initiator = network.offer(alice, BOB);
  const { sessions } = completed(initiator, answered(bob, initiator.message));
  network.clock.advance(60_000);
  return {
    network,
    initiator: { endpoint: alice, session: sessions.initiator },
    responder: { endpoint: bob, session: sessions.responder },
  };
}

const code = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof IbakeError ? error.code : 'thrown';
  }
};

describe.each([
  ['the initiator', 'initiator', 'responder'],
  ['the responder', 'responder', 'initiator'],
] as const)('started by %s', (_, from, to) => {
  it.each([
    ['new points', { rekey: true }],
    ['new points on another curve', { rekey: true, curve: 11 }],
    ['a new m= line', { rekey: false, added: [{ ssrc: 77, policyNo: 0 }] }],
    ['both', { rekey: true, added: [{ ssrc: 77, policyNo: 0 }] }],
  ])('both sides have the same keys after %s', (_name, options) => {
    const all = setup('update');
    const offer = UpdateOffer.start(all[from].endpoint, all[from].session, options);
    const answer = answerUpdate(all[to].endpoint, all[to].session, offer.message, [88]);
    const session = offer.complete(answer.message);
    offer.end();
    expect([offer.message, answer.message].map(formOf)).toEqual(['update I_MESSAGE_1', 'update R_MESSAGE_1']);
    expect(keysOf(session)).toEqual(keysOf(answer.session));
    const before = keysOf(all[from].session);
    const after = keysOf(session);
    expect(after.slice(0, 2).every(({ tek }, i) => tek !== before[i]!.tek)).toBe(options.rekey);
    expect(after.slice(0, 2).map(({ ssrc }) => ssrc)).toEqual(before.map(({ ssrc }) => ssrc));
    const added = from === 'initiator' ? [77, 88] : [88, 77];
    expect(after.slice(2).map(({ ssrc }) => ssrc)).toEqual('added' in options ? added : []);
  });

  it('a second update starts from the first', () => {
    const all = setup('twice');
    let { session: ours } = all[from];
    let { session: theirs } = all[to];
    for (let i = 0; i < 2; i++) {
      const offer = UpdateOffer.start(all[from].endpoint, ours, { rekey: true });
      const answer = answerUpdate(all[to].endpoint, theirs, offer.message);
      ours = offer.complete(answer.message);
      theirs = answer.session;
    }
    expect(keysOf(ours)).toEqual(keysOf(theirs));
  });

  it('R-44: a replayed update, or one of an older key, is refused', () => {
    const all = setup('replayed');
    const offer = UpdateOffer.start(all[from].endpoint, all[from].session, { rekey: true });
    const other = UpdateOffer.start(all[from].endpoint, all[from].session, { rekey: true });
    const { session } = answerUpdate(all[to].endpoint, all[to].session, offer.message);
    expect(code(() => answerUpdate(all[to].endpoint, session, offer.message))).toBe('replayed');
    expect(code(() => answerUpdate(all[to].endpoint, session, other.message))).toBe('rejected');
    all.network.clock.advance(400_000);
    expect(code(() => answerUpdate(all[to].endpoint, all[to].session, other.message))).toBe('replayed');
  });

  it('any octet altered in either message is refused', () => {
    const all = setup('altered');
    const offer = UpdateOffer.start(all[from].endpoint, all[from].session, { rekey: true });
    const { message } = answerUpdate(all[to].endpoint, all[to].session, offer.message);
    const refusals = ['rejected', 'malformed', 'identity', 'replayed'];
    const altered = (octets: Uint8Array, at: number) =>
      octets.map((octet, i) => (i === at ? octet ^ 1 : octet));
    for (let at = 0; at < offer.message.length; at += 31) {
      const bad = altered(offer.message, at);
      expect(refusals).toContain(code(() => answerUpdate(all[to].endpoint, all[to].session, bad)));
    }
    for (let at = 0; at < message.length; at += 31)
      expect(refusals).toContain(code(() => offer.complete(altered(message, at))));
    expect(code(() => offer.complete(message))).toBe('accepted');
  });

  it('an update with a policy that was never agreed cannot be started', () => {
    const all = setup('policy');
    const { endpoint, session } = all[from];
    const added = [{ ssrc: 1, policyNo: 4 }];
    expect(code(() => UpdateOffer.start(endpoint, session, { rekey: false, added }))).toBe('policy');
  });
});
