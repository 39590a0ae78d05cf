/** Reading what a command is given: a file, or standard input as `-`. */
import { readFileSync } from 'node:fs';
import { readWhole, unreadable } from '../storage/files.ts';

/** The octets of `file`, or of standard input for `-`. @throws FileError `unreadable` */
export function readInput(file: string): Uint8Array {
  if (file !== '-') return new Uint8Array(readWhole(file));
  try {
    return new Uint8Array(readFileSync(0));
  } catch (cause) {
    throw unreadable('standard input', cause);
  }
}
