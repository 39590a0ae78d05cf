/**
 * Answers that nobody took: whoever asked had given up before they were computed. Where an answer takes longer than an
 * asker waits, the same question comes again and again; so it is computed to its end, and kept for a while for whoever asks
 * that again. It is put on record when it is given, like any other.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import { wipeKeys } from '../../wire/xk/get-keys.ts';
import type { GetKeysResponse } from '../../wire/xk/get-keys.ts';

/** Longer than a DF pauses between two attempts. */
const KEPT_MS = 30_000;
/** Answers at a time; where one more comes, the oldest goes. */
const MOST_KEPT = 64;

interface Kept {
  readonly response: GetKeysResponse;
  readonly timer: Timer;
}

export class UntakenAnswers {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #counts = { taken: 0, dropped: 0 };
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Since the start: those that somebody took after all, and those that were overwritten. */
  get counts(): Readonly<Record<'taken' | 'dropped', number>> {
    return this.#counts;
  }

  /** @param question names it, with all that the answer depends on */
  keep(question: string, response: GetKeysResponse): void {
    this.#drop(question);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MOST_KEPT && oldest !== undefined) this.#drop(oldest);
    const timer = this.#clock.after(KEPT_MS, () => this.#drop(question));
    this.#kept.set(question, { response, timer });
    // What was still being computed at the end.
    if (this.#isClosed) this.#drop(question);
  }

  /** The answer, which is the caller's from now on; `null`: there is none. */
  take(question: string): GetKeysResponse | null {
    const kept = this.#kept.get(question);
    if (kept === undefined) return null;
    this.#kept.delete(question);
    kept.timer.cancel();
    this.#counts.taken++;
    return kept.response;
  }

  /** Overwrites what is kept, and what comes after that. */
  close(): void {
    this.#isClosed = true;
    for (const question of [...this.#kept.keys()]) this.#drop(question);
  }

  #drop(question: string): void {
    const kept = this.#kept.get(question);
    if (kept === undefined) return;
    this.#kept.delete(question);
    kept.timer.cancel();
    wipeKeys(kept.response);
    this.#counts.dropped++;
  }
}
