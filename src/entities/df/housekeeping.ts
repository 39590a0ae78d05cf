/** What the mediation does because time has passed: house is kept, what rests leaves memory, what waits is looked after. */
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { DfStore } from './ports.ts';

const HOUSEKEEPING_MS = 60_000;
/** What nobody has used for so long, or twice so long at most, leaves memory. */
const REST_MS = 2_000;
/** How often it is looked whether content has waited for its key long enough. */
const SWEEP_MS = 1_000;

export interface HousekeepingDeeds {
  /** Forgets what has been kept long enough. */
  keepHouse(): Promise<void>;
  /** What is not in use leaves memory; gives whether there is more that may, later. */
  rest(): Promise<boolean>;
  /** `null`: nothing waits for keys. */
  readonly sweep: (() => Promise<void>) | null;
}

export interface HousekeepingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<DfStore, 'upkeep'>;
}

export class Housekeeping {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: HousekeepingOptions['store'];
  readonly #deeds: HousekeepingDeeds;
  #house: Timer | null = null;
  #sweeping: Timer | null = null;
  #resting: Timer | null = null;
  #isStopped = false;

  constructor({ clock, logger, store }: HousekeepingOptions, deeds: HousekeepingDeeds) {
    this.#clock = clock;
    this.#logger = logger;
    this.#store = store;
    this.#deeds = deeds;
  }

  start(): void {
    this.#keepHouse();
    this.restSoon();
    if (this.#deeds.sweep !== null) this.#keepSweeping(this.#deeds.sweep);
  }

  /** Something was used, which may leave memory once it is not any more. */
  restSoon(): void {
    if (this.#isStopped) return;
    this.#resting ??= this.#clock.after(REST_MS, () => {
      this.#resting = null;
      this.#do('what is not in use could not leave memory', async () => {
        if (await this.#deeds.rest()) this.restSoon();
      });
      this.#do('what the store has left for later could not be done', async () => this.#store.upkeep?.());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#house?.cancel();
    this.#sweeping?.cancel();
    this.#resting?.cancel();
  }

  #keepHouse(): void {
    this.#house = this.#clock.after(HOUSEKEEPING_MS, () => {
      this.#do('housekeeping failed', () => this.#deeds.keepHouse());
      this.#keepHouse();
    });
  }

  #keepSweeping(sweep: () => Promise<void>): void {
    this.#sweeping = this.#clock.after(SWEEP_MS, () => {
      this.#do('content could not be looked after', sweep);
      this.#keepSweeping(sweep);
    });
  }

  #do(trouble: string, deed: () => Promise<void>): void {
    deed().catch((error: unknown) => this.#logger.error({ error }, trouble));
  }
}
