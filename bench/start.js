/** Bundles a benchmark and the worker threads into dist/bench, and runs it: `node bench/start.js NAME [ARGUMENT…]`. */
import { runBundle } from '../scripts/run-bundle.js';

const [name = 'run', ...args] = process.argv.slice(2);
const entries = {
  [name]: `bench/${name}.ts`,
  'engine-process': 'bench/engine-process.ts',
  'pairing-worker': 'src/entities/kms/workers/pairing-worker.ts',
  'question-worker': 'src/entities/kms/workers/question-worker.ts',
  'relay-worker': 'src/entities/gateway/workers/relay-worker.ts',
  'watched-main': 'src/lab/processes/watched-main.ts',
  'numbering-worker': 'src/entities/lemf/workers/numbering-worker.ts',
  'commit-worker': 'src/storage/commit-worker.ts',
  'recovery-worker': 'src/entities/lemf/workers/recovery-worker.ts',
};
await runBundle('bench', entries, args);
