/** Outboxes of several partitions as one: each entry once, in the order of its partition. */
import { describe, expect, it } from 'vitest';
import { JoinedOutbox } from '../../../src/entities/df/joined-outbox.ts';
import type { HandoverOutbox, OutboxEntry } from '../../../src/entities/df/ports.ts';

/** One partition's, in memory. */
class Box implements HandoverOutbox {
  entries: OutboxEntry[] = [];
  #listener: (dids: ReadonlySet<string>) => void = () => undefined;

  readonly #liid: string;

  constructor(liid: string) {
    this.#liid = liid;
  }

  append(...positions: number[]): void {
    for (const position of positions)
      this.entries.push({
        ...{ did: 'd', interface: 'hi3', liid: this.#liid, cin: 1, sequenceNumber: position, position },
        octets: new Uint8Array(4),
      });
    this.#listener(new Set(['d']));
  }

  pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const later = this.entries.filter((entry) => entry.did === did && entry.position > after);
    return Promise.resolve(later.slice(0, limit));
  }

  acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    this.entries = this.entries.filter(
      (entry) => entry.did !== did || entry.position <= after || entry.position > upTo,
    );
    return Promise.resolve();
  }

  waiting(did: string) {
    const count = did === 'd' ? this.entries.length : 0;
    return { count, octets: count * 4 };
  }

  destinations(): string[] {
    return this.entries.length === 0 ? [] : ['d'];
  }

  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = () => undefined);
  }
}

function joined() {
  const outbox = new JoinedOutbox();
  const boxes = [new Box('A'), new Box('B')] as const;
  boxes.forEach((box, partition) => outbox.add(partition, box));
  const read = async (after: number, limit: number) =>
    (await outbox.pending('d', after, limit)).map(
      ({ liid, sequenceNumber, position }) => `${position}=${liid}${sequenceNumber}`,
    );
  return { outbox, boxes, read };
}

describe('The outboxes of partitions as one', () => {
  it('gives each entry once, in the order of its partition, and partitions in turn', async () => {
    const { boxes, read } = joined();
    boxes[0].append(1, 2, 3, 4);
    boxes[1].append(1, 2);
    expect(await read(0, 2)).toEqual(['1=A1', '2=A2']);
    expect(await read(2, 2)).toEqual(['3=B1', '4=B2']);
    expect(await read(4, 9)).toEqual(['5=A3', '6=A4']);
    boxes[1].append(3);
    expect(await read(6, 9)).toEqual(['7=B3']);
  });

  it('R-23: begins anew with what was not acknowledged, in the same places', async () => {
    const { outbox, boxes, read } = joined();
    boxes[0].append(1, 2);
    boxes[1].append(1, 2);
    const all = await read(0, 9);
    expect(await read(0, 3)).toEqual(all.slice(0, 3));
    await outbox.acknowledge('d', 3);
    expect(boxes.map(({ entries }) => entries.map(({ position }) => position))).toEqual([[], [2]]);
    expect(await read(0, 9)).toEqual(['4=B2']);
    boxes[0].append(7);
    expect(await read(0, 9)).toEqual(['4=B2', '5=A7']);
  });

  it('leaves what stays at the head, and passes over what gave way', async () => {
    const { outbox, boxes, read } = joined();
    boxes[0].append(1, 2, 3);
    boxes[1].append(1, 2);
    expect(await read(0, 9)).toEqual(['1=A1', '2=A2', '3=A3', '4=B1', '5=B2']);
    await outbox.acknowledge('d', 4, 1);
    expect(await read(0, 9)).toEqual(['1=A1', '5=B2']);
    boxes[0].entries = [];
    boxes[1].append(3);
    expect(await read(0, 1)).toEqual(['5=B2']);
    expect(await read(0, 9)).toEqual(['5=B2', '6=B3']);
  });

  it('counts all of them, and tells of what comes and of what a partition brings', () => {
    const { outbox, boxes } = joined();
    const told: string[] = [];
    outbox.onAppend((dids) => told.push([...dids].join()));
    boxes[0].append(1, 2);
    boxes[1].append(1);
    expect(outbox.waiting('d')).toEqual({ count: 3, octets: 12 });
    expect(outbox.destinations()).toEqual(['d']);
    const third = new Box('C');
    third.append(9);
    outbox.add(2, third);
    expect(told).toEqual(['d', 'd', 'd']);
    expect(outbox.waiting('d').count).toBe(4);
  });

  it('what is of a partition that has gone is not read any more, and acknowledged by nobody here', async () => {
    const { outbox, boxes, read } = joined();
    boxes[0].append(1);
    boxes[1].append(1);
    expect(await read(0, 9)).toEqual(['1=A1', '2=B1']);
    outbox.remove(0);
    await outbox.acknowledge('d', 2);
    expect(boxes.map(({ entries }) => entries.length)).toEqual([1, 0]);
    expect(await read(0, 9)).toEqual([]);
    outbox.add(0, boxes[0]);
    expect(await read(0, 9)).toEqual(['3=A1']);
  });

  it('places are given once also where two read at the same time', async () => {
    const { boxes, read } = joined();
    boxes[0].append(1, 2);
    const [one, other] = await Promise.all([read(0, 9), read(0, 9)]);
    expect(one).toEqual(other);
  });
});
