/**
 * Which sequence numbers of one LIID, CIN and kind have arrived, to see gaps (TS 102 232-1 clause 5.2.5: numbers count
 * from 0 without gaps).
 */

/** A gap, both ends inclusive. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Stretches above a gap that are kept; beyond, the lowest gaps are given up. */
const MAX_STRETCHES = 1024;

/** Gaps that are listed; all missing numbers are counted. */
const MAX_LISTED = 1000;

/** Numbers of one stream, in constant time and memory for each. */
export class SequenceMarks {
  /** All from the first up to this have arrived, or have been given up. */
  #next: number;
  /** Stretches that arrived out of order, above `#next`: end by beginning, and beginning by end, both inclusive. */
  readonly #ends = new Map<number, number>();
  readonly #beginnings = new Map<number, number>();
  /** The number after the highest that has arrived. */
  #top: number;

  /** @param first where the stream begins: nothing is missing below it */
  constructor(first = 0, stretches: readonly Gap[] = []) {
    this.#next = first;
    this.#top = first;
    for (const { from, to } of stretches) this.#keep(from, to);
  }

  /** The number that comes next if nothing is lost. */
  get top(): number {
    return this.#top;
  }

  /** The first number that is missing. */
  get next(): number {
    return this.#next;
  }

  /** What arrived above it. */
  get stretches(): Gap[] {
    return [...this.#ends].map(([from, to]) => ({ from, to }));
  }

  /** @param number one that has not been marked before */
  mark(number: number): void {
    if (number < this.#next) return;
    this.#top = Math.max(this.#top, number + 1);
    const from = this.#beginnings.get(number - 1) ?? number;
    const to = this.#ends.get(number + 1) ?? number;
    this.#beginnings.delete(number - 1);
    this.#ends.delete(number + 1);
    if (from === this.#next) {
      this.#beginnings.delete(to);
      this.#next = to + 1;
      return;
    }
    this.#keep(from, to);
    if (this.#ends.size > MAX_STRETCHES) this.#giveUp();
  }

  #keep(from: number, to: number): void {
    this.#top = Math.max(this.#top, to + 1);
    this.#ends.set(from, to);
    this.#beginnings.set(to, from);
  }

  /** The lower half of the gaps, so that it is seldom done. */
  #giveUp(): void {
    const lowest = [...this.#ends].sort(([a], [b]) => a - b).slice(0, MAX_STRETCHES / 2);
    for (const [from, to] of lowest) {
      this.#ends.delete(from);
      this.#beginnings.delete(to);
      this.#next = to + 1;
    }
  }
}

/** What is missing among numbers that ascend. */
export class GapList {
  readonly #gaps: Gap[] = [];
  #next: number;
  #absent = 0;

  /** @param first nothing is missing below it */
  constructor(first = 0) {
    this.#next = first;
  }

  /** The first gaps. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Numbers that are missing, in all. */
  get absent(): number {
    return this.#absent;
  }

  pass(number: number): void {
    if (number < this.#next) return;
    if (number > this.#next) {
      this.#absent += number - this.#next;
      if (this.#gaps.length < MAX_LISTED) this.#gaps.push({ from: this.#next, to: number - 1 });
    }
    this.#next = number + 1;
  }
}
