/**
 * The outboxes of the partitions that a process has, as one: each destination has one connection. What is read of it is in
 * the order of its partition; that of one partition is not held up by another's.
 *
 *     partition 2   17 18 19 …  ─┐
 *                                ├─► 1 = (2, 17)  2 = (2, 18)  3 = (5, 3)  …
 *     partition 5    3  4 …     ─┘
 *
 * A place is given when an entry is read first, and is the same until it is acknowledged, also over several connections.
 * Where a partition goes, the process that has it next delivers what was not acknowledged; the LEMF knows copies by numbers.
 */
import { SerialQueue } from '../../bytes/serial-queue.ts';
import type { Amount, HandoverOutbox, OutboxEntry } from './ports.ts';

/** An entry that was read and not acknowledged. */
interface Read {
  readonly place: number;
  readonly partition: number;
  readonly position: number;
}

interface Destination {
  /** One reading at a time, so that an entry gets one place. */
  readonly reading: SerialQueue;
  read: Read[];
  lastPlace: number;
  /** The last position of each partition that has a place. */
  readonly last: Map<number, number>;
  /** The partition that is read first next time. */
  turn: number;
}

interface Member {
  readonly outbox: HandoverOutbox;
  readonly unsubscribe: () => void;
}

export class JoinedOutbox implements HandoverOutbox {
  readonly #members = new Map<number, Member>();
  readonly #destinations = new Map<string, Destination>();
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();

  /** What waits in an outbox is delivered as well. */
  add(partition: number, outbox: HandoverOutbox): void {
    const unsubscribe = outbox.onAppend((dids) => this.#tell(dids));
    this.#members.set(partition, { outbox, unsubscribe });
    this.#tell(new Set(outbox.destinations()));
  }

  /** What waits there is another's from now on. */
  remove(partition: number): void {
    this.#members.get(partition)?.unsubscribe();
    this.#members.delete(partition);
    for (const destination of this.#destinations.values()) {
      destination.read = destination.read.filter((read) => read.partition !== partition);
      destination.last.delete(partition);
    }
  }

  pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const destination = this.#destination(did);
    return destination.reading.run(() => this.#pending(did, destination, after, limit));
  }

  async acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    const destination = this.#destination(did);
    const gone = destination.read.filter(({ place }) => place > after && place <= upTo);
    await Promise.all(
      [...byPartition(gone)].map(async ([partition, positions]) => {
        const outbox = this.#members.get(partition)?.outbox;
        await outbox
          ?.acknowledge(did, Math.max(...positions), Math.min(...positions) - 1)
          .catch((error: unknown) => {
            // One that has gone meanwhile is another's, with what is acknowledged here.
            if (this.#members.get(partition)?.outbox === outbox) throw error;
          });
      }),
    );
    destination.read = destination.read.filter(({ place }) => place <= after || place > upTo);
  }

  waiting(did: string): Amount {
    const all = [...this.#members.values()].map(({ outbox }) => outbox.waiting(did));
    return {
      count: all.reduce((sum, { count }) => sum + count, 0),
      octets: all.reduce((sum, { octets }) => sum + octets, 0),
    };
  }

  destinations(): string[] {
    return [...new Set([...this.#members.values()].flatMap(({ outbox }) => outbox.destinations()))].sort();
  }

  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #pending(
    did: string,
    destination: Destination,
    after: number,
    limit: number,
  ): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    // Not before all that have a place: whoever reads goes on from the last one that it has.
    for (let from = after; entries.length < limit;) {
      const wanted = destination.read.filter(({ place }) => place > from).slice(0, limit - entries.length);
      const last = wanted.at(-1);
      if (last === undefined) break;
      entries.push(...(await this.#again(did, destination, wanted)));
      from = last.place;
    }
    for (const partition of this.#inTurn(destination)) {
      if (entries.length >= limit) break;
      entries.push(...(await this.#next(did, destination, partition, limit - entries.length)));
    }
    return entries;
  }

  /** Partitions, beginning with the one that is to be read first. */
  #inTurn({ turn }: Destination): number[] {
    const members = [...this.#members.keys()].sort((a, b) => a - b);
    return [...members.filter((each) => each >= turn), ...members.filter((each) => each < turn)];
  }

  /** Those that have a place, as they are kept now. */
  async #again(did: string, destination: Destination, wanted: readonly Read[]): Promise<OutboxEntry[]> {
    const found = new Map<Read, OutboxEntry>();
    for (const [partition, positions] of byPartition(wanted)) {
      const first = Math.min(...positions);
      const kept = await this.#members.get(partition)?.outbox.pending(did, first - 1, positions.length);
      const byPosition = new Map((kept ?? []).map((entry) => [entry.position, entry]));
      for (const read of wanted) {
        const entry = read.partition === partition ? byPosition.get(read.position) : undefined;
        if (entry !== undefined) found.set(read, entry);
      }
    }
    // What gave way, or has gone with its warrant, has no place any more.
    const gone = new Set(wanted.filter((read) => !found.has(read)));
    if (gone.size > 0) destination.read = destination.read.filter((read) => !gone.has(read));
    return wanted.flatMap((read) => {
      const entry = found.get(read);
      return entry === undefined ? [] : [{ ...entry, position: read.place }];
    });
  }

  /** Those of a partition that have no place yet. */
  async #next(
    did: string,
    destination: Destination,
    partition: number,
    limit: number,
  ): Promise<OutboxEntry[]> {
    const outbox = this.#members.get(partition)?.outbox;
    if (outbox === undefined) return [];
    const entries = await outbox.pending(did, destination.last.get(partition) ?? 0, limit);
    if (entries.length === 0 || this.#members.get(partition)?.outbox !== outbox) return [];
    destination.turn = partition + 1;
    return entries.map((entry) => {
      const place = ++destination.lastPlace;
      destination.read.push({ place, partition, position: entry.position });
      destination.last.set(partition, entry.position);
      return { ...entry, position: place };
    });
  }

  #destination(did: string): Destination {
    const known = this.#destinations.get(did);
    if (known !== undefined) return known;
    const fresh = { reading: new SerialQueue(), read: [], lastPlace: 0, last: new Map(), turn: 0 };
    this.#destinations.set(did, fresh);
    return fresh;
  }

  #tell(dids: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(dids);
  }
}

/** Positions by partition. */
function byPartition(read: readonly Read[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const { partition, position } of read) {
    const positions = found.get(partition);
    if (positions === undefined) found.set(partition, [position]);
    else positions.push(position);
  }
  return found;
}
