/** What comes into a LEMF's files, as it comes: whose records, and how long they took. */
import { closeSync, openSync, readSync } from 'node:fs';
import { PsPduDeframer } from '../../src/wire/hi/deframer.ts';

const POLL_MS = 2;
const CHUNK = 1 << 20;

/** Reads a file that grows, and gives each PDU to `seen`. */
export class Delivered {
  readonly #file: number;
  readonly #deframer = new PsPduDeframer();
  readonly #buffer = new Uint8Array(CHUNK);
  readonly #seen: (pdu: Uint8Array) => void;
  readonly #timer: NodeJS.Timeout;
  #place = 0;
  #last = 0;

  constructor(file: string, seen: (pdu: Uint8Array) => void) {
    this.#file = openSync(file, 'r');
    this.#seen = seen;
    this.#timer = setInterval(() => this.#read(), POLL_MS);
  }

  /** When anything came last, by `performance.now()`. */
  get last(): number {
    return this.#last;
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#file);
  }

  #read(): void {
    for (;;) {
      const length = readSync(this.#file, this.#buffer, 0, CHUNK, this.#place);
      if (length === 0) return;
      this.#place += length;
      this.#last = performance.now();
      for (const pdu of this.#deframer.push(this.#buffer.subarray(0, length))) this.#seen(pdu);
    }
  }
}
