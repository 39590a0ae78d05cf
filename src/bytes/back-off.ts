import type { Clock } from './ports.ts';

/** The pauses between attempts: each twice the one before, up to a bound, and the first again after a success. */
export class BackOff {
  readonly #first: number;
  readonly #longest: number;
  #next: number;

  /** In milliseconds. */
  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
    this.#next = first;
  }

  /** The pause before the next attempt, in milliseconds. */
  next(): number {
    const pause = this.#next;
    this.#next = Math.min(pause * 2, this.#longest);
    return pause;
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#next = this.#first;
  }
}

/** The same, waited for: until whoever tries is told to stop. */
export class AttemptPauses {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #pauses: BackOff;
  #isOver = false;
  #resume: (() => void) | null = null;

  /** In milliseconds. */
  constructor(clock: Pick<Clock, 'after'>, first: number, longest: number) {
    this.#clock = clock;
    this.#pauses = new BackOff(first, longest);
  }

  /** Waits for the next attempt; not once there is to be none. */
  async wait(): Promise<void> {
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(this.#pauses.next(), resolve);
      this.#resume = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#resume = null;
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#pauses.reset();
  }

  /** Ends the pause under way, and those that would come. */
  end(): void {
    this.#isOver = true;
    this.#resume?.();
  }
}
