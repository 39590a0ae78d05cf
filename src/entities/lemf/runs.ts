/**
 * Packets of one stream in the order in which they were sent. Sequence numbers have 16 bits and are the sender's: they
 * wrap (RFC 3550 appendix A.1), they may begin anew, two ends may have chosen one SSRC, and nothing that was delivered
 * may be lost for that. So packets are put into runs: in a run every number is there once. A packet whose number is
 * taken by another is a copy if it is the same, and goes into another run if it is not.
 *
 *     number = the one congruent to the sequence number that is closest to the run's highest
 *     fits a run:   not more than BACK below its highest, nor AHEAD above it
 *
 * Runs that follow each other in the order of delivery are one stream, which had a long gap or whose numbers began anew;
 * runs that overlap are streams of their own.
 */
import { equalOctets } from '../../bytes/octets.ts';
import type { RtpPacket } from '../../media/rtp.ts';

/** A packet in the clear, decrypted or never encrypted. */
export interface PlainPacket {
  readonly rtp: RtpPacket;
  /** The whole packet in the clear, for comparison. */
  readonly octets: Uint8Array;
  /** In the order of delivery. */
  readonly place: number;
  /** Unix milliseconds. */
  readonly time: number | null;
}

export interface NumberedPacket extends PlainPacket {
  readonly index: number;
}

/** RFC 3550 appendix A.1, MAX_MISORDER and MAX_DROPOUT. */
const BACK = 100;
const AHEAD = 3000;
const RANGE = 0x10000;

/** Runs of one stream at most; what fits none of them is put after the last. */
const MAX_RUNS = 64;

export class Run {
  readonly #packets = new Map<number, NumberedPacket>();
  #lowest = Infinity;
  #highest = -1;
  #newest: NumberedPacket | null = null;
  #first = Infinity;
  #last = -Infinity;

  /** Places of the first and the last packet. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  get lowest(): number {
    return this.#lowest;
  }

  get highest(): number {
    return this.#highest;
  }

  /** The packet of the highest number. */
  get newest(): NumberedPacket | null {
    return this.#newest;
  }

  /** The packet of the lowest number. */
  get oldest(): NumberedPacket | null {
    return this.#packets.get(this.#lowest) ?? null;
  }

  get size(): number {
    return this.#packets.size;
  }

  at(index: number): NumberedPacket | undefined {
    return this.#packets.get(index);
  }

  add(packet: PlainPacket, index: number): void {
    const numbered = { ...packet, index };
    this.#packets.set(index, numbered);
    if (index > this.#highest) {
      this.#highest = index;
      this.#newest = numbered;
    }
    this.#lowest = Math.min(this.#lowest, index);
    this.#first = Math.min(this.#first, packet.place);
    this.#last = Math.max(this.#last, packet.place);
  }

  /** In order of their numbers. */
  packets(): NumberedPacket[] {
    return [...this.#packets.values()].sort((a, b) => a.index - b.index);
  }
}

/** Sorts packets into runs as they come. */
export class RunSorter {
  readonly #runs: Run[] = [];
  #copies = 0;

  /** Packets that were there before, octet for octet. */
  get copies(): number {
    return this.#copies;
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** A packet of which only the sequence number is known. */
  add(packet: PlainPacket): void {
    const { sequenceNumber } = packet.rtp;
    const fits = this.#runs
      .map((run) => ({ run, index: closest(run.highest, sequenceNumber) }))
      .filter(({ run, index }) => within(run, index))
      .sort((a, b) => Math.abs(a.index - a.run.highest) - Math.abs(b.index - b.run.highest));
    // One round above, so that late packets of the first numbers have a number, too.
    this.#place(packet, fits, RANGE + sequenceNumber);
  }

  /** A packet whose whole index is known, from its authentication. */
  addAt(packet: PlainPacket, index: number): void {
    // Far below the highest is not a late packet, but the first under another key, whose indices began anew.
    const fits = this.#runs.filter((run) => index > run.highest - RANGE / 2).map((run) => ({ run, index }));
    this.#place(packet, fits, index);
  }

  /** Runs put together to streams: those that follow each other are one. */
  streams(): Run[][] {
    const streams: Run[][] = [];
    for (const run of [...this.#runs].sort((a, b) => a.first - b.first)) {
      const before = streams.find((stream) => (stream.at(-1)?.last ?? Infinity) < run.first);
      if (before === undefined) streams.push([run]);
      else before.push(run);
    }
    return streams;
  }

  #place(packet: PlainPacket, fits: readonly { run: Run; index: number }[], first: number): void {
    for (const { run, index } of fits) {
      const known = run.at(index);
      if (known === undefined) {
        run.add(packet, index);
        return;
      }
      if (equalOctets(known.octets, packet.octets)) {
        this.#copies++;
        return;
      }
    }
    const last = this.#runs.at(-1);
    if (last !== undefined && this.#runs.length >= MAX_RUNS) {
      last.add(packet, last.highest + 1);
      return;
    }
    const run = new Run();
    run.add(packet, first);
    this.#runs.push(run);
  }
}

/** Numbers between the first and the last packet of a stream that no packet has. */
export function missingIn(runs: readonly Run[]): number {
  return runs.reduce((sum, run, at) => {
    const within = run.highest - run.lowest + 1 - run.size;
    return sum + within + (aheadOf(runs[at - 1], run) ?? 1) - 1;
  }, 0);
}

/**
 * How many numbers a run begins after the one before it, where it goes on with the same numbers and the same clock after
 * a long gap: at the pace at which the first one went. `null`: its numbers began anew.
 */
export function aheadOf(before: Run | undefined, run: Run): number | null {
  const [last, next] = [before?.newest?.rtp, run.oldest?.rtp];
  const first = before?.oldest?.rtp;
  if (before === undefined || last === undefined || next === undefined || first === undefined) return null;
  const ahead = (next.sequenceNumber - last.sequenceNumber + RANGE) % RANGE;
  const pace = (last.timestamp - first.timestamp) / Math.max(1, before.highest - before.lowest);
  const later = (next.timestamp - last.timestamp) >>> 0;
  return ahead > 0 && later >= (ahead * pace) / 2 && later <= 2 * ahead * pace ? ahead : null;
}

function closest(near: number, sequenceNumber: number): number {
  return sequenceNumber + RANGE * Math.round((near - sequenceNumber) / RANGE);
}

function within(run: Run, index: number): boolean {
  const ahead = index - run.highest;
  return ahead >= -BACK && ahead <= AHEAD;
}
