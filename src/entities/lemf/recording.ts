/**
 * What one stream says, from its first packet to its last: packets in the order of their numbers, silence of its length
 * where the timestamps leave room between two of them. The timestamps are the sender's, who may not be a friend of the
 * recording: silence is bounded in all, and a packet whose timestamp asks for more, or falls, follows directly upon what
 * is there. Nothing that was delivered is written over.
 */

/** An hour at 8 kHz. */
const MOST_SILENCE = 3600 * 8000;

const RANGE = 2 ** 32;

export class Recording {
  readonly #pieces: Int16Array[] = [];
  #silenceLeft: number;
  #length = 0;
  /** Timestamp of the sample after the last. */
  #next: number | null = null;

  constructor(silence = MOST_SILENCE) {
    this.#silenceLeft = silence;
  }

  /** Adds the samples of the next packet. */
  append(timestamp: number, samples: Int16Array): void {
    const gap = this.#next === null ? 0 : (timestamp - this.#next + RANGE) % RANGE;
    if (gap > 0 && gap <= this.#silenceLeft) {
      this.#silenceLeft -= gap;
      this.#add(new Int16Array(gap));
    }
    this.#add(samples);
    this.#next = (timestamp + samples.length) % RANGE;
  }

  /** What comes next has timestamps of its own: it follows directly. */
  beginAnew(): void {
    this.#next = null;
  }

  /** All samples; `null` if there are none. */
  samples(): Int16Array | null {
    if (this.#length === 0) return null;
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #add(samples: Int16Array): void {
    this.#pieces.push(samples);
    this.#length += samples.length;
  }
}
