import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import type { Logger } from '../../../src/bytes/ports.ts';
import type { HandoverKind, LemfEvent, LemfStore } from '../../../src/entities/lemf/ports.ts';
import { GapList, SequenceMarks } from '../../../src/entities/lemf/marks.ts';
import { LemfReceiver } from '../../../src/entities/lemf/receiver.ts';
import { openScratch, SqliteNumbers } from '../../../src/entities/lemf/store/numbers.ts';
import { PsPduDeframer } from '../../../src/wire/hi/deframer.ts';
import { LI_PS_DOMAIN } from '../../../src/wire/hi/header.ts';
import { decodePsPdu, encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import type { TriMessage } from '../../../src/wire/hi/tri.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { delivered, InterceptedCall, LIID, notified, unreadableTarget } from './call.ts';
import { MemoryLemfStore } from './memory-store.ts';
import { silent } from '../../support/silent.ts';

class Harness {
  readonly events: LemfEvent[] = [];
  readonly sent: PsPdu[] = [];
  closed = false;
  readonly receiver: LemfReceiver;
  readonly connection;

  constructor(readonlyStore: LemfStore, logger: Logger = silent) {
    this.receiver = new LemfReceiver({
      store: readonlyStore,
      numbers: new SqliteNumbers(openScratch(':memory:')),
      clock: new ManualClock(),
      logger,
      onEvent: (event) => this.events.push(event),
    });
    this.connection = this.connect();
  }

  connect(via: HandoverKind = 'hi2', peer = 'df.home1.example') {
    const deframer = new PsPduDeframer();
    return this.receiver.accept(
      {
        send: (octets) => {
          for (const pdu of deframer.push(octets)) this.sent.push(decodePsPdu(pdu));
        },
        close: () => (this.closed = true),
      },
      peer,
      via,
    );
  }

  tri(message: TriMessage, sequenceNumber: number, extra: object = {}): void {
    this.connection.received(triPdu(message, sequenceNumber, extra));
  }

  get answers(): string[] {
    return this.sent.map(({ header, payload }) =>
      payload.kind === 'tri' ? `${payload.message.type} ${header.sequenceNumber}` : payload.kind,
    );
  }
}

function triPdu(message: TriMessage, sequenceNumber: number, extra: object = {}): Uint8Array {
  const header = { domainId: LI_PS_DOMAIN, liid: 'transport', operatorIdentifier: 'home1', sequenceNumber };
  return encodePsPdu({ header: { ...header, ...extra }, payload: { kind: 'tri', message } });
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const call = new InterceptedCall('exchange-1.json', { packets: 3 });
const iri = delivered([...call.signalling, ...call.keys]);

describe('reception at the LEMF (TS 102 232-1 clause 7)', () => {
  it('an acknowledgement request is answered with its own number, and only when what came before is on the disk', async () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    for (const pdu of iri.slice(0, 2)) h.connection.received(pdu);
    h.tri({ type: 'pduAcknowledgementRequest' }, 4711);
    h.connection.received(iri[2]!);
    h.tri({ type: 'keepAlive' }, 4712);
    await settle();
    expect(h.answers).toEqual(['keepAliveResponse 4712']);
    // Two records, and the request itself.
    expect(store.syncs.map(({ stored }) => stored)).toEqual([3]);
    store.syncs[0]?.finish();
    await settle();
    expect(h.answers).toEqual(['keepAliveResponse 4712', 'pduAcknowledgementResponse 4711']);
  });

  it('options: acknowledgement is accepted, others are declined', () => {
    const h = new Harness(new MemoryLemfStore());
    h.tri({ type: 'optionRequest', requested: [0, 5] }, 0);
    expect(h.sent[0]?.payload).toEqual({
      kind: 'tri',
      message: { type: 'optionResponse', accepted: [0], declined: [5] },
    });
  });

  it('copies are dropped, within a connection, over connections, and after a restart', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(concat(...iri));
    h.connection.received(concat(...iri.slice(3)));
    h.connect().received(concat(...iri));
    const restarted = new Harness(store);
    restarted.connection.received(concat(...iri));
    expect(store.pdus.hi2).toHaveLength(iri.length);
    expect(h.events.filter(({ type }) => type === 'duplicate')).toHaveLength(iri.length - 3 + iri.length);
    expect(restarted.events.filter(({ type }) => type === 'record')).toHaveLength(0);
  });

  it('R-77: a known number with other content, after a restore of the sender’s store, is kept, with an alarm', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(concat(...iri));
    // The store is as it was three records ago; what comes now is of another call.
    const other = new InterceptedCall('exchange-1.json', { packets: 3, law: 'pcmu' });
    const again = delivered([...call.signalling, ...other.keys, ...other.signalling]);
    h.connect().received(concat(...again.slice(0, 6), ...again.slice(8)));
    expect(store.pdus.hi2).toHaveLength(iri.length + again.length - 8);
    const late = delivered([...call.signalling, ...other.signalling.slice(0, 2)]);
    h.connect().received(concat(...late.slice(6)));
    expect(store.pdus.hi2).toHaveLength(iri.length + again.length - 8 + 2);
    const conflicts = h.events.filter(({ type }) => type === 'conflict');
    expect(conflicts).toMatchObject([
      { kind: 'hi2', source: 'df.home1.example', count: 1, sequenceNumber: 6 },
    ]);
    const restarted = new Harness(store);
    restarted.connection.received(concat(...iri, ...late));
    expect(store.pdus.hi2).toHaveLength(iri.length + again.length - 8 + 2);
    expect(restarted.events.filter(({ type }) => type === 'conflict')).toEqual([]);
  });

  it('R-91: notifications of a warrant are stored with HI2, acknowledged and told; copies are dropped, also after a restart', async () => {
    const store = new MemoryLemfStore('fast');
    const h = new Harness(store);
    const time = 1_900_000_000_000;
    const notices = notified([
      { kind: 'li-activated', liid: LIID, time, target: 'sip:alice@home1.example' },
      { kind: 'li-alarm', liid: LIID, time: time + 1, information: 'loss: 3 PDUs' },
      { kind: 'li-deactivated', liid: LIID, time: time + 2, target: null },
    ]);
    const hi3 = h.connect('hi3');
    hi3.received(concat(notices[0]!, iri[0]!, notices[1]!));
    h.connection.received(concat(...notices, iri[1]!));
    h.tri({ type: 'pduAcknowledgementRequest' }, 7);
    await settle();
    expect(h.answers).toEqual(['pduAcknowledgementResponse 7']);
    const pdus = [notices[0], iri[0], notices[1], notices[2], iri[1]];
    expect(store.pdus.hi2.slice(0, 5)).toEqual(pdus);
    expect(store.pdus.hi3).toEqual([]);
    const told = h.events.filter(({ type }) => type === 'notice');
    const about = { type: 'notice', at: expect.any(Number) as number, liid: LIID };
    expect(told).toEqual([
      {
        ...about,
        ...{ operation: 'liActivated', text: 'sip:alice@home1.example', eventTime: time, sequenceNumber: 0 },
      },
      { ...about, operation: 'alarm', text: 'loss: 3 PDUs', eventTime: time + 1, sequenceNumber: 1 },
      { ...about, operation: 'liDeactivated', text: null, eventTime: time + 2, sequenceNumber: 2 },
    ]);
    expect(h.events.filter(({ type }) => type === 'gap')).toEqual([]);
    const restarted = new Harness(store);
    restarted.connection.received(concat(...notices, ...iri.slice(0, 2)));
    expect(restarted.events.map(({ type }) => type).filter((type) => type !== 'connected')).toEqual(
      Array(5).fill('duplicate'),
    );
    expect(restarted.closed).toBe(false);
  });

  it('R-91: a notification that is not known, or cannot be read, is stored all the same', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    const header = { domainId: LI_PS_DOMAIN, liid: LIID, operatorIdentifier: 'home1', sequenceNumber: 0 };
    const element = Uint8Array.of(0xa9, 0x03, 0x80, 0x01, 0x01);
    const operation = { kind: 'other' as const, tag: 9, element };
    h.connection.received(encodePsPdu({ header, payload: { kind: 'hi1', operation } }));
    expect(store.pdus.hi2).toHaveLength(1);
    expect(h.events).toContainEqual(
      expect.objectContaining({ type: 'notice', operation: 'other', text: null }),
    );
    expect(h.closed).toBe(false);
  });

  it('R-77: a second delivery function under the same LIID and CIN loses nothing; its copies are copies', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    // The messages without a body are the same in both calls.
    const { signalling } = new InterceptedCall('exchange-1.json', { packets: 3, law: 'pcmu' });
    const other = delivered(signalling.slice(0, 4));
    h.connection.received(concat(...iri));
    const second = h.connect('hi2', 'df.home2.example');
    second.received(concat(...other));
    second.received(concat(...other));
    expect(store.pdus.hi2).toHaveLength(iri.length + other.length);
    expect(h.events.filter(({ type }) => type === 'conflict')).toMatchObject([
      { source: 'df.home2.example', count: 0, sequenceNumber: 0 },
    ]);
    expect(h.events.filter(({ type }) => type === 'duplicate')).toHaveLength(other.length);
  });

  it('HI2 and HI3, LIIDs and CINs are numbered apart, whatever the port', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    const others = [
      new InterceptedCall('exchange-1.json', { packets: 1, cin: 2 }),
      new InterceptedCall('exchange-1.json', { packets: 1, liid: 'LIID-2' }),
    ];
    for (const each of [call, ...others]) {
      h.connection.received(concat(...delivered([...each.signalling, ...each.content])));
    }
    expect(store.pdus.hi2).toHaveLength(18);
    expect(store.pdus.hi3).toHaveLength(6 + 2 + 2);
    expect(h.events.some(({ type }) => type === 'gap' || type === 'duplicate')).toBe(false);
  });

  it('R-64: a record with a value that cannot be read is stored and acknowledged, and what was not read is logged', async () => {
    const store = new MemoryLemfStore();
    const warnings: unknown[] = [];
    const h = new Harness(store, { ...silent, warn: (fields: object) => void warnings.push(fields) });
    const [first, ...rest] = iri;
    const altered = unreadableTarget(first!);
    h.connection.received(concat(altered, ...rest));
    h.tri({ type: 'pduAcknowledgementRequest' }, 1);
    store.syncs[0]?.finish();
    await settle();
    expect(h.answers).toEqual(['pduAcknowledgementResponse 1']);
    expect(store.pdus.hi2).toContainEqual(altered);
    expect(store.pdus.hi2).toHaveLength(iri.length + 1);
    expect(h.events.filter(({ type }) => type === 'record')).toHaveLength(iri.length);
    expect(warnings).toEqual([
      expect.objectContaining({ sequenceNumber: 0, unread: [expect.stringContaining('sip-uri')] }),
    ]);
    expect(new Harness(store).closed).toBe(false);
  });

  it('a gap is told of, and what comes late fills it', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    for (const at of [0, 3, 1, 2, 3]) h.connection.received(iri[at]!);
    expect(h.events.filter(({ type }) => type === 'gap')).toMatchObject([{ expected: 1, received: 3 }]);
    expect(h.events.filter(({ type }) => type === 'duplicate')).toHaveLength(1);
    expect(store.pdus.hi2).toHaveLength(4);
  });

  it('R-73: a gap is told of once, not with every PDU that follows', () => {
    const h = new Harness(new MemoryLemfStore());
    const content = delivered(new InterceptedCall('exchange-1.json', { packets: 10 }).content);
    for (const at of [0, 3, 4, 5, 9, 10, 7, 1, 11]) h.connection.received(content[at]!);
    expect(h.events.filter(({ type }) => type === 'gap')).toMatchObject([
      { expected: 1, received: 3 },
      { expected: 6, received: 9 },
    ]);
    expect(h.receiver.counts.gaps).toBe(2);
  });

  it('after cINReset numbers begin again, also for who reads the files later', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(concat(...iri));
    h.tri({ type: 'cinReset' }, 9, { liid: call.liid, cin: call.cin });
    h.connection.received(concat(...iri));
    expect(store.pdus.hi2).toHaveLength(2 * iri.length + 1);
    const restarted = new Harness(store);
    restarted.connection.received(concat(...iri));
    expect(store.pdus.hi2).toHaveLength(2 * iri.length + 1);
  });

  it('R-94: a cINReset from which CINs go on is stored with both kinds, told, and does not touch what is known', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(concat(...iri));
    h.tri({ type: 'cinReset' }, 9, { liid: call.liid, cin: 1_900_000_000 });
    h.connection.received(concat(...iri));
    expect(store.pdus.hi2).toHaveLength(iri.length + 1);
    expect(store.pdus.hi3).toHaveLength(1);
    expect(h.events.filter(({ type }) => type === 'reset')).toMatchObject([
      { liid: call.liid, cin: 1_900_000_000 },
    ]);
  });

  it('PDUs of the transport are stored too, as they came, with the interface that they came in on', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    const content = delivered(call.content);
    const options = triPdu({ type: 'optionRequest', requested: [0] }, 0);
    const complete = triPdu({ type: 'optionComplete' }, 1);
    const keepAlive = triPdu({ type: 'keepAlive' }, 2);
    const padding = triPdu({ type: 'other', tag: 2, element: Uint8Array.of(0x82, 1, 0) }, 3);
    const onHi2 = [options, iri[0]!, complete, iri[0]!, keepAlive, padding, keepAlive, iri[1]!];
    h.connection.received(concat(...onHi2));
    h.connect('hi3').received(concat(options, content[0]!, keepAlive, iri[2]!));
    // The copy of the first record stays out.
    expect(store.pdus.hi2).toEqual([...onHi2.slice(0, 3), ...onHi2.slice(4), iri[2]!]);
    expect(store.pdus.hi3).toEqual([options, content[0]!, keepAlive]);
    const restarted = new Harness(store);
    restarted.connection.received(concat(...iri.slice(0, 4)));
    expect(restarted.events.filter(({ type }) => type === 'duplicate')).toHaveLength(3);
    expect(restarted.events.filter(({ type }) => type === 'gap')).toHaveLength(0);
  });

  it('a disk that fails: no acknowledgement, and nothing more is taken before a restart', async () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(iri[0]!);
    h.tri({ type: 'pduAcknowledgementRequest' }, 0);
    store.syncs[0]?.finish(new Error('input/output error'));
    await settle();
    expect(h.sent).toEqual([]);
    expect(h.closed).toBe(true);
    h.closed = false;
    h.connect().received(iri[1]!);
    expect(h.closed).toBe(true);
    expect(store.pdus.hi2).toHaveLength(2);
  });

  it('R-77: a disk that is full for a while: what could not be stored is not taken for known when it comes again', () => {
    const store = new MemoryLemfStore();
    const h = new Harness(store);
    h.connection.received(iri[0]!);
    store.full = true;
    h.connection.received(concat(...iri.slice(1, 3)));
    expect(h.closed).toBe(true);
    store.full = false;
    h.connect().received(concat(...iri));
    expect(store.pdus.hi2).toEqual(iri);
    expect(h.events.filter(({ type }) => type === 'duplicate')).toMatchObject([{ sequenceNumber: 0 }]);
    expect(h.events.some(({ type }) => type === 'gap' || type === 'conflict')).toBe(false);
  });

  it('a key is in no event', () => {
    const h = new Harness(new MemoryLemfStore());
    h.connection.received(concat(...iri));
    const text = JSON.stringify(h.events);
    expect(text).toContain('decryptionKeysAvailable');
    for (const { tek } of call.vector.keys.cryptoSessions) expect(text).not.toContain(tek);
  });
});

describe('sequence marks', () => {
  it('in whatever order numbers come: the next is the first that is missing, and the gaps are what is missing', () => {
    const arrivals = fc.array(fc.nat(30), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, (numbers) => {
        const marks = new SequenceMarks();
        const seen = new Set<number>();
        for (const number of numbers) {
          if (!seen.has(number)) marks.mark(number);
          seen.add(number);
        }
        const ascending = [...seen].sort((a, b) => a - b);
        const next = ascending.find((number) => !seen.has(number + 1) && number >= 0);
        expect(marks.next).toBe(seen.has(0) ? (next ?? 0) + 1 : 0);
        const list = new GapList();
        for (const number of ascending) list.pass(number);
        const highest = Math.max(-1, ...seen);
        const missing = Array.from({ length: highest + 1 }, (_, i) => i).filter((i) => !seen.has(i));
        expect(list.absent).toBe(missing.length);
        const told = list.gaps.flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, i) => from + i),
        );
        expect(told).toEqual(missing);
      }),
    );
  });
});
