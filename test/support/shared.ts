/**
 * Where tests find what is not part of the package: the folder of standards and vectors beside the checkout, and
 * independent tools. A user's machine may have neither; then those tests skip with a message. With CI set, a missing
 * one fails.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** True where a missing file or tool must fail rather than skip. */
export const strict = process.env['CI'] !== undefined && process.env['CI'] !== '';

const sharedDir = path.resolve(root, process.env['CLAVIGER_SHARED'] ?? '../shared');

/** Absolute path of a file below the shared folder. */
export function sharedPath(relative: string): string {
  return path.join(sharedDir, relative);
}

/** For `describe.skipIf(...)`: true (with a message) if the file is missing and CI is off. */
export function missingShared(relative: string): boolean {
  if (existsSync(sharedPath(relative)) || strict) return false;
  console.warn(`skipped: ${relative} not found; set CLAVIGER_SHARED to the folder that has it`);
  return true;
}

/** For `describe.skipIf(...)`: true (with a message) if the command is missing and CI is off. */
export function missingTool(command: string): boolean {
  if (strict || spawnSync('which', [command]).status === 0) return false;
  console.warn(`skipped: ${command} is not installed`);
  return true;
}

/** A set of test vectors by file name: from the shared folder, else the copy in test/vectors/v2. */
export function vectorFile(name: string): unknown {
  const shared = sharedPath(`vectors/v2/${name}`);
  return existsSync(shared) || strict
    ? (JSON.parse(readFileSync(shared, 'utf8')) as unknown)
    : exampleFile(name);
}

/** Names of the sets of test vectors that match, where `vectorFile` finds them. */
export function vectorFiles(pattern: RegExp): string[] {
  const shared = sharedPath('vectors/v2');
  const folder = existsSync(shared) || strict ? shared : path.join(root, 'test/vectors/v2');
  return readdirSync(folder).filter((name) => pattern.test(name));
}

/** A set of test vectors with where it comes from. */
export interface VectorFile {
  readonly origin: 'v2' | 'claviger';
  readonly name: string;
  readonly set: unknown;
}

/** All sets by file name: those of others, where `vectorFile` finds them, and our own in test/vectors/claviger. */
export function vectorSets(pattern: RegExp): VectorFile[] {
  const own = path.join(root, 'test/vectors/claviger');
  const names = readdirSync(own).filter((name) => pattern.test(name));
  return [
    ...vectorFiles(pattern).map((name) => ({ origin: 'v2' as const, name, set: vectorFile(name) })),
    ...names.map((name) => {
      const set = JSON.parse(readFileSync(path.join(own, name), 'utf8')) as unknown;
      return { origin: 'claviger' as const, name, set };
    }),
  ];
}

/**
 * The copy in test/vectors/v2: a call and its districts for tests that need some, and are not about the vectors.
 * Other sets may stand in the shared folder, of other operators, sizes and ciphers.
 */
export function exampleFile(name: string): unknown {
  return JSON.parse(readFileSync(path.join(root, 'test/vectors/v2', name), 'utf8')) as unknown;
}
