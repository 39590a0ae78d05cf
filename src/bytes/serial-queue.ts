/** Does one thing after the other: each begins when all before it have ended, well or not. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` gives, or throws. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all that has been given so far has ended. */
  async ended(): Promise<void> {
    await this.#last;
  }
}
