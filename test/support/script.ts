/** A TypeScript file as a script that plain node runs; packages stay outside. */
import path from 'node:path';
import { build } from 'vite';
import type { Plugin } from 'vite';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * Bundles a file (path from the repository's root) and gives the path of the script.
 * @param folder among those of bundles; whoever bundles into it deletes what is in it
 */
export async function script(
  entry: string,
  {
    folder = path.basename(entry, '.ts'),
    plugins = [],
  }: { readonly folder?: string; readonly plugins?: readonly Plugin[] } = {},
): Promise<string> {
  const outDir = path.join(root, '.test-results', 'bundles', folder);
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [...plugins],
    build: {
      ssr: path.join(root, entry),
      outDir,
      emptyOutDir: true,
      rollupOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
  return path.join(outDir, 'main.mjs');
}
