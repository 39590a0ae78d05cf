/**
 * What several processes see, in one order: each tells of it with its time on the machine's own steady clock, and what
 * comes late by less than `LAG_MS` still gets its place. Who waits for `flush` has seen everything that was told by then.
 */

/** Milliseconds of a clock that all processes of this machine share, and that nobody sets. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** How long one waits for another that may have been before it. */
const LAG_MS = 250;

interface Waiting {
  readonly at: number;
  readonly tell: () => void;
}

export class EventSequence {
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** Of what is being told. */
  #at: number | null = null;

  /** The time of what is being told of; else now. */
  now(): number {
    return this.#at ?? machineMs();
  }

  /** @param at `machineMs` of when it happened */
  add(at: number, tell: () => void): void {
    const next = this.#waiting.findLastIndex((other) => other.at <= at) + 1;
    this.#waiting.splice(next, 0, { at, tell });
    this.#timer ??= setTimeout(() => this.#ripen(), LAG_MS);
  }

  /** Tells of all that waits. */
  flush(): void {
    this.#tellUntil(Infinity);
  }

  #ripen(): void {
    this.#timer = null;
    this.#tellUntil(machineMs() - LAG_MS);
    const [first] = this.#waiting;
    if (first !== undefined)
      this.#timer ??= setTimeout(() => this.#ripen(), Math.max(1, first.at + LAG_MS - machineMs()));
  }

  #tellUntil(end: number): void {
    for (let [first] = this.#waiting; first !== undefined && first.at <= end; [first] = this.#waiting) {
      this.#waiting.shift();
      this.#at = first.at;
      try {
        first.tell();
      } finally {
        this.#at = null;
      }
    }
  }
}
