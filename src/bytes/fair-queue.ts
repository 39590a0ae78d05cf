/**
 * Does work for many who do not know of each other, so that none of them makes the others wait for all that it asks.
 *
 *     a: 1 2 3 4 5 …  ┐
 *     b: 1            ├─►  a1 b1 c1 a2 c2 a3 a4 a5 …       `atOnce` at a time
 *     c: 1 2          ┘
 *
 * Whoever waits is served in turn, one piece of work each. Of one key at most `each` wait; of all together at most `all`,
 * and where one more does not fit, it is the one that has most waiting who loses its newest.
 */
import { ClavigerError } from './errors.ts';

export type TurnErrorCode =
  /** As much of this key waits as may. */
  | 'share'
  /** As much waits as may, and this key's part of it is the largest. */
  | 'full'
  /** Whoever asked is gone, or the queue is closed. */
  | 'gone';

const REASONS: Readonly<Record<TurnErrorCode, string>> = {
  share: 'as much waits for this one as may',
  full: 'as much waits as may',
  gone: 'whoever asked is gone',
};

/** Work that was not done. */
export class TurnError extends ClavigerError<TurnErrorCode> {}

export interface FairQueueLimits {
  /** Work that is done at a time. */
  readonly atOnce: number;
  /** Work of one key that waits. */
  readonly each: number;
  /** Work that waits. */
  readonly all: number;
}

interface Waiting {
  readonly begin: () => void;
  readonly refuse: (why: TurnErrorCode) => void;
}

export class FairQueue {
  readonly #limits: FairQueueLimits;
  #atOnce: number;
  /** What waits, by key; the key whose turn it is comes first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #running = 0;
  #refused = 0;
  #closed = false;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
    this.#atOnce = limits.atOnce;
  }

  /** Work that waits. */
  get waiting(): number {
    return this.#count;
  }

  /** Work that was refused since the start, by `share` or `full`. */
  get refused(): number {
    return this.#refused;
  }

  /** Does so much at a time from now on, at most; what has begun goes on. */
  narrow(atOnce: number): void {
    this.#atOnce = Math.max(1, Math.min(this.#limits.atOnce, Math.floor(atOnce)));
    this.#next();
  }

  /** Whoever waits is told, and nobody has a turn any more; what has begun goes on. */
  close(): void {
    this.#closed = true;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    this.#count = 0;
    for (const { refuse } of waiting) refuse('gone');
  }

  /**
   * Does the work when it is the key's turn: before what else of the key waits, or after it. An aborted `signal` takes it
   * out of the queue; what has begun goes on.
   * @throws TurnError, and what the work throws
   */
  async run<T>(
    key: string,
    work: () => Promise<T>,
    signal?: AbortSignal,
    place: 'first' | 'last' = 'last',
  ): Promise<T> {
    await this.#turn(key, signal, place);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #turn(key: string, signal: AbortSignal | undefined, place: 'first' | 'last'): Promise<void> {
    if (this.#closed) return Promise.reject(refusal('gone'));
    if (signal?.aborted === true) return Promise.reject(refusal('gone'));
    if (this.#count === 0 && this.#running < this.#atOnce) {
      this.#running += 1;
      return Promise.resolve();
    }
    const own = this.#waiting.get(key) ?? [];
    if (own.length >= this.#limits.each) return this.#refuse('share');
    if (this.#count >= this.#limits.all && !this.#makeRoom(own.length)) return this.#refuse('full');
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        this.#remove(key, waiting);
        reject(refusal('gone'));
      };
      const waiting: Waiting = {
        begin: () => {
          signal?.removeEventListener('abort', gone);
          resolve();
        },
        refuse: (why) => {
          signal?.removeEventListener('abort', gone);
          reject(refusal(why));
        },
      };
      signal?.addEventListener('abort', gone, { once: true });
      if (place === 'first') own.unshift(waiting);
      else own.push(waiting);
      this.#waiting.set(key, own);
      this.#count += 1;
    });
  }

  #next(): void {
    while (this.#running < this.#atOnce) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [key, own] = first;
      const next = own.shift();
      this.#waiting.delete(key);
      if (own.length > 0) this.#waiting.set(key, own);
      if (next === undefined) continue;
      this.#count -= 1;
      this.#running += 1;
      next.begin();
    }
  }

  /** Whether somebody who has more waiting than `own` has lost the newest of it. */
  #makeRoom(own: number): boolean {
    let largest: readonly [string, Waiting[]] | null = null;
    for (const each of this.#waiting) if (each[1].length > (largest?.[1].length ?? 0)) largest = each;
    if (largest === null || largest[1].length <= own + 1) return false;
    const last = largest[1].at(-1);
    if (last === undefined) return false;
    this.#remove(largest[0], last);
    this.#refused += 1;
    last.refuse('full');
    return true;
  }

  #remove(key: string, waiting: Waiting): void {
    const own = this.#waiting.get(key);
    const at = own?.indexOf(waiting) ?? -1;
    if (own === undefined || at < 0) return;
    own.splice(at, 1);
    this.#count -= 1;
    if (own.length === 0) this.#waiting.delete(key);
  }

  #refuse(why: TurnErrorCode): Promise<never> {
    this.#refused += 1;
    return Promise.reject(refusal(why));
  }
}

function refusal(why: TurnErrorCode): TurnError {
  return new TurnError(why, REASONS[why]);
}
