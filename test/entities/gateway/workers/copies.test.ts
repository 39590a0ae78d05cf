/** Copies of packets between threads: what is read is what was gathered, in order, and what is too much is counted. */
import { describe, expect, test } from 'vitest';
import type { RelayedPacket } from '../../../../src/entities/gateway/stream.ts';
import { CopyGatherer, CopyReader, weightOf } from '../../../../src/entities/gateway/workers/copies.ts';
import type { CopyBatch } from '../../../../src/entities/gateway/workers/copies.ts';

const at = (port: number) => ({ address: '192.0.2.1', port });

function packet(n: number, more: Partial<RelayedPacket> = {}): RelayedPacket {
  const octets = new Uint8Array(100 + (n % 7)).fill(n);
  return { octets, at: 1e12 + n / 3, side: 'a', source: at(4000), destination: at(20_000), ...more };
}

type Heard = readonly [stream: number, packet: RelayedPacket | string];

/** What comes out, in order: packets, and how many of a side were missed. */
function reading(): { readonly heard: Heard[]; readonly read: (batch: CopyBatch) => void } {
  const reader = new CopyReader();
  const heard: Heard[] = [];
  return {
    heard,
    read: (batch) =>
      reader.read(
        structuredClone(batch),
        (stream, each) => heard.push([stream, each]),
        ({ stream, side, count }) => heard.push([stream, `${side} ${count}`]),
      ),
  };
}

describe('R-53: copies of packets that a thread relays', () => {
  test('come as they were, in order, whatever streams, sides and sources they are of, over many batches', () => {
    const { heard, read } = reading();
    const batches: CopyBatch[] = [];
    const copies = new CopyGatherer((batch) => batches.push(batch));
    const sent: Heard[] = [];
    for (let n = 0; n < 600; n++) {
      const stream = n % 5;
      const side = n % 2 === 0 ? 'a' : 'b';
      // A party that moves about, by more places than are kept.
      const each = packet(n, { side, source: at(4000 + (n % 23)), destination: at(20_000 + (n % 4)) });
      copies.add(stream, each);
      sent.push([stream, each]);
      if (n % 37 === 0) copies.flush();
    }
    copies.flush();
    copies.flush();
    expect(batches.length).toBeGreaterThan(10);
    batches.forEach(read);
    expect(heard).toEqual(sent);
  });

  test('share memory with few others of their stream alone: one that waits for a destination keeps no more', () => {
    const { heard, read } = reading();
    const copies = new CopyGatherer(read);
    for (let n = 0; n < 200; n++) copies.add(n % 2, packet(n, { octets: new Uint8Array(100).fill(n) }));
    copies.flush();
    const octets = heard.flatMap(([stream, each]) =>
      typeof each === 'string' ? [] : [{ stream, octets: each.octets }],
    );
    expect(octets.map(({ octets: each }) => each)).toEqual(
      Array.from({ length: 200 }, (_, n) => new Uint8Array(100).fill(n)),
    );
    const streams = new Map<ArrayBufferLike, Set<number>>();
    for (const { stream, octets: each } of octets)
      streams.set(each.buffer, (streams.get(each.buffer) ?? new Set()).add(stream));
    expect([...streams.values()].every(({ size }) => size === 1)).toBe(true);
    expect(Math.max(...[...streams.keys()].map(({ byteLength }) => byteLength))).toBe(1600);
  });

  test('go by themselves where a batch is full, the largest datagram included', () => {
    const batches: CopyBatch[] = [];
    const copies = new CopyGatherer((batch) => batches.push(batch));
    copies.add(1, packet(1, { octets: new Uint8Array(65_507) }));
    copies.add(1, packet(2, { octets: new Uint8Array(65_507) }));
    expect(batches.map(({ octets }) => octets.length)).toEqual([65_507]);
    for (let n = 0; n < 2000; n++) copies.add(1, packet(n, { octets: new Uint8Array(1) }));
    expect(batches.slice(1).map(({ packets }) => packets.length / 4)).toEqual([30, 512, 512, 512]);
  });

  test('a source of two streams is told for each', () => {
    const { heard, read } = reading();
    const copies = new CopyGatherer(read);
    for (const stream of [1, 2]) copies.add(stream, packet(stream));
    copies.flush();
    copies.forget(1);
    copies.add(2, packet(3));
    copies.flush();
    expect(heard.map(([stream]) => stream)).toEqual([1, 2, 2]);
  });
});

describe('R-56: copies that come faster than they are taken', () => {
  test('are bounded: beyond it packets are counted by stream and side, in their place, and copied again once there is room', () => {
    const batches: CopyBatch[] = [];
    const copies = new CopyGatherer((batch) => batches.push(batch), 1000);
    for (let n = 0; n < 4; n++) copies.add(7, packet(0));
    copies.flush();
    for (let n = 0; n < 10; n++) copies.add(7, packet(0, { side: n < 4 ? 'a' : 'b' }));
    for (const batch of [...batches]) copies.taken(weightOf(batch));
    copies.add(7, packet(1));
    copies.flush();
    const { heard, read } = reading();
    batches.forEach(read);
    expect(heard.map(([, each]) => (typeof each === 'string' ? each : 'packet'))).toEqual([
      ...Array<string>(4).fill('packet'),
      'a 4',
      'b 6',
      'packet',
    ]);
  });
});
