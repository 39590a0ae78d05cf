/** Where a KMS computes with its master secrets: in its own thread, or in workers on other cores. */
import { availableParallelism } from 'node:os';
import type { Logger } from '../../../bytes/ports.ts';
import { defaultEngine } from '../../../ibe/default-engine.ts';
import { EngineGenerator } from '../generator.ts';
import type { PrivateKeyGenerator } from '../ports.ts';
import { PairingPool } from './pairing-pool.ts';

/** One core is left to the listeners; on a machine with one, all is done in one thread. */
export const DEFAULT_WORKERS = availableParallelism() - 1;

export interface RunningGenerator {
  readonly generator: PrivateKeyGenerator;
  stop(): Promise<void>;
}

export function startGenerator(
  { workers, queue }: { readonly workers: number; readonly queue: number },
  logger: Logger,
): RunningGenerator {
  if (workers === 0) {
    return {
      generator: new EngineGenerator(defaultEngine(), queue),
      stop: () => Promise.resolve(),
    };
  }
  const pool = new PairingPool({ workers, queue, logger });
  return { generator: pool, stop: () => pool.close() };
}
