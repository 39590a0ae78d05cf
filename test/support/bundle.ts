/**
 * Makes a TypeScript file of the repository runnable by plain `node`, for tests that start, kill and restart a real
 * process. Packages stay imports, so the output lies where they can be found.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '../..');

export interface Bundle {
  /** Path of the module to run. */
  readonly file: string;
  remove(): void;
}

export async function bundle(entry: string): Promise<Bundle> {
  const cache = path.join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const outDir = mkdtempSync(path.join(cache, 'claviger-test-'));
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: { ssr: entry, outDir, target: 'node20', minify: false },
  });
  const name = path.basename(entry).replace(/\.ts$/, '');
  return {
    file: path.join(outDir, `${name}.js`),
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  };
}
