/** What was cut or refused, counted by its reason, and logged at intervals with the count. */
import type { Logger } from './ports.ts';

/** Milliseconds between two log lines of one reason. */
const LOG_PAUSE_MS = 10_000;

export class CutCounts<Reason extends string> {
  readonly #logger: Logger;
  readonly #message: string;
  readonly #counts = new Map<Reason, number>();
  readonly #logged = new Map<Reason, number>();

  constructor(logger: Logger, message: string) {
    this.#logger = logger;
    this.#message = message;
  }

  /** How many, by reason. */
  get all(): Readonly<Partial<Record<Reason, number>>> {
    return Object.fromEntries(this.#counts) as Partial<Record<Reason, number>>;
  }

  /** One more. @param about what the log says of it */
  add(reason: Reason, about: Readonly<Record<string, unknown>>): void {
    const count = (this.#counts.get(reason) ?? 0) + 1;
    this.#counts.set(reason, count);
    const now = performance.now();
    if (now - (this.#logged.get(reason) ?? -Infinity) < LOG_PAUSE_MS) return;
    this.#logged.set(reason, now);
    this.#logger.warn({ ...about, reason, count }, this.#message);
  }
}
