/** Programs of the tree that are not in the package, as plain Node.js runs them: the fuzzer, benchmarks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
      rollupOptions: {
        input: entries,
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
  const program = path.join(outDir, `${Object.keys(entries)[0] ?? ''}.js`);
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
  // A terminal's Ctrl-C reaches the program as well, which may have something to say yet.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [status] = await once(child, 'exit');
  process.exitCode = status ?? 1;
}
