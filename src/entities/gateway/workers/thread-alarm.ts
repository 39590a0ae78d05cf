/**
 * What the ADMF is told of threads that relay media and end (X1 ReportNEIssue): at once, and that it is over when for a
 * minute every thread has run. A thread takes another's place within a fraction of a second; an alarm that went with that
 * would not be seen.
 */
import type { Clock, Timer } from '../../../bytes/ports.ts';

/** Where it is told; must not throw. */
export interface ThreadIssues {
  elementIssue(description: string): void;
  elementCleared(): void;
}

/** A thread that ended. */
export interface LostThread {
  /** Its ports. */
  readonly from: number;
  readonly to: number;
  /** Streams that ended with it. */
  readonly streams: number;
}

/** Milliseconds without another loss after which it is over. */
export const THREADS_WELL_MS = 60_000;

export class ThreadAlarm {
  readonly #clock: Clock;
  readonly #issues: ThreadIssues;
  #lost = 0;
  #streams = 0;
  #over: Timer | null = null;

  constructor(clock: Clock, issues: ThreadIssues) {
    this.#clock = clock;
    this.#issues = issues;
  }

  lost({ from, to, streams }: LostThread): void {
    this.#lost += 1;
    this.#streams += streams;
    const latest = `the thread that relays media on ports ${from} to ${to} has ended, and its streams with it`;
    this.#issues.elementIssue(`${latest} (${this.#streams} streams of ${this.#lost} threads in this alarm)`);
    this.#over?.cancel();
    this.#over = this.#clock.after(THREADS_WELL_MS, () => this.#end());
  }

  close(): void {
    this.#over?.cancel();
  }

  #end(): void {
    this.#over = null;
    this.#lost = 0;
    this.#streams = 0;
    this.#issues.elementCleared();
  }
}
