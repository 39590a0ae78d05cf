/**
 * A response that the user agent itself sends again until its answer comes: a reliable provisional one until PRACK (RFC
 * 3262 section 3), a 2xx to an INVITE until ACK (RFC 3261 sections 13.3.1.4 and 14.2).
 *
 * It goes again after T1, doubling (a 2xx up to T2), over any transport, since a proxy behind may use UDP; after 64·T1
 * it is given up.
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import type { SipResponse } from './message.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { TimerValues } from './timers.ts';

export class PersistentResponse {
  readonly #clock: Clock;
  readonly #timers: TimerValues;
  readonly #transaction: ServerTransaction;
  readonly #response: SipResponse;
  readonly #patience: Timer;
  #retransmit: Timer;

  /** The response has been sent once; `gaveUp` is called unless `stop` is before. */
  constructor(
    time: { readonly clock: Clock; readonly timers: TimerValues },
    transaction: ServerTransaction,
    response: SipResponse,
    gaveUp: () => void,
  ) {
    this.#clock = time.clock;
    this.#timers = time.timers;
    this.#transaction = transaction;
    this.#response = response;
    this.#patience = this.#clock.after(64 * this.#timers.t1, () => {
      this.stop();
      gaveUp();
    });
    this.#retransmit = this.#after(this.#timers.t1);
  }

  stop(): void {
    this.#retransmit.cancel();
    this.#patience.cancel();
  }

  #after(interval: number): Timer {
    return this.#clock.after(interval, () => {
      if (!this.#transaction.respond(this.#response)) return;
      const doubled = interval * 2;
      this.#retransmit = this.#after(
        this.#response.status < 200 ? doubled : Math.min(doubled, this.#timers.t2),
      );
    });
  }
}
