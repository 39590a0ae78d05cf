import { describe, expect, it } from 'vitest';
import { fromBase64, fromHex, toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { addMessage, assemble } from '../../../src/entities/df/exchanges.ts';
import { sightingIn } from '../../../src/entities/df/extraction.ts';
import type { SeenMessage, Sighting } from '../../../src/entities/df/extraction.ts';
import { newSession, openOnes, questionOf, withSighting } from '../../../src/entities/df/key-session.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../../src/mikey/message.ts';
import { SqliteDfStore } from '../../../src/entities/df/store/sqlite.ts';
import { DATA_TYPE } from '../../../src/mikey/registry.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { NOTHING } from './store/compliance.ts';
import type { Leg } from './support.ts';
import { call, LEG, sip, vector } from './support.ts';

const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = vector().messages;

function seen(mikey: string, leg: Leg = LEG): readonly SeenMessage[] {
  return sightingIn(sip('INVITE sip:x SIP/2.0', leg, mikey), true, 5).mikey;
}

function seenCall(): SeenMessage[] {
  return call().flatMap(
    ([octets, direction]) => sightingIn(octets, direction === DIRECTION.fromTarget, 5).mikey,
  );
}

function keysAlone(mikey: readonly SeenMessage[]): Sighting {
  return { mikey, media: { party: null, agreed: null } };
}

/** The two messages of a CSB update without IBAKE, T later than that of the exchange (RFC 6267 section 5.3). */
function update(second: number): [string, string] {
  return [DATA_TYPE.I_MESSAGE_1, DATA_TYPE.R_MESSAGE_1].map((dataType) => {
    const { header, payloads } = decodeMessage(fromBase64(R_MESSAGE_1.message));
    const t = onlyPayload({ payloads }, 't')!;
    const value = t.value.slice();
    value[3]! += second;
    const message = encodeMessage({
      header: { ...header, dataType },
      payloads: [
        { ...t, value },
        ...payloadsOf({ payloads }, 'idr'),
        { kind: 'v', authAlg: 0, data: new Uint8Array() },
      ],
    });
    return toBase64(message);
  }) as [string, string];
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
    const message = `INVITE sip:x SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n${part}`;
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

  it('an offerless INVITE: the answerer of the INVITE is the initiator, and requests go both ways', () => {
    const back = { ...LEG, fromTag: LEG.toTag, toTag: LEG.fromTag };
    const messages = [
      ...seen(I_MESSAGE_1.message),
      ...seen(R_MESSAGE_1.message),
      ...seen(I_MESSAGE_2.message, back),
      ...seen(R_MESSAGE_2.message, back),
    ];
    expect(assemble(messages)[0]?.rMessage2).not.toBeNull();
  });

  it('messages of another call, or another dialog, do not mix', () => {
    const [i1, r1, i2] = seenCall();
    const elsewhere = [
      [i1!, r1!, ...seen(I_MESSAGE_2.message, { ...LEG, toTag: 'bob-2' })],
      [i1!, r1!, ...seen(I_MESSAGE_2.message, { ...LEG, callId: 'other' })],
      [...seen(I_MESSAGE_1.message, { ...LEG, callId: 'other' }), r1!, i2!],
      [...seen(I_MESSAGE_1.message, { ...LEG, fromTag: 'carol' }), r1!, i2!],
    ];
    for (const messages of elsewhere) expect(assemble(messages)).toEqual([]);
  });

  it('an offer sent again after 401 is the same offer', () => {
    const messages = [...seenCall(), ...seen(I_MESSAGE_1.message, { ...LEG, toTag: '' })].reduce<
      readonly SeenMessage[]
    >(addMessage, []);
    expect(messages).toHaveLength(4);
    expect(assemble(messages)).toHaveLength(1);
  });

  it('updates follow in order of T, complete ones alone', () => {
    const [i1, r1] = update(2);
    const [i2, r2] = update(1);
    const [lonely] = update(3);
    const messages = [...seenCall(), ...[i1, r1, i2, r2, lonely].flatMap((octets) => seen(octets))];
    expect(assemble(messages)).toHaveLength(1);
    expect(assemble(messages)[0]?.updates.map((one) => one.iMessage1.octets)).toEqual([i2, i1]);
  });
});

describe('Key session', () => {
  it('each update opens a question that has all updates up to it', () => {
    const [first, second] = [update(1), update(2)];
    let session = withSighting(newSession('x', 'c'), keysAlone(seenCall()), [], 0);
    for (const octets of [...first, ...second])
      session = withSighting(session, keysAlone(seen(octets)), [], 0);
    const questions = openOnes(session).map((question) => questionOf(session, question, []));
    expect(
      questions.map((question) => question?.updates.map(({ rMessage1 }) => toBase64(rMessage1))),
    ).toEqual([[], [first[1]], [first[1], second[1]]]);
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

  it('a caller who sends messages without end fills nothing', () => {
    let session = newSession('x', 'c');
    const base = fromBase64(I_MESSAGE_1.message);
    for (let csb = 0; csb < 400; csb++) {
      base.set(fromHex(csb.toString(16).padStart(8, '0')), 4);
      session = withSighting(session, keysAlone(seen(toBase64(base))), [], 0);
    }
    for (const message of seenCall()) session = withSighting(session, keysAlone([message]), [], 0);
    expect(session.messages.length).toBeLessThanOrEqual(256);
    expect(openOnes(session)).toHaveLength(1);
  });
});
