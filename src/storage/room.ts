/** Whether a store could be written, as far as can be seen without writing. */
import { statfsSync, statSync } from 'node:fs';
import { whyOf } from '../bytes/system-errors.ts';

/** Octets that must be free: SQLite writes ahead, and needs some to make room. */
const LEAST_FREE = 1 << 20;

/** What is wrong with the places of stores, each in a sentence's part; what is in memory has none. */
export function placeProblems(...files: readonly string[]): string[] {
  return files.filter((file) => file !== ':memory:').flatMap((file) => placeProblem(file) ?? []);
}

function placeProblem(file: string): string | null {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return `the store ${file} is gone`;
  try {
    const { bavail, bsize } = statfsSync(file);
    return bavail * bsize < LEAST_FREE ? `no space is left for ${file}` : null;
  } catch (error) {
    return `the store ${file} cannot be looked at: ${whyOf(error)}`;
  }
}
