/** PS-PDUs by the way of streams: from the outbox of a mediation to processes that deliver, with a NATS server between them. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SetAsidePdu } from '../../../../src/bytes/ports.ts';
import { toHex } from '../../../../src/bytes/octets.ts';
import { HANDOVER_DEFAULTS } from '../../../../src/entities/df/handover/ports.ts';
import type { HandoverAddress } from '../../../../src/entities/df/handover/ports.ts';
import { HandoverRelay } from '../../../../src/entities/df/listeners/handover-relay.ts';
import {
  deliveryPlace,
  handoverBatches,
  handoverStreams,
  lanePlace,
  lemfNoteOf,
  notePlace,
  refusedHandoverPlace,
  refusedHeaders,
} from '../../../../src/entities/df/listeners/handover-streams.ts';
import type { OutboxAppend, OutboxEntry } from '../../../../src/entities/df/ports.ts';
import type { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { StreamLease } from '../../../../src/storage/stream-lease.ts';
import type { LeaseState } from '../../../../src/storage/stream-lease.ts';
import { decodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import { HandoverWays, LEMF, OTHER_LEMF as OTHER, psPdu as pdu } from '../../../support/handover-ways.ts';
import type { HandoverWaySettings } from '../../../support/handover-ways.ts';
import { missingNats } from '../../../support/nats-server.ts';
import { STREAM_PORTS as ports } from '../../../support/own-streams.ts';

describe('Messages with PS-PDUs', () => {
  it('are of one warrant and one interface, in their order, 256 KiB or one PDU', () => {
    const entry = (
      position: number,
      liid: string,
      reference: 'hi1' | 'hi2',
      octets: number,
    ): OutboxEntry => ({
      ...{ did: LEMF, interface: reference, liid, cin: 1, sequenceNumber: position, position },
      octets: new Uint8Array(octets),
    });
    const batches = handoverBatches([
      entry(1, 'A', 'hi1', 10),
      entry(2, 'B', 'hi2', 10),
      entry(3, 'A', 'hi2', 200_000),
      entry(4, 'A', 'hi2', 60_000),
      entry(5, 'A', 'hi2', 10_000),
      entry(6, 'A', 'hi1', 10),
      entry(7, 'B', 'hi2', 900_000),
    ]);
    const shown = [...batches].map(([liid, all]) => [
      liid,
      all.map((batch) => [batch.interface, batch.entries.map(({ position }) => position)]),
    ]);
    expect(shown).toEqual([
      [
        'A',
        [
          ['hi1', [1]],
          ['hi2', [3, 4]],
          ['hi2', [5]],
          ['hi1', [6]],
        ],
      ],
      [
        'B',
        [
          ['hi2', [2]],
          ['hi2', [7]],
        ],
      ],
    ]);
  });
});

describe.skipIf(missingNats())('PS-PDUs by the way of streams', () => {
  const ways = new HandoverWays();

  function relayOf(
    settings: HandoverWaySettings,
    outbox: SqliteDfStore,
    lease: { state: LeaseState } = { state: 'held' },
  ) {
    const told = { alarms: [] as string[], setAside: [] as SetAsidePdu[], issues: [] as string[] };
    const addresses: HandoverAddress[] = [LEMF, OTHER].map((did) => ({
      did,
      host: 'lemf',
      port: 1,
      by: 'DF2',
    }));
    const relay = new HandoverRelay({
      ...{ server: ways.server, streams: settings, outbox, ...ports },
      destinations: { list: () => addresses },
      alarms: {
        raised: (did, text) => void told.alarms.push(`${did} ${text}`),
        cleared: (did) => void told.alarms.push(`${did} cleared`),
      },
      issues: { elementIssue: (text) => void told.issues.push(text) },
      setAside: { keep: (one) => Promise.resolve(void told.setAside.push(one)) },
      settings: { ...HANDOVER_DEFAULTS, alarmAfter: 200 },
    });
    relay.start();
    relay.add({ outbox, lease, writer: { partition: 0, streamMadeAt: 1, token: 1 } });
    onTestFinished(() => relay.stop());
    return { relay, addresses, ...told };
  }

  const numbers = (entries: readonly OutboxEntry[], liid: string, reference: string): number[] =>
    entries
      .filter((entry) => entry.liid === liid && entry.interface === reference)
      .map(({ sequenceNumber }) => sequenceNumber);
  const inStreams = async ({ name }: HandoverWaySettings): Promise<number> =>
    (await ways.server.kept(`${name}-hi2`)).messages + (await ways.server.kept(`${name}-hi3`)).messages;

  it('R-20 R-23: come in their order, octet for octet, leave the outbox when the stream has them, and the stream when the LEMF has', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const sent = Array.from({ length: 300 }, (_, n) => [
      pdu(LEMF, 'LIID-1', n),
      pdu(LEMF, 'LIID-2', n, 200),
      pdu(LEMF, 'LIID-1', n, 300),
    ]).flat();
    await ways.append(from, ...sent.slice(0, 450));
    relayOf(settings, from);
    await ways.append(from, ...sent.slice(450));
    await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    const to = ways.read(settings);
    to.open(LEMF);
    await expect.poll(() => to.waiting(LEMF).count).toBe(900);
    const entries = await to.pending(LEMF, 0, 1_000);
    const all = [...Array(300).keys()];
    expect(numbers(entries, 'LIID-1', 'hi2')).toEqual(all);
    expect(numbers(entries, 'LIID-2', 'hi3')).toEqual(all);
    expect(numbers(entries, 'LIID-1', 'hi3')).toEqual(all);
    const texts = (list: readonly { octets: Uint8Array }[]) => list.map(({ octets }) => toHex(octets)).sort();
    expect(texts(entries)).toEqual(texts(sent));
    expect(entries.map(({ position }) => position)).toEqual([...entries.keys()].map((n) => n + 1));
    expect(entries[0]?.cin).toBe(decodePsPdu(entries[0]!.octets).header.cin);
    const half = entries[449]!.position;
    await to.acknowledge(LEMF, half);
    expect((await to.pending(LEMF, 0, 1))[0]?.position).toBe(half + 1);
    await to.acknowledge(LEMF, entries.at(-1)!.position);
    await expect.poll(() => inStreams(settings)).toBe(0);
    expect(to.destinations()).toEqual([]);
  });

  it('R-23: what a LEMF has not acknowledged comes again to the next who delivers, and what is passed over is not removed', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    relayOf(settings, from);
    for (let n = 0; n < 3; n++) {
      await ways.append(from, pdu(LEMF, 'LIID-1', n));
      await expect.poll(() => from.waiting(LEMF).count).toBe(0);
    }
    const first = ways.read(settings);
    first.open(LEMF);
    await expect.poll(() => first.waiting(LEMF).count).toBe(3);
    // The first is passed over: what follows it stays too, since a stream is removed from its beginning on.
    await first.acknowledge(LEMF, 2, 1);
    await first.close(LEMF);
    const next = ways.read(settings);
    next.open(LEMF);
    await expect.poll(() => next.waiting(LEMF).count).toBe(3);
    await next.acknowledge(LEMF, 2);
    await next.close(LEMF);
    const last = ways.read(settings);
    last.open(LEMF);
    await expect.poll(() => last.waiting(LEMF).count).toBe(1);
    expect(numbers(await last.pending(LEMF, 0, 9), 'LIID-1', 'hi2')).toEqual([2]);
  });

  it('R-23: who does not have a destination removes nothing of it', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    relayOf(settings, from);
    await ways.append(from, pdu(LEMF, 'LIID-1', 0));
    const held = new Set([LEMF]);
    const to = ways.read(settings, { holds: (did) => held.has(did) });
    to.open(LEMF);
    await expect.poll(() => to.waiting(LEMF).count).toBe(1);
    held.clear();
    await to.acknowledge(LEMF, 1);
    await to.close(LEMF);
    expect(await inStreams(settings)).toBe(1);
  });

  it('R-20 R-23: a stream that is full refuses: it stays in the outbox, records and other LEMFs go on, and nothing comes twice', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const content = Array.from({ length: 40 }, (_, n) => pdu(LEMF, 'LIID-1', n, 200_000));
    for (const one of content) await ways.append(from, one);
    const { relay } = relayOf(settings, from);
    await expect.poll(() => relay.failure).toMatch(/takes no more/);
    await ways.append(from, pdu(LEMF, 'LIID-1', 0), pdu(OTHER, 'LIID-2', 0, 1_000));
    await expect.poll(() => from.waiting(OTHER).count).toBe(0);
    await expect.poll(async () => (await from.pending(LEMF, 0, 1, 'records')).length).toBe(0);
    expect(from.waiting(LEMF).count).toBeGreaterThan(20);
    const to = ways.read(settings);
    to.open(LEMF);
    const taken: number[] = [];
    await expect
      .poll(async () => {
        const entries = await to.pending(LEMF, 0, 100);
        taken.push(...numbers(entries, 'LIID-1', 'hi3'));
        await to.acknowledge(LEMF, entries.at(-1)?.position ?? 0);
        return taken.length;
      })
      .toBeGreaterThanOrEqual(40);
    expect(taken).toEqual([...Array(40).keys()]);
    await expect.poll(() => relay.failure).toBeNull();
    expect(from.waiting(LEMF).count).toBe(0);
  });

  it('R-23: a relay without the lease lays down nothing', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const lease: { state: LeaseState } = { state: 'late' };
    relayOf(settings, from, lease);
    await ways.append(from, pdu(LEMF, 'LIID-1', 0));
    await ways.append(from, pdu(OTHER, 'LIID-1', 1));
    expect(await inStreams(settings)).toBe(0);
    lease.state = 'held';
    await expect.poll(() => inStreams(settings)).toBe(2);
  });

  it('R-90: what waits of calls of a warrant is counted and removed, of others nothing, nor the news of its end', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const { relay } = relayOf(settings, from);
    const news: OutboxAppend = { ...pdu(LEMF, 'LIID-1', 0), interface: 'hi1' };
    const calls = [pdu(LEMF, 'LIID-1', 1), pdu(LEMF, 'LIID-2', 1), pdu(LEMF, 'LIID-1', 2, 100)];
    await ways.append(from, news, ...calls, pdu(OTHER, 'LIID-1', 3, 100));
    await expect.poll(() => from.destinations()).toEqual([]);
    const passedOn = relay.passedOn(0);
    expect(await passedOn.undelivered('LIID-1')).toBe(3);
    await passedOn.retire(new Set(['LIID-1']));
    expect(await passedOn.undelivered('LIID-1')).toBe(0);
    expect(await relay.waitsBeyond(OTHER)).toBe(false);
    const to = ways.read(settings);
    to.open(LEMF);
    await expect.poll(() => to.waiting(LEMF).count).toBe(2);
    const left = await to.pending(LEMF, 0, 9);
    expect(left.map((entry) => [entry.liid, entry.interface])).toEqual([
      ['LIID-1', 'hi1'],
      ['LIID-2', 'hi2'],
    ]);
  });

  it('R-23: a destination for which something waits in a stream waits, and is told of when it is changed or gone', async () => {
    const settings = await ways.streams();
    const from = await ways.store();
    const { relay, addresses } = relayOf(settings, from);
    await ways.append(from, pdu(LEMF, 'LIID-1', 0));
    await expect.poll(() => inStreams(settings)).toBe(1);
    expect(await relay.waitsBeyond(LEMF)).toBe(true);
    expect(await relay.waitsBeyond(OTHER)).toBe(false);
    const noted = async (did: string) => {
      const { stream, subject } = notePlace(settings, 'lemf', did);
      const note = await ways.server.newest(stream, subject);
      return note === null ? undefined : lemfNoteOf(note);
    };
    addresses[0] = { ...addresses[0]!, port: 2 };
    await relay.told();
    expect(await noted(LEMF)).toEqual(addresses[0]);
    addresses.pop();
    await relay.told();
    expect(await noted(OTHER)).toBeNull();
  });

  it('a destination to which nobody delivers is an alarm, and what who delivers says of it', async () => {
    const settings = await ways.streams();
    const { relay, alarms } = relayOf(settings, await ways.store());
    await expect.poll(() => alarms).toContain(`${LEMF} no process delivers to this destination`);
    const { stream, subject } = notePlace(settings, 'told', LEMF);
    const tell = (note: object) => ways.server.publish(stream, subject, Buffer.from(JSON.stringify(note)));
    const lease = await StreamLease.take(
      { server: ways.server, ...deliveryPlace(settings, LEMF) },
      'df',
      settings.leaseMs,
      ports,
    );
    onTestFinished(() => lease.release());
    await expect.poll(() => alarms).toContain(`${LEMF} cleared`);
    expect(relay.ready(LEMF)).toBe(false);
    await tell({ ready: true, problem: null });
    await expect.poll(() => relay.ready(LEMF)).toBe(true);
    await tell({ ready: false, problem: 'handover interface is down' });
    await expect.poll(() => alarms).toContain(`${LEMF} handover interface is down`);
    expect(relay.ready(LEMF)).toBe(false);
  });

  it('R-23: what a LEMF refused is set aside with the mediation, and told of', async () => {
    const settings = await ways.streams();
    const { relay, setAside, issues } = relayOf(settings, await ways.store());
    const { stream, subject } = refusedHandoverPlace(settings);
    const refused = { did: LEMF, liid: 'LIID-1', reference: 'hi2', reason: 'refused twice' } as const;
    await ways.server.publish(stream, subject, Uint8Array.of(1, 2), { headers: refusedHeaders(refused) });
    await expect
      .poll(() => setAside)
      .toMatchObject([
        {
          reference: 'hi2',
          did: LEMF,
          subject: 'LIID-1',
          reason: 'refused twice',
          octets: Uint8Array.of(1, 2),
        },
      ]);
    await expect.poll(() => issues).toHaveLength(1);
    expect(relay.setAside).toBe(1);
    expect((await ways.server.kept(stream)).messages).toBe(0);
  });

  it('the place of the subject is one a destination, and shares of it are bounded', () => {
    const terms = handoverStreams({ name: 'df', replicas: 1, hi2Octets: 1 << 30, hi3Octets: 4 << 20 });
    expect(terms.map(({ mostOfSubject }) => mostOfSubject)).toEqual([
      256,
      16,
      undefined,
      undefined,
      undefined,
    ]);
    expect(lanePlace({ name: 'df' }, 'content', LEMF)).toEqual({
      stream: 'df-hi3',
      subject: `df.hi3.${LEMF}`,
    });
  });
});
