/** Bundles a benchmark and the pool's worker into dist/bench, and runs it: `node bench/start.js NAME [ARGUMENT…]`. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '..');
const [name = 'run', ...rest] = process.argv.slice(2);
const entries = {
  [name]: `bench/${name}.ts`,
  'pairing-worker': 'src/entities/kms/workers/pairing-worker.ts',
};

await build({
  root,
  configFile: false,
  logLevel: 'error',
  build: {
    ssr: true,
    target: 'node20',
    minify: false,
    outDir: 'dist/bench',
    emptyOutDir: true,
    rollupOptions: { input: entries, output: { entryFileNames: '[name].js' } },
  },
});
const { status } = spawnSync(process.execPath, [path.join(root, 'dist/bench', `${name}.js`), ...rest], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
