/**
 * Turns for work that must not crowd out other work: so much at a time, each client of it in turn, and after each piece a
 * rest, so that even where the machine has few cores it takes no more than its share of the time.
 *
 *     ┌── work ──┐ rest ┌── work ──┐ rest          share = work / (work + rest)
 */
import { FairQueue, TurnError } from '../../../bytes/fair-queue.ts';
import type { Clock } from '../../../bytes/ports.ts';
import { KmsError } from '../errors.ts';
import { busy, cancelled } from '../generator.ts';

export interface CappedTurnsLimits {
  readonly atOnce: number;
  /** Pieces of work that may wait. */
  readonly queue: number;
  /** Per cent of the time. */
  readonly share: number;
}

/** However long a piece of work took: a machine that had something else to do must not be rested for. */
const LONGEST_REST_MS = 250;

export class CappedTurns {
  readonly #queue: FairQueue;
  readonly #limit: number;
  readonly #rest: number;
  readonly #clock: Clock;

  constructor({ atOnce, queue, share }: CappedTurnsLimits, clock: Clock) {
    this.#clock = clock;
    this.#queue = new FairQueue({ atOnce, each: Infinity, all: queue });
    this.#limit = queue;
    this.#rest = (100 - share) / share;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Pieces of work that were refused because too much waited, since the start. */
  get refused(): number {
    return this.#queue.refused;
  }

  /** Does the work when it is the client's turn. @throws KmsError `busy`, `cancelled`; what the work throws */
  run<T>(client: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const rested = async (): Promise<void> => {
        const begun = this.#clock.now();
        await work().then(resolve, reject);
        await this.#pause((this.#clock.now() - begun) * this.#rest);
      };
      this.#queue.run(client, rested, signal).catch((error: unknown) => reject(this.#refusalOf(error)));
    });
  }

  #pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(Math.min(ms, LONGEST_REST_MS), resolve);
    });
  }

  #refusalOf(error: unknown): Error {
    if (error instanceof TurnError) return error.code === 'gone' ? cancelled() : busy(this.#limit);
    return error instanceof Error ? error : new KmsError('unavailable', String(error));
  }
}
