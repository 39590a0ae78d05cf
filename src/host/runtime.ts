/**
 * The world outside: real time, the operating system's randomness, and the log; and, for reproducible runs, time and
 * randomness from one seed.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';

/** What every entity is started with. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What every started entity can do. */
export interface Running {
  /** Stops listening, finishes what is under way, closes the stores. */
  stop(): Promise<void>;
}

/** How far the steady counter may be from the system's time before it is set again, milliseconds. */
const TOLERANCE_MS = 2;
/** A correction backwards that is larger is followed at once; a smaller one is waited out. */
const SMALL_STEP_MS = 1000;

/**
 * Real time with sub-millisecond resolution. It follows the system's clock when that is set or steered, as time stamps
 * must in a process that runs for months; it does not run backwards, save where the clock was set back by a second or
 * more.
 */
export function systemClock(
  wall: () => number = () => Date.now(),
  steady: () => number = () => performance.now(),
): Clock {
  let origin = wall() - steady();
  let last = -Infinity;
  const now = (): number => {
    const error = wall() - (origin + steady());
    if (Math.abs(error) > TOLERANCE_MS) origin += error;
    const time = origin + steady();
    last = last - time > SMALL_STEP_MS ? time : Math.max(last, time);
    return last;
  };
  return { now, after: afterReal };
}

/** A clock whose reading stands still at `unixMs` while its timers run in real time: for reproducible runs. */
export function frozenClock(unixMs: number): Clock {
  return { now: () => unixMs, after: afterReal };
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

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** JSON lines on standard error. */
export function pinoLogger(level: LogLevel, name: string): Logger {
  const serializers = { error: loggedError, err: loggedError };
  return pino({ level, name, base: { name }, serializers }, pino.destination({ dest: 2, sync: true }));
}

/**
 * What the log says of an error and its causes. A parser's message quotes what it read, which may be secret: of that the
 * name alone. A stack is for what nobody foresaw.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof SyntaxError) return { name: error.name };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  return {
    name,
    ...(code === undefined ? { stack } : { code }),
    message,
    ...(cause === undefined ? {} : { cause: loggedError(cause) }),
  };
}

function afterReal(ms: number, action: () => void): Timer {
  const handle = setTimeout(action, ms);
  return { cancel: () => clearTimeout(handle) };
}
