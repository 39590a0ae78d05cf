/** Bundles the fuzzer and its worker into dist/fuzz, and runs it: `npm run fuzz -- --seconds 20` (`test/fuzz/main.ts`). */
import { runBundle } from './run-bundle.js';

const entries = { fuzz: 'test/fuzz/main.ts', 'fuzz-worker': 'test/fuzz/worker.ts' };
await runBundle('fuzz', entries, process.argv.slice(2));
