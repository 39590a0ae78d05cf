/** Bundles the chaos run and the worker threads into dist/chaos, and runs it: `npm run chaos` (`test/chaos/main.ts`). */
import { runBundle } from './run-bundle.js';

const entries = {
  chaos: 'test/chaos/main.ts',
  'numbering-worker': 'src/entities/lemf/workers/numbering-worker.ts',
  'recovery-worker': 'src/entities/lemf/workers/recovery-worker.ts',
  'commit-worker': 'src/storage/commit-worker.ts',
};
await runBundle('chaos', entries, process.argv.slice(2));
