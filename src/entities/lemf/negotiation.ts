/**
 * Offer and answer (RFC 3264, RFC 3261 section 13.2.1) as the intercepted messages show them: whose session description
 * it is, from when it holds, and which answer goes with which offer. A party's description says what that party receives
 * (section 5.1), so that packets are read by that of the other end, and by time: what an offer says holds from its
 * answer on.
 */
import type { DescribedMedia } from './sdp.ts';

/** Who wrote it: the target, or the other end. */
export type TargetSide = 'target' | 'other';

export interface Description {
  /** `null`: nothing tells. */
  readonly side: TargetSide | null;
  /** When it was seen, Unix milliseconds. */
  readonly seen: number;
  /** From when on it holds; infinite while there is no answer to it. */
  readonly from: number;
  readonly media: readonly DescribedMedia[];
}

/** One exchange; without `offer` or `answer` where that was not seen. */
export interface Negotiation {
  /** From when on it holds. */
  readonly from: number;
  readonly offer: Description | null;
  readonly answer: Description | null;
}

/** The message that a description came in. */
export interface Carrier {
  readonly callId: string;
  /** Tag of the party that sent it. */
  readonly author: string;
  readonly side: TargetSide | null;
  readonly time: number;
  /** CSeq, number and method. */
  readonly transaction: string;
  readonly isResponse: boolean;
}

interface Open {
  readonly carrier: Carrier;
  readonly description: { -readonly [Key in keyof Description]: Description[Key] };
  answered: boolean;
}

/** Puts descriptions together, in the order of their messages. */
export class Negotiations {
  /** Offers by Call-ID, oldest first. */
  readonly #offers = new Map<string, Open[]>();
  readonly #pairs: Negotiation[] = [];
  readonly #descriptions = new Set<Description>();

  /** All descriptions but those of offers that were refused. */
  get descriptions(): readonly Description[] {
    return [...this.#descriptions];
  }

  /** Exchanges, and offers that nobody has answered so far. */
  get pairs(): readonly Negotiation[] {
    const open = [...this.#offers.values()].flat().filter(({ answered }) => !answered);
    return [
      ...this.#pairs,
      ...open.map(({ description }) => ({ from: description.seen, offer: description, answer: null })),
    ];
  }

  add(carrier: Carrier, media: readonly DescribedMedia[]): void {
    const offers = this.#offers.get(carrier.callId) ?? [];
    const answered = offers.findLast((offer) => answers(carrier, offer));
    if (answered !== undefined) {
      this.#answer(answered, carrier, media);
      return;
    }
    // Repeated, or sent again after 401 for example: it takes the place of the first.
    const same = offers.filter((offer) => offer.carrier.author === carrier.author && repeats(carrier, offer));
    for (const offer of same) {
      if (offer.answered) return;
      this.#forget(offer);
    }
    const description = { side: carrier.side, seen: carrier.time, from: Infinity, media };
    this.#descriptions.add(description);
    const others = offers.filter((offer) => !same.includes(offer));
    this.#offers.set(carrier.callId, [...others, { carrier, description, answered: false }]);
  }

  /** A final answer that refuses what was offered in this transaction. */
  refused(callId: string, transaction: string): void {
    const offers = this.#offers.get(callId) ?? [];
    const refused = offers.filter(
      ({ carrier, answered }) => carrier.transaction === transaction && !answered && !carrier.isResponse,
    );
    for (const offer of refused) this.#forget(offer);
    this.#offers.set(
      callId,
      offers.filter((offer) => !refused.includes(offer)),
    );
  }

  #answer(offer: Open, carrier: Carrier, media: readonly DescribedMedia[]): void {
    offer.answered = true;
    offer.description.from = Math.min(offer.description.from, carrier.time);
    const answer = { side: carrier.side, seen: carrier.time, from: carrier.time, media };
    this.#descriptions.add(answer);
    this.#pairs.push({ from: carrier.time, offer: offer.description, answer });
  }

  #forget({ description }: Open): void {
    this.#descriptions.delete(description);
  }
}

/** In the offer's own transaction, as often as a fork has branches; else once, in ACK, PRACK or their answers. */
function answers(carrier: Carrier, offer: Open): boolean {
  if (offer.carrier.author === carrier.author) return false;
  return !offer.answered || (carrier.isResponse && offer.carrier.transaction === carrier.transaction);
}

function repeats(carrier: Carrier, offer: Open): boolean {
  return offer.carrier.transaction === carrier.transaction || !offer.answered;
}
