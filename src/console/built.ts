/** The console as it was built (`npm run build`), for the entities that serve it. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { ClavigerError } from '../bytes/errors.ts';
import { isSystemError } from '../bytes/system-errors.ts';
import { pageFile } from '../net/pages.ts';
import type { PageFile, PageFiles } from '../net/pages.ts';

export type ConsoleErrorCode =
  /** The files of the page are not there, or not all of them. */
  'not-built';

/** The console cannot be served. */
export class ConsoleError extends ClavigerError<ConsoleErrorCode> {}

/** Where the build puts it, beside this file as it was compiled; a run from the sources finds it as well. */
const BUILT = fileURLToPath(new URL('../../dist/console/page', import.meta.url));

/** @param folder that holds `index.html` and `assets` @throws ConsoleError */
export async function builtConsole(folder = BUILT): Promise<PageFiles> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    if (!isSystemError(cause)) throw cause;
    throw new ConsoleError('not-built', `the console is not in ${folder}`, { cause });
  });
  const files = new Map<string, PageFile>();
  for (const entry of names) {
    if (!entry.isFile()) continue;
    const at = path.join(entry.parentPath, entry.name);
    const name = path.relative(folder, at).split(path.sep).join('/');
    const file = pageFile(name, new Uint8Array(await readFile(at)));
    if (file !== null) files.set(name === 'index.html' ? '' : name, file);
  }
  if (files.has('')) return files;
  throw new ConsoleError('not-built', `there is no index.html in ${folder}`);
}
