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
import { decodeRtp } from '../../media/rtp.ts';
import type { RtpHeader, RtpPacket } from '../../media/rtp.ts';
import type { PduLocation, Workspace } from './workspace.ts';

/** A packet as delivered. */
export interface DeliveredPacket {
  readonly header: RtpHeader;
  /** The packet as intercepted, from its RTP header on. */
  readonly packet: Uint8Array;
  readonly location: PduLocation;
  /** Where it came from and went. */
  readonly path: string | null;
  /** Unix milliseconds. */
  readonly time: number | null;
  /** In the order of delivery. */
  readonly place: number;
  /** Crypto session under whose key the network has decrypted it, 0: none is said; `null`: it has not. */
  readonly decrypted: number | null;
}

/** A packet in the clear, decrypted or never encrypted. */
export interface PlainPacket {
  readonly rtp: RtpPacket;
  /** The whole packet in the clear, for comparison. */
  readonly octets: Uint8Array;
  /** Where these are; absent: nowhere yet. */
  readonly location?: PduLocation;
  readonly place: number;
  readonly time: number | null;
}

export interface NumberedPacket {
  readonly rtp: RtpPacket;
  /** The whole packet in the clear, valid until the next. */
  readonly octets: Uint8Array;
  readonly index: number;
  /** Unix milliseconds. */
  readonly time: number | null;
}

/** What tells where in its stream a packet stands. */
export interface Numbers {
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

/** RFC 3550 appendix A.1, MAX_MISORDER and MAX_DROPOUT. */
const BACK = 100;
const AHEAD = 3000;
const RANGE = 0x10000;

/** Runs of one stream at most; what fits none of them is put after the last. */
const MAX_RUNS = 64;

export class Run {
  readonly #workspace: Workspace;
  readonly #id: number;
  #size = 0;
  #lowest = Infinity;
  #highest = -1;
  #oldest: Numbers | null = null;
  #newest: Numbers | null = null;
  #first = Infinity;
  #last = -Infinity;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#id = workspace.bench.newRun();
  }

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
  get newest(): Numbers | null {
    return this.#newest;
  }

  /** The packet of the lowest number. */
  get oldest(): Numbers | null {
    return this.#oldest;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether every number between the lowest and the highest is there. */
  get isWhole(): boolean {
    return this.#size === this.#highest - this.#lowest + 1;
  }

  has(index: number): boolean {
    if (index < this.#lowest || index > this.#highest) return false;
    return this.isWhole || this.#workspace.bench.at(this.#id, index) !== null;
  }

  /** The octets of the packet with that number. */
  at(index: number): Uint8Array | null {
    if (index < this.#lowest || index > this.#highest) return null;
    const location = this.#workspace.bench.at(this.#id, index);
    return location === null ? null : this.#workspace.read(location);
  }

  add({ rtp, octets, location, place, time }: PlainPacket, index: number): void {
    const { bench } = this.#workspace;
    bench.place(this.#id, { index, time, ...(location ?? bench.keep(octets)) });
    const numbers = { sequenceNumber: rtp.sequenceNumber, timestamp: rtp.timestamp };
    if (index > this.#highest) {
      this.#highest = index;
      this.#newest = numbers;
    }
    if (index < this.#lowest) {
      this.#lowest = index;
      this.#oldest = numbers;
    }
    this.#size++;
    this.#first = Math.min(this.#first, place);
    this.#last = Math.max(this.#last, place);
  }

  /** In order of their numbers. */
  *packets(): Generator<NumberedPacket> {
    for (const { index, time, ...location } of this.#workspace.bench.run(this.#id)) {
      const octets = this.#workspace.read(location);
      yield { rtp: decodeRtp(octets), octets, index, time };
    }
  }
}

/** Sorts packets into runs as they come. */
export class RunSorter {
  readonly #workspace: Workspace;
  readonly #runs: Run[] = [];
  #copies = 0;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

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
      if (known === null) {
        run.add(packet, index);
        return;
      }
      if (equalOctets(known, packet.octets)) {
        this.#copies++;
        return;
      }
    }
    const last = this.#runs.at(-1);
    if (last !== undefined && this.#runs.length >= MAX_RUNS) {
      last.add(packet, last.highest + 1);
      return;
    }
    const run = new Run(this.#workspace);
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
  if (before === undefined) return null;
  const { oldest: first, newest: last } = before;
  const next = run.oldest;
  if (first === null || last === null || next === null) return null;
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
