/** A clock that moves when the test says so; timers run in the order of their times. */
import type { Clock, Timer } from '../../src/bytes/ports.ts';

interface Pending {
  readonly at: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  readonly #settled: () => Promise<void>;
  readonly #pending = new Set<Pending>();

  /** @param settled resolves when what the timers' work has begun is done */
  constructor(now = 1_700_000_000_000, settled = settle) {
    this.#now = now;
    this.#settled = settled;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): Timer {
    const pending = { at: this.#now + ms, action };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Lets `ms` milliseconds pass; what the timers' work begins may settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    do await this.#settled();
    while (this.#fire(end));
    this.#now = end;
    await this.#settled();
  }

  /** Lets `ms` milliseconds pass at once. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while (this.#fire(end));
    this.#now = end;
  }

  /** Fires the next timer that is due by then; gives whether there was one. */
  #fire(end: number): boolean {
    const [due] = [...this.#pending].filter(({ at }) => at <= end).sort((x, y) => x.at - y.at);
    if (due === undefined) return false;
    this.#pending.delete(due);
    this.#now = Math.max(this.#now, due.at);
    due.action();
    return true;
  }
}

/** Lets promises and the database's microtasks finish. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
