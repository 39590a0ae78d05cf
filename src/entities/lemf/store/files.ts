/**
 * What a LEMF has received, in two files: `hi2.ber` and `hi3.ber`, PS-PDUs one after the other as they came; and beside
 * each who sent what (`sources.ts`). HI2 holds keys: all are made for their owner alone (0600).
 *
 * A process that was killed in mid-write leaves a PDU without its end. It was never acknowledged, so the delivery
 * function has it still: it is cut off when the file is opened.
 */
import {
  closeSync,
  fsync,
  fsyncSync,
  openSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { LemfError } from '../errors.ts';
import type { HandoverKind, LemfStore, StoredPdu } from '../ports.ts';
import { formatSource, SourceLookup, sourcesPath } from '../sources.ts';
import { HiError } from '../../../wire/hi/errors.ts';
import { makeFolder } from '../../../storage/files.ts';
import type { PlacedPdu } from '../scan.ts';
import { HandoverReader, sourceMarks } from './handed-over.ts';

const fsyncLater = promisify(fsync);
const KINDS = ['hi2', 'hi3'] as const;

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
}

export class LemfFiles implements LemfStore {
  readonly #files: Readonly<Record<HandoverKind, OpenFile>>;
  #lastSync = Promise.resolve();

  /** Opens, or makes, the files in `folder`. @throws LemfError `damaged` */
  constructor(folder: string) {
    makeFolder(folder, 0o700);
    this.#files = { hi2: openFile(folder, 'hi2'), hi3: openFile(folder, 'hi3') };
    const directory = openSync(folder, 'r');
    fsyncSync(directory);
    closeSync(directory);
  }

  /** Path of the file of a kind. */
  path(kind: HandoverKind): string {
    return this.#files[kind].path;
  }

  /** Octets of complete PDUs of both kinds. */
  get lengths(): Readonly<Record<HandoverKind, number>> {
    return { hi2: this.#files.hi2.length, hi3: this.#files.hi3.length };
  }

  *read(kind: HandoverKind): Iterable<StoredPdu> {
    const file = this.#files[kind];
    const lookup = new SourceLookup(sourceMarks(file.sources.path));
    for (const { octets, at } of completePdus(file.path)) yield { octets, source: lookup.at(at) };
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

  /** One after the other: that nothing is dirty means little while an earlier sync is under way. */
  sync(): Promise<void> {
    this.#lastSync = this.#lastSync.then(() => this.#syncNow());
    return this.#lastSync;
  }

  async #syncNow(): Promise<void> {
    for (const kind of KINDS) {
      const file = this.#files[kind];
      if (!file.dirty) continue;
      file.dirty = false;
      await fsyncLater(file.sources.descriptor);
      await fsyncLater(file.descriptor);
    }
  }

  /** Syncs and closes. */
  async close(): Promise<void> {
    await this.sync();
    for (const kind of KINDS) {
      closeSync(this.#files[kind].sources.descriptor);
      closeSync(this.#files[kind].descriptor);
    }
  }
}

function openFile(folder: string, kind: HandoverKind): OpenFile {
  const file = path.join(folder, `${kind}.ber`);
  const descriptor = openSync(file, 'a', 0o600);
  let complete = 0;
  for (const { octets } of completePdus(file)) complete += octets.length;
  truncateSync(file, complete);
  return { path: file, descriptor, length: complete, dirty: true, sources: openSources(file, complete) };
}

/** Without the notes of PDUs that did not come to be, and without a line that was cut off. */
function openSources(ofFile: string, length: number): SourceFile {
  const file = sourcesPath(ofFile);
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
  return { path: file, descriptor: openSync(file, 'a', 0o600), length: written, last };
}

/** The PDUs of a file up to the last complete one, read piece by piece. */
function* completePdus(file: string): Generator<PlacedPdu> {
  const reader = new HandoverReader(file);
  try {
    const damage = yield* reader.pdus(0, reader.size);
    if (damage === null) return;
    throw new LemfError('damaged', `${file} is damaged: move it away to start with an empty one`, {
      cause: new HiError('malformed', damage),
    });
  } finally {
    reader.close();
  }
}
