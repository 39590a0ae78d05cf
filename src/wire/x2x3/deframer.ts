/**
 * PDUs out of a TCP or TLS octet stream. The header says both lengths, so a frame ends where they say; both are
 * bounded before anything is buffered for them, and a stream that breaks the bounds cannot be resynchronised.
 *
 * Frames are views of what was pushed: media come in many small ones at a time, and no octet is copied for those that are
 * whole in it. Whoever pushes does not change it afterwards, and whoever keeps a frame for long copies it.
 */
import { concat } from '../../bytes/octets.ts';
import { Reader } from '../../bytes/reader.ts';
import { X2X3Error } from './errors.ts';
import { X2X3_TAKEN } from './limits.ts';
import { FIXED_HEADER } from './pdu.ts';

export interface DeframerLimits {
  /** Octets of header with attributes; default 64 KiB. */
  readonly header?: number;
  /** Octets of payload; default 1 MiB. */
  readonly payload?: number;
}

/** Octets before the two length fields, and up to their end. */
const LENGTHS = 4;
const LENGTHS_END = 12;

export class Deframer {
  readonly #maxHeader: number;
  readonly #maxPayload: number;
  #chunks: Uint8Array[] = [];
  /** Octets of the first chunk that were given already. */
  #given = 0;
  #buffered = 0;
  /** Octets of the frame under way, once its lengths are known. */
  #frame: number | null = null;

  constructor(limits: DeframerLimits = {}) {
    this.#maxHeader = limits.header ?? X2X3_TAKEN.header;
    this.#maxPayload = limits.payload ?? X2X3_TAKEN.payload;
  }

  /** Octets that wait for the rest of their frame. */
  get buffered(): number {
    return this.#buffered;
  }

  /**
   * Takes what has arrived and gives the frames that it completes, in order.
   * @throws X2X3Error `range`, `too-large`: the connection must be closed
   */
  push(chunk: Uint8Array): Uint8Array[] {
    return [...this.frames(chunk)];
  }

  /** As `push`, one by one: what comes before a fault is given before it is thrown. @throws X2X3Error */
  *frames(chunk: Uint8Array): Generator<Uint8Array, void> {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    for (;;) {
      this.#frame ??= this.#frameLength();
      if (this.#frame === null || this.#buffered < this.#frame) return;
      yield this.#take(this.#frame);
      this.#frame = null;
    }
  }

  #frameLength(): number | null {
    if (this.#buffered < LENGTHS_END) return null;
    const joined = this.#joined();
    const reader = new Reader(joined, this.#given + LENGTHS, joined.length);
    const header = reader.u32('header length');
    const payload = reader.u32('payload length');
    if (header < FIXED_HEADER) throw new X2X3Error('range', `header length ${header}`);
    if (header > this.#maxHeader) throw new X2X3Error('too-large', `header of ${header} octets`);
    if (payload > this.#maxPayload) throw new X2X3Error('too-large', `payload of ${payload} octets`);
    return header + payload;
  }

  #take(length: number): Uint8Array {
    const joined = this.#joined();
    const frame = joined.subarray(this.#given, this.#given + length);
    this.#given += length;
    this.#buffered -= length;
    if (this.#buffered === 0) {
      this.#chunks = [];
      this.#given = 0;
    }
    return frame;
  }

  /** All that is buffered, from `given` on. */
  #joined(): Uint8Array {
    const [first = new Uint8Array()] = this.#chunks;
    if (this.#chunks.length <= 1) return first;
    const joined = concat(first.subarray(this.#given), ...this.#chunks.slice(1));
    this.#chunks = [joined];
    this.#given = 0;
    return joined;
  }
}
