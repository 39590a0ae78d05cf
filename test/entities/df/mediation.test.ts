import { describe, expect, it } from 'vitest';
import { fromBase64, toHex, utf8 } from '../../../src/bytes/octets.ts';
import { HOLD_MS } from '../../../src/entities/df/question-plan.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../../src/wire/x2x3/pdu.ts';
import { byEachEngine, kinds, numbersOf, start } from './delivery-function.ts';
import {
  call,
  handedOver,
  keysOf,
  LEG,
  LEMF,
  LEMF_2,
  sip,
  START,
  task,
  vector,
  XID,
  XID_2,
} from './support.ts';
import { settle } from '../../support/manual-clock.ts';

describe('Mediation of signalling', () => {
  byEachEngine((start) => {
    it('R-1 R-31: each SIP message becomes a record, octet for octet, with LIID, CIN, time, direction and target', async () => {
      const { mediation, poi, store } = await start();
      const [invite, progress] = call();
      await mediation.accept([poi.x2(invite!), poi.x2(progress!)]);
      const [first, second] = await handedOver(store);
      expect(first).toMatchObject({
        kind: 'sip-message',
        liid: 'LIID-1',
        cin: 1,
        sequenceNumber: 0,
        time: START,
        direction: 'fromTarget',
        observed: [{ name: 'sipUri', value: vector().uri.i }],
        sip: toHex(invite![0]),
      });
      expect(second).toMatchObject({
        cin: 1,
        sequenceNumber: 1,
        direction: 'toTarget',
        sip: toHex(progress![0]),
      });
      expect(first?.correlation).toBe(second?.correlation);
    });

    it('R-7 R-8 R-13 R-32: the keys go to the LEMF, one record for each, with the correlation of the call', async () => {
      const { mediation, poi, store, settled } = await start();
      await mediation.accept(call().map((step) => poi.x2(step)));
      await settled();
      const records = await handedOver(store);
      const { cryptoSessions } = vector().keys;
      const keys = records.filter((record) => record.kind === 'keys-available');
      expect(keys.map((record) => record.keyInfo)).toEqual(
        cryptoSessions.map(({ csId, tek, salt }) => ({ csId, key: tek, salt })),
      );
      for (const record of keys) {
        expect(record).toMatchObject({ liid: 'LIID-1', cin: 1, correlation: records[0]?.correlation });
        expect(record.observed).toEqual([{ name: 'sipUri', value: vector().uri.i }]);
      }
      expect(numbersOf(records, 'hi2')).toEqual([0, 1, 2, 3, 4, 5]);
    });
  });

  it('R-2 R-4: the MIKEY messages go to the KMS as table 7B.7.2.1 says, for the target', async () => {
    const { mediation, poi, kms } = await start();
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
    const { messages, uri } = vector();
    expect(kms.asked).toEqual([
      {
        targetKmsIdentity: uri.i,
        xid: XID,
        iMessage1: fromBase64(messages.I_MESSAGE_1.message),
        rMessage1: fromBase64(messages.R_MESSAGE_1.message),
        iMessage2: fromBase64(messages.I_MESSAGE_2.message),
        rMessage2: fromBase64(messages.R_MESSAGE_2.message),
        updates: [],
        midCall: false,
      },
    ]);
  });

  it('R-2: the KMS is asked as soon as I_MESSAGE_2 is there, and has been answered', async () => {
    const { mediation, poi, kms } = await start();
    const [invite, progress, prack, ok] = call().map((step) => poi.x2(step));
    await mediation.accept([invite!, progress!]);
    await settle();
    expect(kms.asked).toHaveLength(0);
    await mediation.accept([prack!]);
    await settle();
    expect(kms.asked).toHaveLength(0);
    await mediation.accept([ok!]);
    await settle();
    expect(kms.asked).toHaveLength(1);
  });

  it('R-67: an answer that does not come is not waited for long, and R_MESSAGE_2 is not either', async () => {
    const { mediation, poi, kms, clock } = await start();
    await mediation.accept(
      call()
        .slice(0, 3)
        .map((step) => poi.x2(step)),
    );
    await clock.pass(HOLD_MS - 1);
    expect(kms.asked).toHaveLength(0);
    await clock.pass(1);
    expect(kms.asked.map(({ rMessage2 }) => rMessage2)).toEqual([null]);
  });

  it('R-9: a responder is the target by what the POI matched, and its own KMS alone is asked', async () => {
    const { mediation, poi, kms, tasks } = await start();
    tasks.known.set(XID, { ...task(XID, 'LIID-1'), targets: [{ name: 'telUri', value: 'tel:+4912345' }] });
    const mirrored = call().map(([octets, direction]) => {
      const step = poi.x2([
        octets,
        direction === DIRECTION.fromTarget ? DIRECTION.toTarget : DIRECTION.fromTarget,
      ]);
      const attributes = step.pdu.attributes.map((attribute) =>
        attribute.type === 17 ? { ...attribute, value: '<telUri>tel:+4912345</telUri>' } : attribute,
      );
      return { ...step, pdu: { ...step.pdu, attributes: attributes as typeof step.pdu.attributes } };
    });
    await mediation.accept(mirrored);
    await settle();
    expect(kms.asked.map((question) => question.targetKmsIdentity)).toEqual([vector().uri.r]);
  });

  it('early dialogs of a forked call are apart, each with its own question', async () => {
    const { mediation, poi, kms } = await start();
    const [, progress, ...rest] = call({ ...LEG, toTag: 'bob-2' });
    const own = call();
    await mediation.accept([...own.slice(0, 2), progress!, ...own.slice(2)].map((step) => poi.x2(step)));
    await settle();
    expect(kms.asked).toHaveLength(1);
    await mediation.accept(rest.map((step) => poi.x2(step)));
    await settle();
    expect(kms.asked).toHaveLength(2);
  });

  it('R-50: retransmissions are handed over, and ask nothing twice', async () => {
    const { mediation, poi, kms, store } = await start();
    const steps = [...call(), ...call()];
    await mediation.accept(steps.map((step) => poi.x2(step)));
    await settle();
    expect(kms.asked).toHaveLength(1);
    expect((await handedOver(store)).filter((record) => record.kind === 'sip-message')).toHaveLength(8);
  });

  it('the order in which the messages come does not matter', async () => {
    const { mediation, poi, kms } = await start();
    await mediation.accept(
      call()
        .toReversed()
        .map((step) => poi.x2(step)),
    );
    await settle();
    expect(kms.asked).toHaveLength(1);
  });

  it('a decoy I_MESSAGE_2 does not hide the real one', async () => {
    const { mediation, poi, kms, store } = await start();
    const [invite, progress, ...rest] = call();
    const decoy = fromBase64(vector().messages.I_MESSAGE_2.message);
    decoy[decoy.length - 1]! ^= 1;
    kms.answer = (question) =>
      toHex(question.iMessage2!) === toHex(decoy)
        ? { failureIndication: 'messages-inconsistent' }
        : keysOf(vector());
    const fake = sip('UPDATE sip:x SIP/2.0', LEG, Buffer.from(decoy).toString('base64'));
    await mediation.accept(
      [invite!, progress!, [fake, DIRECTION.fromTarget] as const, ...rest].map((step) => poi.x2(step)),
    );
    await settle();
    expect(kinds(await handedOver(store))).toContain('keys-available');
  });

  it('an answer that could not be verified is asked for again with R_MESSAGE_2, and the same keys go once', async () => {
    const { mediation, poi, kms, store, clock } = await start();
    kms.answer = (question) => keysOf(vector(), question.rMessage2 !== null);
    const [invite, progress, prack, ok] = call().map((step) => poi.x2(step));
    await mediation.accept([invite!, progress!, prack!]);
    await clock.pass(HOLD_MS);
    await mediation.accept([ok!]);
    await settle();
    expect(kms.asked.map((question) => question.rMessage2 !== null)).toEqual([false, true]);
    const count = vector().keys.cryptoSessions.length;
    expect((await handedOver(store)).filter((record) => record.kind === 'keys-available')).toHaveLength(
      count,
    );
  });

  it('signalling that is no SIP, and SIP that cannot be read, are handed over without keys', async () => {
    const { mediation, poi, kms, store } = await start();
    await mediation.accept([poi.x2([utf8('\0 no SIP at all'), DIRECTION.toTarget])]);
    await mediation.accept([poi.x2([sip('INVITE sip:x SIP/2.0', LEG, 'AQID'), DIRECTION.toTarget])]);
    await settle();
    expect(await handedOver(store)).toHaveLength(2);
    expect(kms.asked).toHaveLength(0);
  });
});

describe('Mediation of content', () => {
  const packet = (n: number): Uint8Array => Uint8Array.of(0x80, 8, 0, n, 1, 2, 3, 4);

  it('R-13: content goes byte for byte as intercepted, under the LIID and CIN of the signalling', async () => {
    const { mediation, poi, store } = await start();
    await mediation.accept([poi.x2(call()[0]!), poi.x3(packet(1)), poi.x3(packet(2), DIRECTION.fromTarget)]);
    const [iri, first, second] = await handedOver(store);
    expect(first).toMatchObject({
      kind: 'cc',
      content: toHex(packet(1)),
      direction: 'toTarget',
      streamIdentifier: '127.0.0.1:4000>',
    });
    expect(second).toMatchObject({ content: toHex(packet(2)), direction: 'fromTarget' });
    expect(new Set([iri?.cin, first?.cin, second?.cin]).size).toBe(1);
    expect([iri, first, second].map((record) => record?.sequenceNumber)).toEqual([0, 0, 1]);
  });

  it('content that comes before its signalling is not lost', async () => {
    const { mediation, poi, store } = await start();
    await mediation.accept([poi.x3(packet(1))]);
    await mediation.accept([poi.x2(call()[0]!)]);
    const records = await handedOver(store);
    expect(kinds(records)).toEqual(['cc', 'sip-message']);
    expect(records.map(({ cin }) => cin)).toEqual([1, 1]);
  });

  it('R-53: every stream of a call goes, not the first alone', async () => {
    const { mediation, poi, store } = await start();
    const streams = [1, 2, 3].map((ssrc) => Uint8Array.of(0x80, 8, 0, 1, 0, 0, 0, ssrc));
    await mediation.accept(streams.map((stream) => poi.x3(stream)));
    expect((await handedOver(store)).map((record) => record.content)).toEqual(streams.map(toHex));
  });

  it('another call gets another CIN, and numbers of its own', async () => {
    const { mediation, poi, store } = await start();
    await mediation.accept([
      poi.x3(packet(1)),
      poi.x3(packet(2), 2, XID, 'call-2'),
      poi.x3(packet(3), 2, XID, 'call-2'),
    ]);
    expect((await handedOver(store)).map(({ cin, sequenceNumber }) => [cin, sequenceNumber])).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
    ]);
  });

  it('a format that nobody can use is reported', async () => {
    const { mediation, poi, store, issues } = await start();
    const strange = poi.x3(packet(1));
    await mediation.accept([{ ...strange, pdu: { ...strange.pdu, payloadFormat: PAYLOAD_FORMAT.radius } }]);
    expect(await handedOver(store)).toEqual([]);
    expect(issues.log).toHaveLength(1);
  });
});

describe('Warrants', () => {
  byEachEngine((start) => {
    it('R-36 R-52: two warrants on one call both get everything, each under its own LIID, numbers and destination', async () => {
      const second = task(XID_2, 'LIID-2', { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] });
      const { mediation, poi, store, kms, settled } = await start([task(XID, 'LIID-1'), second]);
      for (const step of call()) await mediation.accept([poi.x2(step), poi.x2(step, XID_2)]);
      await mediation.accept([poi.x3(new Uint8Array(12)), poi.x3(new Uint8Array(12), 2, XID_2)]);
      await settled();
      expect(kms.asked.map((question) => question.xid).toSorted()).toEqual([XID, XID_2]);
      const [one, two] = [await handedOver(store, LEMF), await handedOver(store, LEMF_2)];
      expect(new Set(one.map((record) => record.liid))).toEqual(new Set(['LIID-1']));
      expect(new Set(two.map((record) => record.liid))).toEqual(new Set(['LIID-2']));
      expect(kinds(two).toSorted()).toEqual(kinds(one).toSorted());
      for (const records of [one, two]) {
        expect(numbersOf(records, 'hi2')).toEqual([0, 1, 2, 3, 4, 5]);
        expect(numbersOf(records, 'hi3')).toEqual([0]);
      }
    });

    it('R-36: two warrants of one task, and two destinations of one warrant', async () => {
      const base = task(XID, 'LIID-1').mediations[0]!;
      const both = {
        ...base,
        destinations: [...base.destinations, { did: LEMF_2, delivers: 'HI3Only' as const }],
      };
      const { mediation, poi, store } = await start([
        { ...task(XID, 'LIID-1'), mediations: [both, { ...base, liid: 'LIID-2' }] },
      ]);
      await mediation.accept([poi.x2(call()[0]!), poi.x3(new Uint8Array(12))]);
      expect((await handedOver(store, LEMF)).map(({ liid, kind }) => `${liid} ${kind}`)).toEqual([
        'LIID-1 sip-message',
        'LIID-2 sip-message',
        'LIID-1 cc',
        'LIID-2 cc',
      ]);
      expect(kinds(await handedOver(store, LEMF_2))).toEqual(['cc']);
    });

    it('one LIID with several entries and destinations numbers each record once', async () => {
      const base = task(XID, 'LIID-1').mediations[0]!;
      const other = { ...base, destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' as const }] };
      const { mediation, poi, store, settled } = await start([
        { ...task(XID, 'LIID-1'), mediations: [base, other] },
      ]);
      await mediation.accept(call().map((step) => poi.x2(step)));
      await settled();
      for (const did of [LEMF, LEMF_2]) {
        expect(numbersOf(await handedOver(store, did), 'hi2')).toEqual([0, 1, 2, 3, 4, 5]);
      }
    });
  });

  it('a warrant for intercept related information alone gets neither content nor keys', async () => {
    const { mediation, poi, store, kms } = await start([task(XID, 'LIID-1', { delivers: 'HI2Only' })]);
    await mediation.accept(call().map((step) => poi.x2(step)));
    await mediation.accept([poi.x3(new Uint8Array(12))]);
    await settle();
    expect(kms.asked).toHaveLength(0);
    expect(kinds(await handedOver(store))).toEqual(Array(4).fill('sip-message'));
  });

  it('R-35: of a task with several warrants, the one for intercept related information alone gets no keys', async () => {
    const both = task(XID, 'WITH-CONTENT');
    const [iri] = task(XID, 'IRI-ALONE', { delivers: 'HI2Only' }).mediations;
    const { mediation, poi, store } = await start([{ ...both, mediations: [iri!, ...both.mediations] }]);
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
    const keysFor = (liid: string) =>
      handedOver(store).then((all) =>
        all.filter((one) => one.liid === liid && one.kind === 'keys-available'),
      );
    expect(await keysFor('WITH-CONTENT')).toHaveLength(2);
    expect(await keysFor('IRI-ALONE')).toEqual([]);
  });

  it('R-31: what is mediated late counts at the time of its event, for the record and for the warrant', async () => {
    const { mediation, poi, store, clock } = await start([
      task(XID, 'IN-FORCE-THEN', { start: START, end: START + 1000 }),
      task(XID_2, 'IN-FORCE-NOW', { start: START + 2000, end: START + 9000 }),
    ]);
    const [invite] = call();
    const late = [
      poi.x2(invite!),
      poi.x2(invite!, XID_2),
      poi.x3(Uint8Array.of(1)),
      poi.x3(Uint8Array.of(1), DIRECTION.toTarget, XID_2),
    ];
    await clock.pass(5000);
    await mediation.accept(late);
    const records = await handedOver(store);
    expect(records.map(({ kind, liid, time }) => [kind, liid, time])).toEqual([
      ['sip-message', 'IN-FORCE-THEN', START],
      ['cc', 'IN-FORCE-THEN', START],
    ]);
  });

  it('outside its validity a warrant gets nothing', async () => {
    const { mediation, poi, store, clock } = await start([
      task(XID, 'LIID-1', { start: START + 1000, end: START + 2000 }),
    ]);
    await mediation.accept([poi.x3(Uint8Array.of(1))]);
    await clock.pass(1000);
    await mediation.accept([poi.x3(Uint8Array.of(2))]);
    await clock.pass(1000);
    await mediation.accept([poi.x3(Uint8Array.of(3))]);
    expect((await handedOver(store)).map((record) => record.content)).toEqual(['02']);
  });
});
