/**
 * What a LEMF has received, in two files: `hi2.ber` and `hi3.ber`, PS-PDUs one after the other as they came; and beside
 * each who sent what (`sources.ts`). HI2 holds keys: all are made for their owner alone (0600).
 *
 * A process that was killed in mid-write leaves a PDU without its end. It was never acknowledged, so the delivery
 * function has it still: it is cut off when the file is opened. How far the files were whole is noted from time to time
 * (`lengths.ts`), so that only what came later is walked through for that.
 */
import {
  closeSync,
  fstatSync,
  fsync,
  openSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { isSystemError } from '../../../bytes/system-errors.ts';
import { LemfError } from '../errors.ts';
import type { HandoverKind, LemfStore, StoredPdu } from '../ports.ts';
import { formatSource, sourcesPath } from '../sources.ts';
import { HiError } from '../../../wire/hi/errors.ts';
import { makeFolder, syncFolder } from '../../../storage/files.ts';
import { finishErasure } from './erasure.ts';
import { damagedFile, HandoverReader, sourceMarks, storedPdus } from './handed-over.ts';
import { isKnown, noteLengths, readLengths, tailBefore } from './lengths.ts';
import type { KnownLength } from './lengths.ts';

const fsyncLater = promisify(fsync);
const KINDS = ['hi2', 'hi3'] as const;

/** Octets after which the lengths are noted again. */
const NOTE_EVERY = 16 << 20;
/** Octets of a file that are read at once beside reception. */
const SMALL_CHUNK = 1 << 16;

interface OpenFile {
  readonly path: string;
  readonly descriptor: number;
  /** Octets of complete PDUs. */
  length: number;
  /** Written since the last sync. */
  dirty: boolean;
  readonly sources: SourceFile;
}

/** `hi2.sources`, `hi3.sources`. */
interface SourceFile {
  readonly path: string;
  readonly descriptor: number;
  /** Octets of complete notes. */
  length: number;
  /** Of the PDU added last; `null`: not noted. */
  last: string | null;
  /** Noted since the last sync: who sends changes seldom, and a sync costs the disk a flush though nothing is new. */
  dirty: boolean;
}

export class LemfFiles implements LemfStore {
  readonly #folder: string;
  readonly #files: Readonly<Record<HandoverKind, OpenFile>>;
  /** Octets when the lengths were noted last. */
  #noted = 0;
  #lastSync = Promise.resolve();
  /** One that has not begun. */
  #nextSync: Promise<void> | null = null;

  /** PDUs whose deletion a crash had cut off, and was finished now. */
  readonly finished: number;

  /** Opens, or makes, the files in `folder`. @throws LemfError `damaged` */
  constructor(folder: string) {
    makeFolder(folder, 0o700);
    this.#folder = folder;
    this.finished = finishErasure(folder);
    const known = readLengths(folder);
    this.#files = {
      hi2: openFile(folder, 'hi2', known?.hi2 ?? null),
      hi3: openFile(folder, 'hi3', known?.hi3 ?? null),
    };
    syncFolder(folder);
  }

  /** Path of the file of a kind. */
  path(kind: HandoverKind): string {
    return this.#files[kind].path;
  }

  /** Octets of complete PDUs of both kinds. */
  get lengths(): Readonly<Record<HandoverKind, number>> {
    return { hi2: this.#files.hi2.length, hi3: this.#files.hi3.length };
  }

  read(kind: HandoverKind, from = 0): Iterable<StoredPdu> {
    const { path: file, length } = this.#files[kind];
    return storedPdus(file, from, length, SMALL_CHUNK);
  }

  append(kind: HandoverKind, octets: Uint8Array, source: string): void {
    const file = this.#files[kind];
    file.dirty = true;
    const { sources } = file;
    let noted = 0;
    try {
      // Before the PDU: a note of one that did not come to be is of the one that comes next.
      if (sources.last !== source) {
        const note = formatSource({ at: file.length, source });
        sources.dirty = true;
        writeFileSync(sources.descriptor, note);
        noted = Buffer.byteLength(note);
      }
      for (let at = 0; at < octets.length;) at += writeSync(file.descriptor, octets, at);
    } catch (cause) {
      truncateSync(file.path, file.length);
      truncateSync(sources.path, sources.length);
      sources.last = null;
      throw new LemfError('store', `${file.path} cannot be written`, { cause });
    }
    file.length += octets.length;
    sources.length += noted;
    sources.last = source;
  }

  /**
   * One after the other: that nothing is dirty means little while an earlier sync is under way. Whoever asks before one
   * has begun is served by it, so that nobody waits for more than two, however many ask.
   */
  sync(): Promise<void> {
    this.#nextSync ??= this.#lastSync.then(() => {
      this.#nextSync = null;
      return this.#syncNow();
    });
    this.#lastSync = this.#nextSync;
    return this.#nextSync;
  }

  /** Something in the files was overwritten: how far they are whole is noted anew. */
  changed(): Promise<void> {
    this.#noted = -NOTE_EVERY;
    return this.sync();
  }

  async #syncNow(): Promise<void> {
    const reached = this.#state();
    for (const kind of KINDS) {
      const file = this.#files[kind];
      if (!file.dirty) continue;
      file.dirty = false;
      if (file.sources.dirty) {
        file.sources.dirty = false;
        await fsyncLater(file.sources.descriptor);
      }
      await fsyncLater(file.descriptor);
    }
    if (reached.hi2.octets + reached.hi3.octets - this.#noted >= NOTE_EVERY) this.#note(reached);
  }

  #state(): Record<HandoverKind, Omit<KnownLength, 'tail'>> {
    const of = ({ length, sources }: OpenFile) => ({
      octets: length,
      sources: sources.length,
      last: sources.last,
    });
    return { hi2: of(this.#files.hi2), hi3: of(this.#files.hi3) };
  }

  /**
   * A shortcut for the next start, so that nothing depends on it, nor on whether there is room for it.
   * @param reached what is on the disk
   */
  #note(reached: Readonly<Record<HandoverKind, Omit<KnownLength, 'tail'>>>): void {
    const of = (kind: HandoverKind) => ({
      ...reached[kind],
      tail: tailBefore(this.#files[kind].descriptor, reached[kind].octets),
    });
    try {
      noteLengths(this.#folder, { hi2: of('hi2'), hi3: of('hi3') });
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
    this.#noted = reached.hi2.octets + reached.hi3.octets;
  }

  /** Syncs and closes. */
  async close(): Promise<void> {
    await this.sync();
    this.#note(this.#state());
    for (const kind of KINDS) {
      closeSync(this.#files[kind].sources.descriptor);
      closeSync(this.#files[kind].descriptor);
    }
  }
}

function openFile(folder: string, kind: HandoverKind, noted: KnownLength | null): OpenFile {
  const file = path.join(folder, `${kind}.ber`);
  const descriptor = openSync(file, 'a+', 0o600);
  const known = noted !== null && isKnown(descriptor, noted) ? noted : FROM_THE_FRONT;
  const complete = completeTo(file, known.octets);
  truncateSync(file, complete);
  return {
    path: file,
    descriptor,
    length: complete,
    dirty: true,
    sources: openSources(file, complete, known),
  };
}

const FROM_THE_FRONT = { octets: 0, sources: 0, last: null } as const;

/** The place up to which a file holds complete PDUs. */
function completeTo(file: string, from: number): number {
  const reader = new HandoverReader(file);
  try {
    return reader.completeTo(from);
  } catch (error) {
    throw error instanceof HiError ? damagedFile(file, error) : error;
  } finally {
    reader.close();
  }
}

/** Without the notes of PDUs that did not come to be, and without a line that was cut off. */
function openSources(
  ofFile: string,
  length: number,
  known: Pick<KnownLength, 'sources' | 'last'>,
): SourceFile {
  const file = sourcesPath(ofFile);
  const descriptor = openSync(file, 'a', 0o600);
  const { size } = fstatSync(descriptor);
  let { last, sources: right } = known;
  for (const mark of sourceMarks(file, right)) {
    if (mark.at >= length) break;
    right += Buffer.byteLength(formatSource(mark));
    last = mark.source;
  }
  if (right === size) return { path: file, descriptor, length: size, last, dirty: true };
  closeSync(descriptor);
  return rewriteSources(file, length);
}

function rewriteSources(file: string, length: number): SourceFile {
  const next = `${file}.new`;
  const right = openSync(next, 'w', 0o600);
  let [last, written] = [null as string | null, 0];
  for (const mark of sourceMarks(file)) {
    if (mark.at >= length) continue;
    const note = formatSource(mark);
    writeFileSync(right, note);
    written += Buffer.byteLength(note);
    last = mark.source;
  }
  closeSync(right);
  renameSync(next, file);
  return { path: file, descriptor: openSync(file, 'a', 0o600), length: written, last, dirty: true };
}
