import { beforeEach, describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import type { LemfEvent } from '../../../src/entities/lemf/ports.ts';
import { LemfReceiver } from '../../../src/entities/lemf/receiver.ts';
import { openScratch, SqliteNumbers } from '../../../src/entities/lemf/store/numbers.ts';
import { LI_PS_DOMAIN } from '../../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { delivered, InterceptedCall, LIID } from './call.ts';
import { MemoryLemfStore } from './memory-store.ts';

const DF = 'df.home1.example';
const old = new InterceptedCall('exchange-1.json', { packets: 200 });
const OLD = { hi2: delivered([...old.signalling, ...old.keys]), hi3: delivered(old.content) };
const now = new InterceptedCall('exchange-1.json', { packets: 3, cin: 2 });
const NEW = { hi2: delivered([...now.signalling, ...now.keys]), hi3: delivered(now.content) };

/** A LEMF that has just started, with a store that is too large to be read first. */
class Started {
  readonly store = new MemoryLemfStore('fast');
  readonly clock = new ManualClock();
  readonly events: LemfEvent[] = [];
  readonly acknowledged: Uint8Array[] = [];
  readonly receiver: LemfReceiver;
  readonly connection;
  closed = false;

  constructor(prepare: (store: MemoryLemfStore) => void = () => undefined) {
    for (const kind of ['hi2', 'hi3'] as const) {
      for (const pdu of OLD[kind]) this.store.append(kind, pdu, DF);
    }
    prepare(this.store);
    this.receiver = new LemfReceiver({
      store: this.store,
      numbers: new SqliteNumbers(openScratch(':memory:')),
      clock: this.clock,
      logger: silent,
      readFirst: 0,
      onEvent: (event) => this.events.push(event),
    });
    const channel = {
      send: (octets: Uint8Array) => void this.acknowledged.push(octets),
      close: () => (this.closed = true),
    };
    this.connection = this.receiver.accept(channel, DF, 'hi2');
  }

  /** Until everything is numbered. */
  catchUp(): void {
    for (let slices = 0; this.receiver.behind > 0 && slices < 100; slices++) this.clock.advance(3);
  }

  told(type: LemfEvent['type']): LemfEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

function transport(message: 'pduAcknowledgementRequest' | 'cinReset', about: object = {}): Uint8Array {
  const header = {
    domainId: LI_PS_DOMAIN,
    liid: 'transport',
    operatorIdentifier: 'home1',
    sequenceNumber: 0,
  };
  return encodePsPdu({
    header: { ...header, ...about },
    payload: { kind: 'tri', message: { type: message } },
  });
}

describe('R-73: a LEMF that starts with much in its store', () => {
  let lemf: Started;
  beforeEach(() => (lemf = new Started()));

  it('takes and acknowledges what comes before it has read what was there, and tells of it when it has', async () => {
    lemf.connection.received(concat(...NEW.hi2, ...NEW.hi3, transport('pduAcknowledgementRequest')));
    await settle();
    expect(lemf.acknowledged).toHaveLength(1);
    expect(lemf.store.pdus.hi2.slice(OLD.hi2.length)).toEqual([...NEW.hi2, expect.anything()]);
    expect(lemf.store.pdus.hi3.slice(OLD.hi3.length)).toEqual(NEW.hi3);
    expect(lemf.receiver.behind).toBeGreaterThan(0);
    expect(lemf.told('content')).toEqual([]);
    lemf.catchUp();
    expect(lemf.receiver.behind).toBe(0);
    expect(lemf.told('record')).toHaveLength(NEW.hi2.length);
    expect(lemf.told('content')).toHaveLength(2);
    expect([...lemf.told('gap'), ...lemf.told('conflict'), ...lemf.told('duplicate')]).toEqual([]);
    expect(lemf.receiver.counts).toEqual({ stored: 14, copies: 0, conflicts: 0, gaps: 0 });
  });

  it('tells of copies, gaps and other content that came meanwhile, when it has read so far', () => {
    const other = new InterceptedCall('exchange-1.json', { packets: 3, law: 'pcmu' });
    lemf.connection.received(concat(...OLD.hi3.slice(0, 2), NEW.hi2[3]!, delivered(other.signalling)[0]!));
    expect(lemf.receiver.counts).toEqual({ stored: 4, copies: 0, conflicts: 0, gaps: 0 });
    lemf.catchUp();
    expect(lemf.told('duplicate')).toMatchObject([{ sequenceNumber: 0 }, { sequenceNumber: 1 }]);
    expect(lemf.told('gap')).toMatchObject([{ cin: 2, expected: 0, received: 3 }]);
    expect(lemf.told('conflict')).toMatchObject([{ cin: 1, sequenceNumber: 0, count: 1 }]);
  });

  it('knows copies again once it has read, of what was there and of what came meanwhile', () => {
    lemf.connection.received(concat(...NEW.hi3));
    lemf.catchUp();
    const { length } = lemf.store.pdus.hi3;
    lemf.connection.received(concat(...NEW.hi3, ...OLD.hi3));
    expect(lemf.store.pdus.hi3).toHaveLength(length);
    expect(lemf.told('duplicate')).toHaveLength(length);
  });

  it('reaches the end however much comes: what comes pays for it', () => {
    const more = delivered(new InterceptedCall('exchange-1.json', { packets: 300, cin: 3 }).content);
    for (const pdu of more) lemf.connection.received(pdu);
    expect(lemf.receiver.behind).toBe(0);
    expect(lemf.told('content')).toHaveLength(2);
  });

  it('takes a cINReset in its place', () => {
    const again = delivered(old.content).slice(0, 4);
    lemf.connection.received(concat(transport('cinReset', { liid: LIID, cin: 1 }), ...again));
    lemf.catchUp();
    expect([...lemf.told('duplicate'), ...lemf.told('conflict')]).toEqual([]);
    lemf.connection.received(concat(...again));
    expect(lemf.told('duplicate')).toHaveLength(4);
  });

  it('takes nothing more once it has come to something that cannot be read', () => {
    const noCin = encodePsPdu({
      header: { domainId: LI_PS_DOMAIN, liid: LIID, operatorIdentifier: 'home1', sequenceNumber: 0 },
      payload: { kind: 'cc', packets: [] },
    });
    const damaged = new Started((store) => store.append('hi3', noCin, DF));
    damaged.connection.received(NEW.hi2[0]!);
    expect(damaged.closed).toBe(false);
    damaged.clock.advance(1000);
    expect(damaged.receiver.broken).toContain('cannot be read');
    damaged.connection.received(NEW.hi2[1]!);
    expect(damaged.closed).toBe(true);
    expect(damaged.store.pdus.hi2).toHaveLength(OLD.hi2.length + 1);
  });

  it('reads nothing more once it has stopped', () => {
    lemf.receiver.stop();
    const { behind } = lemf.receiver;
    lemf.clock.advance(1000);
    expect(lemf.receiver.behind).toBe(behind);
  });
});
