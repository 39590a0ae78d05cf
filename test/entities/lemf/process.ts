/** A LEMF as a process of its own: reads its configuration's path from the command line, says where it listens. */
import { readConfigFile } from '../../../src/host/config.ts';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { pinoLogger } from '../../../src/host/log.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';

const config = lemfConfig(readConfigFile(process.argv[2] ?? ''));
const lemf = await startLemf(config, {
  clock: systemClock(),
  random: systemRandom(),
  logger: pinoLogger('error', 'lemf'),
});
process.stdout.write(`${JSON.stringify({ hi2: lemf.hi2.port, hi3: lemf.hi3.port })}\n`);
process.once('SIGTERM', () => void lemf.stop());
