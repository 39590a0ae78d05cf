/** What every layer takes from outside instead of reaching for it: time, randomness and a place to write to. */

/** A timer that has been set and may be cancelled. */
export interface Timer {
  cancel(): void;
}

/** Wall-clock time and timers. The only implementations on real time live in `host/`. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may have a fraction. */
  now(): number;
  /** Calls `action` once after `ms` milliseconds. */
  after(ms: number, action: () => void): Timer;
}

/** A source of octets for keys, nonces, tags and identifiers: the operating system's, but for reproducible runs. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** Structured log; fields must hold no secrets (a `Secret` prints as `[secret]`). */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
