/**
 * What stays of transactions over UDP that have had their final response, but for INVITE: of a request that was answered
 * here the answer, which copies of the request get again (RFC 3261 timer J); of one that was answered to us what its
 * responses are known by, so that copies of these are dropped (timer K).
 *
 * Nothing else stays, neither messages that were taken apart nor who waited for them: for half a minute that would be most
 * of what a busy node holds, and has to be moved and looked through by whoever collects garbage.
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import type { MessagePlace } from './shares.ts';

/** A final answer, and where it goes. */
export interface SettledAnswer {
  readonly octets: Uint8Array;
  readonly flow: Flow;
  readonly place: MessagePlace | null;
}

interface Kept<T> {
  readonly thing: T;
  readonly timer: Timer;
}

export class SettledTransactions {
  readonly #clock: Clock;
  readonly #answered = new Map<string, Kept<SettledAnswer>>();
  readonly #heard = new Map<string, Kept<{ readonly place: MessagePlace }>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests that were answered here. */
  get answered(): number {
    return this.#answered.size;
  }

  get size(): number {
    return this.#answered.size + this.#heard.size;
  }

  /** A request with this key was answered. */
  answer(key: string, answer: SettledAnswer, ms: number): void {
    answer.place?.resize(answer.octets.length);
    keep(this.#clock, this.#answered, key, answer, ms);
  }

  /** A request has come; `true`: it was answered before, and got that answer again. */
  repeat(key: string): boolean {
    const known = this.#answered.get(key);
    if (known === undefined) return false;
    const { octets, flow } = known.thing;
    try {
      flow.send(octets);
    } catch (cause) {
      // RFC 3261 section 17.2.4: nobody is left to tell.
      if (!(cause instanceof SipError)) throw cause;
    }
    return true;
  }

  /** A request of ours with this key has had its final response. */
  hear(key: string, place: MessagePlace, ms: number): void {
    place.resize(0);
    keep(this.#clock, this.#heard, key, { place }, ms);
  }

  /** Whether a response with this key is to a request that has had its final one. */
  isHeard(key: string): boolean {
    return this.#heard.has(key);
  }

  /** Forgets all at once. */
  clear(): void {
    for (const table of [this.#answered, this.#heard]) {
      for (const { timer, thing } of table.values()) {
        timer.cancel();
        thing.place?.leave();
      }
      table.clear();
    }
  }
}

function keep<T extends { readonly place: MessagePlace | null }>(
  clock: Clock,
  table: Map<string, Kept<T>>,
  key: string,
  thing: T,
  ms: number,
): void {
  const timer = clock.after(ms, () => {
    table.delete(key);
    thing.place?.leave();
  });
  table.set(key, { thing, timer });
}
