/**
 * The world outside: real time and the operating system's randomness; and, for reproducible runs, time and randomness
 * from one seed. The log is in `log.ts`.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import type { StreamObserver } from '../net/tls-listener.ts';

/** What every entity is started with. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A laboratory's eye on what listeners read and write within TLS; entities that run by themselves have none. */
  readonly observe?: StreamObserver | undefined;
}

/** What every started entity can do. */
export interface Running {
  /** Stops listening, finishes what is under way, closes the stores. */
  stop(): Promise<void>;
  /** Resolves with why it cannot go on, if that comes: it is to be stopped, and started again. Absent: it never does. */
  readonly over?: Promise<Error>;
}

/** Where whoever starts an entity again says how often it has done so. */
export const RESTARTS_VARIABLE = 'CLAVIGER_RESTARTS';

/** How often this process was started again by its supervisor; 0 where none says so. */
export function restartsOf(environment: NodeJS.ProcessEnv): number {
  const text = environment[RESTARTS_VARIABLE] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** How far the steady counter may be from the system's time before it is set again, milliseconds. */
const TOLERANCE_MS = 2;
/** A correction backwards that is larger is followed at once; a smaller one is waited out. */
const SMALL_STEP_MS = 1000;
/** What is corrected at once by more was a step, which people should know of; less is steering. */
const STEP_MS = 500;

/** The system's time, and how often it was set while the process ran. */
export interface SystemClock extends Clock {
  readonly steps: {
    readonly count: number;
    /** The newest: when it was seen (Unix milliseconds, of the time after it), and by how many milliseconds. */
    readonly last: { readonly at: number; readonly ms: number } | null;
  };
}

/**
 * Real time with sub-millisecond resolution. It follows the system's clock when that is set or steered, as time stamps
 * must in a process that runs for months; it does not run backwards, save where the clock was set back by a second or
 * more.
 */
export function systemClock(
  wall: () => number = () => Date.now(),
  steady: () => number = () => performance.now(),
): SystemClock {
  let origin = wall() - steady();
  let last = -Infinity;
  let steps: SystemClock['steps'] = { count: 0, last: null };
  const now = (): number => {
    const passed = steady();
    const error = wall() - (origin + passed);
    if (Math.abs(error) > TOLERANCE_MS) origin += error;
    if (Math.abs(error) > STEP_MS)
      steps = { count: steps.count + 1, last: { at: wall(), ms: Math.round(error) } };
    const time = origin + passed;
    last = last - time > SMALL_STEP_MS ? time : Math.max(last, time);
    return last;
  };
  return {
    now,
    steady,
    after: afterReal,
    get steps() {
      now();
      return steps;
    },
  };
}

/** A clock whose reading stands still at `unixMs` while its timers run in real time: for reproducible runs. */
export function frozenClock(unixMs: number): Clock {
  return { now: () => unixMs, steady: () => performance.now(), after: afterReal };
}

export function systemRandom(): Random {
  return { bytes: (length) => new Uint8Array(randomBytes(length)) };
}

/**
 * Octets from a seed and a name (AES-256-CTR keystream): each entity draws from its own stream, so that what one does
 * changes nothing for another. Never for anything but reproducible runs.
 */
export function seededRandom(seed: string, name: string): Random {
  const key = createHash('sha256').update(`claviger reproducible run\0${seed}\0${name}`).digest();
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return { bytes: (length) => new Uint8Array(stream.update(Buffer.alloc(length))) };
}

function afterReal(ms: number, action: () => void): Timer {
  return new RealTimer(setTimeout(action, ms));
}

class RealTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}
