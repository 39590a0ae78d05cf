import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { fromBase64, toHex, utf8 } from '../../src/bytes/octets.ts';
import { KeyRequests } from '../../src/df/key-requests.ts';
import type { KeyRequestTiming } from '../../src/df/key-requests.ts';
import { Mediation } from '../../src/df/mediation.ts';
import type { MediationOptions } from '../../src/df/mediation.ts';
import type { DfTask } from '../../src/df/ports.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../src/li/wire/x2x3/pdu.ts';
import { SqliteDfStore } from '../../src/stores/df.ts';
import type { PlainRecord } from './support.ts';
import {
  call,
  encodeForTest,
  handedOver,
  Issues,
  keysOf,
  LEG,
  LEMF,
  LEMF_2,
  settle,
  sip,
  silent,
  START,
  task,
  Tasks,
  TestClock,
  TestKms,
  TestPoi,
  vector,
  XID,
  XID_2,
} from './support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-'));
afterAll(() => rmSync(folder, { recursive: true }));
let databases = 0;

interface Df {
  readonly clock: TestClock;
  readonly kms: TestKms;
  readonly tasks: Tasks;
  readonly issues: Issues;
  readonly poi: TestPoi;
  store: SqliteDfStore;
  mediation: Mediation;
  requests: KeyRequests;
  /** As if the process had been killed: a new one on the same file. */
  kill(): Promise<void>;
}

const running: Df[] = [];
afterEach(async () => {
  for (const df of running.splice(0)) await df.store.close();
});

async function start(
  tasks: readonly DfTask[] = [task(XID, 'LIID-1')],
  options: Partial<MediationOptions> = {},
  timing: KeyRequestTiming = {},
): Promise<Df> {
  const file = path.join(folder, `df-${++databases}.sqlite`);
  const clock = new TestClock();
  const parts = { clock, kms: new TestKms(), tasks: new Tasks(...tasks), issues: new Issues() };
  const open = async () => {
    const store = new SqliteDfStore(file);
    const held: { requests: KeyRequests | null } = { requests: null };
    const early: Parameters<KeyRequests['start']>[] = [];
    const mediation = await Mediation.open(
      {
        store,
        tasks: parts.tasks,
        encode: encodeForTest,
        issues: parts.issues,
        clock,
        logger: silent,
        ...options,
      },
      (session, question) =>
        held.requests === null
          ? void early.push([session, question])
          : held.requests.start(session, question),
    );
    const requests = new KeyRequests(mediation, parts.kms, { clock, logger: silent, timing });
    held.requests = requests;
    for (const [session, question] of early) requests.start(session, question);
    return { store, mediation, requests };
  };
  const df: Df = {
    ...parts,
    poi: new TestPoi(clock),
    ...(await open()),
    kill: async () => {
      await df.requests.stop();
      await df.mediation.stop();
      await df.store.close();
      Object.assign(df, await open());
    },
  };
  running.push(df);
  return df;
}

function kinds(records: readonly PlainRecord[]): string[] {
  return records.map((record) => record.kind);
}

function numbersOf(records: readonly PlainRecord[], reference: 'hi2' | 'hi3'): number[] {
  return records
    .filter((record) => (record.kind === 'cc') === (reference === 'hi3'))
    .map((record) => record.sequenceNumber);
}

describe('Mediation of signalling', () => {
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

  it('R-2: the KMS is asked as soon as I_MESSAGE_2 is there', async () => {
    const { mediation, poi, kms } = await start();
    const [invite, progress, prack] = call().map((step) => poi.x2(step));
    await mediation.accept([invite!, progress!]);
    await settle();
    expect(kms.asked).toHaveLength(0);
    await mediation.accept([prack!]);
    await settle();
    expect(kms.asked).toHaveLength(1);
    expect(kms.asked[0]?.rMessage2).toBeNull();
  });

  it('R-7 R-8 R-13 R-32: the keys go to the LEMF, one record for each, with the correlation of the call', async () => {
    const { mediation, poi, store } = await start();
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
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
    const [invite, progress, prack] = call();
    const other = { ...LEG, toTag: 'bob-2' };
    const { R_MESSAGE_1 } = vector().messages;
    await mediation.accept([poi.x2(invite!), poi.x2(progress!)]);
    await mediation.accept([
      poi.x2([sip('SIP/2.0 183 Session Progress', other, R_MESSAGE_1.message), DIRECTION.toTarget]),
    ]);
    await mediation.accept([poi.x2(prack!)]);
    await settle();
    expect(kms.asked).toHaveLength(1);
    await mediation.accept([
      poi.x2([
        sip('PRACK sip:x SIP/2.0', other, vector().messages.I_MESSAGE_2.message),
        DIRECTION.fromTarget,
      ]),
    ]);
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
    const [invite, progress, prack] = call();
    const decoy = fromBase64(vector().messages.I_MESSAGE_2.message);
    decoy[decoy.length - 1]! ^= 1;
    kms.answer = (question) =>
      toHex(question.iMessage2!) === toHex(decoy)
        ? { failureIndication: 'messages-inconsistent' }
        : keysOf(vector());
    const fake = sip('PRACK sip:x SIP/2.0', LEG, Buffer.from(decoy).toString('base64'));
    await mediation.accept(
      [invite!, progress!, [fake, DIRECTION.fromTarget] as const, prack!].map((step) => poi.x2(step)),
    );
    await settle();
    expect(kinds(await handedOver(store))).toContain('keys-available');
  });

  it('an answer that could not be verified is asked for again with R_MESSAGE_2, and the same keys go once', async () => {
    const { mediation, poi, kms, store } = await start();
    kms.answer = (question) => keysOf(vector(), question.rMessage2 !== null);
    const [invite, progress, prack, ok] = call().map((step) => poi.x2(step));
    await mediation.accept([invite!, progress!, prack!]);
    await settle();
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

describe('Keys that do not come (R-30)', () => {
  it('R-30: a failure indication becomes a failure record', async () => {
    const { mediation, poi, kms, store, clock } = await start();
    kms.answer = () => ({ failureIndication: 'endpoint-not-compliant' });
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(60_000);
    expect(kms.asked).toHaveLength(1);
    expect(kinds(await handedOver(store)).filter((kind) => kind !== 'sip-message')).toEqual(['key-failure']);
  });

  it('R-30: when the timer ends the failure record goes out once; keys that come later still go', async () => {
    const { mediation, poi, kms, store, clock } = await start([task(XID, 'LIID-1')], {}, { timerMs: 4_000 });
    kms.answer = () => {
      throw new Error('connection refused');
    };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(3_900);
    expect(kinds(await handedOver(store))).not.toContain('key-failure');
    expect(kms.asked.length).toBeGreaterThan(3);
    await clock.pass(30_000);
    expect(kinds(await handedOver(store)).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    kms.answer = () => keysOf(vector());
    await clock.pass(10_000);
    const keys = (await handedOver(store)).filter((record) => record.kind === 'keys-available');
    expect(keys).toHaveLength(vector().keys.cryptoSessions.length);
  });

  it('temporarily-unavailable is asked again', async () => {
    const { mediation, poi, kms, store, clock } = await start();
    let busy = 3;
    kms.answer = () => (busy-- > 0 ? { failureIndication: 'temporarily-unavailable' } : keysOf(vector()));
    await mediation.accept(call().map((step) => poi.x2(step)));
    await clock.pass(5_000);
    expect(kms.asked).toHaveLength(4);
    expect(kinds(await handedOver(store))).not.toContain('key-failure');
    expect(kinds(await handedOver(store))).toContain('keys-available');
  });

  it('a question that was open when the DF was killed is put again, with its timer', async () => {
    const df = await start([task(XID, 'LIID-1')], {}, { timerMs: 4_000 });
    df.kms.answer = () => {
      throw new Error('connection refused');
    };
    await df.mediation.accept(call().map((step) => df.poi.x2(step)));
    await df.clock.pass(2_000);
    await df.kill();
    await df.clock.pass(2_500);
    expect(kinds(await handedOver(df.store)).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    await df.kill();
    df.kms.answer = () => keysOf(vector());
    await df.clock.pass(20_000);
    const records = await handedOver(df.store);
    expect(kinds(records).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    expect(kinds(records).filter((kind) => kind === 'keys-available')).toHaveLength(
      vector().keys.cryptoSessions.length,
    );
    const asked = df.kms.asked.length;
    await df.kill();
    await df.clock.pass(20_000);
    expect(df.kms.asked).toHaveLength(asked);
  });

  it('a task that was taken back gets no keys', async () => {
    const { mediation, poi, kms, store, clock, tasks } = await start();
    kms.answer = () => {
      throw new Error('connection refused');
    };
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
    tasks.known.delete(XID);
    kms.answer = () => keysOf(vector());
    await clock.pass(30_000);
    expect(kinds(await handedOver(store))).toEqual(Array(4).fill('sip-message'));
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
  it('R-36 R-52: two warrants on one call both get everything, each under its own LIID, numbers and destination', async () => {
    const second = task(XID_2, 'LIID-2', { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] });
    const { mediation, poi, store, kms } = await start([task(XID, 'LIID-1'), second]);
    for (const step of call()) await mediation.accept([poi.x2(step), poi.x2(step, XID_2)]);
    await mediation.accept([poi.x3(new Uint8Array(12)), poi.x3(new Uint8Array(12), 2, XID_2)]);
    await settle();
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
    const { mediation, poi, store } = await start([{ ...task(XID, 'LIID-1'), mediations: [base, other] }]);
    await mediation.accept(call().map((step) => poi.x2(step)));
    await settle();
    for (const did of [LEMF, LEMF_2]) {
      expect(numbersOf(await handedOver(store, did), 'hi2')).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it('a warrant for intercept related information alone gets neither content nor keys', async () => {
    const { mediation, poi, store, kms } = await start([task(XID, 'LIID-1', { delivers: 'HI2Only' })]);
    await mediation.accept(call().map((step) => poi.x2(step)));
    await mediation.accept([poi.x3(new Uint8Array(12))]);
    await settle();
    expect(kms.asked).toHaveLength(0);
    expect(kinds(await handedOver(store))).toEqual(Array(4).fill('sip-message'));
  });

  it('outside its validity a warrant gets nothing', async () => {
    const { mediation, poi, store } = await start([
      task(XID, 'LIID-1', { start: START + 1000, end: START + 2000 }),
    ]);
    const clock = running.at(-1)!.clock;
    await mediation.accept([poi.x3(Uint8Array.of(1))]);
    await clock.pass(1000);
    await mediation.accept([poi.x3(Uint8Array.of(2))]);
    await clock.pass(1000);
    await mediation.accept([poi.x3(Uint8Array.of(3))]);
    expect((await handedOver(store)).map((record) => record.content)).toEqual(['02']);
  });

  it('PDUs that come before their task wait for it, in order, over a restart', async () => {
    const df = await start([]);
    const steps = call().map((step) => df.poi.x2(step));
    await df.mediation.accept(steps.slice(0, 2));
    await df.kill();
    expect(await handedOver(df.store)).toEqual([]);
    df.tasks.known.set(XID, task(XID, 'LIID-1'));
    await df.mediation.accept(steps.slice(2));
    await df.mediation.tasksChanged();
    await settle();
    const records = (await handedOver(df.store)).filter((record) => record.kind === 'sip-message');
    expect(records.map((record) => record.sip)).toEqual(steps.map(({ pdu }) => toHex(pdu.payload)));
    expect(df.kms.asked).toHaveLength(1);
  });

  it('PDUs whose task never comes are dropped with a report', async () => {
    const { mediation, poi, issues, clock, store } = await start([], { holdMs: 1_000, holdMost: 2 });
    for (let i = 0; i < 3; i++) await mediation.accept([poi.x3(Uint8Array.of(i))]);
    expect(issues.log).toHaveLength(1);
    await clock.pass(120_000);
    expect(issues.log).toHaveLength(3);
    expect((await store.load()).held).toEqual([]);
  });
});

describe('Loss and copies', () => {
  it('what a POI sends again after a reconnect is known and dropped', async () => {
    const { mediation, poi, store } = await start();
    const pdus = [1, 2, 3, 4].map((n) => poi.x3(Uint8Array.of(n)));
    await mediation.accept(pdus.slice(0, 3));
    await mediation.accept(pdus.slice(1));
    expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02', '03', '04']);
  });

  it('killed anywhere, the DF loses and doubles nothing: numbers are 0…n−1', async () => {
    const df = await start();
    const steps = call().map((step) => df.poi.x2(step));
    const media = Array.from({ length: 40 }, (_, n) => df.poi.x3(Uint8Array.of(n)));
    const all = [...steps.slice(0, 3), ...media.slice(0, 20), steps[3]!, ...media.slice(20)];
    let acknowledged = 0;
    for (const size of [1, 2, 3, 5, 1, 7, 4, 9, 12]) {
      await df.mediation.accept(all.slice(acknowledged, acknowledged + size));
      await settle();
      if (size % 2 === 1) acknowledged += size - 1;
      await df.kill();
    }
    await df.mediation.accept(all.slice(acknowledged));
    await settle();
    const records = await handedOver(df.store);
    expect(numbersOf(records, 'hi3')).toEqual([...Array(40).keys()]);
    const iri = 4 + vector().keys.cryptoSessions.length;
    expect(numbersOf(records, 'hi2')).toEqual([...Array(iri).keys()]);
    expect(new Set(records.map((record) => record.cin))).toEqual(new Set([1]));
  });

  it('R-56: PDUs that a POI lost show as a report', async () => {
    const { mediation, poi, issues, store } = await start();
    const pdus = [1, 2, 3, 4].map((n) => poi.x3(Uint8Array.of(n)));
    await mediation.accept([pdus[0]!, pdus[3]!]);
    expect(issues.log).toEqual([expect.stringContaining('2 PDUs were lost')]);
    expect(numbersOf(await handedOver(store), 'hi3')).toEqual([0, 1]);
  });

  it('a POI that has restarted, and counts from 0 again, loses nothing', async () => {
    const { mediation, poi, clock, store } = await start();
    await mediation.accept([poi.x3(Uint8Array.of(1)), poi.x3(Uint8Array.of(2))]);
    await clock.pass(5_000);
    await mediation.accept([new TestPoi(clock).x3(Uint8Array.of(3))]);
    expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02', '03']);
  });

  it('events that a POI reports late are no sign of a restart: sent again, they are copies', async () => {
    const { mediation, poi, clock, store } = await start();
    const early = { now: () => clock.now() - 3_000, after: clock.after.bind(clock) };
    const [first] = [poi.x3(Uint8Array.of(1))];
    const late = new TestPoi(early);
    late.x3(Uint8Array.of(0));
    const second = late.x3(Uint8Array.of(2));
    await mediation.accept([first, second]);
    await mediation.accept([first, second]);
    expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02']);
  });

  it('streams of several POIs are apart', async () => {
    const { mediation, poi, clock, store } = await start();
    const other = new TestPoi(clock, 'pcscf.home1.example');
    await mediation.accept([poi.x3(Uint8Array.of(1)), other.x3(Uint8Array.of(2))]);
    expect(await handedOver(store)).toHaveLength(2);
  });

  it('a batch that cannot be stored is taken whole when it comes again', async () => {
    const df = await start();
    const commit = df.store.commit.bind(df.store);
    df.store.commit = () => Promise.reject(new Error('disk is full'));
    const batch = [...call().map((step) => df.poi.x2(step)), df.poi.x3(Uint8Array.of(1))];
    await expect(df.mediation.accept(batch)).rejects.toThrow('disk is full');
    df.store.commit = commit;
    await df.mediation.accept(batch);
    await settle();
    const records = await handedOver(df.store);
    expect(numbersOf(records, 'hi2')).toEqual([...Array(4 + vector().keys.cryptoSessions.length).keys()]);
    expect(numbersOf(records, 'hi3')).toEqual([0]);
  });

  it('R-23: a record that cannot be encoded takes no number and stops nothing', async () => {
    let broken = true;
    const { mediation, poi, store, issues } = await start([task(XID, 'LIID-1')], {
      encode: (record, number) => {
        if (broken) throw new Error('too long');
        return encodeForTest(record, number);
      },
    });
    await mediation.accept([poi.x3(Uint8Array.of(1))]);
    broken = false;
    await mediation.accept([poi.x3(Uint8Array.of(2))]);
    expect(numbersOf(await handedOver(store), 'hi3')).toEqual([0]);
    expect(issues.log).toHaveLength(1);
  });

  it('while the outbox is congested nothing is taken in, and so nothing acknowledged', async () => {
    let congested = true;
    const { mediation, poi, clock, store } = await start([task(XID, 'LIID-1')], {
      congested: () => congested,
    });
    let done = false;
    const accepted = mediation.accept([poi.x3(Uint8Array.of(1))]).then(() => (done = true));
    await clock.pass(5_000);
    expect(done).toBe(false);
    congested = false;
    await clock.pass(1_000);
    await accepted;
    expect(await handedOver(store)).toHaveLength(1);
  });

  it('a call not heard of for longer than the session memory is forgotten; its CIN is not given again', async () => {
    const df = await start([task(XID, 'LIID-1')], { sessionMemoryMs: 3_600_000 });
    await df.mediation.accept(call().map((step) => df.poi.x2(step)));
    await df.clock.pass(3_600_000 + 180_000);
    expect(await df.store.load()).toMatchObject({ streams: [], communications: [], keySessions: [] });
    await df.kill();
    await df.mediation.accept([df.poi.x3(Uint8Array.of(1))]);
    expect((await handedOver(df.store)).at(-1)?.cin).toBe(2);
  });
});
