/** Outages: entities that go down at a time and come back at another, each with the state that it left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entity, HomeName } from './home.ts';
import type { Network } from './network.ts';

export interface Outage {
  readonly entity: Entity;
  readonly home: HomeName;
}

/** Milliseconds from when the outages are let loose. */
export interface OutageWindow {
  /** 0: at once, before anything else happens. */
  readonly from: number;
  /** `null`: until they are ended. */
  readonly to: number | null;
}

export class Outages {
  readonly #network: Network;
  readonly #outages: readonly Outage[];
  readonly #window: OutageWindow;
  readonly #over = new AbortController();
  /** Those that have gone down and are to come back. */
  readonly #down: Outage[] = [];
  #course: Promise<void> = Promise.resolve();

  constructor(network: Network, outages: readonly Outage[], window: OutageWindow) {
    this.#network = network;
    this.#outages = outages;
    this.#window = window;
  }

  /** Begins the window. What goes down at once is down when this returns. */
  async begin(): Promise<void> {
    if (this.#window.from === 0) await this.#goDown();
    this.#course = this.#run();
    // Who ends it is told of what went wrong; until then nobody waits for it.
    this.#course.catch(() => undefined);
  }

  /** Ends the window early, waits for what has begun, and brings back whatever is down. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#course;
    await this.#comeBack();
  }

  async #run(): Promise<void> {
    const { from, to } = this.#window;
    if (from > 0 && (await this.#pause(from))) await this.#goDown();
    if (to !== null && (await this.#pause(to - from))) await this.#comeBack();
  }

  /** Whether the time went by, and the window did not end before. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#over;
    if (signal.aborted) return false;
    return sleep(ms, true, { signal }).catch(() => false);
  }

  async #goDown(): Promise<void> {
    for (const outage of this.#outages) {
      this.#down.push(outage);
      await this.#network.stopEntity(outage.entity, outage.home);
    }
  }

  async #comeBack(): Promise<void> {
    for (const { entity, home } of this.#down.splice(0)) await this.#network.startEntity(entity, home);
  }
}
