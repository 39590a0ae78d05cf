/** What processes have logged: in a file that does not grow without bound, and the last of each at hand. */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** Octets of a file, after which another is begun; the one before is kept beside it. */
const MOST_OCTETS = 256 << 20;
/** Lines of each process that are at hand. */
const LAST_LINES = 12;

export class ProcessLog {
  readonly #file: string;
  readonly #last = new Map<string, string[]>();
  #opened: number;
  #octets = 0;

  /** @param file `FILE.before` has what was before, if there was much */
  constructor(file: string) {
    this.#file = file;
    this.#opened = openSync(file, 'w', 0o600);
  }

  add(name: string, line: string): void {
    const last = this.#last.get(name) ?? [];
    this.#last.set(name, last);
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
    if (this.#octets > MOST_OCTETS) this.#beginAnew();
    this.#octets += writeSync(this.#opened, `${name} ${line}\n`);
  }

  /** The last that a process has logged, the oldest line first. */
  lastOf(name: string): readonly string[] {
    return this.#last.get(name) ?? [];
  }

  close(): void {
    closeSync(this.#opened);
  }

  #beginAnew(): void {
    closeSync(this.#opened);
    renameSync(this.#file, `${this.#file}.before`);
    this.#opened = openSync(this.#file, 'w', 0o600);
    this.#octets = 0;
  }
}
