/**
 * The exchanges of each agency, which are bounded: a request that changes something is taken with a time of the last seven
 * days (clocks may differ: or of the next), and its answer is kept for as long as the same request would be taken again.
 * So a transaction is done once, whenever it comes again.
 */
import type { Clock } from '../../../bytes/ports.ts';
import type { AgencyExchange, Hi1Store } from './ports.ts';
import { Hi1Refusal } from './refusal.ts';

export interface ExchangeBounds {
  /** Exchanges of one agency that are kept at most. */
  readonly most: number;
  /** Octets of their answers at most. */
  readonly mostOctets: number;
}

export interface ExchangeBookOptions extends Partial<ExchangeBounds> {
  readonly store: Pick<Hi1Store, 'exchange' | 'exchangesKept' | 'forgetExchanges'>;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;
/** A request's time may lie that long before now, and that long after. */
const PAST_MS = 7 * DAY_MS;
const FUTURE_MS = DAY_MS;
const MOST = 20_000;
const MOST_OCTETS = 256 << 20;

export class ExchangeBook {
  readonly #store: ExchangeBookOptions['store'];
  readonly #clock: Clock;
  readonly #bounds: ExchangeBounds;
  /** Those of all agencies, as of the last look. */
  #kept = 0;

  constructor({ store, clock, most = MOST, mostOctets = MOST_OCTETS }: ExchangeBookOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#bounds = { most, mostOctets };
  }

  /** Exchanges that are kept, of all agencies. */
  get kept(): number {
    return this.#kept;
  }

  /**
   * The answer that a request has had; `null`: none yet, and it may be done.
   * @param timestamp of the request, Unix milliseconds
   * @throws Hi1Refusal `improperValue` if it is of another time, or the transaction another's; `transient` if no more
   *   exchanges can be kept for now
   */
  async answered(
    agency: string,
    { transaction, digest }: Pick<AgencyExchange, 'transaction' | 'digest'>,
    timestamp: number,
  ): Promise<Uint8Array | null> {
    const before = await this.#store.exchange(agency, transaction);
    if (before !== null && before.digest !== digest)
      throw new Hi1Refusal('improperValue', 'this TransactionIdentifier was that of another request');
    if (before?.answer === null)
      throw new Hi1Refusal('improperValue', 'this request was answered, and what it was about is erased');
    if (before !== null) return before.answer;
    const now = this.#clock.now();
    const isOfThisTime = timestamp >= now - PAST_MS && timestamp <= now + FUTURE_MS;
    if (!isOfThisTime)
      throw new Hi1Refusal(
        'improperValue',
        `Timestamp: what changes something is taken from ${PAST_MS / DAY_MS} days before now to ${FUTURE_MS / DAY_MS} day after`,
        { outcome: 'out-of-time' },
      );
    const { count, octets } = await this.#store.exchangesKept(agency);
    const isFull = count >= this.#bounds.most || octets >= this.#bounds.mostOctets;
    if (isFull)
      throw new Hi1Refusal(
        'transient',
        'no more exchanges of this agency can be kept now: send it again in a day',
        { outcome: 'full' },
      );
    return null;
  }

  /** Forgets exchanges whose request would not be taken any more. */
  async sweep(now: number): Promise<void> {
    await this.#store.forgetExchanges(now - PAST_MS - FUTURE_MS);
    this.#kept = (await this.#store.exchangesKept(null)).count;
  }

  /** One more was stored. */
  noted(): void {
    this.#kept += 1;
  }
}
