/**
 * Private keys of a KMS on other cores: worker threads with an engine each, so that a key that takes milliseconds, of which
 * a phone asks for a month, does not hold up the listeners. An identity goes to the same worker where that is free, since
 * engines keep its point.
 *
 * Workers are threads of this process. Each is given a master secret once, by message, and overwrites it when it is told
 * to forget it (as of those used least recently) or to end. Tables of an engine that ends go with its memory.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from '../../../bytes/ports.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { LeastRecentlyUsed } from '../../../ibe/cache.ts';
import type { AffinePoint } from '../../../ibe/curve.ts';
import { IbeError } from '../../../ibe/errors.ts';
import type { MasterKey, PrivateKeyGenerator } from '../ports.ts';
import type { PairingOrder, PairingResult } from './pairing-job.ts';
import { WorkerPool } from './worker-pool.ts';

export interface PairingPoolOptions {
  readonly workers: number;
  /** Tasks that may wait, those that run not counted. */
  readonly queue: number;
  readonly logger: Logger;
  /** The worker's module; that of this package if absent. */
  readonly worker?: URL;
}

/** Master secrets that a worker has at a time; its engine keeps tables of as many districts. */
const KEYS = 8;

export class PairingPool implements PrivateKeyGenerator {
  readonly #pool: WorkerPool<PairingResult>;
  /** Numbers of the master secrets that each worker has. */
  readonly #given = new WeakMap<Worker, LeastRecentlyUsed<number>>();
  readonly #numbers = new WeakMap<Secret, number>();
  #lastKey = 0;

  constructor({ workers, queue, logger, worker }: PairingPoolOptions) {
    const module = worker ?? new URL('./pairing-worker.js', import.meta.url);
    this.#pool = new WorkerPool({ workers, queue, logger, module, wipe: () => undefined });
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#pool.waiting;
  }

  async extract(key: MasterKey, id: Uint8Array, signal?: AbortSignal): Promise<AffinePoint> {
    const give = (worker: Worker, number: number): void =>
      order(worker, { kind: 'task', number, task: { key: this.#give(worker, key), id } });
    const result = await this.#pool.run({ affinity: id, give }, signal);
    if (result.kind === 'failed') throw new IbeError(result.code, result.message);
    return result.key;
  }

  /** Ends the workers; what waits or runs is rejected. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The number of a master secret, which the worker has from now on. */
  #give(worker: Worker, { bf, masterSecret }: MasterKey): number {
    const number = this.#numbers.get(masterSecret) ?? ++this.#lastKey;
    this.#numbers.set(masterSecret, number);
    const given =
      this.#given.get(worker) ??
      new LeastRecentlyUsed<number>(KEYS, (key) => order(worker, { kind: 'forget', key }));
    this.#given.set(worker, given);
    return given.get(String(number), () => {
      const octets = masterSecret.expose().slice();
      order(worker, { kind: 'key', key: number, bf, masterSecret: octets }, [octets.buffer]);
      return number;
    });
  }
}

function order(worker: Worker, message: PairingOrder, moved: ArrayBuffer[] = []): void {
  worker.postMessage(message, moved);
}
