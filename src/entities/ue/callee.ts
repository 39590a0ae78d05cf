/**
 * An incoming call, from the INVITE to the end; `caller.ts` shows the messages from the other side. Nothing is sent to
 * the caller's media address before I_MESSAGE_2 has verified.
 *
 * An I_MESSAGE_1 that does not verify, for whatever reason, is answered with 488 and nothing more.
 */
import type { LegHandler, Reply } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import { CallAnswering } from './answering.ts';
import type { AnsweringParts } from './answering.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { RespondedExchange } from '../../endpoint/key-exchange.ts';
import { notAcceptable } from '../../endpoint/refusal.ts';
import { reoffered } from '../../endpoint/reoffer.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import { renegotiated } from './renegotiated.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

/** Milliseconds after the ACK within which, without 100rel, I_MESSAGE_2 must come. */
export const UPDATE_MS = 10_000;

export interface CalleeParts extends AnsweringParts, RenegotiatedParts {
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  readonly offer: SessionMedia;
  readonly exchange: RespondedExchange;
}

export class Callee {
  readonly #parts: CalleeParts;
  readonly #answering: CallAnswering;
  #secured = false;

  constructor(parts: CalleeParts) {
    this.#parts = parts;
    this.#answering = new CallAnswering(parts, () => parts.exchange.close());
    parts.call.controlledBy(this.#answering);
    parts.incoming.handler = this.#handler();
  }

  /** Answers the offer, with 100rel if the caller can do that. */
  async answer(): Promise<void> {
    const { incoming, exchange, said, offer } = this.#parts;
    const body = said.answer(exchange.rMessage1, offer);
    if (this.#answering.isReliable) {
      const keys = this.#keysIn(incoming.reliable(183, body));
      if (!(await keys)) return;
    }
    await this.#answering.ring();
    if ((await this.#answering.accept(this.#answering.isReliable ? undefined : body)) !== null)
      this.#acknowledged();
  }

  /** Whether I_MESSAGE_2 came in the PRACK and verified; if not, the call is over. */
  async #keysIn(pracked: Promise<unknown>): Promise<boolean> {
    try {
      await pracked;
    } catch (cause) {
      this.#answering.fail(cause);
    }
    return this.#secured;
  }

  #handler(): LegHandler {
    const failed = (cause: EndpointError): void => this.#answering.fail(cause);
    return {
      prack: (request) => this.#keys(request),
      update: (request) => this.#keys(request),
      reinvite: (request) => reoffered(request, { ...this.#parts, failed }),
      ended: (reason) => this.#answering.ended(reason),
    };
  }

  /** I_MESSAGE_2 is there, in PRACK or UPDATE: R_MESSAGE_2 goes back, and media may flow. */
  async #keys(request: SipRequest): Promise<Reply> {
    const { said, exchange, call, incoming, media } = this.#parts;
    try {
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
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      // After the answer to this request, so that the far end learns the one before the other.
      this.#parts.clock.after(0, () => this.#answering.fail(cause));
      return notAcceptable(cause);
    }
  }

  #acknowledged(): void {
    if (this.#secured) this.#parts.call.up();
    else {
      this.#parts.clock.after(UPDATE_MS, () => {
        if (!this.#secured)
          this.#answering.fail(new EndpointError('key-exchange', 'no UPDATE with I_MESSAGE_2 came'));
      });
    }
  }
}
