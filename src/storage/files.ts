/**
 * Folders and files as commands and entities leave them, with errors that say what could not be written, and why.
 *
 * Node's own recursive `mkdir` never returns where the system says of every folder that it is missing, also of one whose
 * parent is there (`/proc`): so folders are made one by one, and the first that cannot be made is the end.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { ClavigerError } from '../bytes/errors.ts';
import { systemWords, whyOf } from '../bytes/system-errors.ts';

export type FileErrorCode =
  /** The disk is full, or what one may use of it. */
  | 'no-space'
  /** Who runs this may not write there. */
  | 'denied'
  /** Something else is where the file or folder is to be. */
  | 'in-the-way'
  /** There is nothing of the sort there, and it cannot be made. */
  | 'missing'
  /** What was to be read cannot be. */
  | 'unreadable'
  /** Anything else that the system says. */
  | 'system';

/** What could not be written or read; the cause is the system's own error. */
export class FileError extends ClavigerError<FileErrorCode> {}

const CODES: Readonly<Record<string, FileErrorCode>> = {
  ENOSPC: 'no-space',
  SQLITE_FULL: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'no-space',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  EEXIST: 'in-the-way',
  EISDIR: 'in-the-way',
  ENOTDIR: 'in-the-way',
  ENOENT: 'missing',
  ENAMETOOLONG: 'missing',
};

/** Where what was to be written makes it another thing than `systemWords` say. */
const WORDS: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full',
  EISDIR: 'a folder is there',
  ENOENT: 'there is no such place, and it cannot be made',
};

/** @param attempt what was tried: `cannot write …` */
export function fileError(attempt: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  const said = cause instanceof Error && 'code' in cause ? String(cause.code) : 'nothing of why';
  const reason = WORDS[said] ?? systemWords(said) ?? `the system says ${said}`;
  return new FileError(CODES[said] ?? 'system', `${attempt}: ${reason}`, { cause });
}

/** @param what the file, and what it is meant to be */
export function unreadable(what: string, cause: unknown): FileError {
  return new FileError('unreadable', `cannot read ${what}: ${whyOf(cause)}`, { cause });
}

/**
 * A file that somebody has named, whole.
 * @param what e.g. `the recording`: put before its name
 * @throws FileError
 */
export function readWhole(file: string, what?: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unreadable(what === undefined ? file : `${what} ${file}`, cause);
  }
}

/** Refuses what cannot be read, before anything is made of it; a pipe will do. @throws FileError `unreadable` */
export function requireReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  // As the system would say it of the first octet that is read.
  if (statSync(file).isDirectory())
    throw unreadable(file, Object.assign(new Error(), { code: 'EISDIR', syscall: 'read' }));
}

/**
 * Makes a folder, and those above it that are missing.
 * @param mode of every folder that is made
 * @returns the folders that were made, the outermost first
 * @throws FileError
 */
export function makeFolder(folder: string, mode = 0o777): string[] {
  const missing: string[] = [];
  try {
    for (let at = path.resolve(folder); !isFolder(at); at = path.dirname(at)) missing.unshift(at);
    return missing.filter((each) => makeOne(each, mode));
  } catch (cause) {
    throw fileError(`cannot make the folder ${folder}`, cause);
  }
}

/** Takes folders away again that `makeFolder` made, as far as nothing is in them. */
export function removeEmpty(made: readonly string[]): void {
  for (const folder of made.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      // Somebody has put something there: then it stays, and those above it.
      return;
    }
  }
}

/**
 * Writes a file to its end, or not at all: what cannot be completed is removed, unless something was there before.
 * @throws FileError
 */
export function writeWhole(
  file: string,
  content: Uint8Array | string,
  options: { readonly mode?: number; readonly flag?: 'w' | 'wx' } = {},
): void {
  const before = existsSync(file);
  try {
    writeFileSync(file, content, options);
  } catch (cause) {
    if (!before) rmSync(file, { force: true });
    throw fileError(`cannot write ${file}`, cause);
  }
}

/**
 * Copies a file to its end, or not at all; a copy has the mode of what it was made from. Not by the system's own copying,
 * which removes what was there before when it fails, a device as well.
 * @throws FileError
 */
export function copyWhole(from: string, to: string): void {
  writeWhole(to, readFileSync(from), { mode: statSync(from).mode & 0o777 });
}

/**
 * Writes a file in place of the one that is there: at any time there is the one or the other, complete.
 * @throws FileError
 */
export function replaceFile(file: string, content: Uint8Array | string, mode?: number): void {
  const next = `${file}.new`;
  try {
    writeFileSync(next, content, mode === undefined ? {} : { mode });
    renameSync(next, file);
  } catch (cause) {
    rmSync(next, { force: true });
    throw fileError(`cannot write ${file}`, cause);
  }
}

/**
 * Appends all of it, or nothing.
 * @param descriptor of a file that is open for appending and has no other writer
 * @throws FileError
 */
export function appendWhole(descriptor: number, file: string, octets: Uint8Array): void {
  const { size } = fstatSync(descriptor);
  try {
    writeFileSync(descriptor, octets);
  } catch (cause) {
    ftruncateSync(descriptor, size);
    throw fileError(`cannot write ${file}`, cause);
  }
}

/** What is in a folder under which name is on the disk only once the folder is. @throws a system error */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws a system error if something else is there, or cannot be looked at */
function isFolder(at: string): boolean {
  const found = statSync(at, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    throw Object.assign(new Error(`${at} is a file`), { code: 'ENOTDIR' });
  }
  return found !== undefined;
}

/** Whether it was this process that made it. */
function makeOne(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST' && isFolder(folder))
      return false;
    throw error;
  }
}
