/**
 * A message that a mailbox delivers, from its INVITE to the end (profile, section 3):
 *
 *     INVITE  offer, sendonly, three MIKEY messages   →
 *                                                     ←   180, 200 INVITE: answer, recvonly, without MIKEY
 *     ACK, then the packets as they were left         →                                                      up
 *     BYE                                             →
 *
 * What was heard once is not taken again: 603, so that the mailbox does not keep it. A mailbox that is told to end in the
 * middle says so in its BYE; one that is killed says nothing. Then the delivery that begins anew takes the place of the one
 * that broke off, and is heard from its beginning.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import type { DeliveredContent } from '../../endpoint/deferred-content.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { reoffered } from '../../endpoint/reoffer.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import type { EndReason, IncomingCall } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import { reasonIn } from '../../sip/reason.ts';
import type { PhoneCall } from './call.ts';
import type { AnswerPolicy } from './answering.ts';

/** It was heard before. */
const DECLINED = 603;
/** Why a BYE comes in the middle: the mailbox ends, and delivers later. */
const BROKEN_OFF = 503;

/** Who listens now, by content. */
export type Listening = Map<string, Listener>;

export interface ListenerParts {
  readonly incoming: IncomingCall;
  readonly call: PhoneCall;
  readonly said: OwnDescriptions;
  /** With the keys of the content. */
  readonly media: CallMedia;
  readonly offer: SessionMedia;
  readonly content: DeliveredContent;
  readonly listening: Listening;
  readonly policy: Extract<AnswerPolicy, { kind: 'accept' }>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lingerMs: number;
}

export class Listener {
  readonly #parts: ListenerParts;
  #over = false;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const { incoming, call } = parts;
    const again = { ...parts, failed: (cause: EndpointError) => this.#fail(cause) };
    call.controlledBy({ hangUp: () => this.#hangUp(), legs: () => [] });
    incoming.handler = {
      update: (request) => reoffered(request, again),
      reinvite: (request) => reoffered(request, again),
      ended: (reason, request) => this.#ended(reason, request),
    };
  }

  /** Rings, and answers. */
  answer(): void {
    const { incoming, call, media, offer, content, policy, clock } = this.#parts;
    media.connect(offer);
    call.delivered(content);
    clock.after(policy.ringMs, () => {
      if (this.#over) return;
      incoming.provisional(180);
      call.ringing();
      clock.after(policy.answerMs, () => this.#accept());
    });
  }

  /** The same content begins anew by another call: this one was broken off, and nobody has said so. */
  giveWay(): void {
    this.#end('broken-off', null);
    void this.#parts.incoming.leg.bye();
  }

  #accept(): void {
    if (this.#over) return;
    const { incoming, said, offer, content, call, listening } = this.#parts;
    if (!content.begin()) {
      const error = new EndpointError('key-exchange', 'this content was delivered before');
      this.#end(error.code, error);
      incoming.reject(DECLINED);
      return;
    }
    listening.get(content.id)?.giveWay();
    listening.set(content.id, this);
    incoming
      .accept(said.answer(null, offer))
      .then(() => call.up())
      .catch((cause: unknown) => this.#fail(cause));
  }

  async #hangUp(): Promise<void> {
    const { incoming } = this.#parts;
    if (incoming.leg.state === 'confirmed') await incoming.leg.bye();
    else incoming.reject(486);
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    const { logger, incoming } = this.#parts;
    logger.warn({ error: cause }, 'a delivery is given up');
    const error =
      cause instanceof EndpointError
        ? cause
        : new EndpointError('call-failed', 'the delivery cannot go on', { cause });
    this.#end(error.code, error);
    if (incoming.leg.state === 'confirmed') void incoming.leg.bye();
    else incoming.reject(488);
  }

  #ended(reason: EndReason, request: SipRequest | null): void {
    if (this.#over) return;
    if (isHeard(reason, request)) this.#parts.content.heard();
    this.#end(reason, null);
  }

  #end(reason: string, error: EndpointError | null): void {
    if (this.#over) return;
    this.#over = true;
    const { listening, content } = this.#parts;
    if (listening.get(content.id) === this) listening.delete(content.id);
    this.#parts.call.over({ reason, error }, this.#parts.lingerMs);
  }
}

/** Whether what was delivered has been heard as far as anybody wants to hear it. */
function isHeard(reason: EndReason, request: SipRequest | null): boolean {
  if (request !== null && reasonIn(request) === BROKEN_OFF) return false;
  return reason === 'hung-up' || reason === 'bye';
}
