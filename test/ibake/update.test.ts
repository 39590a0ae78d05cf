/** CSB updates: started by either side, with new points, new crypto sessions, or both. */
import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { composeVerified, frontOf } from '../../src/ibake/compose.ts';
import type { Bindings } from '../../src/ibake/container.ts';
import { curveById } from '../../src/ibake/curves.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import type { Offer } from '../../src/ibake/initiator.ts';
import { formOf, headerOf, readUpdateIMessage1 } from '../../src/ibake/messages.ts';
import { verificationMac } from '../../src/ibake/session-keys.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { readTimestamp, type Timestamp } from '../../src/ibake/timestamps.ts';
import { UpdateOffer, answerUpdate } from '../../src/ibake/update.ts';
import type { SrtpIdEntry } from '../../src/mikey/header.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import { ntpFromUnixMs } from '../../src/mikey/ntp.ts';
import type { Payload } from '../../src/mikey/payload.ts';
import { DATA_TYPE } from '../../src/mikey/registry.ts';
import { forged, type Forgery } from './support/forger.ts';
import { ALICE, BOB, BOB_DESK, MAILBOX, Network, answered, completed } from './support/scenario.ts';

const keysOf = ({ cryptoSessions }: CsbSession) =>
  cryptoSessions.map(({ csId, ssrc, mki, tek, salt }) => ({
    csId,
    ssrc,
    mki: toHex(mki!),
    tek: toHex(tek.expose()),
    salt: toHex(salt.expose()),
  }));

function setup(seed: string, offer: Partial<Offer> = {}) {
  const network = new Network(seed);
  const alice = network.endpoint(ALICE);
  const bob = network.endpoint(BOB, BOB_DESK);
  const initiator = network.offer(alice, BOB, offer);
  const { sessions } = completed(initiator, answered(bob, initiator.message));
  network.clock.advance(60_000);
  return {
    network,
    initiator: { endpoint: alice, session: sessions.initiator },
    responder: { endpoint: bob, session: sessions.responder },
  };
}

const ADDED = { ssrc: 77, policyNo: 0 };

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

  it('an update whose V is right and whose content is not is refused', () => {
    const all = setup('sealed');
    const { endpoint, session } = all[to];
    const t = readTimestamp(ntpFromUnixMs(all.network.clock.now()));
    const message = (change: {
      map?: readonly SrtpIdEntry[];
      t?: Timestamp;
      idrr?: string;
      mpk?: Secret;
    }) => {
      const identities = { idri: session.idri.data, idrr: utf8(change.idrr ?? session.idrr.uri) };
      const header = headerOf(DATA_TYPE.I_MESSAGE_1, true, {
        ...session.csb,
        map: change.map ?? session.map,
      });
      const front = frontOf(change.t ?? t, identities);
      const parts = { header, front, transcript: null, ibake: null, esk: null };
      return composeVerified(parts, change.mpk ?? session.keys.mpk, session.csb, identities);
    };
    const verdict = (octets: Uint8Array) => code(() => answerUpdate(endpoint, session, octets, [9]));
    const [one, two] = [session.map[0]!, session.map[1]!];
    const pair = (policyNo: number) => [0, 1].map(() => ({ policyNo, ssrc: 0, roc: 0 }));
    const added = [one, two, ...pair(0)];
    expect(verdict(message({ map: added }))).toBe('accepted');
    for (const map of [
      // Nothing is added.
      [one, two],
      [one, two, ...pair(3)],
      [two, one],
      [{ ...one, roc: 1 }, two],
      [{ ...one, ssrc: one.ssrc + 1 }, two],
      [...pair(0), one, two],
      [one, two, ...pair(0).map((entry) => ({ ...entry, ssrc: 5 }))],
    ])
      expect(verdict(message({ map })), JSON.stringify(map)).toBe('rejected');
    expect(verdict(message({ map: added, mpk: Secret.of(new Uint8Array(32)) }))).toBe('rejected');
    expect(verdict(message({ map: added, idrr: BOB }))).toBe('rejected');
    expect(verdict(message({ map: added, t: session.latest }))).toBe('replayed');
  });

  it('an answer without points, without the right echo or transcript is refused, though V be right', () => {
    const all = setup('half');
    const { endpoint, session } = all[from];
    const offer = UpdateOffer.start(endpoint, session, { rekey: true });
    const { t } = readUpdateIMessage1(offer.message);
    const identities = { idri: session.idri.data, idrr: session.idrr.data };
    const header = headerOf(DATA_TYPE.R_MESSAGE_1, false, { ...session.csb, map: session.map });
    const parts = { header, front: frontOf(t, identities), transcript: null, ibake: null, esk: null };
    const half = composeVerified(parts, session.keys.mpk, session.csb, identities);
    expect(code(() => offer.complete(half))).toBe('rejected');
    const answer = answerUpdate(all[to].endpoint, all[to].session, offer.message);
    const home = from === 'initiator' ? all.network.home1 : all.network.home2;
    // The answerer knows the new MPK, so that V is right whatever the container holds.
    const verified = (forgery: Forgery) => {
      const octets = forged(answer.message, home, forgery);
      const withoutMac = octets.subarray(0, -32);
      return concat(
        withoutMac,
        verificationMac(answer.session.keys.mpk, session.csb, withoutMac, identities),
      );
    };
    expect(code(() => offer.complete(verified({})))).toBe('accepted');
    const withoutEcho = ([idri, , ...rest]: Payload[]) => [idri!, ...rest];
    const otherEcho = ([idri, , idrr, eccptr]: Payload[]) => [idri!, eccptr!, idrr!, eccptr!];
    for (const forgery of [
      { bindings: (known: Bindings) => ({ ...known, transcript: null }) },
      { inside: withoutEcho },
      { inside: otherEcho },
    ])
      expect(code(() => offer.complete(verified(forgery)))).toBe('rejected');
    expect(code(() => offer.complete(answer.message))).toBe('accepted');
  });

  it('adds crypto sessions or changes points: nothing else is an update', () => {
    const all = setup('nothing');
    const { endpoint, session } = all[from];
    expect(code(() => UpdateOffer.start(endpoint, session, { rekey: false }))).toBe('state');
    // Neither end sends on the line that is added.
    const offer = UpdateOffer.start(endpoint, session, { rekey: false, added: [{ ...ADDED, ssrc: 0 }] });
    expect(code(() => answerUpdate(all[to].endpoint, all[to].session, offer.message))).toBe('rejected');
    const { message } = answerUpdate(all[to].endpoint, all[to].session, offer.message, [88]);
    expect(code(() => offer.complete(message))).toBe('accepted');
  });

  it('a line that was unused may be given SSRCs, by each end its own and once', () => {
    const all = setup('unused', { media: [{ ssrc: 0x01020304 }, { ssrc: 0 }] });
    const { endpoint, session } = all[from];
    const filled = new Map([[2, 77]]);
    const offer = UpdateOffer.start(endpoint, session, { rekey: false, filled });
    const ssrcs = ({ cryptoSessions }: CsbSession) => cryptoSessions.map(({ csId, ssrc }) => [csId, ssrc]);
    const before = ssrcs(session);
    expect(before.map(([csId]) => csId)).toEqual([1, 2]);
    const { endpoint: other, session: known } = all[to];
    const answer = answerUpdate(other, known, offer.message, [], new Map([[2, 88]]));
    const after = offer.complete(answer.message);
    expect(ssrcs(after)).toEqual([
      ...before,
      ...(from === 'initiator'
        ? [
            [3, 77],
            [4, 88],
          ]
        : [
            [3, 88],
            [4, 77],
          ]),
    ]);
    expect(keysOf(after)).toEqual(keysOf(answer.session));
    for (const wrong of [new Map([[1, 5]]), new Map([[3, 5]])]) {
      expect(code(() => UpdateOffer.start(endpoint, session, { rekey: true, filled: wrong }))).toBe('state');
      expect(code(() => answerUpdate(other, known, offer.message, [], wrong))).toBe('state');
    }
    expect(code(() => UpdateOffer.start(endpoint, after, { rekey: true, filled }))).toBe('state');
  });

  it('stays on the initial curve, whichever end would leave it', () => {
    const all = setup('curve', { curve: 11 });
    const { endpoint, session } = all[from];
    const offer = UpdateOffer.start(endpoint, session, { rekey: true });
    const answer = answerUpdate(all[to].endpoint, all[to].session, offer.message);
    expect(keysOf(offer.complete(answer.message))).toEqual(keysOf(answer.session));
    const elsewhere = { ...session, curve: curveById(8)! };
    const strayed = UpdateOffer.start(endpoint, elsewhere, { rekey: true });
    expect(code(() => answerUpdate(all[to].endpoint, all[to].session, strayed.message))).toBe('rejected');
    const theirs = { ...all[to].session, curve: curveById(8)! };
    expect(code(() => answerUpdate(all[to].endpoint, theirs, offer.message))).toBe('rejected');
    const both = answerUpdate(all[to].endpoint, theirs, strayed.message);
    expect(code(() => strayed.complete(both.message))).toBe('accepted');
  });

  it('R-22: the users compare anew after new points, and only then', () => {
    const all = setup('sas');
    let [ours, theirs] = [all[from].session, all[to].session];
    const strings = [true, false].map((rekey) => {
      const offer = UpdateOffer.start(all[from].endpoint, ours, { rekey, added: rekey ? [] : [ADDED] });
      const answer = answerUpdate(all[to].endpoint, theirs, offer.message);
      [ours, theirs] = [offer.complete(answer.message), answer.session];
      expect(ours.sas).toBe(theirs.sas);
      return ours.sas;
    });
    expect(strings[0]).not.toBe(all[from].session.sas);
    expect(strings[1]).toBe(strings[0]);
  });

  it('neither RAND, nor SP, nor ESK belongs into an update', () => {
    const all = setup('extra');
    const { endpoint, session } = all[from];
    const { message } = UpdateOffer.start(endpoint, session, { rekey: false, added: [ADDED] });
    const { header, payloads } = decodeMessage(message);
    const extras: Payload[] = [
      { kind: 'rand', rand: session.csb.rand },
      { kind: 'sp', policyNo: 1, protType: 0, params: [] },
      { kind: 'esk', encrData: new Uint8Array(3) },
    ];
    for (const extra of extras) {
      for (let at = 0; at <= payloads.length; at++) {
        const more = encodeMessage({
          header,
          payloads: [...payloads.slice(0, at), extra, ...payloads.slice(at)],
        });
        expect(code(() => answerUpdate(all[to].endpoint, all[to].session, more))).toBe('malformed');
      }
    }
  });
});

describe('what a mailbox answered', () => {
  it('is not updated, by neither end', () => {
    const network = new Network('mailbox');
    const [alice, mailbox] = [network.endpoint(ALICE), network.endpoint(MAILBOX)];
    const initiator = network.offer(alice, BOB);
    const policy = { acceptMailbox: () => true };
    const { sessions } = completed(initiator, answered(mailbox, initiator.message), policy);
    network.clock.advance(60_000);
    expect(code(() => UpdateOffer.start(alice, sessions.initiator, { rekey: true }))).toBe('state');
    expect(code(() => UpdateOffer.start(mailbox, sessions.responder, { rekey: true }))).toBe('state');
    const live = { ...sessions.initiator, isDeferred: false };
    const offer = UpdateOffer.start(alice, live, { rekey: true });
    expect(code(() => answerUpdate(mailbox, sessions.responder, offer.message))).toBe('rejected');
    const open = { ...sessions.responder, isDeferred: false };
    expect(code(() => answerUpdate(mailbox, open, offer.message))).toBe('accepted');
  });
});
