/** The folder of a laboratory's engines, and whether they answer. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, makeFolder } from '../../storage/files.ts';
import type { ProcessUser } from '../processes/lab-process.ts';
import { requireReachable } from './programs.ts';

/** Between two looks. */
const LOOK_MS = 50;
const PATIENCE_MS = 2_000;

/**
 * Makes the folder of an engine. Where another user runs it, that user's it is, and the folders above it, up to the
 * laboratory's, let others pass, though not look.
 * @throws LabError `engine` where that user cannot get there
 */
export function openEngineFolder(folder: string, own: string, user: ProcessUser | null): void {
  makeFolder(own, 0o700);
  if (user === null) return;
  for (const each of [folder, path.dirname(folder)]) chmodSync(each, 0o711);
  giveFolder(own, user);
  requireReachable(own, user);
}

/** What is there by another name, or as a link, stays as it is. @throws a system error where it is not a folder */
function giveFolder(own: string, { uid, gid }: ProcessUser): void {
  const descriptor = openSync(own, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(descriptor, uid, gid);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a file of an engine beside its folder, in place of the one that is there: one that nobody else has made, whatever
 * was there. Where another user runs the engine, that user may read it.
 * @throws FileError
 */
export function writeEngineFile(file: string, content: string | Uint8Array, user: ProcessUser | null): void {
  const next = `${file}.new`;
  try {
    rmSync(next, { force: true });
    const descriptor = openSync(next, 'wx', 0o600);
    try {
      if (user !== null) {
        fchownSync(descriptor, fstatSync(descriptor).uid, user.gid);
        fchmodSync(descriptor, 0o640);
      }
      writeFileSync(descriptor, content);
    } finally {
      closeSync(descriptor);
    }
    renameSync(next, file);
  } catch (cause) {
    rmSync(next, { force: true });
    throw fileError(`cannot write ${file}`, cause);
  }
}

/** By what an engine is known to take work. */
export interface Greeting {
  /** What it is told first; absent: it speaks by itself. */
  readonly say?: Uint8Array;
  /** The first letter of what it says then. */
  readonly hear: string;
}

/** Resolves when an engine takes work at a port of loopback, or nothing runs any more that could. */
export async function untilAnswered(port: number, greeting: Greeting, runs: () => boolean): Promise<void> {
  while (runs() && !(await answers(port, greeting))) await sleep(LOOK_MS);
}

export function answers(port: number, { say, hear }: Greeting): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(PATIENCE_MS, () => end(false));
    socket.once('connect', () => say !== undefined && socket.write(say));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('data', (octets) => end(octets.at(0) === hear.charCodeAt(0)));
  });
}
