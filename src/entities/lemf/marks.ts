/**
 * Which sequence numbers of one LIID, CIN and kind have arrived, to see gaps (TS 102 232-1 clause 5.2.5: numbers count
 * from 0 without gaps).
 */

/** A gap, both ends inclusive. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Numbers of one stream. */
export class SequenceMarks {
  /** All from the first up to this have arrived. */
  #next: number;
  /** Those that arrived out of order, above `#next`. */
  readonly #ahead = new Set<number>();

  /** @param first where the stream begins: nothing is missing below it */
  constructor(first = 0) {
    this.#next = first;
  }

  get next(): number {
    return this.#next;
  }

  has(sequenceNumber: number): boolean {
    return sequenceNumber < this.#next || this.#ahead.has(sequenceNumber);
  }

  mark(sequenceNumber: number): void {
    if (this.has(sequenceNumber)) return;
    this.#ahead.add(sequenceNumber);
    while (this.#ahead.delete(this.#next)) this.#next++;
  }

  /** What is missing below the highest number that has arrived. */
  gaps(): Gap[] {
    const gaps: Gap[] = [];
    let from = this.#next;
    for (const arrived of [...this.#ahead].sort((a, b) => a - b)) {
      if (arrived > from) gaps.push({ from, to: arrived - 1 });
      from = arrived + 1;
    }
    return gaps;
  }
}
