/** Initiator and responder: what a sound exchange gives, and what each check refuses. */
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../src/bytes/octets.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { readErrorMessage } from '../../src/ibake/error-message.ts';
import { openDeferred } from '../../src/ibake/deferred.ts';
import { formOf, readIMessage1, readIMessage2, readRMessage1 } from '../../src/ibake/messages.ts';
import { SRTP_POLICY } from '../../src/ibake/policy.ts';
import { respond } from '../../src/ibake/responder.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { wipeSession } from '../../src/ibake/session.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import type { Payload } from '../../src/mikey/payload.ts';
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
} from './support/scenario.ts';

const keysOf = ({ cryptoSessions, sas }: CsbSession) => ({
  sas,
  cryptoSessions: cryptoSessions.map(({ tek, salt, mki, ...rest }) => ({
    ...rest,
    mki: toHex(mki!),
    tek: toHex(tek.expose()),
    salt: toHex(salt.expose()),
  })),
});

/** The message with payloads replaced. */
function rebuilt(octets: Uint8Array, change: (payloads: Payload[]) => Payload[]): Uint8Array {
  const { header, payloads } = decodeMessage(octets);
  return encodeMessage({ header, payloads: change([...payloads]) });
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof IbakeError) return error.code;
    throw error;
  }
}

/** Why an I_MESSAGE_1 gets no answer. */
function silence(to: Parameters<typeof respond>[0], iMessage1: Uint8Array, protocols?: string[]): string {
  const verdict = respond(to, iMessage1, { ssrcs: [1], ...(protocols === undefined ? {} : { protocols }) });
  if (verdict.kind !== 'silence') return verdict.kind;
  return verdict.reason instanceof IbakeError ? verdict.reason.code : verdict.reason.name;
}

describe('a call', () => {
  it.each([
    ['P-256, AES-CM-128', {}],
    ['P-384', { curve: 11 }],
    ['P-521', { curve: 14 }],
    ['PRF-HMAC-SHA-1', { prfFunc: 0 }],
    ['AES-CM-256', { media: [{ ssrc: 7, policy: SRTP_POLICY.aesCm256 }] }],
    ['AES-GCM-256', { media: [{ ssrc: 7, policy: SRTP_POLICY.aesGcm256 }] }],
    ['AES-GCM-128 under PRF-HMAC-SHA-1', { prfFunc: 0, media: [{ ssrc: 7, policy: SRTP_POLICY.aesGcm128 }] }],
  ])('R-40, R-22: both sides have the same keys and the same SAS: %s', (_, offer) => {
    const network = new Network('call');
    const initiator = network.offer(network.endpoint(ALICE), BOB, offer);
    const { sessions } = completed(initiator, answered(network.endpoint(BOB, BOB_DESK), initiator.message));
    expect(keysOf(sessions.initiator)).toEqual(keysOf(sessions.responder));
    expect(sessions.initiator.cryptoSessions).toHaveLength(2);
    expect(sessions.initiator.sas).toMatch(/^([a-z2-7]{4}-){2}[a-z2-7]{4}$/);
  });

  it('R-32: each m= line has its two crypto sessions, an unused one none', () => {
    const network = new Network('media');
    const media = [{ ssrc: 11 }, { ssrc: 0 }, { ssrc: 33, policy: SRTP_POLICY.aesGcm128 }];
    const initiator = network.offer(network.endpoint(ALICE), BOB, { media });
    const responder = answered(network.endpoint(BOB), initiator.message, { ssrcs: [22, 0, 44] });
    const { sessions } = completed(initiator, responder);
    const seen = sessions.responder.cryptoSessions.map(({ csId, ssrc, policy }) => [csId, ssrc, policy.name]);
    expect(seen).toEqual([
      [1, 11, 'AES_CM_128_HMAC_SHA1_80'],
      [2, 22, 'AES_CM_128_HMAC_SHA1_80'],
      [5, 33, 'AEAD_AES_128_GCM'],
      [6, 44, 'AEAD_AES_128_GCM'],
    ]);
    expect(new Set(keysOf(sessions.initiator).cryptoSessions.map(({ tek }) => tek)).size).toBe(4);
  });

  it('a message that comes twice has the same answer twice', () => {
    const network = new Network('twice');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const responder = answered(network.endpoint(BOB), initiator.message);
    const leg = initiator.answer(responder.message);
    expect(initiator.answer(responder.message.slice())).toBe(leg);
    const { message } = responder.confirm(leg.message);
    expect(responder.confirm(leg.message.slice()).message).toEqual(message);
    expect(leg.verify(message)).toBe(leg.session);
  });

  it('keys are held from the first message until the exchange ends', () => {
    const network = new Network('held');
    const [alice, bob] = [network.endpoint(ALICE), network.endpoint(BOB)];
    const call = completed(...offered(network, alice, bob));
    expect([alice.keys.held, bob.keys.held]).toEqual([1, 1]);
    call.initiator.end();
    call.responder.end();
    expect([alice.keys.held, bob.keys.held]).toEqual([0, 0]);
    wipeSession(call.sessions.initiator);
    expect(() => call.sessions.initiator.keys.mpk.expose()).toThrow('wiped');
  });

  it('over midnight: each message is of the period of its own T', () => {
    const network = new Network('midnight');
    network.clock.advance(12 * 3_600_000 - 1_000);
    const [initiator, responder] = offered(network, network.endpoint(ALICE), network.endpoint(BOB));
    network.clock.advance(2_000);
    const { sessions } = completed(initiator, responder);
    expect(keysOf(sessions.initiator)).toEqual(keysOf(sessions.responder));
  });
});

function offered(
  network: Network,
  from: Parameters<Network['offer']>[0],
  to: Parameters<typeof answered>[0],
) {
  const initiator = network.offer(from, BOB);
  return [initiator, answered(to, initiator.message)] as const;
}

describe('forking, retargeting, deferred delivery', () => {
  it('forked: each device has keys of its own from one I_MESSAGE_1', () => {
    const network = new Network('fork');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const calls = [BOB_DESK, BOB_MOBILE].map((device) =>
      completed(initiator, answered(network.endpoint(BOB, device), initiator.message)),
    );
    expect(calls.map(({ leg }) => leg.responder)).toEqual([BOB_DESK, BOB_MOBILE]);
    expect(calls.map(({ leg }) => leg.isRetargeted)).toEqual([false, false]);
    for (const { sessions } of calls) expect(keysOf(sessions.initiator)).toEqual(keysOf(sessions.responder));
    expect(new Set(calls.map(({ sessions }) => sessions.initiator.sas)).size).toBe(2);
  });

  it('retargeted: an answer without echo, no keys in force before R_MESSAGE_2, no ESK', () => {
    const network = new Network('retarget');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const responder = answered(network.endpoint(CAROL), initiator.message);
    expect(responder.isRetargeted).toBe(true);
    const leg = initiator.answer(responder.message);
    expect([leg.responder, leg.isRetargeted, leg.session, leg.deferredKey]).toEqual([
      CAROL,
      true,
      null,
      null,
    ]);
    expect(readIMessage2(leg.message).esk).toBeNull();
    const { message, session } = responder.confirm(leg.message);
    expect(leg.session).toBeNull();
    expect(keysOf(leg.verify(message))).toEqual(keysOf(session));
  });

  it('a responder that the initiator does not want gets no I_MESSAGE_2', () => {
    const network = new Network('unwanted');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const responder = answered(network.endpoint(CAROL), initiator.message);
    const acceptResponder = (_: string, isRetargeted: boolean) => !isRetargeted;
    expect(codeOf(() => initiator.answer(responder.message, { acceptResponder }))).toBe('unacceptable');
  });

  it('an answer without echo on another curve: the exchange is abandoned', () => {
    const network = new Network('curves');
    const initiator = network.offer(network.endpoint(ALICE), BOB, { curve: 11 });
    const responder = answered(network.endpoint(CAROL), initiator.message);
    expect(codeOf(() => initiator.answer(responder.message))).toBe('curve');
  });

  it('deferred: the recipient opens the SK, the mailbox and others do not', () => {
    const network = new Network('deferred');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const mailbox = network.endpoint(MAILBOX);
    const call = completed(initiator, answered(mailbox, initiator.message), { acceptMailbox: () => true });
    expect(call.leg.isMailbox).toBe(true);
    expect(call.responder.confirm(call.iMessage2).hasDeferredKey).toBe(true);
    const opened = openDeferred(network.endpoint(BOB, BOB_DESK), call.iMessage2);
    expect(opened?.initiator).toBe(ALICE);
    expect(toHex(opened!.sk.expose())).toBe(toHex(call.leg.deferredKey!.expose()));
    expect(openDeferred(mailbox, call.iMessage2)).toBeNull();
    expect(openDeferred(network.endpoint(CAROL), call.iMessage2)).toBeNull();
  });

  it('an ESK moved to another I_MESSAGE_2 is refused by mailbox and recipient', () => {
    const network = new Network('esk');
    const [one, two] = ['one', 'two'].map(() => {
      const initiator = network.offer(network.endpoint(ALICE), BOB);
      const responder = answered(network.endpoint(MAILBOX), initiator.message);
      return { responder, leg: initiator.answer(responder.message, { acceptMailbox: () => true }) };
    });
    const stolen = decodeMessage(one!.leg.message).payloads.at(-1)!;
    const mixed = rebuilt(two!.leg.message, (payloads) => [...payloads.slice(0, -1), stolen]);
    expect(codeOf(() => two!.responder.confirm(mixed))).toBe('rejected');
    const stripped = rebuilt(two!.leg.message, (payloads) => payloads.slice(0, -1));
    expect(codeOf(() => two!.responder.confirm(stripped))).toBe('rejected');
  });
});

describe('what a responder refuses', () => {
  const setup = (seed: string) => {
    const network = new Network(seed);
    const bob = network.endpoint(BOB);
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    return { network, bob, initiator };
  };

  it('R-44: a replayed I_MESSAGE_1 gets no answer', () => {
    const { bob, initiator } = setup('replay');
    answered(bob, initiator.message);
    expect(silence(bob, initiator.message)).toBe('replayed');
  });

  it.each([301_000, -301_000])('R-44: an I_MESSAGE_1 outside the skew (%d ms) gets no answer', (ms) => {
    const { network, bob, initiator } = setup('skew');
    network.clock.advance(ms);
    expect(silence(bob, initiator.message)).toBe('replayed');
  });

  it('what was refused leaves nothing in the replay cache', () => {
    const { bob, initiator } = setup('cache');
    const altered = initiator.message.slice();
    altered[altered.length - 1]! ^= 1;
    expect(silence(bob, altered)).toBe('rejected');
    expect(bob.replays.size).toBe(0);
  });

  it('an I_MESSAGE_1 with another initiator written over it gets no answer', () => {
    const { bob, initiator } = setup('mallory');
    const data = new TextEncoder().encode('sip:mallory@home1.example');
    const forged = rebuilt(initiator.message, (payloads) =>
      payloads.map((payload) =>
        payload.kind === 'idr' && payload.role === 1 ? { ...payload, data } : payload,
      ),
    );
    expect(silence(bob, forged)).toBe('rejected');
  });

  it('a container moved under another RAND or T gets no answer', () => {
    const { bob, initiator } = setup('moved');
    const forged = rebuilt(initiator.message, (payloads) =>
      payloads.map((payload) =>
        payload.kind === 'rand' ? { ...payload, rand: new Uint8Array(16) } : payload,
      ),
    );
    expect(silence(bob, forged)).toBe('rejected');
  });

  it('a bidding down of the protocol list gets no answer', () => {
    const { network, bob } = setup('list');
    const { message } = network.offer(network.endpoint(ALICE), BOB, { protocols: ['mikey', 'other'] });
    expect(silence(bob, message, ['mikey'])).toBe('unacceptable');
    expect(silence(bob, message, ['mikey', 'other'])).toBe('answer');
  });

  it.each([
    [
      'a policy number without its SP',
      (payloads: Payload[]) => payloads.filter(({ kind }) => kind !== 'sp'),
      9,
    ],
    [
      'encryption switched off',
      (payloads: Payload[]) =>
        payloads.map((payload) =>
          payload.kind === 'sp' ? { ...payload, params: [{ type: 7, value: Uint8Array.of(0) }] } : payload,
        ),
      10,
    ],
    [
      'a tag of 4 octets',
      (payloads: Payload[]) =>
        payloads.map((payload) =>
          payload.kind === 'sp' ? { ...payload, params: [{ type: 11, value: Uint8Array.of(4) }] } : payload,
        ),
      10,
    ],
  ])('R-44: %s gets an error message, no keys', (_, change, errorNo) => {
    const { network, bob } = setup('policy');
    const media = [{ ssrc: 5, policy: SRTP_POLICY.aesGcm128 }];
    const initiator = network.offer(network.endpoint(ALICE), BOB, { media });
    const verdict = respond(bob, rebuilt(initiator.message, change), { ssrcs: [1] });
    expect(verdict.kind).toBe('error');
    if (verdict.kind === 'error')
      expect(readErrorMessage(verdict.message)).toMatchObject({ csbId: initiator.csbId, errorNo });
  });

  it('I_MESSAGE_2 altered in any octet is refused, and the leg still takes the right one', () => {
    const { bob, initiator } = setup('altered');
    const responder = answered(bob, initiator.message);
    const leg = initiator.answer(responder.message);
    const step = 23;
    for (let at = 0; at < leg.message.length; at += step) {
      // The V flag is ignored on input, but covered by the binding.
      const altered = leg.message.slice();
      altered[at]! ^= 0x80;
      expect(['rejected', 'malformed', 'identity'], `octet ${at}`).toContain(
        codeOf(() => responder.confirm(altered)),
      );
    }
    expect(responder.session).toBeNull();
    expect(responder.confirm(leg.message).session.cryptoSessions).toHaveLength(2);
  });

  it('the I_MESSAGE_2 of another exchange is refused', () => {
    const { network, bob, initiator } = setup('other');
    const responder = answered(bob, initiator.message);
    const other = network.offer(network.endpoint(ALICE, `${ALICE};gr=2`), BOB);
    const leg = other.answer(answered(bob, other.message).message);
    expect(codeOf(() => responder.confirm(leg.message))).toBe('rejected');
  });

  it('every truncation of every message is refused', () => {
    const { bob, initiator } = setup('truncated');
    const responder = answered(bob, initiator.message);
    const leg = initiator.answer(responder.message);
    const { message } = responder.confirm(leg.message);
    const fresh = answered(bob, setup('truncated 2').initiator.message);
    const readers: [Uint8Array, (octets: Uint8Array) => unknown][] = [
      [initiator.message, (octets) => readIMessage1(octets)],
      [responder.message, (octets) => initiator.answer(octets)],
      [leg.message, (octets) => fresh.confirm(octets)],
      [message, (octets) => leg.verify(octets)],
    ];
    for (const [octets, read] of readers) {
      for (let length = 0; length < octets.length; length++)
        expect(['malformed', 'identity']).toContain(codeOf(() => read(octets.subarray(0, length))));
      expect(codeOf(() => read(concat(octets, Uint8Array.of(0))))).toBe('malformed');
    }
  });
});

describe('what an initiator refuses', () => {
  const setup = (seed: string) => {
    const network = new Network(seed);
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    return { network, initiator, responder: answered(network.endpoint(BOB), initiator.message) };
  };

  it('an answer to another I_MESSAGE_1', () => {
    const { network, initiator } = setup('other answer');
    const other = network.offer(network.endpoint(ALICE), BOB);
    const { message } = answered(network.endpoint(BOB), other.message);
    expect(codeOf(() => initiator.answer(message))).toBe('rejected');
  });

  it('an answer to an altered I_MESSAGE_1, whose transcript differs', () => {
    const { network, initiator } = setup('transcript');
    const altered = rebuilt(initiator.message, (payloads) => payloads.filter(({ kind }) => kind !== 'ext'));
    // To somebody else the altered message looks like any; the transcript gives it away.
    const { message } = answered(network.endpoint(CAROL), altered);
    expect(codeOf(() => initiator.answer(message))).toBe('rejected');
  });

  it('R_MESSAGE_1 and R_MESSAGE_2 altered in any octet', () => {
    const { initiator, responder } = setup('altered answer');
    const refusals = ['rejected', 'malformed', 'identity'];
    for (let at = 0; at < responder.message.length; at += 29) {
      const altered = responder.message.slice();
      altered[at]! ^= 0x01;
      expect(refusals, `octet ${at}`).toContain(codeOf(() => initiator.answer(altered)));
    }
    const leg = initiator.answer(responder.message);
    const { message } = responder.confirm(leg.message);
    for (let at = 0; at < message.length; at++) {
      const altered = message.slice();
      altered[at]! ^= 0x01;
      expect(refusals, `octet ${at}`).toContain(codeOf(() => leg.verify(altered)));
    }
    expect(leg.verify(message)).toBe(leg.session);
  });

  it('its own SSRC changed in R_MESSAGE_1, even by a responder with all keys', () => {
    const { network, initiator } = setup('ssrc');
    const { message } = answered(network.endpoint(BOB), initiator.message);
    const { header, payloads } = decodeMessage(message);
    if (header.csIdMap.kind !== 'srtp-id') throw new Error('map');
    const entries = header.csIdMap.entries.map((entry) => ({ ...entry, ssrc: entry.ssrc + 1 }));
    const forged = encodeMessage({ header: { ...header, csIdMap: { kind: 'srtp-id', entries } }, payloads });
    expect(codeOf(() => initiator.answer(forged))).toBe('rejected');
  });
});

describe('timestamps', () => {
  it('T of an initiator strictly increases over all its messages, within one tick too', () => {
    const network = new Network('ticks');
    const alice = network.endpoint(ALICE);
    const orders = [1, 2, 3].flatMap(() => {
      const initiator = network.offer(alice, BOB);
      const leg = initiator.answer(answered(network.endpoint(BOB), initiator.message).message);
      return [readIMessage1(initiator.message).t.order, readIMessage2(leg.message).t.order];
    });
    expect(orders).toEqual([...orders].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(orders).size).toBe(6);
  });

  it('in NTP era 1, after 2036', () => {
    const network = new Network('era');
    network.clock.advance(Date.UTC(2040, 0, 1) - network.clock.now());
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    expect(readIMessage1(initiator.message).t.octets[0]).toBeLessThan(0x80);
    const { sessions } = completed(initiator, answered(network.endpoint(BOB), initiator.message));
    expect(sessions.initiator.cryptoSessions).toHaveLength(2);
  });

  it('R_MESSAGE_1 echoes T, and messages tell what they are', () => {
    const network = new Network('forms');
    const initiator = network.offer(network.endpoint(ALICE), BOB);
    const call = completed(initiator, answered(network.endpoint(BOB), initiator.message));
    expect(readRMessage1(call.rMessage1).t.octets).toEqual(readIMessage1(call.iMessage1).t.octets);
    const all = [call.iMessage1, call.rMessage1, call.iMessage2, call.rMessage2];
    expect(all.map(formOf)).toEqual(['I_MESSAGE_1', 'R_MESSAGE_1', 'I_MESSAGE_2', 'R_MESSAGE_2']);
  });
});
