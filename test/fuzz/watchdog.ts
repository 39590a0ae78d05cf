/** What a thread is decoding, where another can see it: if that never ends, the other says what it was. */

/** Octets of an input, and of a decoder's name. */
const INPUT_OCTETS = 1 << 16;
const NAME_OCTETS = 64;
/** Words: count of inputs, length of the input, length of the name. */
const [COUNT, INPUT, NAME, WORDS] = [0, 1, 2, 3];

export class WatchedInput {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #name: Uint8Array;
  readonly #input: Uint8Array;

  constructor(shared = new SharedArrayBuffer(4 * WORDS + NAME_OCTETS + INPUT_OCTETS)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, WORDS);
    this.#name = new Uint8Array(shared, 4 * WORDS, NAME_OCTETS);
    this.#input = new Uint8Array(shared, 4 * WORDS + NAME_OCTETS);
  }

  /** Inputs so far; as long as it is the same, one is being decoded. */
  get count(): number {
    return Atomics.load(this.#words, COUNT);
  }

  get decoder(): string {
    return Buffer.from(this.#name.slice(0, Atomics.load(this.#words, NAME))).toString();
  }

  get input(): Uint8Array {
    return this.#input.slice(0, Atomics.load(this.#words, INPUT));
  }

  show(decoder: string, input: Uint8Array): void {
    const name = Buffer.from(decoder).subarray(0, NAME_OCTETS);
    this.#name.set(name);
    this.#input.set(input.subarray(0, INPUT_OCTETS));
    Atomics.store(this.#words, NAME, name.length);
    Atomics.store(this.#words, INPUT, Math.min(input.length, INPUT_OCTETS));
    Atomics.add(this.#words, COUNT, 1);
  }
}

/** Tells when the same input is shown for as long as none may take. */
export class Watchdog {
  readonly #watched: WatchedInput;
  readonly #limitMs: number;
  #count = -1;
  #since = 0;

  constructor(watched: WatchedInput, limitMs: number) {
    this.#watched = watched;
    this.#limitMs = limitMs;
  }

  /** Whether an input has not ended by now; to be asked again and again. */
  stuck(now: number): boolean {
    const { count } = this.#watched;
    if (count !== this.#count) {
      this.#count = count;
      this.#since = now;
    }
    return count > 0 && now - this.#since >= this.#limitMs;
  }
}
