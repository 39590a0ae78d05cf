/**
 * Which calls are in memory of those that a store keeps. One that nobody has used for a while leaves memory, and is read
 * again when it is asked for: what a call needs after its end, or while nothing is said in it, is on disk alone.
 */

/** By call; where a call is known to be in memory, all of it is, also if that is nothing. */
export class Residents {
  readonly #used = new Map<string, number>();
  #round = 0;

  /** Whether it is in memory. It is used from now on. */
  use(call: string): boolean {
    const used = this.#used.get(call);
    if (used !== this.#round) this.#used.set(call, this.#round);
    return used !== undefined;
  }

  has(call: string): boolean {
    return this.#used.has(call);
  }

  /** It is not in memory any more. */
  leave(call: string): void {
    this.#used.delete(call);
  }

  /**
   * Begins a round: what was not used in the whole of the one that ends may leave, and says whether it does. Gives whether
   * others may, later.
   */
  rest(leave: (call: string) => 'gone' | 'stays' | 'later'): boolean {
    const ended = this.#round;
    this.#round += 1;
    let isMore = false;
    for (const [call, round] of this.#used) {
      const outcome = round < ended ? leave(call) : 'later';
      if (outcome === 'gone') this.#used.delete(call);
      if (outcome === 'later') isMore = true;
    }
    return isMore;
  }
}
