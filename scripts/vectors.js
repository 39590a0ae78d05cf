/** Bundles the maker of vectors into dist/vectors, and runs it: `npm run vectors -- --help` (`test/vector-sets/main.ts`). */
import { runBundle } from './run-bundle.js';

await runBundle('vectors', { vectors: 'test/vector-sets/run.ts' }, process.argv.slice(2));
