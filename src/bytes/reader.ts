/**
 * A bounds-checked big-endian reader. Every read names the field that it is for, so that an error says what was
 * missing; `end` refuses leftovers.
 */
import { BytesError } from './errors.ts';

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** Reads `bytes` from `start` (inclusive) to `end` (exclusive); no copy is made. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    if (start < 0 || end > bytes.length || start > end)
      throw new BytesError('range', 'reader window out of range');
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Offset of the next octet, from the start of the underlying array. */
  get offset(): number {
    return this.#at;
  }

  /** Octets left. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** The next octet without taking it, or `null` at the end. */
  peek(): number | null {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? null) : null;
  }

  /** Unsigned integer of 1 octet. */
  u8(field: string): number {
    return this.uint(1, field);
  }

  /** Unsigned integer of 2 octets. */
  u16(field: string): number {
    return this.uint(2, field);
  }

  /** Unsigned integer of 4 octets. */
  u32(field: string): number {
    return this.uint(4, field);
  }

  /** Unsigned integer of 8 octets. */
  u64(field: string): bigint {
    return (BigInt(this.u32(field)) << 32n) | BigInt(this.u32(field));
  }

  /** Unsigned integer of `octets` (1 to 6) octets. */
  uint(octets: number, field: string): number {
    // Most of what is read are numbers: no view is made for one that is there.
    if (octets > this.remaining) this.view(octets, field);
    let value = 0;
    for (const end = this.#at + octets; this.#at < end; this.#at++)
      value = value * 256 + (this.#bytes[this.#at] ?? 0);
    return value;
  }

  /** The next `length` octets as a copy. */
  bytes(length: number, field: string): Uint8Array {
    return this.view(length, field).slice();
  }

  /** The next `length` octets as a view of the input. */
  view(length: number, field: string): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0) throw new BytesError('range', `${field}: bad length`);
    if (length > this.remaining) {
      throw new BytesError(
        'truncated',
        `${field}: ${length} octets needed at ${this.#at}, ${this.remaining} left`,
      );
    }
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** All that is left, as a copy. */
  rest(): Uint8Array {
    return this.bytes(this.remaining, 'rest');
  }

  /** A reader over the next `length` octets; this one moves past them. */
  sub(length: number, field: string): Reader {
    const start = this.#at;
    this.view(length, field);
    return new Reader(this.#bytes, start, start + length);
  }

  /** Throws `trailing` unless everything has been read. */
  end(what: string): void {
    if (this.remaining > 0) throw new BytesError('trailing', `${what}: ${this.remaining} octets left over`);
  }
}
