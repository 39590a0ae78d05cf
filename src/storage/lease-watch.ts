/**
 * Who has which of many leases (`stream-lease.ts`), as it is seen by reading them: of each the newest message, and since when
 * it is not replaced. No clocks are compared; that a lease looks free is a reason to try for it, and the server decides.
 */
import type { LeasePorts } from './stream-lease.ts';
import { LEASE_HOLDER, LEASE_PATIENCE } from './stream-lease.ts';
import type { StreamServer } from './jetstream.ts';
import { StreamFollower } from './stream-follower.ts';
import type { StoredMessage } from './stream-reading.ts';

export interface LeaseWatchOptions extends Pick<LeasePorts, 'steady'> {
  readonly server: Pick<StreamServer, 'read'>;
  readonly stream: string;
  /** Subjects of the leases, with `*`. */
  readonly subjects: string;
  readonly ttlMs: number;
}

/** What is seen of a lease. */
export interface SeenLease {
  /** Number of its newest message; 0: there is none. */
  readonly number: number;
  /** Who has it; `null`: nobody, or nobody who renews it. */
  readonly holder: string | null;
}

interface Seen {
  readonly number: number;
  readonly holder: string;
  readonly at: number;
}

export class LeaseWatch {
  readonly #options: LeaseWatchOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #following: StreamFollower;

  constructor(options: LeaseWatchOptions) {
    this.#options = options;
    const reading = options.server.read(options.stream, options.subjects, 0);
    this.#following = new StreamFollower(reading, (message) => this.#see(message));
  }

  of(subject: string): SeenLease {
    const seen = this.#seen.get(subject);
    return seen === undefined ? { number: 0, holder: null } : this.#stateOf(seen);
  }

  /** All that were ever seen. */
  all(): { readonly subject: string; readonly lease: SeenLease }[] {
    return [...this.#seen].map(([subject, seen]) => ({ subject, lease: this.#stateOf(seen) }));
  }

  /** One that is not there any more. */
  forget(subject: string): void {
    this.#seen.delete(subject);
  }

  stop(): Promise<void> {
    return this.#following.stop();
  }

  #stateOf({ number, holder, at }: Seen): SeenLease {
    const isLate = this.#steady() - at >= this.#options.ttlMs * LEASE_PATIENCE;
    return { number, holder: holder === '' || isLate ? null : holder };
  }

  #see(message: StoredMessage): void {
    const { subject, number } = message;
    this.#seen.set(subject, { number, holder: message.header(LEASE_HOLDER), at: this.#steady() });
  }

  #steady(): number {
    return this.#options.steady?.() ?? performance.now();
  }
}
