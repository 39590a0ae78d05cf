/** A delivery function as a process of its own, for tests that kill it: `node main.mjs CONFIGURATION-FILE`. */
import { dfConfig } from '../../../src/entities/df/config.ts';
import { startDf } from '../../../src/entities/df/start.ts';
import { readConfigFile } from '../../../src/host/config.ts';
import { pinoLogger } from '../../../src/host/log.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';

const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('silent', 'df') };
const df = await startDf(dfConfig(readConfigFile(process.argv[2] ?? '')), runtime);
process.stdout.write(`${JSON.stringify({ x1: df.x1.port, x2x3: df.x2x3.port })}\n`);
