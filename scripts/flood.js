/** Bundles the flood cases into dist/flood, and runs them: `npm run flood` (`test/flood/main.ts`). */
import { runBundle } from './run-bundle.js';

await runBundle('flood', { flood: 'test/flood/main.ts' }, process.argv.slice(2));
