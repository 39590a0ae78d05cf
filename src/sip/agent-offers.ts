/**
 * Offers of this side within a dialog that is up: one after the other, and none while an offer of either side is
 * unanswered. Where two cross, both are refused with 491, and each side tries again after a time of its own (RFC 3261
 * section 14.1, RFC 3311 section 5.3), so that one of them comes first:
 *
 *     whoever began the call     2.1 to 4 s, in steps of 10 ms
 *     the other                  0 to 2 s
 */
import type { Clock, Random } from '../bytes/ports.ts';
import { Reader } from '../bytes/reader.ts';
import { SerialQueue } from '../bytes/serial-queue.ts';
import type { Leg } from './agent-types.ts';
import { SipError } from './errors.ts';

/** Attempts at one offer: each crosses with another only where both sides offer all the time. */
const MOST_ATTEMPTS = 10;

export class OfferQueue {
  readonly #leg: Pick<Leg, 'isCaller' | 'whenQuiet'>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue = new SerialQueue();

  constructor(
    leg: Pick<Leg, 'isCaller' | 'whenQuiet'>,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#leg = leg;
    this.#clock = clock;
    this.#random = random;
  }

  /** Makes an offer anew at each attempt: what it is based on may have changed. @throws SipError, and what `attempt` does */
  run<T>(attempt: () => Promise<T>): Promise<T> {
    return this.#queue.run(() => this.#untilTaken(attempt));
  }

  async #untilTaken<T>(attempt: () => Promise<T>): Promise<T> {
    for (let left = MOST_ATTEMPTS; ; left--) {
      await this.#leg.whenQuiet();
      try {
        return await attempt();
      } catch (cause) {
        if (!(cause instanceof SipError && cause.code === 'crossed') || left === 1) throw cause;
      }
      await new Promise<void>((resolve) => this.#clock.after(this.#pause(), resolve));
    }
  }

  /** Milliseconds. */
  #pause(): number {
    const [from, to] = this.#leg.isCaller ? [210, 400] : [0, 200];
    const drawn = new Reader(this.#random.bytes(4)).u32('pause');
    return 10 * (from + (drawn % (to - from + 1)));
  }
}
