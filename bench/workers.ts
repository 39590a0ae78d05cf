/** Throughput of a pairing pool: private keys by one thread and by two (`scaling.ts`). */
import { utf8 } from '../src/bytes/octets.ts';
import type { NewDistrict } from '../src/ibe/setup.ts';
import { masterSecretOctets } from '../src/entities/kms/district-file.ts';
import { PairingPool } from '../src/entities/kms/workers/pairing-pool.ts';
import type { ThreadTime } from './processor.ts';
import { EngineProcesses } from './ceiling.ts';
import { poolRound, scalingOf, underCeiling } from './scaling.ts';
import type { PoolRound, ScalingUnderCeiling } from './scaling.ts';

const TASKS = 160;
const ROUNDS = 5;
const worker = new URL('./pairing-worker.js', import.meta.url);
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** In turns with processes that run the engine alone, so that other load does not decide. */
export async function measureWorkers(district: NewDistrict): Promise<ScalingUnderCeiling> {
  const one = new PairingPool({ workers: 1, queue: TASKS, worker, logger });
  const two = new PairingPool({ workers: 2, queue: TASKS, worker, logger });
  const engine = await EngineProcesses.start('private-keys', TASKS / 2);
  try {
    await run(one, district);
    await run(two, district);
    const rounds: Record<1 | 2, PoolRound[]> = { 1: [], 2: [] };
    const ofEngine: Record<1 | 2, PoolRound[]> = { 1: [], 2: [] };
    for (let round = 0; round < ROUNDS; round++) {
      rounds[1].push(await poolRound([process.pid], busiest(1), TASKS, () => run(one, district)));
      ofEngine[1].push(await engine.round(1, TASKS));
      rounds[2].push(await poolRound([process.pid], busiest(2), TASKS, () => run(two, district)));
      ofEngine[2].push(await engine.round(2, TASKS));
    }
    return underCeiling(scalingOf(rounds[1], rounds[2]), scalingOf(ofEngine[1], ofEngine[2]));
  } finally {
    await Promise.all([one.close(), two.close(), engine.end()]);
  }
}

/** Those that worked most, of the threads beside this one. */
function busiest(count: number): (threads: readonly ThreadTime[]) => readonly ThreadTime[] {
  return (threads) =>
    threads
      .filter(({ thread }) => thread !== process.pid)
      .sort((a, b) => b.ranMs - a.ranMs)
      .slice(0, count);
}

async function run(pool: PairingPool, { parameters, masterSecret }: NewDistrict): Promise<void> {
  const key = { bf: parameters, masterSecret: masterSecretOctets(masterSecret, parameters.q) };
  await Promise.all(Array.from({ length: TASKS }, (_, at) => pool.extract(key, utf8(`phone ${at % 4}`))));
}
