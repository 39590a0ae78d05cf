/**
 * Packets that no key opens, beside a stream that keys do open. Anybody who can reach the media gateway can send some, so
 * that they do not take from what was recovered; but a packet of the stream that was damaged, or whose key never came,
 * is one that is missing. The numbers tell (the header is in the clear):
 *
 *     doubled        an authenticated packet has the same number
 *     outside        not among the stream's numbers, nor where it would go on
 *     unaccounted    neither: it may be the packet that is missing
 */
import type { Numbers, Run } from './runs.ts';
import type { PacketBench, RefusedRow } from './workspace.ts';

export type Standing = 'doubled' | 'outside' | 'unaccounted';

export interface RefusedPacket {
  readonly sequenceNumber: number;
  readonly standing: Standing;
  readonly path: string | null;
}

const RANGE = 0x10000;

/** A stream goes on in the next so many numbers. */
const NEAR = 16;

/** A minute of 8 kHz: the longest silence after which the next packet still goes on. */
const LONG_SILENCE = 60 * 8000;

/** Steps of timestamps that are told apart; beyond, those that were rare are forgotten. */
const MAX_STEPS = 1 << 16;

/** Refused packets that are listed; all are counted. */
const MAX_LISTED = 100;

/** What becomes of the refused packets of a stream. */
export interface Refusals {
  readonly count: number;
  /** The first of them, in their order. */
  readonly listed: readonly RefusedPacket[];
  /** Whether one of them may be a packet that is missing. */
  readonly isUnaccounted: boolean;
}

/** No packet was refused. */
export const NONE_REFUSED: Refusals = { count: 0, listed: [], isUnaccounted: false };

/** The packets that were refused for one reason or several, on the bench. */
export class RefusedList {
  readonly #bench: PacketBench;
  readonly #lists: readonly number[];
  readonly #count: number;

  constructor(bench: PacketBench, lists: readonly number[], count: number) {
    this.#bench = bench;
    this.#lists = lists;
    this.#count = count;
  }

  /** Judges each beside the runs of its stream. */
  judge(runs: readonly Run[]): Refusals {
    if (this.#count === 0) return NONE_REFUSED;
    const going = new Set<number>();
    for (const run of runs) for (const { place } of this.#continuing(run)) going.add(place);
    const listed: RefusedPacket[] = [];
    let isUnaccounted = going.size > 0;
    for (const { place, sequenceNumber, path } of this.#bench.refused(this.#lists)) {
      if (listed.length >= MAX_LISTED && isUnaccounted) break;
      const standing = going.has(place) ? 'unaccounted' : standingOf(sequenceNumber, runs);
      isUnaccounted ||= standing === 'unaccounted';
      if (listed.length < MAX_LISTED) listed.push({ sequenceNumber, standing, path });
    }
    return { count: this.#count, listed, isUnaccounted };
  }

  /** Whether packets of whatever content advance as those of a medium do: number by number, by a constant time. */
  advances(atLeast: number): boolean {
    const steps = stepsOf(this.#bench.refused(this.#lists));
    return [...steps].some(([step, count]) => step > 0 && count >= atLeast);
  }

  /** Places of the first and the last. */
  span(): { readonly first: number; readonly last: number } {
    let [first, last] = [Infinity, -Infinity];
    for (const { place } of this.#bench.refused(this.#lists)) {
      first = Math.min(first, place);
      last = Math.max(last, place);
    }
    return { first, last };
  }

  /** The packets outside a run that go on where it ends, or lead up to where it begins, in number and time. */
  #continuing(run: Run): RefusedRow[] {
    const { oldest, newest } = run;
    if (oldest === null || newest === null || run.highest - run.lowest >= RANGE / 2) return [];
    const steps = stepsOf(this.#numbers(run));
    const [step = 0] = [...steps].sort((a, b) => b[1] - a[1])[0] ?? [];
    return [
      ...this.#chain(newest, 1, (ahead, later) => {
        return later === step * ahead || (ahead === 1 && later >= step && later <= LONG_SILENCE);
      }),
      ...this.#chain(oldest, -1, (ahead, later) => later === step * ahead),
    ];
  }

  *#numbers(run: Run): Generator<Numbers> {
    for (const { rtp } of run.packets()) yield rtp;
    yield* this.#bench.refused(this.#lists);
  }

  /** Each that follows the one before it, beginning with `anchor`. */
  #chain(
    anchor: Numbers,
    direction: 1 | -1,
    follows: (ahead: number, later: number) => boolean,
  ): RefusedRow[] {
    const found: RefusedRow[] = [];
    let last = anchor;
    for (const packet of this.#bench.refusedFrom(this.#lists, anchor.sequenceNumber, direction)) {
      const ahead = (direction * (packet.sequenceNumber - last.sequenceNumber) + RANGE) % RANGE;
      const later = (direction * (packet.timestamp - last.timestamp)) | 0;
      if (ahead > NEAR) break;
      if (ahead === 0 || !follows(ahead, later)) continue;
      found.push(packet);
      last = packet;
    }
    return found;
  }
}

function standingOf(sequenceNumber: number, runs: readonly Run[]): Standing {
  let standing: Standing = 'outside';
  for (const run of runs) {
    const { lowest } = run;
    const first = lowest + ((((sequenceNumber - lowest) % RANGE) + RANGE) % RANGE);
    if (first <= run.highest && run.isWhole) standing = 'doubled';
    if (run.isWhole) continue;
    for (let index = first; index <= run.highest; index += RANGE) {
      if (!run.has(index)) return 'unaccounted';
      standing = 'doubled';
    }
  }
  return standing;
}

/** How often the timestamp advances by how much from one number to the next, in the order given. */
function stepsOf(packets: Iterable<Numbers>): Map<number, number> {
  const steps = new Map<number, number>();
  let last: Numbers | null = null;
  for (const packet of packets) {
    const follows = last !== null && (packet.sequenceNumber - last.sequenceNumber + RANGE) % RANGE === 1;
    if (last !== null && follows) {
      const step = (packet.timestamp - last.timestamp) | 0;
      steps.set(step, (steps.get(step) ?? 0) + 1);
      if (steps.size > MAX_STEPS) forgetRare(steps);
    }
    last = { sequenceNumber: packet.sequenceNumber, timestamp: packet.timestamp };
  }
  return steps;
}

function forgetRare(steps: Map<number, number>): void {
  for (let rare = 1; steps.size > MAX_STEPS / 2; rare *= 2) {
    for (const [step, count] of steps) if (count <= rare) steps.delete(step);
  }
}
