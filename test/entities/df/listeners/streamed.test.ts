/** PDUs by the way of streams: from what takes them in to the mediation, with a NATS server between them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { concat, fromHex, utf8 } from '../../../../src/bytes/octets.ts';
import { partitionOf } from '../../../../src/entities/df/call-partition.ts';
import {
  batchesOf,
  messageId,
  PEER_HEADER,
  pduStreams,
} from '../../../../src/entities/df/listeners/pdu-streams.ts';
import type { PduStreamSettings } from '../../../../src/entities/df/listeners/pdu-streams.ts';
import { StreamedIntake } from '../../../../src/entities/df/listeners/streamed-intake.ts';
import { StreamedSource } from '../../../../src/entities/df/listeners/streamed-source.ts';
import type { ReceivedPdu, X2X3Consumer } from '../../../../src/entities/df/listeners/x2x3-server.ts';
import type { LeaseState } from '../../../../src/storage/stream-lease.ts';
import { missingNats } from '../../../support/nats-server.ts';
import { OwnStreams, STREAM_PORTS as ports } from '../../../support/own-streams.ts';
import { numbersOf, start } from '../delivery-function.ts';
import { call, correlationOf, handedOver, LEMF, LEMF_2, task, TestPoi, XID, XID_2 } from '../support.ts';

/** A packet of a call. */
function packet(poi: TestPoi, n: number, callId?: string): ReceivedPdu {
  const octets = fromHex(`8008${n.toString(16).padStart(4, '0')}${'00'.repeat(168)}`);
  return poi.x3(octets, undefined, XID, callId);
}

/** PDUs that were taken, by the octets of their payloads. */
class Taken implements X2X3Consumer {
  readonly pdus: ReceivedPdu[] = [];
  readonly refusals: string[] = [];
  failing = 0;

  accept(batch: readonly ReceivedPdu[]): Promise<void> {
    if (this.failing > 0) {
      this.failing -= 1;
      return Promise.reject(new Error('the disk is full'));
    }
    this.pdus.push(...batch);
    return Promise.resolve();
  }

  refused(_octets: Uint8Array, reason: string): void {
    this.refusals.push(reason);
  }
}

describe('Messages of streams', () => {
  const poi = new TestPoi(ports.clock);

  it('have PDUs of a call in one partition, and calls in all of them', () => {
    const partitions = new Set(Array.from({ length: 200 }, (_, n) => partitionOf(correlationOf(`${n}`), 8)));
    expect([...partitions].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(partitionOf(correlationOf('a'), 8)).toBe(partitionOf(correlationOf('a'), 8));
  });

  it('have 256 KiB, or one PDU that has more', () => {
    const sized = (octets: number): ReceivedPdu => ({ ...packet(poi, 0), octets: new Uint8Array(octets) });
    const batches = batchesOf([sized(200_000), sized(60_000), sized(10_000), sized(900_000), sized(1)]);
    expect(batches.map((batch) => batch.map(({ octets }) => octets.length))).toEqual([
      [200_000, 60_000],
      [10_000],
      [900_000],
      [1],
    ]);
    expect(batchesOf([])).toEqual([]);
  });

  it('have one id where each PDU is a copy, and none where a PDU is never one', () => {
    const { pdu, octets } = packet(poi, 1);
    const id = messageId('a', [pdu], octets);
    expect(messageId('a', [pdu], octets)).toBe(id);
    expect(messageId('b', [pdu], octets)).not.toBe(id);
    const other = packet(poi, 1);
    expect(messageId('a', [other.pdu], other.octets)).not.toBe(id);
    expect(messageId('a', [pdu, { ...pdu, attributes: [] }], octets)).toBeNull();
  });
});

describe.skipIf(missingNats())('PDUs by the way of streams', () => {
  const own = new OwnStreams();

  function streams(changes: Partial<Omit<PduStreamSettings, 'name'>> = {}): Promise<PduStreamSettings> {
    const sizes = { signallingOctets: 16 << 20, contentOctets: 16 << 20 };
    return own.make({ partitions: 3, replicas: 1, ...sizes, ...changes }, pduStreams);
  }

  const intakeOf = (settings: PduStreamSettings): StreamedIntake =>
    new StreamedIntake({ server: own.server, settings, ...ports });

  function sourceOf(
    settings: PduStreamSettings,
    consumer: X2X3Consumer,
    lease: { state: LeaseState } = { state: 'held' },
  ): StreamedSource {
    const source = new StreamedSource({ server: own.server, settings, consumer, lease, ...ports });
    source.start();
    onTestFinished(() => source.stop());
    return source;
  }

  const kept = async ({ name }: PduStreamSettings): Promise<number> =>
    (await own.server.kept(`${name}-x2`)).messages + (await own.server.kept(`${name}-x3`)).messages;

  it('R-20 R-23 R-36 R-56: records and reports are those of a DF in one process, and what is durable leaves the streams', async () => {
    const settings = await streams();
    const tasks = [
      task(XID, 'LIID-1'),
      task(XID_2, 'LIID-2', { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] }),
    ];
    const [apart, embedded] = [await start(tasks), await start(tasks)];
    const packets = Array.from({ length: 300 }, (_, n) => packet(apart.poi, n));
    const lost = packets.splice(100, 7);
    const batch = [
      ...call().flatMap((step) => [apart.poi.x2(step), apart.poi.x2(step, XID_2)]),
      ...packets,
      ...Array.from({ length: 20 }, () => apart.poi.x3(fromHex('00'.repeat(160)), undefined, XID_2)),
    ];
    await embedded.mediation.accept(batch);
    const intake = intakeOf(settings);
    await intake.accept(batch);
    expect(intake.stored).toEqual({ x2: 8, x3: 313 });
    expect(await kept(settings)).toBeGreaterThan(1);
    sourceOf(settings, apart.mediation);
    const told = async ({ store }: typeof apart, did: string) =>
      (await handedOver(store, did)).sort(
        (a, b) => a.kind.localeCompare(b.kind) || a.sequenceNumber - b.sequenceNumber,
      );
    const counts = ({ store }: typeof apart) => [LEMF, LEMF_2].map((did) => store.waiting(did).count);
    await expect.poll(() => counts(apart), { timeout: 5_000 }).toEqual(counts(embedded));
    for (const did of [LEMF, LEMF_2]) expect(await told(apart, did)).toEqual(await told(embedded, did));
    expect(numbersOf(await told(apart, LEMF), 'hi3')).toEqual([...Array(293).keys()]);
    expect(numbersOf(await told(apart, LEMF_2), 'hi3')).toEqual([...Array(20).keys()]);
    expect(apart.issues.log).toEqual(embedded.issues.log);
    expect(apart.issues.log).toEqual([expect.stringContaining(`${lost.length} PDUs were lost`)]);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
  });

  it('R-23: what is sent again, in whatever pieces, is known by its numbers', async () => {
    const settings = await streams();
    const df = await start();
    const packets = Array.from({ length: 60 }, (_, n) => packet(df.poi, n));
    const intake = intakeOf(settings);
    await intake.accept(packets.slice(0, 40));
    await intake.accept(packets.slice(0, 40));
    await intake.accept(packets.slice(10, 60));
    await intake.accept(packets.slice(50, 60));
    sourceOf(settings, df.mediation);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
    expect(numbersOf(await handedOver(df.store), 'hi3')).toEqual([...Array(60).keys()]);
    expect(df.issues.log).toEqual([]);
  });

  it('R-23: a DF that is killed before it has removed what it stored finds it again, and takes nothing twice', async () => {
    const settings = await streams();
    const df = await start();
    const packets = Array.from({ length: 90 }, (_, n) => packet(df.poi, n));
    await intakeOf(settings).accept(packets.slice(0, 50));
    const lease: { state: LeaseState } = { state: 'held' };
    const source = sourceOf(settings, df.mediation, lease);
    await expect.poll(async () => (await handedOver(df.store)).length, { timeout: 5_000 }).toBe(50);
    lease.state = 'late';
    await source.stop();
    expect(await kept(settings)).toBeGreaterThan(0);
    await df.kill();
    await intakeOf(settings).accept(packets.slice(50));
    sourceOf(settings, df.mediation);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
    expect(numbersOf(await handedOver(df.store), 'hi3')).toEqual([...Array(90).keys()]);
  });

  it('R-23: a batch that a full stream has refused a part of is laid down again, and nothing of it is lost or doubled', async () => {
    const settings = await streams({ contentOctets: 100_000, partitions: 2 });
    const df = await start();
    const intake = intakeOf(settings);
    const batches = Array.from({ length: 12 }, (_, at) =>
      Array.from({ length: 60 }, (_, n) => packet(df.poi, at * 60 + n)),
    );
    let laid = 0;
    const lay = async (): Promise<number> => {
      for (; laid < batches.length; laid++) await intake.accept(batches[laid]!);
      return laid;
    };
    await expect(lay()).rejects.toMatchObject({ code: 'full' });
    expect(laid).toBeGreaterThan(0);
    expect(laid).toBeLessThan(12);
    // Signalling has a room of its own.
    await intake.accept(call().map((step) => df.poi.x2(step)));
    sourceOf(settings, df.mediation);
    await expect.poll(() => lay().catch(() => laid), { timeout: 10_000 }).toBe(12);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
    expect(numbersOf(await handedOver(df.store), 'hi3')).toEqual([...Array(720).keys()]);
  });

  it('R-23: what cannot be stored stays in its stream, is tried again, and nothing goes before it', async () => {
    const settings = await streams({ partitions: 1 });
    const poi = new TestPoi(ports.clock);
    const consumer = new Taken();
    consumer.failing = 2;
    const packets = Array.from({ length: 5 }, (_, n) => packet(poi, n));
    const intake = intakeOf(settings);
    await intake.accept(packets.slice(0, 3));
    const source = sourceOf(settings, consumer);
    await expect.poll(() => source.failure, { timeout: 5_000 }).toBe('the disk is full');
    await intake.accept(packets.slice(3));
    await expect
      .poll(() => consumer.pdus.map(({ octets }) => octets), { timeout: 5_000 })
      .toEqual(packets.map(({ octets }) => octets));
    expect(source.failure).toBeNull();
    expect(consumer.pdus.every(({ peer }) => peer === 'cscf.home1.example')).toBe(true);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
  });

  it('R-23: who does not have the lease takes nothing and removes nothing', async () => {
    const settings = await streams({ partitions: 1 });
    const consumer = new Taken();
    const lease: { state: LeaseState } = { state: 'late' };
    await intakeOf(settings).accept([packet(new TestPoi(ports.clock), 0)]);
    const source = sourceOf(settings, consumer, lease);
    await sleep(300);
    expect(consumer.pdus).toEqual([]);
    lease.state = 'held';
    await expect.poll(() => consumer.pdus.length, { timeout: 5_000 }).toBe(1);
    lease.state = 'lost';
    await intakeOf(settings).accept([packet(new TestPoi(ports.clock), 1)]);
    expect(source.failure).toBe('another process has taken the streams over');
    await source.stop();
    expect(consumer.pdus).toHaveLength(1);
    expect(await kept(settings)).toBeGreaterThan(0);
  });

  it('R-23: what is not understood is told of, and holds nothing up', async () => {
    const settings = await streams({ partitions: 1 });
    const poi = new TestPoi(ports.clock);
    const consumer = new Taken();
    const intake = intakeOf(settings);
    intake.refused(utf8('noise'), 'a reason: “ü”\r\n');
    const { octets } = packet(poi, 0);
    const broken = octets.slice();
    broken.set([0xff, 0xff], 2);
    const publish = (message: Uint8Array): Promise<number> =>
      own.server.publish(`${settings.name}-x3`, `${settings.name}.x3.0`, message, {
        headers: { [PEER_HEADER]: 'cscf.home1.example' },
      });
    await publish(utf8('this is not a PDU, but long enough to have lengths'));
    await publish(broken);
    await publish(concat(octets, octets.subarray(0, 20)));
    sourceOf(settings, consumer);
    await expect.poll(() => consumer.pdus.length, { timeout: 5_000 }).toBe(1);
    await expect.poll(() => consumer.refusals.length, { timeout: 5_000 }).toBe(4);
    expect(consumer.refusals).toContain('a reason: “ü”\r\n');
    expect(consumer.refusals).toContain('a message of a stream ends within a PDU');
    expect(intake.refusedLost).toBe(0);
    await expect.poll(() => kept(settings), { timeout: 5_000 }).toBe(0);
  });
});
