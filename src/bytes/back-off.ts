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
