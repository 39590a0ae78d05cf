/**
 * Pairings and extractions of a KMS on all cores: worker threads with an engine each, so that a question that takes
 * milliseconds does not hold up the listeners.
 *
 * - **Bounded.** At most `queue` tasks wait; one more is refused at once (`busy`), for the caller to answer
 *   `temporarily-unavailable`, rather than let everybody wait.
 * - **Cancellable.** A cancelled task leaves the queue; one that runs is abandoned, its result dropped and wiped.
 * - **Nothing is lost when a worker dies.** Its task goes back to the head of the queue and a new worker takes its place.
 *   A task that three workers died of is failed, so that it does not take all of them with it for ever.
 * - **Caches are warm.** An identity goes to the same worker where that is free, since engines keep tables.
 *
 * Master secrets reach workers with each task, by structured clone, and live in the same process.
 */
import { Worker } from 'node:worker_threads';
import { ClavigerError } from '../bytes/errors.ts';
import type { BfCiphertext } from '../ibe/blocks.ts';
import type { AffinePoint } from '../ibe/curve.ts';
import { IbeError } from '../ibe/errors.ts';
import type { BfParameters } from '../ibe/parameters.ts';
import type { PairingReply, PairingRequest, PairingResult, PairingTask } from './pairing-job.ts';

export type PoolErrorCode =
  /** The queue is full. */
  | 'busy'
  /** The caller gave up. */
  | 'cancelled'
  /** The pool is closed. */
  | 'closed'
  /** Workers died of this task, again and again. */
  | 'failed';

export class PoolError extends ClavigerError<PoolErrorCode> {}

export interface PairingPoolOptions {
  readonly workers: number;
  /** Tasks that may wait, those that run not counted. */
  readonly queue: number;
  /** The worker's module; that of this package if absent. */
  readonly worker?: URL;
}

/** After so many deaths of its worker a task is given up. */
const ATTEMPTS = 3;
/** After so many deaths in a row without an answer in between, the pool is: a worker that cannot start never will. */
const DEATHS = 16;

interface Pending {
  readonly number: number;
  readonly task: PairingTask;
  readonly resolve: (result: PairingResult) => void;
  readonly reject: (error: PoolError) => void;
  readonly detach: () => void;
  attempts: number;
  isCancelled: boolean;
}

interface Place {
  worker: Worker;
  running: Pending | null;
}

export class PairingPool {
  readonly #module: URL;
  readonly #limit: number;
  readonly #places: Place[];
  readonly #waiting: Pending[] = [];
  #next = 0;
  #deaths = 0;
  #isClosed = false;

  constructor({ workers, queue, worker }: PairingPoolOptions) {
    this.#module = worker ?? new URL('./pairing-worker.js', import.meta.url);
    this.#limit = queue;
    this.#places = [];
    for (let at = 0; at < workers; at++) this.#places.push(this.#place());
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** As `IbeEngine.decryptWithMaster`. @throws PoolError, IbeError */
  async decryptWithMaster(
    params: BfParameters,
    masterSecret: bigint,
    id: Uint8Array,
    ciphertext: BfCiphertext,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    const task = { kind: 'decrypt-with-master', params, masterSecret, id, ciphertext } as const;
    const result = await this.#run(task, signal);
    if (result.kind !== 'opened') throw refusalOf(result);
    return result.message;
  }

  /** As `IbeEngine.extract`. @throws PoolError, IbeError */
  async extract(
    params: BfParameters,
    masterSecret: bigint,
    id: Uint8Array,
    signal?: AbortSignal,
  ): Promise<AffinePoint> {
    const result = await this.#run({ kind: 'extract', params, masterSecret, id }, signal);
    if (result.kind !== 'extracted') throw refusalOf(result);
    return result.key;
  }

  /** Ends the workers; what waits or runs is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new PoolError('closed', 'the pairing pool is closed');
    for (const pending of this.#waiting.splice(0)) settle(pending, () => pending.reject(closed));
    await Promise.all(
      this.#places.map(async (place) => {
        const { running } = place;
        place.running = null;
        if (running !== null) settle(running, () => running.reject(closed));
        await place.worker.terminate();
      }),
    );
  }

  #run(task: PairingTask, signal: AbortSignal | undefined): Promise<PairingResult> {
    if (this.#isClosed) return Promise.reject(new PoolError('closed', 'the pairing pool is closed'));
    if (signal?.aborted === true) return Promise.reject(cancelled());
    const mayStart = this.#waiting.length === 0 && this.#places.some(({ running }) => running === null);
    if (!mayStart && this.#waiting.length >= this.#limit) {
      return Promise.reject(new PoolError('busy', `${this.#limit} tasks are waiting already`));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(pending);
      const pending: Pending = {
        number: this.#next++,
        task,
        resolve,
        reject,
        detach: () => signal?.removeEventListener('abort', onAbort),
        attempts: 0,
        isCancelled: false,
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(pending);
      this.#dispatch();
    });
  }

  #cancel(pending: Pending): void {
    const at = this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
    pending.isCancelled = true;
    settle(pending, () => pending.reject(cancelled()));
  }

  #dispatch(): void {
    for (;;) {
      const [pending] = this.#waiting;
      if (pending === undefined) return;
      const place = this.#freePlace(pending.task.id);
      if (place === null) return;
      this.#waiting.shift();
      place.running = pending;
      pending.attempts++;
      const request: PairingRequest = { number: pending.number, task: pending.task };
      place.worker.postMessage(request);
    }
  }

  /** The identity's own place if it is free, else any that is. */
  #freePlace(id: Uint8Array): Place | null {
    const own = id.reduce((sum, octet) => (31 * sum + octet) % 65521, 7) % this.#places.length;
    const preferred = this.#places[own];
    if (preferred?.running === null) return preferred;
    return this.#places.find(({ running }) => running === null) ?? null;
  }

  #place(): Place {
    const place: Place = { worker: this.#start(() => place), running: null };
    return place;
  }

  #start(place: () => Place): Worker {
    const worker = new Worker(this.#module);
    worker.on('message', (reply: PairingReply) => this.#finish(place(), reply));
    // An error is followed by the exit, which is where it is dealt with.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#replace(place()));
    return worker;
  }

  #finish(place: Place, { number, result }: PairingReply): void {
    const { running } = place;
    if (running?.number !== number) return;
    place.running = null;
    this.#deaths = 0;
    if (running.isCancelled) wipe(result);
    else settle(running, () => running.resolve(result));
    this.#dispatch();
  }

  #replace(place: Place): void {
    if (this.#isClosed) return;
    if (++this.#deaths > DEATHS) {
      void this.close();
      return;
    }
    const { running } = place;
    place.running = null;
    place.worker = this.#start(() => place);
    if (running !== null && !running.isCancelled) {
      if (running.attempts < ATTEMPTS) this.#waiting.unshift(running);
      else settle(running, () => running.reject(new PoolError('failed', 'workers died of this task')));
    }
    this.#dispatch();
  }
}

function settle(pending: Pending, how: () => void): void {
  pending.detach();
  how();
}

function wipe(result: PairingResult): void {
  if (result.kind === 'opened') result.message?.fill(0);
}

function cancelled(): PoolError {
  return new PoolError('cancelled', 'the task was cancelled');
}

function refusalOf(result: PairingResult): Error {
  if (result.kind === 'failed') return new IbeError(result.code, result.message);
  return new PoolError('failed', 'the worker answered another question');
}
