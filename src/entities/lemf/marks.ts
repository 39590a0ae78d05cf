/**
 * Which sequence numbers of one LIID, CIN and kind have arrived: to know copies, and to see gaps (TS 102 232-1 clause
 * 5.2.5: numbers count from 0 without gaps).
 */
import type { HandoverKind } from './ports.ts';

/** A gap, both ends inclusive. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Numbers of one stream. */
export class SequenceMarks {
  /** All below have arrived. */
  #next = 0;
  /** Those that arrived out of order, above `#next`. */
  readonly #ahead = new Set<number>();

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

/** The marks of all streams. */
export class MarkTable {
  readonly #streams = new Map<string, SequenceMarks>();

  of(kind: HandoverKind, liid: string, cin: number): SequenceMarks {
    const key = `${kind} ${cin} ${liid}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const marks = new SequenceMarks();
    this.#streams.set(key, marks);
    return marks;
  }

  /** cINReset: numbering of this kind, LIID and CIN begins again. */
  reset(kind: HandoverKind, liid: string, cin: number): void {
    this.#streams.delete(`${kind} ${cin} ${liid}`);
  }
}
