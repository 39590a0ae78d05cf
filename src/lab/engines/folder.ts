/** The folder of a laboratory's engines, and whether they answer. */
import { chmodSync, chownSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../storage/files.ts';
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
  chownSync(own, user.uid, user.gid);
  requireReachable(own, user);
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
