/**
 * Counts what keeps happening, by what it happens to, and says when to speak of it: the first time, the second, the
 * fourth, and so on, so that whoever causes it cannot drown other news in it.
 */

/** Counts that are kept; the longest unchanged go first. */
const MOST_COUNTED = 10_000;

export class Tally {
  readonly #counts = new Map<string, number>();

  /** Counts one more of `key`. Gives how many it has been where that is worth telling, else `null`. */
  count(key: string): number | null {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key);
    this.#counts.set(key, count);
    if (this.#counts.size > MOST_COUNTED) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return Number.isInteger(Math.log2(count)) ? count : null;
  }
}
