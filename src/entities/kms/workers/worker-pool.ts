/**
 * Worker threads that do one task each at a time, for what would hold up the listeners.
 *
 * - **Bounded.** At most `queue` tasks wait; one more is refused at once (`busy`), rather than let everybody wait.
 * - **Cancellable.** A cancelled task leaves the queue; one that runs is abandoned, its result dropped and wiped.
 * - **Nothing is lost when a worker dies.** Its task goes back to the head of the queue and a new worker takes its place.
 *   A task that three workers died of is failed, so that it does not take all of them with it for ever.
 * - **Caches are warm.** What has an affinity goes to the same worker where that is free.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../bytes/ports.ts';
import { KmsError } from '../errors.ts';
import { busy, cancelled } from '../generator.ts';

export interface WorkerPoolOptions<Result> {
  readonly workers: number;
  /** Tasks that may wait, those that run not counted. */
  readonly queue: number;
  readonly logger: Logger;
  /** The worker's module. */
  readonly module: URL;
  /** Tells a new worker what it must know before its first task. */
  readonly started?: (worker: Worker) => void;
  /** What a worker says that is not the result of a task. */
  readonly said?: (worker: Worker, message: unknown) => void;
  /** Overwrites what nobody waits for any more. */
  readonly wipe: (result: Result) => void;
}

/** From a worker: the result of a task. */
export interface WorkerReply<Result> {
  readonly number: number;
  readonly result: Result;
}

export interface PoolTask {
  readonly affinity: Uint8Array | null;
  /** Gives the task to a worker, under a number. */
  readonly give: (worker: Worker, number: number) => void;
}

/** After so many deaths of its worker a task is given up. */
const ATTEMPTS = 3;
/** After so many deaths in a row without an answer in between, the pool is: a worker that cannot start never will. */
const DEATHS = 16;
/** A worker that does not end by itself in this time is ended. */
const ENDING_MS = 2000;

interface Pending<Result> {
  readonly number: number;
  readonly task: PoolTask;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: KmsError) => void;
  readonly detach: () => void;
  attempts: number;
  isCancelled: boolean;
}

interface Place<Result> {
  worker: Worker;
  running: Pending<Result> | null;
}

export class WorkerPool<Result> {
  readonly #options: WorkerPoolOptions<Result>;
  readonly #places: Place<Result>[];
  readonly #waiting: Pending<Result>[] = [];
  #next = 0;
  #deaths = 0;
  #isClosed = false;

  constructor(options: WorkerPoolOptions<Result>) {
    this.#options = options;
    this.#places = Array.from({ length: options.workers }, () => this.#place());
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends the workers; what waits or runs is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pending of this.#waiting.splice(0)) settle(pending, () => pending.reject(closed()));
    await Promise.all(
      this.#places.map(async (place) => {
        const { running } = place;
        place.running = null;
        if (running !== null) settle(running, () => running.reject(closed()));
        await end(place.worker);
      }),
    );
  }

  /** @throws KmsError `busy`, `cancelled`, `unavailable` */
  run(task: PoolTask, signal: AbortSignal | undefined): Promise<Result> {
    if (this.#isClosed) return Promise.reject(closed());
    if (signal?.aborted === true) return Promise.reject(cancelled());
    const { queue } = this.#options;
    const mayStart = this.waiting === 0 && this.#places.some(({ running }) => running === null);
    if (!mayStart && this.waiting >= queue) return Promise.reject(busy(queue));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(pending);
      const pending: Pending<Result> = {
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

  #cancel(pending: Pending<Result>): void {
    const at = this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
    pending.isCancelled = true;
    settle(pending, () => pending.reject(cancelled()));
  }

  #dispatch(): void {
    for (;;) {
      const [pending] = this.#waiting;
      if (pending === undefined) return;
      const place = this.#freePlace(pending.task.affinity);
      if (place === null) return;
      this.#waiting.shift();
      place.running = pending;
      pending.attempts++;
      pending.task.give(place.worker, pending.number);
    }
  }

  /** The affinity's own place if it is free, else any that is. */
  #freePlace(affinity: Uint8Array | null): Place<Result> | null {
    const own = affinity?.reduce((sum, octet) => (31 * sum + octet) % 65521, 7) ?? 0;
    const preferred = this.#places[own % this.#places.length];
    if (preferred?.running === null) return preferred;
    return this.#places.find(({ running }) => running === null) ?? null;
  }

  #place(): Place<Result> {
    const place: Place<Result> = { worker: this.#start(() => place), running: null };
    return place;
  }

  /** A worker gets nothing of our arguments and environment. */
  #start(place: () => Place<Result>): Worker {
    const { module, logger, started, said } = this.#options;
    const worker = new Worker(module, { argv: [], env: {} });
    worker.on('message', (message: unknown) => {
      if (isReply<Result>(message)) this.#finish(place(), message);
      else said?.(worker, message);
    });
    // An error is followed by the exit, which is where it is dealt with.
    worker.on('error', (error) => logger.error({ err: error }, 'a worker failed'));
    worker.on('exit', () => this.#replace(place()));
    started?.(worker);
    return worker;
  }

  #finish(place: Place<Result>, { number, result }: WorkerReply<Result>): void {
    const { running } = place;
    if (running?.number !== number) {
      this.#options.wipe(result);
      return;
    }
    place.running = null;
    this.#deaths = 0;
    if (running.isCancelled) this.#options.wipe(result);
    else settle(running, () => running.resolve(result));
    this.#dispatch();
  }

  #replace(place: Place<Result>): void {
    if (this.#isClosed) return;
    const { logger } = this.#options;
    if (++this.#deaths > DEATHS) {
      logger.error({ deaths: this.#deaths }, 'workers die again and again: given up');
      void this.close();
      return;
    }
    logger.warn({}, 'a worker is gone; another takes its place');
    const { running } = place;
    Object.assign(place, { worker: this.#start(() => place), running: null });
    if (running !== null && !running.isCancelled) {
      if (running.attempts < ATTEMPTS) this.#waiting.unshift(running);
      else settle(running, () => running.reject(failed('workers died of this task')));
    }
    this.#dispatch();
  }
}

/** Why something that should compute does not. */
export function failed(why: string): KmsError {
  return new KmsError('unavailable', why);
}

function isReply<Result>(message: unknown): message is WorkerReply<Result> {
  return typeof message === 'object' && message !== null && 'number' in message && 'result' in message;
}

/** Lets a worker overwrite its secrets and end; one that has ended already, or does not, does not matter. */
async function end(worker: Worker): Promise<void> {
  const isRunning = worker.threadId >= 0;
  if (!isRunning) return;
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage({ kind: 'end' });
  const timer = setTimeout(() => void worker.terminate(), ENDING_MS);
  await exit;
  clearTimeout(timer);
}

function settle<Result>(pending: Pending<Result>, how: () => void): void {
  pending.detach();
  how();
}

function closed(): KmsError {
  return failed('the workers are stopped');
}
