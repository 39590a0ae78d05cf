/** What every layer takes from outside instead of reaching for it: time, randomness and a place to write to. */

/** A timer that has been set and may be cancelled. */
export interface Timer {
  cancel(): void;
}

/** Wall-clock time and timers. The only implementations on real time live in `host/`. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may have a fraction. */
  now(): number;
  /** Milliseconds since some moment, whatever the system's time is set to; absent: nobody sets that, and `now` serves. */
  steady?(): number;
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

/** A PDU of interception that was refused, or could not be worked on. */
export interface SetAsidePdu {
  readonly reference: 'x2' | 'x3' | 'hi1' | 'hi2' | 'hi3';
  /** Who refused it: a DID; empty where the element itself could not work on it. */
  readonly did: string;
  /** Whom it is about: XID or LIID. */
  readonly subject: string;
  readonly reason: string;
  readonly octets: Uint8Array;
}

/** Where PDUs are set aside. */
export interface SetAside {
  /** Resolves when it is durable; rejects if it could not be stored. */
  keep(pdu: SetAsidePdu, now: number): Promise<void>;
  /** Deletes those about these subjects, and those about nobody that were kept before a time, in every file. */
  forget?(subjects: readonly string[], before: number): Promise<void>;
}
