/**
 * Pairings and extractions of a KMS on all cores: worker threads with an engine each, so that a question that takes
 * milliseconds does not hold up the listeners.
 *
 * - **Bounded.** At most `queue` tasks of a kind wait; one more is refused at once (`busy`), rather than let everybody
 *   wait.
 * - **Calls first.** What opens a message of a call goes before private keys, of which a phone asks for a month.
 * - **Cancellable.** A cancelled task leaves the queue; one that runs is abandoned, its result dropped and wiped.
 * - **Nothing is lost when a worker dies.** Its task goes back to the head of the queue and a new worker takes its place.
 *   A task that three workers died of is failed, so that it does not take all of them with it for ever.
 * - **Caches are warm.** An identity goes to the same worker where that is free, since engines keep tables.
 *
 * Workers are threads of this process. Each is given a master secret once, by message, and overwrites it when it is told
 * to forget it (as of those used least recently) or to end. Tables of an engine that ends go with its memory.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../bytes/ports.ts';
import type { Secret } from '../../../bytes/secret.ts';
import type { BfCiphertext } from '../../../ibe/blocks.ts';
import { LeastRecentlyUsed } from '../../../ibe/cache.ts';
import type { AffinePoint } from '../../../ibe/curve.ts';
import { IbeError } from '../../../ibe/errors.ts';
import { KmsError } from '../errors.ts';
import { busy, cancelled } from '../generator.ts';
import type { MasterKey, PrivateKeyGenerator } from '../ports.ts';
import type { PairingOrder, PairingReply, PairingResult, PairingTask } from './pairing-job.ts';

export interface PairingPoolOptions {
  readonly workers: number;
  /** Tasks of a kind that may wait, those that run not counted. */
  readonly queue: number;
  readonly logger: Logger;
  /** The worker's module; that of this package if absent. */
  readonly worker?: URL;
}

/** After so many deaths of its worker a task is given up. */
const ATTEMPTS = 3;
/** After so many deaths in a row without an answer in between, the pool is: a worker that cannot start never will. */
const DEATHS = 16;
/** Master secrets that a worker has at a time; its engine keeps tables of as many districts. */
const KEYS = 8;
/** A worker that does not end by itself in this time is ended. */
const ENDING_MS = 2000;

/** A task before it is known which worker does it. */
type Asked =
  | { readonly kind: 'decrypt'; readonly id: Uint8Array; readonly ciphertext: BfCiphertext }
  | { readonly kind: 'extract'; readonly id: Uint8Array };

interface Pending {
  readonly number: number;
  readonly key: MasterKey;
  readonly asked: Asked;
  readonly resolve: (result: PairingResult) => void;
  readonly reject: (error: KmsError) => void;
  readonly detach: () => void;
  attempts: number;
  isCancelled: boolean;
}

interface Place {
  worker: Worker;
  /** Numbers of the master secrets that the worker has. */
  keys: LeastRecentlyUsed<number>;
  running: Pending | null;
}

export class PairingPool implements PrivateKeyGenerator {
  readonly #module: URL;
  readonly #limit: number;
  readonly #logger: Logger;
  readonly #places: Place[];
  readonly #waiting: Readonly<Record<Asked['kind'], Pending[]>> = { decrypt: [], extract: [] };
  readonly #numbers = new WeakMap<Secret, number>();
  #lastKey = 0;
  #next = 0;
  #deaths = 0;
  #isClosed = false;

  constructor({ workers, queue, logger, worker }: PairingPoolOptions) {
    this.#module = worker ?? new URL('./pairing-worker.js', import.meta.url);
    this.#limit = queue;
    this.#logger = logger;
    this.#places = Array.from({ length: workers }, () => this.#place());
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#waiting.decrypt.length + this.#waiting.extract.length;
  }

  async decrypt(
    key: MasterKey,
    id: Uint8Array,
    ciphertext: BfCiphertext,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null> {
    const result = await this.#run(key, { kind: 'decrypt', id, ciphertext }, signal);
    if (result.kind !== 'opened') throw refusalOf(result);
    return result.message;
  }

  async extract(key: MasterKey, id: Uint8Array, signal?: AbortSignal): Promise<AffinePoint> {
    const result = await this.#run(key, { kind: 'extract', id }, signal);
    if (result.kind !== 'extracted') throw refusalOf(result);
    return result.key;
  }

  /** Ends the workers; what waits or runs is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const queue of Object.values(this.#waiting)) {
      for (const pending of queue.splice(0)) settle(pending, () => pending.reject(closed()));
    }
    await Promise.all(
      this.#places.map(async (place) => {
        const { running } = place;
        place.running = null;
        if (running !== null) settle(running, () => running.reject(closed()));
        await end(place.worker);
      }),
    );
  }

  #run(key: MasterKey, asked: Asked, signal: AbortSignal | undefined): Promise<PairingResult> {
    if (this.#isClosed) return Promise.reject(closed());
    if (signal?.aborted === true) return Promise.reject(cancelled());
    const queue = this.#waiting[asked.kind];
    const mayStart = this.waiting === 0 && this.#places.some(({ running }) => running === null);
    if (!mayStart && queue.length >= this.#limit) return Promise.reject(busy(this.#limit));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(pending);
      const pending: Pending = {
        number: this.#next++,
        key,
        asked,
        resolve,
        reject,
        detach: () => signal?.removeEventListener('abort', onAbort),
        attempts: 0,
        isCancelled: false,
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(pending);
      this.#dispatch();
    });
  }

  #cancel(pending: Pending): void {
    const queue = this.#waiting[pending.asked.kind];
    const at = queue.indexOf(pending);
    if (at >= 0) queue.splice(at, 1);
    pending.isCancelled = true;
    settle(pending, () => pending.reject(cancelled()));
  }

  #dispatch(): void {
    for (;;) {
      const { decrypt, extract } = this.#waiting;
      const queue = decrypt.length > 0 ? decrypt : extract;
      const [pending] = queue;
      if (pending === undefined) return;
      const place = this.#freePlace(pending.asked.id);
      if (place === null) return;
      queue.shift();
      place.running = pending;
      pending.attempts++;
      const task: PairingTask = { ...pending.asked, key: this.#give(place, pending.key) };
      order(place.worker, { kind: 'task', number: pending.number, task });
    }
  }

  /** The number of a master secret, which the worker has from now on. */
  #give({ worker, keys }: Place, { bf, masterSecret }: MasterKey): number {
    const number = this.#numbers.get(masterSecret) ?? ++this.#lastKey;
    this.#numbers.set(masterSecret, number);
    return keys.get(String(number), () => {
      const octets = masterSecret.expose().slice();
      order(worker, { kind: 'key', key: number, bf, masterSecret: octets }, [octets.buffer]);
      return number;
    });
  }

  /** The identity's own place if it is free, else any that is. */
  #freePlace(id: Uint8Array): Place | null {
    const own = id.reduce((sum, octet) => (31 * sum + octet) % 65521, 7) % this.#places.length;
    const preferred = this.#places[own];
    if (preferred?.running === null) return preferred;
    return this.#places.find(({ running }) => running === null) ?? null;
  }

  #place(): Place {
    const place: Place = { ...this.#start(() => place), running: null };
    return place;
  }

  /** A worker gets nothing of our arguments and environment. */
  #start(place: () => Place): Pick<Place, 'worker' | 'keys'> {
    const worker = new Worker(this.#module, { argv: [], env: {} });
    worker.on('message', (reply: PairingReply) => this.#finish(place(), reply));
    // An error is followed by the exit, which is where it is dealt with.
    worker.on('error', (error) => this.#logger.error({ err: error }, 'a pairing worker failed'));
    worker.on('exit', () => this.#replace(place()));
    return {
      worker,
      keys: new LeastRecentlyUsed<number>(KEYS, (key) => order(worker, { kind: 'forget', key })),
    };
  }

  #finish(place: Place, { number, result }: PairingReply): void {
    const { running } = place;
    if (running?.number !== number) {
      wipe(result);
      return;
    }
    place.running = null;
    this.#deaths = 0;
    if (running.isCancelled) wipe(result);
    else settle(running, () => running.resolve(result));
    this.#dispatch();
  }

  #replace(place: Place): void {
    if (this.#isClosed) return;
    if (++this.#deaths > DEATHS) {
      this.#logger.error({ deaths: this.#deaths }, 'pairing workers die again and again: given up');
      void this.close();
      return;
    }
    this.#logger.warn({}, 'a pairing worker is gone; another takes its place');
    const { running } = place;
    Object.assign(
      place,
      this.#start(() => place),
      { running: null },
    );
    if (running !== null && !running.isCancelled) {
      if (running.attempts < ATTEMPTS) this.#waiting[running.asked.kind].unshift(running);
      else settle(running, () => running.reject(failed('workers died of this task')));
    }
    this.#dispatch();
  }
}

function order(worker: Worker, message: PairingOrder, moved: ArrayBuffer[] = []): void {
  worker.postMessage(message, moved);
}

/** Lets a worker overwrite its secrets and end; one that has ended already, or does not, does not matter. */
async function end(worker: Worker): Promise<void> {
  const isRunning = worker.threadId >= 0;
  if (!isRunning) return;
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  order(worker, { kind: 'end' });
  const timer = setTimeout(() => void worker.terminate(), ENDING_MS);
  await exit;
  clearTimeout(timer);
}

function settle(pending: Pending, how: () => void): void {
  pending.detach();
  how();
}

function wipe(result: PairingResult): void {
  if (result.kind === 'opened') result.message?.fill(0);
}

function closed(): KmsError {
  return new KmsError('unavailable', 'the pairing pool is closed');
}

function failed(why: string): KmsError {
  return new KmsError('unavailable', why);
}

function refusalOf(result: PairingResult): Error {
  if (result.kind === 'failed') return new IbeError(result.code, result.message);
  return failed('the worker answered another question');
}
