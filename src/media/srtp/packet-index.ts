/**
 * Packet indices and replay protection (RFC 3711 sections 3.3.1, 3.3.2; appendix A).
 *
 *     i = 2^16 · ROC + SEQ        the ROC is not in the packet: the receiver guesses it from the highest SEQ so far, s_l
 */

/** Octet strings and bitmaps do not help here: an index has 48 bits and fits a number. */
const SEQ_RANGE = 0x10000;
const HALF = 0x8000;

/** Number of indices: 2^48 SRTP packets at most under one master key (section 9.2). */
export const INDEX_LIMIT = 2 ** 48;

/** The index of a packet with that ROC and sequence number. */
export function packetIndex(roc: number, sequenceNumber: number): number {
  return roc * SEQ_RANGE + sequenceNumber;
}

export function rocOf(index: number): number {
  return Math.floor(index / SEQ_RANGE);
}

/**
 * Appendix A: the index of a packet with `sequenceNumber`, after `highest` (the highest index so far) was seen; the
 * closest to it of all that have these low 16 bits. Below 2^15 in ROC 0, no earlier ROC exists.
 */
export function estimateIndex(highest: number, sequenceNumber: number): number {
  const roc = rocOf(highest);
  const last = highest % SEQ_RANGE;
  if (last < HALF) {
    const wrappedBack = sequenceNumber - last > HALF && roc > 0;
    return packetIndex(wrappedBack ? roc - 1 : roc, sequenceNumber);
  }
  return packetIndex(last - HALF > sequenceNumber ? roc + 1 : roc, sequenceNumber);
}

/** Section 3.3.2 asks for 64 at least. */
export const REPLAY_WINDOW = 128;

/** Which of the last 128 indices have been accepted. */
export class ReplayWindow {
  /** Slot i mod 128 holds the index that was last accepted there. */
  readonly #slots = new Float64Array(REPLAY_WINDOW).fill(-1);
  #highest = -1;

  /** The highest index accepted, -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether `index` may be accepted: not seen, and not older than the window. */
  fresh(index: number): boolean {
    if (index <= this.#highest - REPLAY_WINDOW) return false;
    return this.#slots[index % REPLAY_WINDOW] !== index;
  }

  /** To be called only after the packet has been authenticated. */
  accept(index: number): void {
    this.#slots[index % REPLAY_WINDOW] = index;
    if (index > this.#highest) this.#highest = index;
  }
}
