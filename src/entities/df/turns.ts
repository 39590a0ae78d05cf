/**
 * Turns of the mediation, in the order in which they came. Those that wait while a commit runs are done together, one after
 * the other, and committed together: whoever sends PDUs one by one, or over many connections, waits for the disk no more
 * often than who sends them at once.
 *
 * Where a group fails, its turns are done one by one, so that what is wrong with one of them is its own. Where two fail one
 * after the other, it is the store: the others fail with them, and are given again by whoever needs them.
 */

interface Turn {
  readonly weight: number;
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** PDUs that a group takes at most, but for its first turn. */
const MOST = 2_000;
const FAILURES = 2;

export class Turns {
  readonly #perform: (works: readonly (() => void)[]) => Promise<void>;
  #waiting: Turn[] = [];
  #running: Promise<void> | null = null;

  /** @param perform does work in its order, and makes durable what it leads to, or nothing of it. */
  constructor(perform: (works: readonly (() => void)[]) => Promise<void>) {
    this.#perform = perform;
  }

  /** What `work` gives, when that is durable. @param weight PDUs. @throws what `work` throws, or why it is not durable */
  run<T>(work: () => T, weight = 1): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done: { result?: T } = {};
      this.#waiting.push({
        weight,
        work: () => (done.result = work()),
        resolve: () => resolve(done.result as T),
        reject,
      });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when all that has been given so far has ended. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is given in the same breath is of one group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      if (!(await this.#together(group))) await this.#oneByOne(group);
    }
    this.#running = null;
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
