/**
 * `npm run vectors -- [--seed TEXT] [--out FOLDER] [--only NAME]… [--kept] [--list]`: sets of vectors as JSON files, one of
 * every exchange of the profile.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { VECTOR_SETS, type VectorSet } from './sets.ts';

/** What the sets in `test/vectors/claviger` are made from. */
export const KEPT_SEED = 'claviger';
const MAX_SEED = 256;

const HELP = `Usage: npm run vectors -- [options]

Makes test vectors of every exchange of the MIKEY-IBAKE profile (docs/profile.md): plain, forked to three devices,
retargeted, redirected, offerless, deferred, updated by either side, with media added, REQUEST_KEY, and a plain one for
every curve, PRF and suite. One JSON file each; docs/vectors.md has their form. The same seed gives the same octets.

Options:
  --seed TEXT    what everything follows from, 1 to ${MAX_SEED} characters (default: ${KEPT_SEED})
  --out FOLDER   where the files go; it is made if it is not there (default: vectors)
  --only NAME    this set alone; may be repeated
  --kept         only those that the project keeps in test/vectors/claviger
  --list         print the sets' names, and make nothing
  -h, --help     print this

Examples:
  npm run vectors
  npm run vectors -- --seed 'spring 2027' --out /tmp/vectors
  npm run vectors -- --only exchange-forked --only exchange-deferred
`;

/** The program. @returns the process's exit status: 0, or 2 for bad input, with nothing written */
export async function makeVectors(
  args: readonly string[],
  say: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const wish = read(args);
  if (typeof wish === 'string') {
    say.error(`error: ${wish}\n\nSee npm run vectors -- --help.`);
    return 2;
  }
  if (wish.kind !== 'make') {
    say.log(wish.kind === 'help' ? HELP : VECTOR_SETS.map(({ name }) => name).join('\n'));
    return 0;
  }
  const { sets, seed, out } = wish;
  try {
    makeFolder(path.resolve(out));
    for (const { name, make } of sets) {
      const file = path.join(out, `${name}.json`);
      writeFileSync(file, spelt(await make(seed)));
      say.log(file);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('path' in error)) throw error;
    say.error(`error: cannot write to ${String(error.path)}: ${wordsOf(String(error.code))}`);
    return 1;
  }
  say.log(`${sets.length} sets from seed ${JSON.stringify(seed)}`);
  return 0;
}

/** A set as its file has it. */
export function spelt(set: object): string {
  return `${JSON.stringify(set, null, 1)}\n`;
}

/* ---------------------------------------------------------------- helpers */

type Wish =
  | { readonly kind: 'help' | 'list' }
  | {
      readonly kind: 'make';
      readonly sets: readonly VectorSet[];
      readonly seed: string;
      readonly out: string;
    };

/** What is asked for, or what is wrong with it. */
function read(args: readonly string[]): Wish | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: KEPT_SEED },
        out: { type: 'string', default: 'vectors' },
        only: { type: 'string', multiple: true },
        kept: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { seed, out, only, kept, list, help } = values;
  if (help) return { kind: 'help' };
  if (list) return { kind: 'list' };
  if (seed.length === 0 || seed.length > MAX_SEED) return `--seed has 1 to ${MAX_SEED} characters`;
  if (out === '') return '--out names a folder';
  const names = VECTOR_SETS.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    return `there is no set ${JSON.stringify(unknown)}; did you mean ${closest(unknown, names)}?`;
  const sets = VECTOR_SETS.filter(({ name, isKept }) => (only?.includes(name) ?? true) && (isKept || !kept));
  if (sets.length === 0) return 'none of these sets is kept';
  return { kind: 'make', sets, seed, out };
}

/** With the folders above it. Node.js's own way tries for ever where the system has nothing to make a folder in. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return;
    throw Object.assign(new Error('not a folder'), { code: 'EEXIST', path: folder });
  }
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}

function wordsOf(code: string): string {
  const words: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    ENOENT: 'no folder can be made there',
    EEXIST: 'there is a file of that name',
    ENOTDIR: 'a part of the path is a file',
    EISDIR: 'there is a folder of that name',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
  };
  return words[code] ?? code;
}
