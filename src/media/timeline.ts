/**
 * The receiving end's buffer: samples in the order of their RTP timestamps, whatever order the packets came in. A gap
 * is silence of exactly its length, so that sample n of the recording is sample n of what was spoken. The first
 * packet's timestamp is sample 0; an earlier one that arrives late moves the beginning back.
 *
 *     offset of a packet = timestamp − base (mod 2^32, taken as the difference closest to the newest packet)
 *
 * A timestamp is 32 bits of the sender's choosing: `limit` bounds what one packet can make us allocate.
 */
import { MediaError } from './errors.ts';

const RANGE = 2 ** 32;

/** An hour at 8 kHz. */
const DEFAULT_LIMIT = 3600 * 8000;

export class SampleTimeline {
  readonly #limit: number;
  /** Samples from offset `#start`, in a buffer that may be longer. */
  #buffer = new Int16Array(16_000);
  #length = 0;
  #base: number | null = null;
  /** Offset of the newest sample so far, relative to `#base`. */
  #newest = 0;

  /** @param limit samples at most */
  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** Samples so far, from the first to the last received. */
  get length(): number {
    return this.#length;
  }

  /**
   * Places samples at their timestamp; what was there before is replaced by the same (a duplicate) or by this.
   * @throws MediaError `too-large`: the packet is not taken
   */
  place(timestamp: number, samples: Int16Array): void {
    this.#base ??= timestamp;
    const offset = closest(timestamp - this.#base, this.#newest);
    if (offset < 0) this.#extendFront(-offset, timestamp);
    const at = Math.max(0, offset);
    this.#reserve(at + samples.length);
    this.#buffer.set(samples, at);
    this.#length = Math.max(this.#length, at + samples.length);
    this.#newest = Math.max(this.#newest, at);
  }

  /** All samples, silence in the gaps. */
  samples(): Int16Array {
    return this.#buffer.slice(0, this.#length);
  }

  #extendFront(by: number, base: number): void {
    this.#reserve(this.#length + by);
    this.#buffer.copyWithin(by, 0, this.#length);
    this.#buffer.fill(0, 0, by);
    this.#length += by;
    this.#newest += by;
    this.#base = base;
  }

  #reserve(length: number): void {
    if (length > this.#limit) throw new MediaError('too-large', `more than ${this.#limit} samples`);
    if (length <= this.#buffer.length) return;
    const grown = new Int16Array(Math.min(this.#limit, Math.max(length, 2 * this.#buffer.length)));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** The number congruent to `difference` modulo 2^32 that is closest to `near`. */
function closest(difference: number, near: number): number {
  return difference + RANGE * Math.round((near - difference) / RANGE);
}
