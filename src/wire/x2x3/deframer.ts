/**
 * PDUs out of a TCP or TLS octet stream. The header says both lengths, so a frame ends where they say; both are
 * bounded before anything is buffered for them, and a stream that breaks the bounds cannot be resynchronised.
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

/** Octets up to the end of the two length fields. */
const LENGTHS_END = 12;

export class Deframer {
  readonly #maxHeader: number;
  readonly #maxPayload: number;
  #chunks: Uint8Array[] = [];
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
    const reader = new Reader(this.#joined());
    reader.view(4, 'version and type');
    const header = reader.u32('header length');
    const payload = reader.u32('payload length');
    if (header < FIXED_HEADER) throw new X2X3Error('range', `header length ${header}`);
    if (header > this.#maxHeader) throw new X2X3Error('too-large', `header of ${header} octets`);
    if (payload > this.#maxPayload) throw new X2X3Error('too-large', `payload of ${payload} octets`);
    return header + payload;
  }

  #take(length: number): Uint8Array {
    const joined = this.#joined();
    const rest = joined.subarray(length);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return joined.slice(0, length);
  }

  #joined(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const joined = concat(...this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
