/** Bundles the fuzzer and its worker into dist/fuzz, and runs it: `npm run fuzz -- --seconds 20` (`test/fuzz/main.ts`). */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

await build({
  root,
  configFile: false,
  logLevel: 'error',
  build: {
    ssr: true,
    target: 'node20',
    minify: false,
    outDir: 'dist/fuzz',
    emptyOutDir: true,
    rollupOptions: {
      input: { fuzz: 'test/fuzz/main.ts', 'fuzz-worker': 'test/fuzz/worker.ts' },
      output: { entryFileNames: '[name].js' },
    },
  },
});
const { status } = spawnSync(
  process.execPath,
  [path.join(root, 'dist/fuzz/fuzz.js'), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
