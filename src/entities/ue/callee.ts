/**
 * An incoming call, from the INVITE to the end; `caller.ts` shows the messages from the other side. Nothing is sent to
 * the caller's media address before I_MESSAGE_2 has verified.
 *
 * An I_MESSAGE_1 that does not verify, for whatever reason, is answered with 488 and nothing more.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import type { Body, EndReason, IncomingCall, LegHandler, Reply } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import type { PhoneCall } from './call.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { RespondedExchange } from '../../endpoint/key-exchange.ts';
import { notAcceptable, warningFor } from '../../endpoint/refusal.ts';
import { reoffered } from '../../endpoint/reoffer.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { DescribedMedia, OwnDescriptions } from '../../endpoint/session-description.ts';

/** Milliseconds after the ACK within which, without 100rel, I_MESSAGE_2 must come. */
const UPDATE_MS = 10_000;

/** What the endpoint does with calls that come in. */
export type AnswerPolicy =
  | {
      readonly kind: 'accept';
      /** Milliseconds from the keys to ringing. */
      readonly ringMs: number;
      /** Milliseconds from ringing to the answer. */
      readonly answerMs: number;
      /** Whether to use 100rel with callers that can; default true. */
      readonly reliable?: boolean;
    }
  | { readonly kind: 'reject'; readonly status: number }
  /** `to`: a SIP URI that is to be called instead. */
  | { readonly kind: 'redirect'; readonly to: string };

export interface CalleeParts {
  readonly incoming: IncomingCall;
  readonly call: PhoneCall;
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  readonly offer: DescribedMedia;
  readonly exchange: RespondedExchange;
  readonly policy: Extract<AnswerPolicy, { kind: 'accept' }>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lingerMs: number;
}

export class Callee {
  readonly #parts: CalleeParts;
  readonly #reliable: boolean;
  #secured = false;
  #over = false;

  constructor(parts: CalleeParts) {
    this.#parts = parts;
    this.#reliable = parts.incoming.supports100rel && parts.policy.reliable !== false;
    parts.call.controlledBy({ hangUp: () => this.#hangUp() });
    parts.incoming.handler = this.#handler();
  }

  /** Answers the offer, with 100rel if the caller can do that. */
  async answer(): Promise<void> {
    const { incoming, exchange, said, offer } = this.#parts;
    const body = said.answer(exchange.rMessage1, offer);
    if (!this.#reliable) {
      this.#ring(() => this.#accept(body));
      return;
    }
    const keys = this.#keysIn(incoming.reliable(183, body));
    if (!(await keys)) return;
    this.#ring(() => this.#accept());
  }

  /** Whether I_MESSAGE_2 came in the PRACK and verified; if not, the call is over. */
  async #keysIn(pracked: Promise<unknown>): Promise<boolean> {
    try {
      await pracked;
    } catch (cause) {
      this.#fail(cause);
    }
    return this.#secured;
  }

  #handler(): LegHandler {
    const again = { ...this.#parts, failed: (cause: EndpointError) => this.#fail(cause) };
    const offered = (request: SipRequest): Promise<Reply> | Reply =>
      this.#secured ? reoffered(request, again) : this.#keys(request);
    return {
      prack: offered,
      update: offered,
      reinvite: (request) => reoffered(request, again),
      ended: (reason) => this.#ended(reason),
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
      if (incoming.leg.state === 'confirmed') call.up();
      return { body: said.answer(rMessage2, offer) };
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      // After the answer to this request, so that the far end learns the one before the other.
      this.#parts.clock.after(0, () => this.#fail(cause));
      return notAcceptable(cause);
    }
  }

  /** The user is called to the phone, and answers. */
  #ring(answered: () => void): void {
    const { clock, policy, incoming, call } = this.#parts;
    clock.after(policy.ringMs, () => {
      if (this.#over) return;
      incoming.provisional(180);
      call.ringing();
      clock.after(policy.answerMs, answered);
    });
  }

  #accept(body?: Body): void {
    if (this.#over) return;
    this.#parts.incoming
      .accept(body)
      .then(() => this.#acknowledged())
      .catch((cause: unknown) => this.#fail(cause));
  }

  #acknowledged(): void {
    if (this.#secured) this.#parts.call.up();
    else {
      this.#parts.clock.after(UPDATE_MS, () => {
        if (!this.#secured) this.#fail(new EndpointError('key-exchange', 'no UPDATE with I_MESSAGE_2 came'));
      });
    }
  }

  async #hangUp(): Promise<void> {
    const { incoming } = this.#parts;
    if (incoming.leg.state === 'confirmed') await incoming.leg.bye();
    else incoming.reject(486);
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    this.#parts.logger.warn({ error: cause }, 'an incoming call is given up');
    const error =
      cause instanceof EndpointError
        ? cause
        : new EndpointError('call-failed', 'the call cannot go on', { cause });
    this.#end(error.code, error);
    if (this.#parts.incoming.leg.state === 'confirmed') void this.#parts.incoming.leg.bye();
    else this.#parts.incoming.reject(488, warningFor(cause));
  }

  #ended(reason: EndReason): void {
    this.#end(reason, null);
  }

  #end(reason: string, error: EndpointError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.exchange.close();
    this.#parts.call.over({ reason, error }, this.#parts.lingerMs);
  }
}
