/**
 * One file that only grows, of a log in segments: what is appended is on the disk before anybody is told so, and what is
 * done with is overwritten before it goes (as SQLite's `secure_delete` does for rows). Appending is the caller's to do one
 * at a time.
 */
import {
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsync,
  ftruncate,
  ftruncateSync,
  open,
  openSync,
  read,
  readSync,
  unlink,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileError, syncFolder } from './files.ts';

/** The system's calls; they give what they give at once, or later. */
interface Calls {
  open(file: string, flags: string, mode: number): number | Promise<number>;
  close(descriptor: number): void | Promise<void>;
  /** Gives how many octets were written. */
  write(descriptor: number, octets: Uint8Array, from: number, position: number): number | Promise<number>;
  /** Gives how many octets were read. */
  read(descriptor: number, octets: Uint8Array, from: number, position: number): number | Promise<number>;
  truncate(descriptor: number, length: number): void | Promise<void>;
  sync(descriptor: number): void | Promise<void>;
  /** So that a file that is new is found after the loss of power. */
  syncFolder(folder: string): void | Promise<void>;
  unlink(file: string): void | Promise<void>;
}

const AT_ONCE: Calls = {
  open: openSync,
  close: closeSync,
  write: (descriptor, octets, from, position) =>
    writeSync(descriptor, octets, from, octets.length - from, position),
  read: (descriptor, octets, from, position) =>
    readSync(descriptor, octets, from, octets.length - from, position),
  truncate: ftruncateSync,
  sync: fdatasyncSync,
  syncFolder,
  unlink: unlinkSync,
};

const openLater = promisify(open);
const closeLater = promisify(close);
const fsyncLater = promisify(fsync);
const writeLater = promisify(write);
const readLater = promisify(read);

/** Nobody waits for the disk but who has to. */
const LATER: Calls = {
  open: openLater,
  close: closeLater,
  write: async (descriptor, octets, from, position) =>
    (await writeLater(descriptor, octets, from, octets.length - from, position)).bytesWritten,
  read: async (descriptor, octets, from, position) =>
    (await readLater(descriptor, octets, from, octets.length - from, position)).bytesRead,
  truncate: promisify(ftruncate),
  // With its length, where that has changed (fdatasync(2)).
  sync: promisify(fdatasync),
  syncFolder: async (folder) => {
    const descriptor = await openLater(folder, 'r');
    try {
      await fsyncLater(descriptor);
    } finally {
      await closeLater(descriptor);
    }
  },
  unlink: promisify(unlink),
};

/** Whether the process waits for the disk. */
export type SegmentWriting = 'at-once' | 'later';

/** Octets that are overwritten in one write. */
const ZEROS = Buffer.alloc(256 << 10);

export class SegmentFile {
  readonly file: string;
  /** Its descriptor, which is opened once, whoever else asks meanwhile. */
  #descriptor: Promise<number> | null = null;
  #length: number;
  /** Whether its entry in the folder is on the disk. */
  #isNamed: boolean;

  readonly #calls: Calls;

  /** @param length of what is there; 0: it is made with the first octets */
  constructor(file: string, writing: SegmentWriting, length = 0) {
    this.file = file;
    this.#calls = writing === 'at-once' ? AT_ONCE : LATER;
    this.#length = length;
    this.#isNamed = length > 0;
  }

  /** Octets that are on the disk. */
  get length(): number {
    return this.#length;
  }

  /** Resolves when they are on the disk. What fails may leave octets beyond `length`: `cut` takes them away. @throws FileError */
  async append(octets: Uint8Array): Promise<void> {
    try {
      const descriptor = await this.#opened();
      await this.#write(descriptor, octets, this.#length);
      await this.#calls.sync(descriptor);
      if (!this.#isNamed) await this.#calls.syncFolder(path.dirname(this.file));
      this.#isNamed = true;
      this.#length += octets.length;
    } catch (cause) {
      throw fileError(`cannot write ${this.file}`, cause);
    }
  }

  /** Takes away what is beyond a length. @throws FileError */
  async cut(length: number): Promise<void> {
    try {
      const descriptor = await this.#opened();
      await this.#calls.truncate(descriptor, length);
      await this.#calls.sync(descriptor);
      this.#length = length;
    } catch (cause) {
      throw fileError(`cannot write ${this.file}`, cause);
    }
  }

  /** Octets from a place on, as many as there are. @throws FileError */
  async read(from: number, length: number): Promise<Uint8Array> {
    try {
      const octets = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const count = await this.#calls.read(await this.#opened(), octets, at, from + at);
        if (count === 0) break;
        at += count;
      }
      return octets.subarray(0, at);
    } catch (cause) {
      throw fileError(`cannot read ${this.file}`, cause);
    }
  }

  /** Overwrites octets; on the disk when the next of `synced`, `append` or `remove` is done. @throws FileError */
  async erase(from: number, length: number): Promise<void> {
    try {
      const descriptor = await this.#opened();
      for (let at = 0; at < length; at += ZEROS.length)
        await this.#write(descriptor, ZEROS.subarray(0, Math.min(ZEROS.length, length - at)), from + at);
    } catch (cause) {
      throw fileError(`cannot write ${this.file}`, cause);
    }
  }

  async synced(): Promise<void> {
    await this.#calls.sync(await this.#opened());
  }

  /** Overwrites all of it, and removes it. @throws FileError */
  async remove(): Promise<void> {
    if (this.#length > 0) {
      await this.erase(0, this.#length);
      await this.synced();
    }
    await this.close();
    try {
      await this.#calls.unlink(this.file);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      throw fileError(`cannot remove ${this.file}`, cause);
    }
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor !== null) await this.#calls.close(await descriptor);
  }

  async #opened(): Promise<number> {
    this.#descriptor ??= Promise.resolve(this.#length === 0 ? 'w+' : 'r+').then((flags) =>
      this.#calls.open(this.file, flags, 0o600),
    );
    try {
      return await this.#descriptor;
    } catch (error) {
      this.#descriptor = null;
      throw error;
    }
  }

  async #write(descriptor: number, octets: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < octets.length;)
      at += await this.#calls.write(descriptor, octets, at, position + at);
  }
}
