import { describe, expect, it } from 'vitest';
import { fromBase64, fromHex, toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { addMessage, assemble } from '../../../src/xk/exchanges.ts';
import { sightingIn } from '../../../src/entities/df/extraction.ts';
import type { Sighting } from '../../../src/entities/df/extraction.ts';
import type { SeenMessage } from '../../../src/xk/seen-messages.ts';
import {
  newSession,
  openOnes,
  questionOf,
  withQuestion,
  withSighting,
} from '../../../src/entities/df/key-session.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../../src/mikey/message.ts';
import { SqliteDfStore } from '../../../src/entities/df/store/sqlite.ts';
import { DATA_TYPE } from '../../../src/mikey/registry.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { NOTHING } from './store/compliance-values.ts';
import type { Leg, Place } from './support.ts';
import { acknowledging, call, LEG, reliable, sip, vector } from './support.ts';

const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = vector().messages;

function seen(
  mikey: string,
  leg: Leg = LEG,
  start = 'INVITE sip:x SIP/2.0',
  place: Place = {},
): readonly SeenMessage[] {
  return sightingIn(sip(start, leg, mikey, place), true, 5).mikey;
}

const OK = 'SIP/2.0 200 OK';
const UPDATE = 'UPDATE sip:x SIP/2.0';

function seenCall(): SeenMessage[] {
  return call().flatMap(
    ([octets, direction]) => sightingIn(octets, direction === DIRECTION.fromTarget, 5).mikey,
  );
}

function keysAlone(mikey: readonly SeenMessage[]): Sighting {
  return {
    mikey,
    misplaced: false,
    answer: null,
    media: { party: null, agreed: null },
    standing: { described: null, accepts: null, ends: [] },
  };
}

/** The two messages of a CSB update, T later than that of the exchange (RFC 6267 section 5.3). */
function update(second: number, withKeys = false): [string, string] {
  return [DATA_TYPE.I_MESSAGE_1, DATA_TYPE.R_MESSAGE_1].map((dataType) => {
    const { header, payloads } = decodeMessage(fromBase64(R_MESSAGE_1.message));
    const t = onlyPayload({ payloads }, 't')!;
    const value = t.value.slice();
    new DataView(value.buffer).setUint32(0, new DataView(value.buffer).getUint32(0) + second);
    const message = encodeMessage({
      header: { ...header, dataType },
      payloads: [
        { ...t, value },
        ...payloadsOf({ payloads }, 'idr'),
        ...(withKeys ? payloadsOf({ payloads }, 'ibake') : []),
        { kind: 'v', authAlg: 0, data: new Uint8Array() },
      ],
    });
    return toBase64(message);
  }) as [string, string];
}

/** An update in an UPDATE of the caller and its answer. */
function updated([iMessage1, rMessage1]: readonly [string, string], number: number): SeenMessage[] {
  const cseq = `${number} UPDATE`;
  return [...seen(iMessage1, LEG, UPDATE, { cseq }), ...seen(rMessage1, LEG, OK, { cseq })];
}

describe('Extraction of key management from SIP', () => {
  it('R-2: finds the MIKEY message of each body with its dialog, CSB, T and identities', () => {
    const [message] = seen(I_MESSAGE_1.message);
    const { header } = decodeMessage(fromBase64(I_MESSAGE_1.message));
    expect(message).toMatchObject({
      type: 'I1',
      csbId: header.csbId,
      initiator: vector().uri.i,
      responder: vector().uri.r,
      callId: LEG.callId,
      tags: ['alice-1', 'bob-1'],
      octets: I_MESSAGE_1.message,
    });
    expect(seenCall().map(({ type }) => type)).toEqual(['I1', 'R1', 'I2', 'R2']);
  });

  it('finds it in a multipart body', () => {
    const part = `--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\na=key-mgmt:mikey ${I_MESSAGE_1.message}\r\n--b--\r\n`;
    const message = `INVITE sip:x SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n${part}`;
    expect(sightingIn(utf8(message), null, 0).mikey).toHaveLength(1);
  });

  it('passes over bodies of other types, other protocols, and MIKEY of other kinds', () => {
    const body = `a=key-mgmt:mikey ${I_MESSAGE_1.message}\r\n`;
    const plain = `MESSAGE sip:x SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nContent-Type: text/plain\r\n\r\n${body}`;
    expect(sightingIn(utf8(plain), null, 0).mikey).toEqual([]);
    expect(sightingIn(sip('INVITE sip:x SIP/2.0', LEG, null), null, 0).mikey).toEqual([]);
    const preShared = fromBase64(I_MESSAGE_1.message);
    preShared[1] = DATA_TYPE.PRE_SHARED;
    expect(seen(toBase64(preShared))).toEqual([]);
  });

  it('a MIKEY message cut short anywhere is never taken for another', () => {
    const octets = fromBase64(R_MESSAGE_2.message);
    for (let length = 0; length < octets.length; length++) {
      expect(seen(toBase64(octets.subarray(0, length))), `${length} octets`).toEqual([]);
    }
  });

  it('no SIP message, cut anywhere, makes it fail', () => {
    const [octets] = call()[0]!;
    for (let length = 0; length < octets.length; length += 7) {
      expect(sightingIn(octets.subarray(0, length), true, 0).mikey.length).toBeLessThanOrEqual(1);
    }
  });
});

describe('Exchanges', () => {
  it('the four messages make one exchange', () => {
    const [exchange, ...others] = assemble(seenCall());
    expect(others).toEqual([]);
    expect(
      [exchange!.iMessage1, exchange!.rMessage1, exchange!.iMessage2, exchange!.rMessage2].map(
        (m) => m?.octets,
      ),
    ).toEqual([I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2].map(({ message }) => message));
  });

  it.each([
    ['a 200, and answered in the ACK', OK, {}, 'ACK sip:x SIP/2.0', {}],
    [
      'a reliable 183, and answered in its PRACK',
      'SIP/2.0 183 P',
      reliable(7),
      'PRACK sip:x SIP/2.0',
      acknowledging(7),
    ],
  ])('an INVITE without an offer: the callee begins in %s', (_, offer, offered, answer, answered) => {
    const back = { ...LEG, fromTag: LEG.toTag, toTag: LEG.fromTag };
    const messages = [
      ...seen(I_MESSAGE_1.message, LEG, offer, offered),
      ...seen(R_MESSAGE_1.message, LEG, answer, answered),
      ...seen(I_MESSAGE_2.message, back, UPDATE),
      ...seen(R_MESSAGE_2.message, back, OK, { cseq: '3 UPDATE' }),
    ];
    expect(assemble(messages)[0]?.rMessage2).not.toBeNull();
    expect(assemble(messages)[0]?.standing).toBe('confirmed');
  });

  it('messages of another call, or another dialog, do not mix', () => {
    const [i1, r1, i2] = seenCall();
    const elsewhere = [
      [i1!, r1!, ...seen(I_MESSAGE_2.message, { ...LEG, toTag: 'bob-2' }, UPDATE)],
      [i1!, r1!, ...seen(I_MESSAGE_2.message, { ...LEG, callId: 'other' }, UPDATE)],
      [...seen(I_MESSAGE_1.message, { ...LEG, callId: 'other' }), r1!, i2!],
      [...seen(I_MESSAGE_1.message, { ...LEG, fromTag: 'carol' }), r1!, i2!],
    ];
    for (const messages of elsewhere) expect(assemble(messages)).toEqual([]);
  });

  it('R-67: an offer sent again after 407 is the same offer, and the refused one is none', () => {
    const initial = { ...LEG, toTag: '' };
    const again = { cseq: '2 INVITE' };
    const [first] = seen(I_MESSAGE_1.message, initial);
    const messages = [
      { ...first!, verdict: 'refused' as const },
      ...seen(I_MESSAGE_1.message, initial, 'INVITE sip:x SIP/2.0', again),
      ...seen(R_MESSAGE_1.message, LEG, OK, again),
      ...seen(I_MESSAGE_2.message, LEG, UPDATE),
    ].reduce<readonly SeenMessage[]>(addMessage, []);
    expect(assemble(messages).map(({ iMessage1 }) => iMessage1.carriage?.transaction)).toEqual([
      'alice-1 2 INVITE',
    ]);
  });

  it('the same answer in 183, 180 and 200 is one, and counts as the best of them', () => {
    const messages = [
      ...seenCall().slice(0, 1),
      ...seen(R_MESSAGE_1.message, LEG, 'SIP/2.0 180 Ringing'),
      ...seen(R_MESSAGE_1.message, LEG, OK),
      ...seen(R_MESSAGE_1.message, LEG, 'SIP/2.0 180 Ringing'),
      ...seen(I_MESSAGE_2.message, LEG, UPDATE),
    ].reduce<readonly SeenMessage[]>(addMessage, []);
    expect(messages.map(({ carriage }) => carriage?.part)).toEqual(['request', 'success', 'request']);
    expect(assemble(messages)).toHaveLength(1);
  });

  it('updates follow in order of T, complete ones alone', () => {
    const [first, second] = [update(1), update(2)];
    const [lonely] = update(3);
    const messages = [
      ...seenCall(),
      ...updated(second, 5),
      ...updated(first, 4),
      ...seen(lonely, LEG, UPDATE),
    ];
    expect(assemble(messages)).toHaveLength(1);
    expect(assemble(messages)[0]?.updates.map(([one]) => one?.iMessage1.octets)).toEqual([
      first[0],
      second[0],
    ]);
  });

  it('R-66: the answer to an update is what the update’s own transaction brought', () => {
    const [iMessage1, rMessage1] = update(1);
    const messages = [
      ...seenCall(),
      ...seen(iMessage1, LEG, UPDATE),
      ...seen(rMessage1, LEG, OK, { cseq: '4 UPDATE' }),
    ];
    expect(assemble(messages)[0]?.updates).toEqual([]);
  });
});

describe('What two parties who collude can make of a call', () => {
  /** Alike in all but their octets. */
  const alike = (message: SeenMessage, count: number, onLook: () => void): SeenMessage[] =>
    Array.from({ length: count }, (_, number) => {
      const { carriage } = message;
      return Object.defineProperty({ ...message, octets: `${message.octets}${number}` }, 'carriage', {
        enumerable: true,
        get: () => {
          onLook();
          return carriage;
        },
      });
    });

  it('R-66: is bounded in number, in the order of their coming, and in work', () => {
    let looks = 0;
    const [iMessage1, rMessage1, iMessage2] = seenCall() as [SeenMessage, SeenMessage, SeenMessage];
    const messages = [
      ...alike(iMessage1, 60, () => looks++),
      ...alike(rMessage1, 120, () => looks++),
      ...alike(iMessage2, 60, () => looks++),
    ];
    const contenders = assemble(messages);
    expect(contenders).toHaveLength(64);
    const numbers = contenders.map((one) => {
      return [one.rMessage1, one.iMessage1, one.iMessage2].map(({ octets }) =>
        Number(octets.split('=').pop()),
      );
    });
    expect(numbers.slice(0, 61).map(String)).toEqual([
      ...Array.from({ length: 60 }, (_, at) => `0,0,${at}`),
      '0,1,0',
    ]);
    // Of 432,000 combinations.
    expect(looks).toBeLessThan(1_000_000);
  });

  it('R-66: hides nothing of what lies open behind what does not', () => {
    const [iMessage1, rMessage1, iMessage2] = seenCall() as [SeenMessage, SeenMessage, SeenMessage];
    const hidden = (message: SeenMessage): SeenMessage[] =>
      alike({ ...message, carriage: { ...message.carriage!, plain: false } }, 60, () => undefined);
    const messages = [iMessage1, rMessage1, iMessage2].flatMap((one) => [...hidden(one), one]);
    expect(assemble(messages)[0]).toMatchObject({ iMessage1, rMessage1, iMessage2 });
  });
});

describe('Key session', () => {
  it('R-66: a question about an update carries the update, and what it rests on alone', () => {
    let session = withSighting(newSession('x', 'c'), keysAlone(seenCall()), [], 0);
    const [added, keyed, again, later] = [update(1), update(2, true), update(3, true), update(4)];
    for (const [at, octets] of [added, keyed, again, later].entries())
      session = withSighting(session, keysAlone(updated(octets, 4 + at)), [], 0);
    const questions = openOnes(session).map((question) => questionOf(session, question, []));
    expect(
      questions.map((question) => question?.updates.map(({ rMessage1 }) => toBase64(rMessage1))),
    ).toEqual([[], [added[1]], [keyed[1]], [again[1]], [again[1], later[1]]]);
  });

  it('R-66: every update of many is asked about, and what they leave is bounded', () => {
    let session = withSighting(newSession('x', 'c'), keysAlone(seenCall()), [], 0);
    let asked = 0;
    for (let at = 0; at <= 200; at++) {
      for (const { id } of openOnes(session)) {
        asked++;
        session = withQuestion(session, id, { state: 'answered', verified: true }, 0);
      }
      if (at < 200) session = withSighting(session, keysAlone(updated(update(1 + at, true), 4 + at)), [], 0);
      // At each turn: what grows without bound takes ever longer, too.
      expect(session.messages.length).toBeLessThan(20);
      expect(session.questions.length).toBeLessThan(80);
    }
    expect(asked).toBe(201);
    expect(session.unasked ?? []).toEqual([]);
  });

  it('survives the store', async () => {
    const session = withSighting(
      newSession('x', 'c'),
      keysAlone(seenCall()),
      [{ name: 'sipUri', value: 'sip:a@b' }],
      0,
    );
    const store = await SqliteDfStore.open(':memory:');
    await store.commit({ ...NOTHING, keySessions: [{ session, lastSeen: 1 }] });
    expect((await store.load()).keySessions).toEqual([{ session, lastSeen: 1 }]);
    await store.close();
  });

  it('the target is found by name, in canonical form, also with a device', () => {
    const session = withSighting(newSession('x', 'c'), keysAlone(seenCall()), [], 0);
    const [question] = openOnes(session);
    const party = (value: string) =>
      questionOf(session, question!, [{ name: 'sipUri', value }])?.targetKmsIdentity;
    expect(party(vector().uri.r.replace('sip:', 'sips:'))).toBe(vector().uri.r);
    expect(party(vector().uri.i)).toBe(vector().uri.i);
    expect(party('tel:+4930123456')).toBe(vector().uri.i);
  });

  it('R-66: a caller who sends messages without end fills nothing', () => {
    let session = newSession('x', 'c');
    const base = fromBase64(I_MESSAGE_1.message);
    for (let csb = 0; csb < 400; csb++) {
      base.set(fromHex(csb.toString(16).padStart(8, '0')), 4);
      session = withSighting(session, keysAlone(seen(toBase64(base))), [], 0);
      expect(session.messages.length).toBeLessThanOrEqual(256);
    }
    for (const message of seenCall()) session = withSighting(session, keysAlone([message]), [], 0);
    expect(session.messages.length).toBeLessThanOrEqual(256);
    expect(openOnes(session)).toHaveLength(1);
  });
});
