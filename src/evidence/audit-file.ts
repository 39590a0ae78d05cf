/**
 * The audit log in a file of JSON lines, mode 0600, synced to disk before `append` returns. Read piece by piece: a log
 * may be longer than a string can be.
 *
 * Beside it, in `FILE.head`, stands what its end was. Who removes the log, or cuts off its end, leaves that behind, and
 * the entity does not start.
 */
import { whyOf } from '../bytes/system-errors.ts';
import { splitLines } from '../bytes/lines.ts';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { EvidenceError } from './log.ts';
import type { AuditStore, ChainHead } from './log.ts';

const CHUNK = 1 << 16;
const NEWLINE = 0x0a;

/** Octets of the head's file: it is overwritten in place. */
const HEAD_LENGTH = 128;

/** What is written to see whether something can be: a block. */
const PROBE = new Uint8Array(4096);
const PROBED_MS = 1_000;

export class AuditFile implements AuditStore {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #head: number;
  /** Octets of the file that are durable; `null`: all of them, as far as it was asked for. */
  #durable: number | null = null;
  /** How often what was not durable was taken back. */
  #undoings = 0;
  /** When something could be written beside it last. */
  #written = -Infinity;

  constructor(file: string) {
    this.#file = file;
    this.#descriptor = openSync(file, 'a+', 0o600);
    dropPartialLine(this.#descriptor);
    this.#head = openSync(headPath(file), existsSync(headPath(file)) ? 'r+' : 'wx+', 0o600);
  }

  lines(): Iterable<string> {
    return linesOf(this.#file);
  }

  head(): ChainHead | null {
    return parseHead(readFileSync(headPath(this.#file), 'utf8'));
  }

  remember(head: ChainHead): void {
    writeSync(this.#head, JSON.stringify(head).padEnd(HEAD_LENGTH - 1) + '\n', 0);
  }

  /**
   * All of the lines, or nothing of them: a disk that fills up in mid-line must not spoil the lines to come. What was
   * written before and is not durable yet becomes durable with them, or goes with them.
   * @throws EvidenceError `not-written`, with what the system said
   */
  append(lines: string): void {
    this.#guarded(() => {
      writeFileSync(this.#descriptor, lines + '\n');
      fsyncSync(this.#descriptor);
    });
    this.#durable = null;
  }

  /** One sync at a time. */
  readonly later = {
    /** @throws EvidenceError `not-written` */
    write: (lines: string): void => this.#guarded(() => writeFileSync(this.#descriptor, lines + '\n')),
    /** @throws EvidenceError `not-written` */
    sync: async (): Promise<void> => {
      const { size } = fstatSync(this.#descriptor);
      const undone = this.#undoings;
      await new Promise<void>((resolve, reject) => {
        fsync(this.#descriptor, (error) => (error === null ? resolve() : reject(this.#undone(error))));
      });
      // What was written meanwhile is not known to be; what was appended meanwhile is.
      if (this.#durable === null || undone !== this.#undoings) return;
      const isAll = size === fstatSync(this.#descriptor).size;
      this.#durable = isAll ? null : Math.max(this.#durable, size);
    },
  };

  #guarded(write: () => void): void {
    this.#durable ??= fstatSync(this.#descriptor).size;
    try {
      write();
    } catch (cause) {
      throw this.#undone(cause);
    }
  }

  /** Nothing stays of what is not durable: a system tells once that it could not write what it had taken. */
  #undone(cause: unknown): EvidenceError {
    if (this.#durable !== null) ftruncateSync(this.#descriptor, this.#durable);
    this.#durable = null;
    this.#undoings += 1;
    const why = whyOf(cause);
    return new EvidenceError('not-written', `${this.#file} cannot be written: ${why}`, { cause });
  }

  /** Why nothing can be written, as far as can be seen without writing to it; `null`: nothing is seen. */
  problem(): string | null {
    if (fstatSync(this.#descriptor).nlink === 0) return `${this.#file} was removed`;
    const { bavail } = statfsSync(this.#file);
    return bavail === 0 ? `no space is left for ${this.#file}` : this.#probe();
  }

  /** A block is written beside it, and removed: what could be written a second ago can be written now. */
  #probe(): string | null {
    const now = performance.now();
    if (now - this.#written < PROBED_MS) return null;
    this.#written = -Infinity;
    const probe = `${this.#file}.probe`;
    try {
      writeFileSync(probe, PROBE, { mode: 0o600 });
      rmSync(probe);
    } catch (error) {
      discard(probe);
      return `nothing can be written beside ${this.#file}: ${whyOf(error)}`;
    }
    this.#written = now;
    return null;
  }

  close(): void {
    closeSync(this.#descriptor);
    closeSync(this.#head);
  }
}

/** What cannot be removed is not what was written. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    return;
  }
}

/** The lines of a file, without the empty ones; the file is read as they are asked for. */
export function* linesOf(file: string): Generator<string, void> {
  const descriptor = openSync(file, 'r');
  try {
    yield* splitLines(piecesOf(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** Whether the last line of a file has no end: it was never acknowledged, and whoever writes the log next removes it. */
export function endsWithinLine(file: string): boolean {
  // A pipe is read once.
  if (!statSync(file).isFile()) return false;
  const descriptor = openSync(file, 'r');
  try {
    const last = new Uint8Array(1);
    const { size } = fstatSync(descriptor);
    return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
  } finally {
    closeSync(descriptor);
  }
}

/** As `linesOf`, without a last line that has no end. */
export function* endedLinesOf(file: string): Generator<string, void> {
  const isUnfinished = endsWithinLine(file);
  let held: string | null = null;
  for (const line of linesOf(file)) {
    if (held !== null) yield held;
    held = line;
  }
  if (held !== null && !isUnfinished) yield held;
}

function* piecesOf(descriptor: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK);
  for (let length = readSync(descriptor, chunk); length > 0; length = readSync(descriptor, chunk)) {
    yield chunk.subarray(0, length);
  }
}

/** Where the end of a log is remembered. */
export function headPath(file: string): string {
  return `${file}.head`;
}

/** What a head's file says; `null`: nothing, or it cannot be read. */
export function parseHead(text: string): ChainHead | null {
  const match = /^\{"sequence":(\d+),"hash":"([0-9a-f]{64})"\}\s*$/.exec(text);
  return match === null ? null : { sequence: Number(match[1]), hash: match[2] ?? '' };
}

/** A crash in mid-write leaves a line without its end: it was never acknowledged, so it goes. */
function dropPartialLine(descriptor: number): void {
  const { size } = fstatSync(descriptor);
  const chunk = Buffer.alloc(CHUNK);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK);
    const length = readSync(descriptor, chunk, 0, end - start, start);
    const newline = chunk.subarray(0, length).lastIndexOf(NEWLINE);
    if (newline >= 0) {
      if (start + newline + 1 < size) ftruncateSync(descriptor, start + newline + 1);
      return;
    }
    end = start;
  }
  ftruncateSync(descriptor, 0);
}
