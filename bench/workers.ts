/** Throughput of a pairing pool: private keys by one worker and by two. */
import { utf8 } from '../src/bytes/octets.ts';
import type { NewDistrict } from '../src/ibe/setup.ts';
import { masterSecretOctets } from '../src/entities/kms/district-file.ts';
import { PairingPool } from '../src/entities/kms/workers/pairing-pool.ts';

const TASKS = 160;
const worker = new URL('./pairing-worker.js', import.meta.url);
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** How many times as much two workers do as one. The median of three rounds, so that other load does not decide. */
export async function measureWorkers(district: NewDistrict): Promise<number> {
  const ratios: number[] = [];
  const one = new PairingPool({ workers: 1, queue: TASKS, worker, logger });
  const two = new PairingPool({ workers: 2, queue: TASKS, worker, logger });
  await run(one, district);
  await run(two, district);
  for (let round = 0; round < 3; round++) {
    const alone = await run(one, district);
    const together = await run(two, district);
    ratios.push(alone / together);
  }
  await Promise.all([one.close(), two.close()]);
  return ratios.sort((a, b) => a - b)[1] ?? NaN;
}

async function run(pool: PairingPool, { parameters, masterSecret }: NewDistrict): Promise<number> {
  const key = { bf: parameters, masterSecret: masterSecretOctets(masterSecret, parameters.q) };
  const start = performance.now();
  await Promise.all(Array.from({ length: TASKS }, (_, at) => pool.extract(key, utf8(`phone ${at % 4}`))));
  return performance.now() - start;
}
