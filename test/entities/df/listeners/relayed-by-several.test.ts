/** Several processes that mediate lay PS-PDUs into the streams of the same destinations: what each of them may, and says once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SharedTroubleLog } from '../../../../src/bytes/trouble-log.ts';
import { AlarmBook } from '../../../../src/entities/df/handover/alarm-book.ts';
import type { HandoverAddress } from '../../../../src/entities/df/handover/ports.ts';
import { DestinationAlarms } from '../../../../src/entities/df/listeners/destination-alarms.ts';
import { DestinationTelling } from '../../../../src/entities/df/listeners/destination-telling.ts';
import { HandoverRelay } from '../../../../src/entities/df/listeners/handover-relay.ts';
import {
  deliveryPlace,
  lemfNoteOf,
  notePlace,
  toldNote,
} from '../../../../src/entities/df/listeners/handover-streams.ts';
import type { HandoverWriter } from '../../../../src/entities/df/listeners/handover-streams.ts';
import { RelayLane, UNTAKEN } from '../../../../src/entities/df/listeners/relay-lane.ts';
import type { RelayLaneOptions } from '../../../../src/entities/df/listeners/relay-lane.ts';
import type { StreamedOutbox } from '../../../../src/entities/df/listeners/streamed-outbox.ts';
import type { OutboxAppend } from '../../../../src/entities/df/ports.ts';
import { StreamLease } from '../../../../src/storage/stream-lease.ts';
import type { LeaseState } from '../../../../src/storage/stream-lease.ts';
import { FuzzRandom } from '../../../fuzz/mutators.ts';
import { HandoverWays, LEMF, psPdu } from '../../../support/handover-ways.ts';
import type { HandoverWaySettings } from '../../../support/handover-ways.ts';
import { missingNats } from '../../../support/nats-server.ts';
import { STREAM_PORTS as ports } from '../../../support/own-streams.ts';

/** Who had the partition, and who has it then. */
const BEFORE: HandoverWriter = { partition: 3, streamMadeAt: 7, token: 10 };
const NOW: HandoverWriter = { ...BEFORE, token: 12 };

/** Records of a call. */
const pdus = (first: number, count: number): OutboxAppend[] =>
  Array.from({ length: count }, (_, n) => psPdu(LEMF, 'LIID-1', first + n));

describe.skipIf(missingNats())('PS-PDUs of several processes that mediate', () => {
  const ways = new HandoverWays();

  /** A lane of records that works until it has nothing left, or the test ends. */
  function lane(
    settings: HandoverWaySettings,
    changes: Pick<RelayLaneOptions, 'outbox' | 'writer'> & Partial<RelayLaneOptions>,
  ): RelayLane {
    const held = { state: 'held' as LeaseState };
    const made = new RelayLane(LEMF, 'records', {
      ...{ server: ways.server, streams: settings, lease: held, clock: ports.clock },
      untaken: new SharedTroubleLog(UNTAKEN, { logger: ports.logger, now: () => 0 }),
      ...changes,
    });
    onTestFinished(() => made.stop());
    return made;
  }

  /** What is left of whoever had the partition: it has read what waits, and may remove nothing. */
  const remembered = (all: readonly OutboxAppend[]) => {
    let isRead = false;
    return {
      pending: () => {
        const entries = isRead ? [] : all.map((entry, at) => ({ ...entry, position: at + 1 }));
        isRead = true;
        return Promise.resolve(entries);
      },
      acknowledge: () => Promise.reject(new Error('another has it')),
    };
  };

  function read(settings: HandoverWaySettings, clock = ports.clock): StreamedOutbox {
    const outbox = ways.read(settings, { clock });
    outbox.open(LEMF);
    return outbox;
  }

  const numbersOf = async (outbox: StreamedOutbox): Promise<number[]> =>
    (await outbox.pending(LEMF, 0, 1_000)).map(({ sequenceNumber }) => sequenceNumber);

  it('R-20 R-23: what one lays down that has lost the partition is passed over, and does not make up for what comes of the other', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const now = { lease: { state: 'held' as LeaseState }, outbox: from, writer: NOW };
    const present = lane(settings, now);
    await ways.append(from, ...pdus(0, 3));
    present.wake();
    await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    now.lease.state = 'late';
    await ways.append(from, ...pdus(3, 3));
    // The same PDUs in the same message, from who stood still meanwhile.
    const late = lane(settings, { outbox: remembered(pdus(3, 3)), writer: BEFORE });
    late.wake();
    await expect.poll(() => late.laid).toBe(3);
    now.lease.state = 'held';
    present.wake();
    await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    let ahead = 0;
    const to = read(settings, { ...ports.clock, now: () => ports.clock.now() + ahead });
    await expect.poll(() => to.passedOver).toBe(3);
    await expect.poll(() => numbersOf(to)).toEqual([0, 1, 2, 3, 4, 5]);
    // What is read anew is counted already.
    ahead = 61_000;
    await to.pending(LEMF, 0, 1);
    await expect.poll(() => numbersOf(to)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(to.passedOver).toBe(3);
    await to.acknowledge(LEMF, 1_000);
    await expect.poll(async () => (await ways.server.kept(`${settings.name}-hi2`)).messages).toBe(0);
  });

  it('R-23: what the former owner laid down before is handed over, also when it is read anew', async () => {
    const settings = await ways.streams();
    for (const [writer, first] of [
      [BEFORE, 0],
      [NOW, 3],
    ] as const) {
      const from = await ways.store();
      await ways.append(from, ...pdus(first, 3));
      lane(settings, { outbox: from, writer }).wake();
      await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    }
    let ahead = 0;
    const to = read(settings, { ...ports.clock, now: () => ports.clock.now() + ahead });
    await expect.poll(() => numbersOf(to)).toEqual([0, 1, 2, 3, 4, 5]);
    ahead = 61_000;
    await to.pending(LEMF, 0, 1);
    await expect.poll(() => numbersOf(to)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(to.passedOver).toBe(0);
  });

  it('R-20 R-23: the order of a call is kept while its partition goes from hand to hand, though those who lost it go on', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const random = new FuzzRandom('from hand to hand');
    let current = 0;
    const owner = (token: number): RelayLane =>
      lane(settings, {
        writer: { ...NOW, token },
        outbox: {
          pending: (...place) => from.pending(...place),
          acknowledge: (...place) =>
            token === current ? from.acknowledge(...place) : Promise.reject(new Error('another has it')),
        },
        server: {
          publish: async (...message) => {
            await sleep(random.below(40));
            return ways.server.publish(...message);
          },
        },
      });
    const to = read(settings);
    const got: number[] = [];
    const take = async (): Promise<number> => {
      const entries = await to.pending(LEMF, 0, 1_000);
      got.push(...entries.map(({ sequenceNumber }) => sequenceNumber));
      await to.acknowledge(LEMF, entries.at(-1)?.position ?? 0);
      return new Set(got).size;
    };
    const owners: RelayLane[] = [];
    let laid = 0;
    for (current = 1; current < 6; current++) {
      owners.push(owner(current));
      for (let turn = 0; turn < 6; turn++) {
        await ways.append(from, ...pdus(laid, 4));
        laid += 4;
        for (const each of owners) each.wake();
        await sleep(20);
        await take();
      }
    }
    current = 5;
    await expect.poll(take).toBe(laid);
    await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    expect([...new Set(got)]).toEqual([...Array(laid).keys()]);
    expect(to.passedOver).toBeGreaterThan(0);
  });

  it('R-23: partitions, and streams of leases that were made anew, have no order among each other', async () => {
    const settings = await ways.streams();
    const writers = [NOW, { ...BEFORE, partition: 4 }, { ...NOW, streamMadeAt: 6, token: 2 }, NOW];
    for (const [at, writer] of writers.entries()) {
      const from = await ways.store();
      await ways.append(from, ...pdus(at, 1));
      lane(settings, { outbox: from, writer }).wake();
      await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    }
    const to = read(settings);
    await expect.poll(() => numbersOf(to)).toEqual([0, 1, 2, 3]);
  });

  it('R-90: what waits of a warrant is counted and removed for each partition by itself', async () => {
    const settings = await ways.streams();
    const relay = new HandoverRelay({
      ...{ server: ways.server, streams: settings, outbox: await ways.store(), ...ports },
      destinations: { list: () => [{ did: LEMF, host: 'lemf', port: 1, by: 'DF2' }] },
      alarms: { raised: () => undefined, cleared: () => undefined },
    });
    relay.start();
    onTestFinished(() => relay.stop());
    for (const partition of [0, 1]) {
      const outbox = await ways.store();
      await ways.append(outbox, ...pdus(0, partition + 1));
      relay.add({ outbox, lease: { state: 'held' }, writer: { ...NOW, partition } });
      await expect.poll(() => outbox.destinations()).toEqual([]);
    }
    const undelivered = () =>
      Promise.all([0, 1].map((partition) => relay.passedOn(partition).undelivered('LIID-1')));
    expect(await undelivered()).toEqual([1, 2]);
    expect(relay.laid).toBe(3);
    await relay.passedOn(1).retire(new Set(['LIID-1']));
    expect(await undelivered()).toEqual([1, 0]);
    await relay.remove(1);
    expect(relay.laid).toBe(3);
  });

  describe('where destinations are', () => {
    const address = (port: number): HandoverAddress => ({ did: LEMF, host: 'lemf', port, by: 'DF2' });

    async function tellers() {
      const settings = await ways.streams();
      /** What is in the tasks that all share, and what each has said. */
      const shared = { addresses: [address(1)] };
      const said: number[] = [];
      const teller = (gate = { passed: Promise.resolve() }) => {
        const own = { addresses: shared.addresses };
        const telling = new DestinationTelling({
          server: {
            read: (...place) => ways.server.read(...place),
            publish: async (...message) => {
              await gate.passed;
              const number = await ways.server.publish(...message);
              said.push(number);
              return number;
            },
          },
          ...{ streams: settings, ...ports, mayTell: () => true },
          list: () => own.addresses,
          refresh: () => Promise.resolve(void (own.addresses = shared.addresses)),
        });
        telling.start();
        onTestFinished(() => telling.stop());
        return { telling, own };
      };
      const { stream, subject } = notePlace(settings, 'lemf', LEMF);
      const noted = async () => {
        const newest = await ways.server.newest(stream, subject);
        return newest === null ? undefined : lemfNoteOf(newest);
      };
      return { shared, said, teller, noted };
    }

    it('R-23: is said once, by whoever sees it first, and by none with what is older', async () => {
      const { shared, said, teller, noted } = await tellers();
      const [one, other] = [teller(), teller()];
      await Promise.all([one.telling.told(), other.telling.told()]);
      expect(said).toHaveLength(1);
      shared.addresses = one.own.addresses = [address(2)];
      await one.telling.told();
      expect(await noted()).toEqual(address(2));
      // The other hears what is said, and looks before it says that it is not so.
      await expect.poll(() => other.own.addresses).toEqual([address(2)]);
      shared.addresses = other.own.addresses = [];
      await other.telling.told();
      await expect.poll(() => one.own.addresses).toEqual([]);
      expect(await noted()).toBeNull();
      expect(said).toHaveLength(3);
    });

    it('R-23: is not overwritten by whoever stood still before it was said', async () => {
      const { shared, said, teller, noted } = await tellers();
      await teller().telling.told();
      const gate = { passed: Promise.resolve() };
      const slow = teller(gate);
      await slow.telling.told();
      let goOn = (): void => undefined;
      gate.passed = new Promise((resolve) => (goOn = resolve));
      shared.addresses = slow.own.addresses = [address(2)];
      slow.telling.tellSoon();
      const swift = teller();
      shared.addresses = swift.own.addresses = [address(3)];
      await swift.telling.told();
      goOn();
      await slow.telling.told();
      expect(slow.own.addresses).toEqual([address(3)]);
      expect(await noted()).toEqual(address(3));
      expect(said).toHaveLength(2);
    });
  });

  describe('alarms of a destination', () => {
    /** Processes that mediate, of which one speaks for all, and somebody who delivers. */
    async function speakers() {
      const settings = await ways.streams();
      const told: string[] = [];
      const speaks = { who: 'one' };
      const mediator = (who: string, dids = new Set([LEMF])): DestinationAlarms => {
        const alarms = new AlarmBook({
          raised: (_, text) => void told.push(`${who}: ${text}`),
          cleared: () => void told.push(`${who}: cleared`),
        });
        const made = new DestinationAlarms({
          ...{ server: ways.server, streams: settings, alarms, alarmAfter: 60_000, ...ports },
          tells: () => speaks.who === who,
        });
        made.follow(dids);
        made.start();
        onTestFinished(() => made.stop());
        return made;
      };
      const place = { server: ways.server, ...deliveryPlace(settings, LEMF) };
      const lease = await StreamLease.take(place, 'deliverer', settings.leaseMs, ports);
      onTestFinished(() => lease.release());
      const says = async (ready: boolean, problem: string | null): Promise<void> => {
        const { stream, subject } = notePlace(settings, 'told', LEMF);
        await ways.server.publish(stream, subject, toldNote({ ready, problem }));
      };
      const raised = notePlace(settings, 'raised', LEMF);
      const noted = async (): Promise<number> =>
        (await ways.server.newest(raised.stream, raised.subject))?.number ?? 0;
      return { told, speaks, mediator, says, noted };
    }

    it('R-23: are raised once and cleared once, though another has the first partition meanwhile', async () => {
      const { told, speaks, mediator, says, noted } = await speakers();
      const all = [mediator('one'), mediator('other')];
      await says(false, 'it is away');
      await expect.poll(noted).toBeGreaterThan(0);
      speaks.who = 'other';
      await says(false, 'it is away still');
      const before = await noted();
      await says(true, null);
      await expect.poll(noted).toBeGreaterThan(before);
      for (const each of all) await expect.poll(() => each.ready(LEMF)).toBe(true);
      expect(told).toEqual(['one: it is away', 'other: cleared']);
    });

    it('R-23: are cleared by whoever speaks next where it was removed while nobody did', async () => {
      const { told, speaks, mediator, says, noted } = await speakers();
      const one = mediator('one');
      await says(false, 'it is away');
      await expect.poll(noted).toBeGreaterThan(0);
      await one.stop();
      speaks.who = 'other';
      const before = await noted();
      mediator('other', new Set());
      await expect.poll(noted).toBeGreaterThan(before);
      expect(told).toEqual(['one: it is away', 'other: cleared']);
    });
  });
});
