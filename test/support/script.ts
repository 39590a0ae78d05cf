/**
 * A TypeScript file as a script that plain node runs; packages stay outside.
 *
 * Each bundle has a folder of its own, so that who makes the same one at the same time, in this process or in another,
 * takes no file away from a script that runs. Folders go when the process that made them ends.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';
import type { Plugin } from 'vite';

const root = path.resolve(import.meta.dirname, '../..');
const BUNDLES = path.join(root, '.test-results', 'bundles');

const made: string[] = [];

/**
 * Bundles a file (path from the repository's root) and gives the path of the script.
 * @param folder what its folder among those of bundles is called, but for its end
 */
export async function script(
  entry: string,
  {
    folder = path.basename(entry, '.ts'),
    plugins = [],
  }: { readonly folder?: string; readonly plugins?: readonly Plugin[] } = {},
): Promise<string> {
  const outDir = newFolder(path.join(BUNDLES, folder));
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [...plugins],
    build: {
      ssr: path.join(root, entry),
      outDir,
      rollupOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
  return path.join(outDir, 'main.mjs');
}

/** @param start of its path */
function newFolder(start: string): string {
  mkdirSync(path.dirname(start), { recursive: true });
  const folder = mkdtempSync(`${start}-`);
  if (made.length === 0) process.once('exit', removeMade);
  made.push(folder);
  return folder;
}

function removeMade(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
}
