/**
 * Turns of the mediation, in the order in which they came. Those that wait while a commit runs are done together, one after
 * the other, and committed together: whoever sends PDUs one by one, or over many connections, waits for the disk no more
 * often than who sends them at once.
 *
 * Turns that may wait, as those of PDUs, do so for others, up to some milliseconds from the beginning of the group before
 * them: a commit costs about the same whatever is in it. They go with the first that may wait no longer, and when there are
 * enough.
 *
 * Where a group fails, its turns are done one by one, so that what is wrong with one of them is its own. Where two fail one
 * after the other, it is the store: the others fail with them, and are given again by whoever needs them.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';

interface Turn {
  readonly weight: number;
  /** Milliseconds from the beginning of the group before it that it may wait for others; 0: it may not. */
  readonly waitMs: number;
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** PDUs that a group takes at most, but for its first turn. */
const MOST = 2_000;
const FAILURES = 2;
/** PDUs for which no others are waited for. */
const ENOUGH = 256;

export class Turns {
  readonly #perform: (works: readonly (() => void)[]) => Promise<void>;
  #waiting: Turn[] = [];
  #running: Promise<void> | null = null;
  readonly #clock: Clock | null;
  /** When the last group began. */
  #begun = -Infinity;
  /** Turns that wait for others to come, the first of them for so long. */
  #gathered: { readonly waitMs: number; readonly timer: Timer; readonly look: () => void } | null = null;
  #isEnding = false;

  /**
   * @param perform does work in its order, and makes durable what it leads to, or nothing of it
   * @param clock `null`: no turn waits for others
   */
  constructor(perform: (works: readonly (() => void)[]) => Promise<void>, clock: Clock | null = null) {
    this.#perform = perform;
    this.#clock = clock;
  }

  /**
   * What `work` gives, when that is durable.
   * @param weight PDUs
   * @throws what `work` throws, or why it is not durable
   */
  run<T>(work: () => T, { weight = 1, waitMs = 0 }: Partial<Turn> = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done: { result?: T } = {};
      this.#waiting.push({
        ...{ weight, waitMs },
        work: () => (done.result = work()),
        resolve: () => resolve(done.result as T),
        reject,
      });
      this.#running ??= this.#run();
      if (this.#gathered !== null && this.#waitMs() < this.#gathered.waitMs) this.#gathered.look();
    });
  }

  /** Resolves when all that has been given so far has ended. */
  async ended(): Promise<void> {
    this.#isEnding = true;
    this.#gathered?.look();
    await this.#running;
    this.#isEnding = false;
  }

  async #run(): Promise<void> {
    // What is given in the same breath is of one group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      if (this.#clock !== null) await this.#gather(this.#clock);
      const group = this.#nextGroup();
      if (!(await this.#together(group))) await this.#oneByOne(group);
    }
    this.#running = null;
  }

  /** Waits for others to come, where what waits may. */
  async #gather(clock: Clock): Promise<void> {
    for (let isOver = false; !isOver;) {
      const waitMs = this.#waitMs();
      // A clock that was set back keeps nobody waiting for longer.
      const left = Math.min(this.#begun + waitMs - clock.now(), waitMs);
      if (left <= 0) break;
      isOver = await new Promise<boolean>((resolve) => {
        const timer = clock.after(left, () => resolve(true));
        this.#gathered = { waitMs, timer, look: () => resolve(false) };
      });
      this.#gathered?.timer.cancel();
      this.#gathered = null;
    }
    this.#begun = clock.now();
  }

  /** How long all that waits may do so. */
  #waitMs(): number {
    if (this.#isEnding) return 0;
    let [weight, least] = [0, Infinity];
    for (const turn of this.#waiting) {
      weight += turn.weight;
      least = Math.min(least, turn.waitMs);
      if (least === 0 || weight >= ENOUGH) return 0;
    }
    return least;
  }

  #nextGroup(): Turn[] {
    let weight = 0;
    const end = this.#waiting.findIndex((turn, at) => (weight += turn.weight) > MOST && at > 0);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** `false`: nothing of it is done, and it is not said whose fault that is. */
  async #together(group: readonly Turn[]): Promise<boolean> {
    try {
      await this.#perform(group.map(({ work }) => work));
    } catch (error) {
      if (group.length > 1) return false;
      for (const turn of group) turn.reject(error as Error);
      return true;
    }
    for (const turn of group) turn.resolve();
    return true;
  }

  async #oneByOne(group: readonly Turn[]): Promise<void> {
    const failures: Error[] = [];
    for (const turn of group) {
      const last = failures.at(-1);
      if (last !== undefined && failures.length >= FAILURES) {
        turn.reject(last);
        continue;
      }
      try {
        await this.#perform([turn.work]);
        turn.resolve();
        failures.length = 0;
      } catch (error) {
        failures.push(error as Error);
        turn.reject(error as Error);
      }
    }
  }
}
