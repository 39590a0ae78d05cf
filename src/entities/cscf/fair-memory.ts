/**
 * What the point of interception remembers of messages, bounded in all and per source: who holds most loses
 * first, the oldest of its own, and what a task has matched goes only where nothing else is left. What is not touched
 * for a while expires.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';

/** One thing that is remembered. */
export interface Remembered {
  /** Who made it be remembered: a subscriber, a caller of another home, an address. */
  readonly source: string;
  /** Octets that it holds. */
  readonly octets: number;
  /** Whether a task has matched it. */
  readonly matched: boolean;
}

export interface MemoryLimits {
  readonly items: number;
  readonly octets: number;
  /** Milliseconds without `keep` after which a thing is forgotten. */
  readonly lifeMs: number;
}

interface Held {
  octets: number;
  at: number;
}

/** What a thing weighs beside its octets. */
const ITEM_OCTETS = 1024;

export class FairMemory<T extends Remembered> {
  readonly #clock: Clock;
  readonly #limits: MemoryLimits;
  readonly #discarded: (thing: T) => void;
  /** The longest untouched first. */
  readonly #items = new Map<T, Held>();
  readonly #bySource = new Map<string, { weight: number; readonly items: Set<T> }>();
  #octets = 0;
  #crowdedOut = 0;
  #timer: Timer | null = null;

  /** @param discarded told of each thing that is remembered no more, other than by `drop` */
  constructor(clock: Clock, limits: MemoryLimits, discarded: (thing: T) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#discarded = discarded;
  }

  get size(): number {
    return this.#items.size;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Things that were forgotten to make room. */
  get crowdedOut(): number {
    return this.#crowdedOut;
  }

  /** Remembers a thing, or takes note that it was touched and of the octets that it holds now. */
  keep(thing: T): void {
    this.drop(thing);
    this.#items.set(thing, { octets: thing.octets, at: this.#clock.now() });
    this.#octets += thing.octets;
    const own = this.#bySource.get(thing.source) ?? { weight: 0, items: new Set() };
    own.weight += thing.octets + ITEM_OCTETS;
    own.items.add(thing);
    this.#bySource.set(thing.source, own);
    this.#timer ??= this.#clock.after(this.#limits.lifeMs, () => this.#expire());
    while (this.#items.size > this.#limits.items || this.#octets > this.#limits.octets) {
      const victim = this.#victim();
      if (victim === null) return;
      this.#crowdedOut += 1;
      this.#discard(victim);
    }
  }

  /** Remembers a thing no more. */
  drop(thing: T): void {
    const held = this.#items.get(thing);
    if (held === undefined) return;
    this.#items.delete(thing);
    this.#octets -= held.octets;
    const own = this.#bySource.get(thing.source);
    if (own === undefined) return;
    own.weight -= held.octets + ITEM_OCTETS;
    own.items.delete(thing);
    if (own.items.size === 0) this.#bySource.delete(thing.source);
  }

  /** Forgets everything. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const thing of [...this.#items.keys()]) this.#discard(thing);
  }

  #discard(thing: T): void {
    this.drop(thing);
    this.#discarded(thing);
  }

  /** The oldest of what is not matched, of the source that holds most; where all is matched, of that. */
  #victim(): T | null {
    const unmatched = this.#oldestOfMost(({ matched }) => !matched);
    if (unmatched !== null) return unmatched;
    return this.#oldestOfMost(() => true);
  }

  /** One walk: with as many sources as things, each newcomer has a victim. */
  #oldestOfMost(fits: (thing: T) => boolean): T | null {
    let victim: T | null = null;
    let most = 0;
    for (const { weight, items } of this.#bySource.values()) {
      const oldest = weight > most ? firstOf(items, fits) : null;
      if (oldest !== null) [victim, most] = [oldest, weight];
    }
    return victim;
  }

  #expire(): void {
    this.#timer = null;
    const { lifeMs } = this.#limits;
    const now = this.#clock.now();
    for (const [thing, { at }] of this.#items) {
      if (now - at < lifeMs) {
        this.#timer = this.#clock.after(lifeMs - (now - at), () => this.#expire());
        return;
      }
      this.#discard(thing);
    }
  }
}

function firstOf<T>(items: Iterable<T>, fits: (thing: T) => boolean): T | null {
  for (const thing of items) if (fits(thing)) return thing;
  return null;
}
