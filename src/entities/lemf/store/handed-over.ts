/** Files of PS-PDUs, read piece by piece, from the front and at any place. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { splitLines } from '../../../bytes/lines.ts';
import { HiError } from '../../../wire/hi/errors.ts';
import { PsPduDeframer } from '../../../wire/hi/deframer.ts';
import type { HandoverFile, PlacedPdu } from '../scan.ts';
import { LemfError } from '../errors.ts';
import type { StoredPdu } from '../ports.ts';
import { parseSources, SourceLookup, sourcesPath } from '../sources.ts';
import type { SourceMark } from '../sources.ts';

const CHUNK = 1 << 20;
const BLOCK = 1 << 16;
/** Blocks in memory: packets of some streams, each in its order. */
const BLOCKS = 32;

/** Octets at any place of a file. */
export class BlockReader {
  readonly #descriptor: number;
  /** By number of the block; used last comes last. */
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Fewer at the end of the file. */
  read(at: number, length: number): Uint8Array {
    const block = this.#block(Math.floor(at / BLOCK));
    const from = at % BLOCK;
    if (from + length <= block.length) return block.subarray(from, from + length);
    const octets = new Uint8Array(length);
    return octets.subarray(0, readFully(this.#descriptor, octets, at));
  }

  /** Forgets what it has read from `at` on. */
  forget(at: number): void {
    for (const number of [...this.#blocks.keys()]) {
      if ((number + 1) * BLOCK > at) this.#blocks.delete(number);
    }
  }

  #block(number: number): Uint8Array {
    const known = this.#blocks.get(number);
    if (known !== undefined) {
      this.#blocks.delete(number);
      this.#blocks.set(number, known);
      return known;
    }
    const octets = new Uint8Array(BLOCK);
    const block = octets.subarray(0, readFully(this.#descriptor, octets, number * BLOCK));
    // One that is not full may grow.
    if (block.length < BLOCK) return block;
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= BLOCKS && oldest !== undefined) this.#blocks.delete(oldest);
    this.#blocks.set(number, block);
    return block;
  }
}

/** `hi2.ber` or `hi3.ber`. */
export class HandoverReader implements HandoverFile {
  readonly #descriptor: number;
  readonly #blocks: BlockReader;

  constructor(file: string) {
    this.#descriptor = openSync(file, 'r');
    this.#blocks = new BlockReader(this.#descriptor);
  }

  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  /** @param chunk octets that are read at once, and the PDUs in them cut */
  *pdus(from: number, to: number, chunk = CHUNK): Generator<PlacedPdu, string | null> {
    const deframer = new PsPduDeframer(from);
    let at = from;
    for (const piece of piecesOf(this.#descriptor, from, to, chunk)) {
      try {
        for (const octets of deframer.push(piece)) {
          yield { octets, at };
          at += octets.length;
        }
      } catch (error) {
        if (error instanceof HiError) return error.message;
        throw error;
      }
    }
    return null;
  }

  /** The place up to which there are complete PDUs. @param from where one begins @throws HiError */
  completeTo(from: number): number {
    const deframer = new PsPduDeframer(from);
    let complete = from;
    for (const piece of piecesOf(this.#descriptor, from, Infinity)) complete += deframer.pass(piece);
    return complete;
  }

  read(at: number, length: number): Uint8Array {
    return this.#blocks.read(at, length);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/**
 * The PDUs of a file from one place to another, and who sent them.
 * @param chunk octets that are read at once
 * @throws LemfError `damaged`
 */
export function* storedPdus(file: string, from: number, to: number, chunk = CHUNK): Generator<StoredPdu> {
  const lookup = new SourceLookup(sourceMarks(sourcesPath(file)));
  const reader = new HandoverReader(file);
  try {
    const pdus = reader.pdus(from, to, chunk);
    for (let next = pdus.next(); ; next = pdus.next()) {
      if (next.done !== true) yield { ...next.value, source: lookup.at(next.value.at) };
      else if (next.value === null) return;
      else throw damagedFile(file, new HiError('malformed', next.value));
    }
  } finally {
    reader.close();
  }
}

export function damagedFile(file: string, cause: HiError): LemfError {
  return new LemfError('damaged', `${file} is damaged: move it away to start with an empty one`, { cause });
}

function readFully(descriptor: number, octets: Uint8Array, at: number): number {
  let done = 0;
  while (done < octets.length) {
    const length = readSync(descriptor, octets, done, octets.length - done, at + done);
    if (length === 0) break;
    done += length;
  }
  return done;
}

/** The marks of a file of sources from a line on, as far as it can be read; none if there is none. */
export function* sourceMarks(file: string, from = 0): Generator<SourceMark> {
  if (!existsSync(file)) return;
  for (const line of boundedLinesOf(file, from)) yield* parseSources(line);
}

/** Lines of a text file from a place on; of what is longer than a MiB, its end. */
export function* boundedLinesOf(file: string, from = 0): Generator<string> {
  const descriptor = openSync(file, 'r');
  try {
    yield* splitLines(piecesOf(descriptor, from, Infinity), CHUNK);
  } finally {
    closeSync(descriptor);
  }
}

/** What a file holds from one place to another, or to its end; a piece is overwritten by the next. */
function* piecesOf(descriptor: number, from: number, to: number, size = CHUNK): Generator<Uint8Array> {
  const chunk = new Uint8Array(size);
  for (let at = from; at < to;) {
    const length = readSync(descriptor, chunk, 0, Math.min(size, to - at), at);
    if (length === 0) return;
    at += length;
    yield chunk.subarray(0, length);
  }
}
