/** Programs of the tree that are not in the package, as plain Node.js runs them: the fuzzer, benchmarks. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

/**
 * Bundles `entries`, TypeScript files by the names that they get, into dist/FOLDER, and runs the first of them. The
 * process ends as it ends.
 * @param {string} folder @param {Record<string, string>} entries @param {readonly string[]} args
 */
export async function runBundle(folder, entries, args) {
  const outDir = path.join(root, 'dist', folder);
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      target: 'node20',
      minify: false,
      outDir,
      emptyOutDir: true,
      rollupOptions: { input: entries, output: { entryFileNames: '[name].js' } },
    },
  });
  const program = path.join(outDir, `${Object.keys(entries)[0] ?? ''}.js`);
  const { status } = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
