/**
 * Which warrants there may be something to tell of: those whose tasks have changed, and those whose time has come. What
 * could not be stored is told later.
 */
import { SerialQueue } from '../../bytes/serial-queue.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { NextChange } from './notices.ts';

export interface WarrantTeller {
  /** Tells what has changed of these warrants; gives when time alone will change each. */
  tellWarrants(liids: readonly string[]): Promise<ReadonlyMap<string, NextChange>>;
}

/** After a failure, and where nothing changes for long: a timer that fires early sets itself again. */
const LOOK_AGAIN_MS = 60_000;
const LONGEST_MS = 3_600_000;
/** Warrants told of in one turn; between turns PDUs have theirs. */
const AT_ONCE = 100;

export class WarrantWatch {
  readonly #teller: WarrantTeller;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Warrants to look at. */
  readonly #touched = new Set<string>();
  /** When time alone changes a warrant. */
  readonly #due = new Map<string, number>();
  #timer: { readonly at: number; readonly timer: Timer } | null = null;
  readonly #work = new SerialQueue();
  #stopped = false;

  constructor(teller: WarrantTeller, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#teller = teller;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Something has changed of these warrants, or may have. */
  touch(liids: Iterable<string>): void {
    for (const liid of liids) this.#touched.add(liid);
    if (this.#touched.size > 0) void this.told();
  }

  /** Resolves when all is told that has changed until now, or could not be. */
  told(): Promise<void> {
    return this.#work.run(() => this.#tellAll());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.timer.cancel();
  }

  async #tellAll(): Promise<void> {
    try {
      while (this.#touched.size > 0 && !this.#stopped) {
        const liids = [...this.#touched].slice(0, AT_ONCE);
        for (const liid of liids) this.#touched.delete(liid);
        await this.#tell(liids);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#logger.error({ error }, 'warrants could not be notified');
      this.#lookAt(this.#clock.now() + LOOK_AGAIN_MS);
    }
  }

  async #tell(liids: readonly string[]): Promise<void> {
    let next: ReadonlyMap<string, NextChange>;
    try {
      next = await this.#teller.tellWarrants(liids);
    } catch (error) {
      for (const liid of liids) this.#touched.add(liid);
      throw error;
    }
    for (const [liid, at] of next) {
      if (at === null) this.#due.delete(liid);
      else {
        this.#due.set(liid, at);
        this.#lookAt(at);
      }
    }
  }

  #lookAt(at: number): void {
    if (this.#stopped || (this.#timer !== null && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const pause = Math.min(Math.max(0, at - this.#clock.now()), LONGEST_MS);
    this.#timer = { at, timer: this.#clock.after(pause, () => this.#look()) };
  }

  #look(): void {
    this.#timer = null;
    const now = this.#clock.now();
    let next = Infinity;
    for (const [liid, at] of this.#due) {
      if (at <= now) this.#touched.add(liid);
      else next = Math.min(next, at);
    }
    for (const liid of this.#touched) this.#due.delete(liid);
    if (next < Infinity) this.#lookAt(next);
    if (this.#touched.size > 0) void this.told();
  }
}
