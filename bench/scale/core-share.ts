/**
 * Processes that may have a share of a core each, as on a slower machine: whoever has had more than its share so far is held
 * up (SIGSTOP), until it has not (SIGCONT). Another process looks 200 times a second, by the operating system's accounting of
 * all threads. What was not used is not saved up beyond a moment, and what was too much is held back afterwards, so that in
 * the mean none has more.
 */
import { Part } from '../chain/parts.ts';
import { ownProcessorSeconds } from '../processor.ts';

const LOOK_MS = 5;
/** Seconds of processor time that may be saved up: those in which accounting counts. */
const SAVED_SECONDS = 0.02;

/** Which process may have which share of a core. */
export type Shares = readonly { readonly pid: number; readonly share: number }[];

interface HeldUp {
  readonly share: number;
  /** Processor time that it had in all, and may have now. */
  used: number;
  left: number;
  isStopped: boolean;
}

/** The process that holds others up. */
export function runCoreShares(): Promise<void> {
  const held = new Map<number, HeldUp>();
  let at = performance.now();
  const signal = (pid: number, name: 'SIGSTOP' | 'SIGCONT'): void => {
    try {
      process.kill(pid, name);
    } catch {
      held.delete(pid);
    }
  };
  const free = (): void => {
    for (const [pid, { isStopped }] of held) if (isStopped) signal(pid, 'SIGCONT');
    held.clear();
  };
  const look = (): void => {
    const now = performance.now();
    for (const [pid, one] of held) {
      const used = usedBy(pid) ?? one.used;
      one.left = Math.min(SAVED_SECONDS, one.left + ((now - at) / 1000) * one.share - (used - one.used));
      one.used = used;
      const isOver = one.left <= 0;
      if (isOver !== one.isStopped) signal(pid, isOver ? 'SIGSTOP' : 'SIGCONT');
      one.isStopped = isOver;
    }
    at = now;
  };
  setInterval(look, LOOK_MS);
  process.on('message', (shares: Shares) => {
    free();
    for (const { pid, share } of shares)
      held.set(pid, { share, used: usedBy(pid) ?? 0, left: 0, isStopped: false });
    at = performance.now();
    process.send?.('held');
  });
  process.once('disconnect', () => {
    free();
    process.exit();
  });
  process.send?.({});
  return new Promise(() => undefined);
}

/** `null`: it has ended. */
function usedBy(pid: number): number | null {
  try {
    return ownProcessorSeconds(pid);
  } catch {
    return null;
  }
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

  /** These, and no others any more. */
  async hold(shares: Shares): Promise<void> {
    const held = new Promise<void>((resolve) => this.#part.onceMessage(() => resolve()));
    this.#part.say(shares);
    await held;
  }

  free(): Promise<void> {
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
