/**
 * Memory for what comes piece after piece, as packets of one stream do: some follow one another in memory, since to have
 * memory of its own costs a packet more than to be copied. Whoever keeps one of them keeps those beside it, so what shares
 * memory is to go where it goes, and at about the same time.
 */

/** So many of the length of the first share memory at most; of those that come first, as many as came before. */
const SHARED = 16;
/** What has more octets has memory of its own. */
const LONGEST = 2048;

export class StreamMemory {
  #memory = new Uint8Array(0);
  #used = 0;
  /** How many share the next. */
  #shared = 1;

  /** Octets that nobody else has; zero. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > LONGEST) return new Uint8Array(length);
    if (this.#used + length > this.#memory.length) {
      this.#memory = new Uint8Array(this.#shared * length);
      this.#shared = Math.min(SHARED, 2 * this.#shared);
      this.#used = 0;
    }
    const begin = this.#used;
    this.#used += length;
    return this.#memory.subarray(begin, this.#used);
  }
}
