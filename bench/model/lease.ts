/**
 * A lease as `src/storage/stream-lease.ts` has it, by the same times: who has it replaces the newest message of a subject by
 * compare and set; who wants it looks whether that is replaced, and counts from when it saw it. No clock is compared.
 */
import { LEASE_TIMES } from '../../src/storage/stream-lease.ts';
import type { Simulation } from './simulation.ts';

/** The newest message of a subject. */
export class LeaseSubject {
  number = 0;
  /** Who wrote it; `null`: nobody has the lease. */
  holder: LeaseHolder | null = null;
  /** When it was written. */
  at = -Infinity;

  /** Whether nobody was first. */
  replace(after: number, holder: LeaseHolder | null, now: number): boolean {
    if (after !== this.number) return false;
    this.number++;
    this.holder = holder;
    this.at = now;
    return true;
  }
}

/** A process that stands still does nothing, and its clock goes on. */
export interface Process {
  readonly isDead: boolean;
  readonly standsStill: boolean;
}

export interface LeaseTerms {
  /** Seconds of the lease. */
  readonly leaseSeconds: number;
  /** Seconds to the server and back. */
  readonly tripSeconds: number;
}

/** One process about one lease: it looks at it, takes it, renews it. */
export class LeaseHolder {
  readonly #simulation: Simulation;
  readonly #subject: LeaseSubject;
  readonly #process: Process;
  readonly #terms: LeaseTerms;
  readonly #hearsSince: number | null;
  #seen = { number: -1, at: 0 };
  #number = 0;
  #renewedAt = -Infinity;
  #has = false;

  /** @param hearsSince when it began to read what is written, as `lease-shares.ts` does; `null`: it knows what it looks at */
  constructor(
    simulation: Simulation,
    subject: LeaseSubject,
    process: Process,
    terms: LeaseTerms,
    hearsSince: number | null = null,
  ) {
    this.#simulation = simulation;
    this.#hearsSince = hearsSince;
    this.#subject = subject;
    this.#process = process;
    this.#terms = terms;
  }

  /** Whether its process goes by having it: what it would read if it ran now. */
  get holds(): boolean {
    return this.#has && this.#simulation.now - this.#renewedAt < this.#terms.leaseSeconds;
  }

  /** Whether it was taken and not lost. */
  get has(): boolean {
    return this.#has;
  }

  /**
   * Looks at it; takes it where it counts as given up, if `wants` says so.
   * @param taken told when it has it
   * @param isFormer whether somebody is a former run of this process, for which it need not wait
   */
  look(wants: () => boolean, taken: () => void, isFormer = (_: LeaseHolder): boolean => false): void {
    const { number, holder } = this.#subject;
    const { now } = this.#simulation;
    const { leaseSeconds, tripSeconds } = this.#terms;
    const isFree = holder === null || isFormer(holder);
    if (!isFree && now - this.#seenAt() < leaseSeconds * LEASE_TIMES.patience) return;
    if (!wants()) return;
    const sentAt = now;
    this.#simulation.after(tripSeconds / 2, () => {
      if (this.#has || !this.#subject.replace(number, this, this.#simulation.now)) return;
      this.#simulation.after(tripSeconds / 2, () => {
        this.#number = number + 1;
        this.#renewedAt = sentAt;
        this.#has = true;
        if (this.#process.isDead) return;
        taken();
        this.#renewLater();
      });
    });
  }

  giveBack(): void {
    if (!this.holds) return;
    this.#has = false;
    this.#subject.replace(this.#number, null, this.#simulation.now);
  }

  /** Since when it knows the newest message. */
  #seenAt(): number {
    const { number, at } = this.#subject;
    if (this.#hearsSince !== null) return Math.max(this.#hearsSince, at + this.#terms.tripSeconds / 2);
    if (number !== this.#seen.number) this.#seen = { number, at: this.#simulation.now };
    return this.#seen.at;
  }

  #renewLater(): void {
    this.#simulation.after(this.#terms.leaseSeconds / LEASE_TIMES.renewals, () => this.#renew());
  }

  #renew(): void {
    if (!this.#has || this.#process.isDead) return;
    // A timer that is due while its process stands still comes when it goes on.
    if (this.#process.standsStill) {
      this.#simulation.after(this.#terms.leaseSeconds / LEASE_TIMES.looks, () => this.#renew());
      return;
    }
    const sentAt = this.#simulation.now;
    const { tripSeconds } = this.#terms;
    this.#simulation.after(tripSeconds / 2, () => {
      const isRenewed = this.#subject.replace(this.#number, this, this.#simulation.now);
      this.#simulation.after(tripSeconds / 2, () => {
        if (!isRenewed) {
          this.#has = false;
          return;
        }
        this.#number++;
        this.#renewedAt = sentAt;
        this.#renewLater();
      });
    });
  }
}
