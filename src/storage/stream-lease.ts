/**
 * A lease: of the processes that want something, one has it, for as long as it says so in time.
 *
 *     free ──► held ──► not renewed in time: late ──► renewed: held again, if nobody else had it meanwhile
 *                                                └─► another has it: lost for good
 *
 * It is the newest message of a subject, which is replaced by compare and set: whoever writes says which message the last
 * one must be, so that of two one fails. No clocks are compared. Who holds it counts from before a renewal was sent; who
 * wants it, from when it saw a message that is not replaced, and waits longer. The token is the number of the message by
 * which it was taken: each holder's is above those of all before, so that a store can refuse what an earlier one writes.
 *
 * Between looking at `state` and what is done then a process may stand still for as long as it likes: what must not be done
 * twice is guarded by the token, or does no harm when it is.
 */
import { randomUUID } from 'node:crypto';
import { isoTime } from '../bytes/iso-time.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { messageOf } from '../bytes/errors.ts';
import { legible, utf8 } from '../bytes/octets.ts';
import { TroubleLog } from '../bytes/trouble-log.ts';
import { StorageError } from './errors.ts';
import type { StreamServer } from './jetstream.ts';

export interface LeasePlace {
  readonly server: Pick<StreamServer, 'newest' | 'publish'>;
  /** Keeps one message of each of its subjects. */
  readonly stream: string;
  readonly subject: string;
}

export interface LeasePorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds of a clock that runs on while the process stands still, and is never set. */
  readonly steady?: () => number;
}

/** `late`: it was not renewed in time, and nobody knows; `lost`: another has it, or had it. */
export type LeaseState = 'held' | 'late' | 'lost';

/** Header: who holds it, by a name of this run; absent: it was given back. */
export const LEASE_HOLDER = 'Claviger-Holder';
/** Header: what its holder says besides; absent: nothing. */
export const LEASE_NOTE = 'Claviger-Note';

export class StreamLease {
  readonly #place: LeasePlace;
  readonly #ports: LeasePorts;
  readonly #ttlMs: number;
  readonly #name: string;
  readonly #run = randomUUID();
  /** What its holder says besides, from the next renewal on. */
  note: string;
  readonly #unrenewed: TroubleLog;
  #token = 0;
  #number = 0;
  #renewedAt = -Infinity;
  #isLost = false;
  #lateSince: number | null = null;
  #isReleased = false;
  #timer: Timer | null = null;
  #renewing: Promise<void> = Promise.resolve();

  private constructor(place: LeasePlace, name: string, ttlMs: number, ports: LeasePorts, note: string) {
    this.#place = place;
    this.#name = name;
    this.#ttlMs = ttlMs;
    this.#ports = ports;
    this.note = note;
    const words = { begins: 'a lease could not be renewed', over: 'a lease is renewed again' };
    this.#unrenewed = new TroubleLog(words, { logger: ports.logger, now: () => this.#steady() });
  }

  /**
   * Takes it, as soon as whoever has it is known to be gone.
   * @param name of the process, for others to read @param note what it says besides
   * @throws StorageError `locked` if another process has it and renews it; `unavailable`, `refused`
   */
  static async take(
    place: LeasePlace,
    name: string,
    ttlMs: number,
    ports: LeasePorts,
    note = '',
  ): Promise<StreamLease> {
    const lease = new StreamLease(place, name, ttlMs, ports, note);
    await lease.#take();
    lease.#later(ttlMs / RENEWALS);
    return lease;
  }

  /**
   * Takes it at once, where the newest message of its subject still is that of a number, which says that it is free or
   * given up; `null`: another message came first.
   * @param after 0: nobody ever had it
   * @throws StorageError `unavailable`, `refused`
   */
  static async takeAfter(
    place: LeasePlace,
    name: string,
    ttlMs: number,
    after: number,
    ports: LeasePorts,
    note = '',
  ): Promise<StreamLease | null> {
    const lease = new StreamLease(place, name, ttlMs, ports, note);
    if (!(await lease.#takeAfter(after))) return null;
    lease.#later(ttlMs / RENEWALS);
    return lease;
  }

  /** Above those of all who had it before. */
  get token(): number {
    return this.#token;
  }

  get state(): LeaseState {
    if (this.#isLost) return 'lost';
    return this.#steady() - this.#renewedAt < this.#ttlMs ? 'held' : 'late';
  }

  /** Since when it is not held (ISO 8601); `null`: it is. */
  get problem(): { readonly text: string; readonly since: string } | null {
    const { state } = this;
    if (state === 'held') return null;
    const text = state === 'lost' ? 'another process has taken it over' : 'it could not be renewed in time';
    return { text, since: isoTime(this.#lateSince ?? this.#ports.clock.now()) };
  }

  /** Gives it back, so that nobody has to wait for it. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (this.state !== 'held') return;
    // Who cannot be told waits until it is late.
    await this.#publish(this.#number, {}).catch(() => undefined);
    this.#isLost = true;
  }

  async #take(): Promise<void> {
    const began = this.#steady();
    let seen = { number: -1, at: began };
    let isTold = false;
    for (;;) {
      const newest = await this.#newest();
      const number = newest?.number ?? 0;
      if (number !== seen.number) seen = { number, at: this.#steady() };
      const isFree = newest === null || newest.holder === '';
      if (isFree || this.#steady() - seen.at >= this.#ttlMs * LEASE_PATIENCE) {
        if (await this.#takeAfter(number)) return;
      }
      if (!isFree && this.#steady() - began > this.#ttlMs * GIVES_UP)
        throw new StorageError('locked', `${this.#place.subject} is held by ${newest.name}`);
      if (!isFree && !isTold) this.#tellWait(newest.name);
      isTold ||= !isFree;
      await this.#pause(this.#ttlMs / LOOKS);
    }
  }

  /** Who comes right after another was killed is not to be taken for one that hangs. */
  #tellWait(holder: string): void {
    const fields = { lease: this.#place.subject, holder, ms: this.#ttlMs * LEASE_PATIENCE };
    this.#ports.logger.info(fields, 'a lease is waited for, until it is given back or late');
  }

  /** Whether nobody else was first. */
  async #takeAfter(number: number): Promise<boolean> {
    const sentAt = this.#steady();
    try {
      this.#number = this.#token = await this.#publish(number, this.#headers());
    } catch (error) {
      if (error instanceof StorageError && error.code === 'conflict') return false;
      throw error;
    }
    this.#renewedAt = sentAt;
    return true;
  }

  #later(ms: number): void {
    if (this.#isReleased || this.#isLost) return;
    this.#timer = this.#ports.clock.after(ms, () => {
      this.#renewing = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const sentAt = this.#steady();
    if (this.state === 'late') this.#lateSince ??= this.#ports.clock.now();
    try {
      this.#number = await this.#publish(this.#number, this.#headers());
      this.#renewedAt = sentAt;
      this.#lateSince = null;
      this.#unrenewed.worked();
      this.#later(this.#ttlMs / RENEWALS);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'conflict') await this.#lookWhose();
      else this.#unrenewed.failed({ lease: this.#place.subject, reason: messageOf(error) });
      this.#later(this.#ttlMs / LOOKS);
    }
  }

  /** Another message came first: one of its own that was not answered, or another's. */
  async #lookWhose(): Promise<void> {
    const newest = await this.#newest().catch(() => undefined);
    if (newest === undefined) return;
    if (newest?.holder === this.#run) {
      this.#number = newest.number;
      return;
    }
    this.#isLost = true;
    this.#lateSince ??= this.#ports.clock.now();
    this.#ports.logger.error({ lease: this.#place.subject, to: newest?.name ?? '' }, 'a lease is lost');
  }

  async #newest(): Promise<{ number: number; holder: string; name: string } | null> {
    const { server, stream, subject } = this.#place;
    const found = await server.newest(stream, subject);
    if (found === null) return null;
    return { number: found.number, holder: found.header(LEASE_HOLDER), name: legible(found.octets) };
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = { [LEASE_HOLDER]: this.#run };
    if (this.note !== '') headers[LEASE_NOTE] = this.note;
    return headers;
  }

  #publish(after: number, headers: Readonly<Record<string, string>>): Promise<number> {
    const { server, stream, subject } = this.#place;
    return server.publish(stream, subject, utf8(this.#name), { after, headers });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#ports.clock.after(ms, resolve));
  }

  #steady(): number {
    return this.#ports.steady?.() ?? performance.now();
  }
}

/** In the time of a lease. */
const RENEWALS = 3;
const LOOKS = 10;
/** Times of a lease after which it counts as given up, and after which who wants it does not wait any more. */
export const LEASE_PATIENCE = 1.25;
const GIVES_UP = 2.5;

/** For whoever reckons how long nobody has one. */
export const LEASE_TIMES = { renewals: RENEWALS, looks: LOOKS, patience: LEASE_PATIENCE } as const;
