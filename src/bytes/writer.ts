/** A growing big-endian writer; every value is checked against its field. */
import { BytesError } from './errors.ts';

export class Writer {
  #buffer: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(capacity);
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    return this.uint(value, 1);
  }

  u16(value: number): this {
    return this.uint(value, 2);
  }

  u32(value: number): this {
    return this.uint(value, 4);
  }

  u64(value: bigint): this {
    if (value < 0n || value >= 1n << 64n) throw new BytesError('range', 'value does not fit 64 bits');
    return this.uint(Number(value >> 32n), 4).uint(Number(value & 0xffffffffn), 4);
  }

  /** Unsigned integer of `octets` (1 to 6) octets. */
  uint(value: number, octets: number): this {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * octets)) {
      throw new BytesError('range', `value ${value} does not fit ${octets} octets`);
    }
    this.#reserve(octets);
    let rest = value;
    for (let i = octets - 1; i >= 0; i--) {
      this.#buffer[this.#length + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#length += octets;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** The octets written, as a copy of exactly that length. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** The octets written, without a copy where they fill what was reserved; the writer is empty then. */
  take(): Uint8Array {
    const taken = this.#length === this.#buffer.length ? this.#buffer : this.finish();
    this.#buffer = new Uint8Array(0);
    this.#length = 0;
    return taken;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
