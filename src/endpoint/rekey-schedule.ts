/**
 * When the keys of a call are due to be replaced: so long after they were agreed upon, or after so many packets of this end
 * under them, whichever comes first. Whoever replaces them, both counts begin anew.
 *
 * The responder of the call waits an eighth longer than its setting says, so that two ends of equal settings do not offer at
 * the same moment each time.
 */
import type { Clock, Timer } from '../bytes/ports.ts';

/** `null`: not for this reason. */
export interface RekeySettings {
  readonly everyMs: number | null;
  readonly everyPackets: number | null;
  /** The request that carries the update. */
  readonly method: OfferMethod;
}

export type OfferMethod = 'UPDATE' | 'INVITE';

export const NO_REKEYING: RekeySettings = { everyMs: null, everyPackets: null, method: 'UPDATE' };

export class RekeySchedule {
  readonly #clock: Clock;
  readonly #everyMs: number | null;
  readonly #everyPackets: number | null;
  readonly #due: () => void;
  #timer: Timer | null = null;
  #packets = 0;
  #isDue = false;
  #isStopped = true;

  /** @param due called once for the keys in force; again only after `begin` */
  constructor(
    clock: Clock,
    { everyMs, everyPackets }: Pick<RekeySettings, 'everyMs' | 'everyPackets'>,
    role: 'initiator' | 'responder',
    due: () => void,
  ) {
    const later = (count: number | null): number | null =>
      count === null || role === 'initiator' ? count : Math.ceil((count * 9) / 8);
    this.#clock = clock;
    this.#everyMs = later(everyMs);
    this.#everyPackets = later(everyPackets);
    this.#due = due;
  }

  /** There are new keys. */
  begin(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#packets = 0;
    this.#isDue = false;
    this.#isStopped = false;
    if (this.#everyMs !== null) this.#timer = this.#clock.after(this.#everyMs, () => this.#becomeDue());
  }

  /** A packet of this end was sent under the keys in force. */
  packet(): void {
    this.#packets++;
    if (this.#everyPackets !== null && this.#packets >= this.#everyPackets) this.#becomeDue();
  }

  /** Whether the keys in force are to be replaced. */
  get isDue(): boolean {
    return this.#isDue;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #becomeDue(): void {
    if (this.#isDue || this.#isStopped) return;
    this.#isDue = true;
    this.#due();
  }
}
