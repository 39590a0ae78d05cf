/**
 * Brings all elements to what the warrants demand, in a safe order: what is to receive before what is to send, what
 * sends away before what receives.
 *
 *     add      KMS, DF, then gateway and CSCF: no X2 or X3 comes before the DF knows its task, and no question to the
 *              KMS before the KMS does
 *     remove   CSCF and gateway, then DF and KMS: nothing is intercepted that nobody delivers
 *
 * An element that fails does not hold up the others. What failed is tried again later, until every element holds what
 * it must.
 */
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { ElementClient } from './element.ts';
import { desiredHoldings, INSIDE_OUT, isPoi } from './plan.ts';
import type { PlanInput } from './plan.ts';

/** An element that does not hold what it must, and why. */
export interface Failure {
  readonly element: string;
  readonly error: unknown;
}

export interface ProvisionerOptions {
  readonly elements: readonly ElementClient[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The warrants and the rest, as they are now. */
  readonly input: () => PlanInput;
  /** Milliseconds before failed elements are tried again, doubled each time up to ten minutes. */
  readonly retryMs: number;
  /** Runs work when no other is running. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>;
}

const LONGEST_RETRY_MS = 600_000;

export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #elements: readonly ElementClient[];
  #retry: Timer | null = null;
  #retryMs: number;
  #stopped = false;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs;
    const rank = (client: ElementClient): number => INSIDE_OUT.indexOf(client.element.kind);
    this.#elements = [...options.elements].sort((a, b) => rank(a) - rank(b));
  }

  /** Creates and modifies everywhere, stopping at the first failure: what is outside waits for what is inside. */
  async add(): Promise<Failure[]> {
    for (const client of this.#elements) {
      const failure = await this.#try(client, 'add');
      if (failure !== null) return [failure];
    }
    return [];
  }

  /** Removes at the elements that intercept, or at the others. */
  async remove(which: 'points-of-interception' | 'others'): Promise<Failure[]> {
    const wanted = which === 'points-of-interception';
    const failures: Failure[] = [];
    for (const client of this.#elements.toReversed()) {
      if (isPoi(client.element.kind) !== wanted) continue;
      const failure = await this.#try(client, 'remove');
      if (failure !== null) failures.push(failure);
    }
    return failures;
  }

  /** All of it. What fails is tried again later. */
  async settle(): Promise<Failure[]> {
    const removed = await this.remove('points-of-interception');
    const added = await this.add();
    const failures = [...removed, ...added, ...(await this.remove('others'))];
    if (failures.length > 0) this.retryLater();
    else this.#settled();
    return failures;
  }

  /** What the elements hold is asked anew. */
  forget(): void {
    for (const client of this.#elements) client.forget();
  }

  retryLater(): void {
    if (this.#retry !== null || this.#stopped) return;
    this.#options.logger.warn(
      { inMs: this.#retryMs },
      'elements do not hold what they must; trying again later',
    );
    this.#retry = this.#options.clock.after(this.#retryMs, () => {
      this.#retry = null;
      void this.#options.exclusively(async () => {
        await this.settle();
      });
    });
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
  }

  #settled(): void {
    this.#retry?.cancel();
    this.#retry = null;
    this.#retryMs = this.#options.retryMs;
  }

  async #try(client: ElementClient, half: 'add' | 'remove'): Promise<Failure | null> {
    const { identifier, kind } = client.element;
    try {
      await client[half](desiredHoldings(kind, this.#options.input()));
      return null;
    } catch (error) {
      this.#options.logger.error({ element: identifier, error }, `cannot ${half} tasks`);
      return { element: identifier, error };
    }
  }
}
