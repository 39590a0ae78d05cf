/** A KMS as a process of its own, for tests that kill it: `node main.mjs CONFIGURATION-FILE`. */
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { startKms } from '../../../src/entities/kms/start.ts';
import { readConfigFile } from '../../../src/host/config.ts';
import { pinoLogger } from '../../../src/host/log.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';

const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('silent', 'kms') };
const kms = await startKms(kmsConfig(readConfigFile(process.argv[2] ?? '')), runtime);
process.stdout.write(`${JSON.stringify({ x1: kms.x1.port })}\n`);
