/**
 * Sessions that ended without a CSCF's asking, told to those that want to know (`wire/iq/losses.ts`). They are numbered;
 * the latest are kept, and whoever knows of less than these is told that some are missing. A question to which there is
 * nothing to say waits.
 */
import type { Clock } from '../../bytes/ports.ts';
import { IQ_LOSSES_AT_ONCE, IQ_LOSSES_WAIT_MS } from '../../wire/iq/losses.ts';
import type { LossesKnown, LostSessions } from '../../wire/iq/losses.ts';

/** Losses that are kept. */
const MOST_KEPT = 10_000;
/** Questions that wait; of more, the longest waiting is answered at once. */
const MOST_WAITING = 64;

export class SessionLosses {
  readonly #clock: Clock;
  /** Numbers begin anew with each start. */
  readonly #run: string;
  /** IDs by number, the oldest first; of sessions that were opened anew there is nothing. */
  readonly #kept = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  /** Answers those that wait. */
  readonly #waiting = new Set<() => void>();
  /** No number below is known any more. */
  #oldest = 0;
  #next = 0;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#run = Math.round(clock.now()).toString(36);
  }

  /** Sessions lost so far. */
  get count(): number {
    return this.#next;
  }

  add(id: string): void {
    this.#numbers.set(id, this.#next);
    this.#kept.set(this.#next++, id);
    while (this.#kept.size > MOST_KEPT) this.#dropOldest();
    for (const answer of [...this.#waiting]) answer();
  }

  /** A session is opened anew: what was lost under its ID is of the past. */
  forget(id: string): void {
    const number = this.#numbers.get(id);
    if (number === undefined) return;
    this.#numbers.delete(id);
    this.#kept.delete(number);
  }

  /** What was lost since somebody heard last; waits for it where there is nothing. @param known `null`: nothing is */
  async since(known: LossesKnown | null): Promise<LostSessions> {
    if (known === null) return this.#told(this.#next, [], true);
    if (this.#isAllSince(known) && known.next === this.#next) await this.#news();
    if (!this.#isAllSince(known)) return this.#told(this.#next, [], false);
    const sessions: string[] = [];
    let at = known.next;
    for (; at < this.#next && sessions.length < IQ_LOSSES_AT_ONCE; at++) {
      const id = this.#kept.get(at);
      if (id !== undefined) sessions.push(id);
    }
    return this.#told(at, sessions, true);
  }

  /** Answers all that wait, and lets nobody wait any more. */
  close(): void {
    this.#isClosed = true;
    for (const answer of [...this.#waiting]) answer();
  }

  #isAllSince({ run, next }: LossesKnown): boolean {
    return run === this.#run && next >= this.#oldest && next <= this.#next;
  }

  #told(next: number, sessions: readonly string[], isWhole: boolean): LostSessions {
    return { run: this.#run, next, sessions, isWhole };
  }

  #news(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const answer = (): void => {
        timer.cancel();
        this.#waiting.delete(answer);
        resolve();
      };
      const timer = this.#clock.after(IQ_LOSSES_WAIT_MS, answer);
      this.#waiting.add(answer);
      const [longest] = this.#waiting;
      if (this.#waiting.size > MOST_WAITING) longest?.();
    });
  }

  #dropOldest(): void {
    const [oldest] = this.#kept;
    if (oldest === undefined) return;
    const [number, id] = oldest;
    this.#kept.delete(number);
    if (this.#numbers.get(id) === number) this.#numbers.delete(id);
    this.#oldest = number + 1;
  }
}
