/**
 * An incoming call, from the INVITE to the end; `caller.ts` shows the messages from the other side. Nothing is sent to
 * the caller's media address before I_MESSAGE_2 has verified.
 *
 * An I_MESSAGE_1 that does not verify, for whatever reason, is answered with 488 and nothing more.
 */
import type { Reply } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import { CallAnswering } from './answering.ts';
import type { AnsweringParts } from './answering.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { RespondedExchange } from '../../endpoint/key-exchange.ts';
import { KeyedAnswer } from '../../endpoint/keyed-answer.ts';
import { refusalReply } from '../../endpoint/refusal.ts';
import { reoffered } from '../../endpoint/reoffer.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import { renegotiated } from './renegotiated.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

export interface CalleeParts extends AnsweringParts, RenegotiatedParts {
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  readonly offer: SessionMedia;
  readonly exchange: RespondedExchange;
}

export class Callee {
  readonly #parts: CalleeParts;
  readonly #answering: CallAnswering;
  readonly #answer: KeyedAnswer;
  #secured = false;

  constructor(parts: CalleeParts) {
    this.#parts = parts;
    const { incoming, exchange, said, offer, clock } = parts;
    const answering = new CallAnswering(parts, () => exchange.close());
    const { isReliable } = answering;
    const failed = (cause: unknown): void => answering.fail(cause);
    this.#answering = answering;
    this.#answer = new KeyedAnswer({
      ...{ incoming, clock, isReliable, answer: () => said.answer(exchange.rMessage1, offer) },
      keyed: (request) => this.#keys(request),
      isKeyed: () => this.#secured,
      late: () => new EndpointError('key-exchange', 'no UPDATE with I_MESSAGE_2 came'),
      ...{ refusal: refusalReply, failed },
      ready: async () => {
        if (isReliable) await this.#answer.untilHeard();
        if (isReliable && !this.#secured) return false;
        await answering.ring();
        return true;
      },
    });
    parts.call.controlledBy(answering);
    incoming.handler = {
      ...this.#answer.handler,
      reinvite: (request) => reoffered(request, { ...parts, failed }),
      ended: (reason) => answering.ended(reason),
    };
  }

  /** Answers the offer, with 100rel if the caller can do that. */
  async answer(): Promise<void> {
    if ((await this.#answer.send()) && this.#secured) this.#parts.call.up();
  }

  /** I_MESSAGE_2 is there, in PRACK or UPDATE: R_MESSAGE_2 goes back, and media may flow. */
  async #keys(request: SipRequest): Promise<Reply> {
    const { said, exchange, call, incoming, media } = this.#parts;
    const offer = readDescription(request.contentType, request.body);
    if (offer.mikey === null) throw new EndpointError('key-exchange', 'the offer has no MIKEY message');
    const { rMessage2, result } = await exchange.confirm(offer.mikey);
    media.connect(offer);
    media.secure(result, 'responder');
    this.#secured = true;
    exchange.close();
    call.secured(result);
    renegotiated(
      this.#parts,
      { ...this.#parts, leg: incoming.leg, keys: result, role: 'responder' },
      {
        failed: (cause) => this.#answering.fail(cause),
        ended: (reason) => this.#answering.ended(reason),
      },
    );
    if (incoming.leg.state === 'confirmed') call.up();
    return { body: said.answer(rMessage2, offer) };
  }
}
