/**
 * Processes that may have a share of a core each, as on a slower machine: whoever has had more than its share so far is held
 * up (SIGSTOP), until it has not (SIGCONT). Another process looks 500 times a second, by the operating system's accounting of
 * all threads, to the nanosecond, so that a process stands still often and briefly: what comes meanwhile finds room where it
 * waits. What was not used is not saved up beyond a moment, and what was too much is held back afterwards, so that in the mean
 * none has more.
 */
import { Part } from '../chain/parts.ts';
import { ProcessClock } from '../processor.ts';

export const CORE_SHARE_TIMES = {
  lookMs: 2,
  /** Seconds of processor time that may be saved up. */
  savedSeconds: 0.01,
} as const;
/** Looks between those at which threads there are. */
const THREADS_EVERY = 50;

/** Which process may have which share of a core. */
export type Shares = readonly { readonly pid: number; readonly share: number }[];

/** What became of a process that had a share. */
export interface HeldUp {
  readonly pid: number;
  /** Of a core, that it had in the mean, and the part of the time that it was held up. */
  readonly had: number;
  readonly heldUp: number;
}

/**
 * Of its share that a process had, at least, where nothing else limits, and of the rest of the time that it was held up: one
 * that waits for work, or for others, saves up what it may have, and is not held up at all.
 */
const USED = 0.9;
const HELD_UP = 0.5;

/** Whether a process had all that it may have, and would have had more. */
export function wasHeldToShare({ had, heldUp }: Omit<HeldUp, 'pid'>, share: number): boolean {
  return had >= USED * share && heldUp >= HELD_UP * (1 - share);
}

interface Held {
  readonly share: number;
  readonly clock: ProcessClock;
  readonly begunAt: number;
  readonly usedBefore: number;
  /** Processor time that it had in all, and may have now, seconds. */
  used: number;
  left: number;
  /** Milliseconds that it was held up, but for those since it was last. */
  heldUpMs: number;
  stoppedAt: number | null;
}

/** The process that holds others up. */
export function runCoreShares(): Promise<void> {
  const held = new Map<number, Held>();
  let [at, looks] = [performance.now(), 0];
  /** Whether it is there. */
  const signal = (pid: number, name: 'SIGSTOP' | 'SIGCONT'): boolean => {
    try {
      return process.kill(pid, name);
    } catch {
      return false;
    }
  };
  const resume = (pid: number, one: Held, now: number): void => {
    if (one.stoppedAt === null) return;
    signal(pid, 'SIGCONT');
    one.heldUpMs += now - one.stoppedAt;
    one.stoppedAt = null;
  };
  const free = (): HeldUp[] => {
    const now = performance.now();
    const found = [...held].map(([pid, one]) => {
      resume(pid, one, now);
      const seconds = (now - one.begunAt) / 1000;
      const used = one.clock.seconds - one.usedBefore;
      one.clock.close();
      return { pid, had: used / seconds, heldUp: one.heldUpMs / 1000 / seconds };
    });
    held.clear();
    return found;
  };
  const look = (): void => {
    const now = performance.now();
    const isThreadsTurn = looks++ % THREADS_EVERY === 0;
    for (const [pid, one] of held) {
      if (isThreadsTurn) one.clock.lookForThreads();
      const used = one.clock.seconds;
      const most = CORE_SHARE_TIMES.savedSeconds;
      one.left = Math.min(most, one.left + ((now - at) / 1000) * one.share - (used - one.used));
      one.used = used;
      if (one.left > 0) resume(pid, one, now);
      else if (one.stoppedAt === null && signal(pid, 'SIGSTOP')) one.stoppedAt = now;
    }
    at = now;
  };
  let timer: NodeJS.Timeout | undefined;
  process.on('message', (shares: Shares) => {
    clearInterval(timer);
    const found = free();
    if (shares.length > 0) timer = setInterval(look, CORE_SHARE_TIMES.lookMs);
    at = performance.now();
    for (const { pid, share } of shares) {
      const clock = new ProcessClock(pid);
      const used = clock.seconds;
      const none = { left: 0, heldUpMs: 0, stoppedAt: null };
      held.set(pid, { share, clock, begunAt: at, usedBefore: used, used, ...none });
    }
    process.send?.(found);
  });
  process.once('disconnect', () => {
    free();
    process.exit();
  });
  process.send?.({});
  return new Promise(() => undefined);
}

/** Holds processes up, until others are named. */
export class CoreShares {
  readonly #part: Part;

  private constructor(part: Part) {
    this.#part = part;
  }

  static async start(): Promise<CoreShares> {
    return new CoreShares(await Part.start('core-shares', {}));
  }

  /** These, and no others any more; gives what became of those that were. */
  hold(shares: Shares): Promise<readonly HeldUp[]> {
    const held = new Promise<readonly HeldUp[]>((resolve) =>
      this.#part.onceMessage((found) => resolve(found as readonly HeldUp[])),
    );
    this.#part.say(shares);
    return held;
  }

  free(): Promise<readonly HeldUp[]> {
    return this.hold([]);
  }

  /** Processor time of who holds them up, seconds. */
  get seconds(): number {
    return this.#part.seconds;
  }

  stop(): Promise<void> {
    return this.#part.stop();
  }
}
