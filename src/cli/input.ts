/** Reading what a command is given: a file, or standard input as `-`. */
import { messageOf } from '../bytes/errors.ts';
import { readFileSync } from 'node:fs';
import { CliError } from './failure.ts';

/** The octets of `file`, or of standard input for `-`. */
export function readInput(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file === '-' ? 0 : file));
  } catch (cause) {
    const why = messageOf(cause);
    throw new CliError('input', `cannot read ${file}: ${why}`, undefined, { cause });
  }
}
