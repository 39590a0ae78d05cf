/** A part of a delivery function as a process of its own, for tests that kill it: `node main.mjs CONFIGURATION-FILE`. */
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import { startRoles } from '../../../src/entities/df/start-roles.ts';
import { readConfigFile } from '../../../src/host/config.ts';
import { pinoLogger } from '../../../src/host/log.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';

const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('silent', 'df') };
const part = await startRoles(dfProcessConfig(readConfigFile(process.argv[2] ?? '')), runtime);
process.stdout.write(`${JSON.stringify({ x2x3: part.x2x3?.port })}\n`);
