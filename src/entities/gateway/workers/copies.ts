/**
 * Copies of intercepted packets on their way from the thread that relays to the one that delivers: gathered for some
 * milliseconds, since a message for each would cost more than the packet did, in the order in which they were relayed.
 *
 *     octets   the packets, one after the other
 *     packets  for each: number of its stream, place of its origin, when it came (Unix milliseconds), length in octets
 *     origins  a place of a stream, before the packet from which on it is another: side, source, destination
 *
 * What is on its way is bounded. Beyond that a packet that is wanted is counted for its stream and side instead, and who
 * numbers packets is told, so that the receiver sees the gap.
 */
import { StreamMemory } from '../../../bytes/stream-memory.ts';
import type { Side } from '../../../wire/iq/sessions.ts';
import type { RelayedPacket } from '../stream.ts';

export interface CopyBatch {
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly packets: Float64Array<ArrayBuffer>;
  readonly origins: readonly CopyOrigin[];
  readonly missed: readonly MissedCopies[];
}

interface CopyOrigin extends Pick<RelayedPacket, 'side' | 'source' | 'destination'> {
  /** The first packet of the batch that it holds for. */
  readonly before: number;
  readonly stream: number;
  readonly place: number;
}

/** Packets that were wanted, after those of the batch, and are not copied. */
export interface MissedCopies {
  readonly stream: number;
  readonly side: Side;
  readonly count: number;
}

/** Numbers for each packet of a batch. */
const FIELDS = 4;
/** Sources and destinations of a stream that are known at a time: its four legs, and those that a party moves between. */
const PLACES = 8;
/** Octets of a batch that goes at once, or with the packet that does not fit any more. */
const BATCH = 65_536;
const BATCH_PACKETS = 512;
/** What a packet weighs besides its octets. */
const WEIGHT = 128;
/** Octets on their way, beyond which there are no copies. */
export const MOST_UNDER_WAY = 16 << 20;

type Origin = Pick<RelayedPacket, 'side' | 'source' | 'destination'>;

/** At the thread that relays. */
export class CopyGatherer {
  readonly #send: (batch: CopyBatch) => void;
  readonly #most: number;
  readonly #octets = new Uint8Array(BATCH);
  readonly #packets = new Float64Array(FIELDS * BATCH_PACKETS);
  #used = 0;
  #count = 0;
  #origins: CopyOrigin[] = [];
  readonly #missed = new Map<string, MissedCopies>();
  #underWay = 0;
  /** Origins by stream and place, and the place of the next. */
  readonly #known = new Map<number, { readonly places: (Origin | undefined)[]; next: number }>();

  /** @param send takes a batch, whose memory is its own */
  constructor(send: (batch: CopyBatch) => void, most = MOST_UNDER_WAY) {
    this.#send = send;
    this.#most = most;
  }

  /** Copies a packet. */
  add(stream: number, packet: RelayedPacket): void {
    const { octets, at } = packet;
    if (this.#underWay + this.#used + octets.length + WEIGHT > this.#most) {
      this.#miss(stream, packet.side);
      return;
    }
    if (this.#used + octets.length > BATCH || this.#count === BATCH_PACKETS) this.flush();
    // The numbers of packets that were missed lie before this one's.
    else if (this.#missed.size > 0) this.flush();
    const place = this.#placeOf(stream, packet);
    this.#octets.set(octets, this.#used);
    const first = FIELDS * this.#count;
    this.#packets[first] = stream;
    this.#packets[first + 1] = place;
    this.#packets[first + 2] = at;
    this.#packets[first + 3] = octets.length;
    this.#used += octets.length;
    this.#count++;
  }

  /** Sends what has been gathered. */
  flush(): void {
    if (this.#count === 0 && this.#missed.size === 0) return;
    const batch: CopyBatch = {
      octets: this.#octets.slice(0, this.#used),
      packets: this.#packets.slice(0, FIELDS * this.#count),
      origins: this.#origins,
      missed: [...this.#missed.values()],
    };
    this.#underWay += weightOf(batch);
    this.#used = 0;
    this.#count = 0;
    this.#origins = [];
    this.#missed.clear();
    this.#send(batch);
  }

  /** What was sent has been taken, in octets by `weightOf`. */
  taken(octets: number): void {
    this.#underWay -= octets;
  }

  /** A stream has ended: what has been gathered goes, with its last packets. */
  forget(stream: number): void {
    this.flush();
    this.#known.delete(stream);
  }

  #miss(stream: number, side: Side): void {
    const key = `${stream} ${side}`;
    const count = (this.#missed.get(key)?.count ?? 0) + 1;
    this.#missed.set(key, { stream, side, count });
  }

  #placeOf(stream: number, packet: RelayedPacket): number {
    let known = this.#known.get(stream);
    if (known === undefined) this.#known.set(stream, (known = { places: [], next: 0 }));
    const at = known.places.findIndex((origin) => origin !== undefined && isOf(origin, packet));
    if (at >= 0) return at;
    const place = known.next;
    known.next = (place + 1) % PLACES;
    const { side, source, destination } = packet;
    known.places[place] = { side, source, destination };
    this.#origins.push({ before: this.#count, stream, place, side, source, destination });
    return place;
  }
}

/** What the thread that delivers knows of a stream. */
interface KnownStream {
  readonly places: (Origin | undefined)[];
  readonly memory: StreamMemory;
}

/** At the thread that delivers. */
export class CopyReader {
  readonly #known = new Map<number, KnownStream>();

  /** Calls `taken` with each packet of a batch, in order, then `missed` with what there are no copies of. */
  read(
    { octets, packets, origins, missed: counts }: CopyBatch,
    taken: (stream: number, packet: RelayedPacket) => void,
    missed: (missed: MissedCopies) => void,
  ): void {
    let begin = 0;
    let next = 0;
    for (let n = 0; FIELDS * n < packets.length; n++) {
      for (let told = origins[next]; told !== undefined && told.before <= n; told = origins[++next])
        this.#learn(told);
      const first = FIELDS * n;
      const stream = packets[first] ?? 0;
      const place = packets[first + 1] ?? 0;
      const at = packets[first + 2] ?? 0;
      const length = packets[first + 3] ?? 0;
      const known = this.#known.get(stream);
      const origin = known?.places[place];
      if (known !== undefined && origin !== undefined) {
        const { side, source, destination } = origin;
        // It may wait for a destination for long, and others of the batch are not to stay in memory with it.
        const copy = known.memory.take(length);
        copy.set(octets.subarray(begin, begin + length));
        taken(stream, { octets: copy, at, side, source, destination });
      }
      begin += length;
    }
    counts.forEach(missed);
  }

  /** A stream has ended, and nothing of it comes any more. */
  forget(stream: number): void {
    this.#known.delete(stream);
  }

  #learn({ stream, place, side, source, destination }: CopyOrigin): void {
    const known = this.#known.get(stream) ?? { places: [], memory: new StreamMemory() };
    this.#known.set(stream, known);
    known.places[place] = { side, source, destination };
  }
}

/** What a batch weighs while it is on its way, in octets. */
export function weightOf({ octets, packets }: CopyBatch): number {
  return octets.length + (WEIGHT * packets.length) / FIELDS;
}

function isOf(origin: Origin, { side, source, destination }: RelayedPacket): boolean {
  return (
    origin.side === side &&
    origin.destination.port === destination.port &&
    origin.source.port === source.port &&
    origin.source.address === source.address
  );
}
