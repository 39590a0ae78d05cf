/**
 * Answers that are given without a transaction (RFC 3261 section 8.2.7): to what is of bad form, and, with 503 and
 * Retry-After (section 21.5.4), to what there is no time or no place for.
 *
 * Such an answer is sent once, over the flow of its request or not at all, and nothing of either is kept. Over UDP it has
 * at most three times the octets of what it answers: the address of that may be forged, and be the one that is meant to be
 * flooded (section 26.3.2.4).
 */
import { CutCounts } from '../bytes/cut-counts.ts';
import type { Clock, Logger } from '../bytes/ports.ts';
import type { Flow } from './flow.ts';
import type { Identifiers } from './identifiers.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { makeResponse } from './response.ts';

/** How many times the octets of a datagram an answer may have. */
const AMPLIFICATION = 3;
/** Seconds that whoever is told 503 is asked to wait. */
const RETRY_AFTER = '5';

/**
 * Why a message was not served: too many wait, and it was answered with 503; was dropped, a request that will come again;
 * or was lost, an ACK or response; or there are too many transactions.
 */
export type Overload = 'waiting' | 'dropped' | 'lost' | 'transactions';

/** A request, its octets as received, and where it came from. */
export interface ReceivedRequest {
  readonly request: SipRequest;
  readonly octets: Uint8Array;
  readonly flow: Flow;
}

export interface StatelessAnswersParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  readonly identifiers: Pick<Identifiers, 'of'>;
  /** An answer was sent. */
  sent(response: SipResponse, octets: Uint8Array, to: ReceivedRequest): void;
}

export class StatelessAnswers {
  readonly #parts: StatelessAnswersParts;
  readonly #overload: CutCounts<Overload>;
  #overloadedAt: number | null = null;
  #unanswered = 0;

  constructor(parts: StatelessAnswersParts) {
    this.#parts = parts;
    this.#overload = new CutCounts(parts.logger, 'more SIP messages than can be served');
  }

  /** How many requests had no answer that was small enough. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Messages that were not served since the start, by why, and when the last was, in Unix milliseconds. */
  get overload(): { readonly counts: Readonly<Record<Overload, number>>; readonly last: number | null } {
    return {
      counts: { waiting: 0, dropped: 0, lost: 0, transactions: 0, ...this.#overload.all },
      last: this.#overloadedAt,
    };
  }

  /** The tag of this element as a user agent server, the same for each copy of a request (8.2.6.2, 8.2.7). */
  tagFor(request: SipRequest): string {
    const { identifiers } = this.#parts;
    return identifiers.of('to tag', request.first('Call-ID') ?? '', request.first('From') ?? '');
  }

  /** Says what is wrong with a request; nobody answers an ACK. */
  refuse(received: ReceivedRequest, status: number, problem: string): void {
    const { request, flow } = received;
    this.#parts.logger.warn({ from: flow.remote.address, problem }, `request refused with ${status}`);
    if (request.method === 'ACK' || request.all('Via').length === 0) return;
    this.send(makeResponse(request, status, { toTag: this.tagFor(request) }), received);
  }

  /** Section 21.5.4: not now. */
  putOff(received: ReceivedRequest, why: Overload): void {
    const { request, flow } = received;
    this.overloaded(why, flow.remote.address);
    const fields = [['Retry-After', RETRY_AFTER]] as const;
    this.send(makeResponse(request, 503, { toTag: this.tagFor(request), fields }), received);
  }

  /** A message from this address was not served. */
  overloaded(why: Overload, from: string): void {
    this.#overloadedAt = this.#parts.clock.now();
    this.#overload.add(why, { from });
  }

  /** Sends an answer, if it may be so large. */
  send(response: SipResponse, to: ReceivedRequest): void {
    const { flow } = to;
    const octets = response.serialise();
    if (!flow.open || (flow.protocol === 'UDP' && octets.length > AMPLIFICATION * to.octets.length)) {
      this.#unanswered++;
      return;
    }
    if (flow.sendOnce === undefined) flow.send(octets);
    else flow.sendOnce(octets);
    this.#parts.sent(response, octets, to);
  }
}
