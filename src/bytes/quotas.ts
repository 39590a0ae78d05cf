/**
 * How much of something each of many may have under way, and how often: for what is refused rather than made to wait.
 *
 * Of one key at most `each` are under way, of all together `all`. With a pace, a key may begin `burst` at once and one more
 * every `seconds`; what it does not use comes back at that pace.
 */

export interface QuotaLimits {
  readonly each: number;
  readonly all: number;
  readonly pace?: { readonly burst: number; readonly seconds: number };
}

/** Accounts of a pace that are full again are looked for after so many new ones. */
const SWEEP_AFTER = 1024;

export class Quotas {
  readonly #limits: QuotaLimits;
  readonly #underWay = new Map<string, number>();
  /** When each key's account is full again, in seconds. */
  readonly #fullAt = new Map<string, number>();
  #sweepAt = SWEEP_AFTER;
  #all = 0;
  #refused = 0;

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
  }

  /** How many were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Keys whose account is known. */
  get accounts(): number {
    return this.#fullAt.size;
  }

  /**
   * Begins one of a key's; what is returned ends it. `null`: the key has its share, or nothing is left.
   * @param now in seconds
   */
  begin(key: string, now: number): (() => void) | null {
    const { each, all } = this.#limits;
    const own = this.#underWay.get(key) ?? 0;
    if (own >= each || this.#all >= all || !this.#isInPace(key, now)) {
      this.#refused += 1;
      return null;
    }
    this.#underWay.set(key, own + 1);
    this.#all += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#all -= 1;
      const left = (this.#underWay.get(key) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(key);
      else this.#underWay.set(key, left);
    };
  }

  /** Each takes `seconds` of an account of `burst × seconds`, which time fills again. */
  #isInPace(key: string, now: number): boolean {
    const { pace } = this.#limits;
    if (pace === undefined) return true;
    const latest = now + pace.burst * pace.seconds;
    const known = this.#fullAt.get(key) ?? now;
    // Further ahead than an account reaches: the clock was set back, which must keep nobody out.
    const fullAt = (known > latest ? now : Math.max(known, now)) + pace.seconds;
    if (fullAt > latest) return false;
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size >= this.#sweepAt) this.#sweep(now);
    return true;
  }

  #sweep(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key);
    this.#sweepAt = this.#fullAt.size + SWEEP_AFTER;
  }
}
