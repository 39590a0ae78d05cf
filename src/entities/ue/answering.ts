/** What a callee does however the keys are agreed upon: it rings, answers, gives up, hangs up. */
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { warningFor } from '../../endpoint/refusal.ts';
import type { Body, EndReason, IncomingCall, Leg } from '../../sip/agent-types.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { CallControl, PhoneCall } from './call.ts';

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

export interface AnsweringParts {
  readonly incoming: IncomingCall;
  readonly call: PhoneCall;
  readonly policy: Extract<AnswerPolicy, { kind: 'accept' }>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds for which media are still heard after the end. */
  readonly lingerMs: number;
}

export class CallAnswering implements CallControl {
  readonly #parts: AnsweringParts;
  readonly #closed: () => void;
  #over = false;
  /** Of what comes next: ringing, the answer. */
  #timer: Timer | null = null;

  /** @param closed called once, at the end of the call */
  constructor(parts: AnsweringParts, closed: () => void) {
    this.#parts = parts;
    this.#closed = closed;
  }

  /** Whether provisional responses are acknowledged in this call. */
  get isReliable(): boolean {
    const { incoming, policy } = this.#parts;
    return incoming.supports100rel && policy.reliable !== false;
  }

  /** The user is called to the phone, and answers; never settles if the call is over before. */
  ring(): Promise<void> {
    const { clock, policy, incoming, call } = this.#parts;
    return new Promise((resolve) => {
      if (this.#over) return;
      this.#timer = clock.after(policy.ringMs, () => {
        incoming.provisional(180);
        call.ringing();
        this.#timer = clock.after(policy.answerMs, () => {
          if (!this.#over) resolve();
        });
      });
    });
  }

  /** @returns the ACK; `null` if the call is over instead */
  async accept(body?: Body): Promise<SipRequest | null> {
    try {
      return await this.#parts.incoming.accept(body);
    } catch (cause) {
      this.fail(cause);
      return null;
    }
  }

  legs(): readonly Leg[] {
    return [this.#parts.incoming.leg];
  }

  async hangUp(): Promise<void> {
    const { incoming } = this.#parts;
    if (incoming.leg.state === 'confirmed') await incoming.leg.bye();
    else incoming.reject(486);
  }

  /** The call cannot go on. */
  fail(cause: unknown): void {
    if (this.#over) return;
    const { logger, incoming } = this.#parts;
    logger.warn({ error: cause }, 'an incoming call is given up');
    const error =
      cause instanceof EndpointError
        ? cause
        : new EndpointError('call-failed', 'the call cannot go on', { cause });
    this.#end(error.code, error);
    if (incoming.leg.state === 'confirmed') void incoming.leg.bye();
    else incoming.reject(488, warningFor(cause));
  }

  ended(reason: EndReason): void {
    this.#end(reason, null);
  }

  #end(reason: string, error: EndpointError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#closed();
    this.#parts.call.over({ reason, error }, this.#parts.lingerMs);
  }
}
