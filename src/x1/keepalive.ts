/**
 * Keepalives over X1 (TS 103 221-1 clause 6.6.2), where they are agreed: an element that no longer hears its ADMF may
 * not go on intercepting on orders that nobody can withdraw. After the agreed time without one it raises a fault and,
 * if the operator has set so, removes all tasks and destinations: it fails closed. The time runs from the start of the
 * element, so that one that restarts without its ADMF fails closed as well.
 */
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import type { TaskTable } from './tasks.ts';
import type { X1Audit } from './endpoint.ts';

export interface KeepaliveSetting {
  /** Milliseconds without a keepalive after which the ADMF counts as lost. */
  readonly timeoutMs: number;
  /** Whether all tasks and destinations are then removed. */
  readonly failClosed: boolean;
}

export interface KeepaliveWatchOptions {
  readonly keepalive: KeepaliveSetting;
  readonly table: TaskTable;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: X1Audit;
}

export class KeepaliveWatch {
  readonly #options: KeepaliveWatchOptions;
  #timer: Timer;

  constructor(options: KeepaliveWatchOptions) {
    this.#options = options;
    this.#timer = this.#wait();
  }

  /** A keepalive has come. */
  heard(): void {
    this.#timer.cancel();
    this.#timer = this.#wait();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #wait(): Timer {
    const { clock, keepalive } = this.#options;
    return clock.after(keepalive.timeoutMs, () => this.#lost());
  }

  #lost(): void {
    const { keepalive, table, audit, logger } = this.#options;
    logger.error({ timeoutMs: keepalive.timeoutMs, failClosed: keepalive.failClosed }, 'the ADMF is lost');
    if (!keepalive.failClosed) return;
    Promise.resolve()
      .then(() => audit.append({ kind: 'x1-fail-closed', tasks: table.size }))
      .then(() => table.deactivateAll())
      .then(() => table.removeAllDestinations())
      .catch((error: unknown) => {
        logger.error({ error }, 'tasks could not be removed; trying again');
        this.#timer = this.#wait();
      });
  }
}
