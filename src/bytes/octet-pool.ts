/**
 * Memory for many short octet strings, in pieces: to make each by itself costs more than to fill it. A piece stays as long as
 * one of the strings in it does, so they are for what goes together.
 */

const PIECE = 64 << 10;
/** Strings of more octets than this are by themselves. */
const LONGEST = PIECE >> 3;

export class OctetPool {
  #piece = new ArrayBuffer(0);
  #at = 0;

  /** So many octets, all of them 0, which nobody else has. */
  take(length: number): Uint8Array {
    if (length > LONGEST) return new Uint8Array(length);
    if (this.#at + length > this.#piece.byteLength) {
      this.#piece = new ArrayBuffer(PIECE);
      this.#at = 0;
    }
    const taken = new Uint8Array(this.#piece, this.#at, length);
    this.#at += length;
    return taken;
  }
}
