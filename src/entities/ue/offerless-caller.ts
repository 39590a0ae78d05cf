/**
 * An outgoing call without an offer, from the INVITE to the end: whoever is called offers, and is the initiator of the key
 * exchange.
 *
 *     INVITE                          →
 *                                     ←   183 reliable: offer, I_MESSAGE_1
 *     PRACK  answer, R_MESSAGE_1      →
 *                                     ←   200
 *                                     ←   UPDATE: offer, I_MESSAGE_2
 *     200    answer, R_MESSAGE_2      →                                         secured
 *                                     ←   180, 200 INVITE
 *     ACK                             →                                         up
 *
 * and without 100rel: 200 INVITE with I_MESSAGE_1, ACK with R_MESSAGE_1, then the UPDATE. Each early dialog of a forked
 * call has an exchange of its own; the one that is accepted counts. Nothing is sent before I_MESSAGE_2 has verified.
 */
import type { Clock } from '../../bytes/ports.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { ExchangeResult, KeyAgreement, RespondedExchange } from '../../endpoint/key-exchange.ts';
import { answeredFirst, UPDATE_MS } from '../../endpoint/keyed-answer.ts';
import { refusalReply } from '../../endpoint/refusal.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import type { Body, Leg, LegHandler, OutgoingCall, OutgoingHandler, Reply } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import type { SipError } from '../../sip/errors.ts';
import { byPreference } from '../../sip/fields.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import type { PhoneCall } from './call.ts';
import { renegotiated } from './renegotiated.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

/** An early dialog on its way. */
interface Branch {
  readonly offer: SessionMedia;
  readonly exchange: RespondedExchange;
  readonly said: OwnDescriptions;
  result: ExchangeResult | null;
}

export interface OfferlessCallerParts extends RenegotiatedParts {
  readonly agent: UserAgent;
  readonly target: string;
  readonly keys: Pick<KeyAgreement, 'respond'>;
  readonly clock: Clock;
  /** Opens what an offer asks for; called once. */
  readonly media: (offer: SessionMedia) => Promise<CallMedia>;
  readonly describing: (media: CallMedia) => OwnDescriptions;
  /** Makes the call once it has media. */
  readonly call: (callId: string, media: CallMedia) => PhoneCall;
  /** Whom it goes on to, of these and of those that were named before, or why to nobody. @param to the best first */
  readonly redirected: (to: readonly string[]) => string | EndpointError;
  /** Whether somebody may offer. @throws EndpointError `other-party` */
  readonly accepting: (peer: string) => void;
  readonly lingerMs: number;
}

interface Opened {
  readonly call: PhoneCall;
  readonly media: CallMedia;
  readonly said: OwnDescriptions;
}

export class OfferlessCaller implements OutgoingHandler {
  readonly #parts: OfferlessCallerParts;
  #invite: OutgoingCall;
  readonly #branches = new Map<string, Promise<Branch>>();
  readonly #legs = new Set<Leg>();
  #opened: Promise<Opened> | null = null;
  #call: PhoneCall | null = null;
  #leg: Leg | null = null;
  #isRinging = false;
  #hungUp = false;
  #settle: { resolve: (call: PhoneCall) => void; reject: (error: EndpointError) => void };
  /** The call, as soon as somebody has offered. Rejects with `call-failed` if it ends before. */
  readonly call: Promise<PhoneCall>;

  constructor(parts: OfferlessCallerParts) {
    this.#parts = parts;
    this.#settle = { resolve: () => undefined, reject: () => undefined };
    this.call = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.call.catch(() => undefined);
    this.#invite = parts.agent.invite(parts.target, {}, this);
  }

  provisional(leg: Leg, response: SipResponse, reliable: boolean): void {
    this.#legs.add(leg);
    if (response.status === 180) this.#ringing();
    if (!reliable) return;
    if (this.#branches.has(leg.remoteTag) || response.body.length === 0) {
      leg.prack(response).catch((cause: unknown) => this.#fail(cause));
      return;
    }
    this.#answer(leg, response, async (body) => {
      await leg.prack(response, body, 'answer');
    });
  }

  accepted(leg: Leg, response: SipResponse): void {
    this.#leg = leg;
    this.#legs.add(leg);
    const answered = this.#branches.get(leg.remoteTag);
    if (answered === undefined) {
      const acknowledge = (body?: Body): Promise<void> => {
        leg.ack(body);
        return Promise.resolve();
      };
      this.#answer(leg, response, acknowledge, () => leg.ack());
      return;
    }
    leg.ack();
    answered.then((branch) => this.#up(leg, branch)).catch((cause: unknown) => this.#fail(cause));
  }

  failed(error: SipError, response: SipResponse | null): void {
    const status = response?.status ?? 408;
    if (response !== null && status >= 300 && status < 400) {
      this.#redirected(response);
      return;
    }
    const next = status < 600 && !this.#hungUp ? this.#parts.redirected([]) : null;
    if (typeof next === 'string') {
      this.#goesOn(next);
      return;
    }
    this.#over(
      error.code,
      new EndpointError('call-failed', `the call failed: ${error.message}`, { cause: error }),
    );
  }

  #redirected(response: SipResponse): void {
    if (this.#hungUp) {
      this.#over('cancelled', null);
      return;
    }
    const next = this.#parts.redirected(byPreference(response.contacts).map(({ uri }) => uri.text));
    if (next instanceof EndpointError) this.#over(next.code, next);
    else this.#goesOn(next);
  }

  /** Another INVITE: whoever has offered by the last has an early dialog no more. */
  #goesOn(next: string): void {
    this.#invite = this.#parts.agent.invite(next, {}, this);
    this.#call?.redirected(this.#invite.callId, next);
  }

  #ringing(): void {
    this.#isRinging = true;
    this.#call?.ringing();
  }

  /** An offer is there, with I_MESSAGE_1: R_MESSAGE_1 goes back. @param unanswered what to send where there is no answer */
  #answer(
    leg: Leg,
    response: SipResponse,
    send: (body: Body) => Promise<void>,
    unanswered: () => void = () => undefined,
  ): void {
    const run = async (): Promise<Branch> => {
      const branch = await this.#respond(response).catch((cause: unknown) => {
        unanswered();
        throw cause;
      });
      leg.handler = this.#handler(leg, branch);
      await send(branch.said.answer(branch.exchange.rMessage1, branch.offer));
      if (this.#leg === leg) this.#up(leg, branch);
      return branch;
    };
    const branch = run();
    this.#branches.set(leg.remoteTag, branch);
    branch.catch((cause: unknown) => this.#branchFailed(leg, cause));
  }

  async #respond(response: SipResponse): Promise<Branch> {
    const offer = readDescription(response.contentType, response.body);
    if (offer.mikey === null) throw new EndpointError('key-exchange', 'the offer has no MIKEY message');
    const { media, said } = await (this.#opened ??= this.#open(offer));
    const exchange = await this.#parts.keys.respond(offer.mikey, media.ssrcs, offer.protocols);
    return { offer, exchange, said: said.fork(), result: null };
  }

  async #open(offer: SessionMedia): Promise<Opened> {
    const { media: open, describing, call: make } = this.#parts;
    const media = await open(offer);
    const call = make(this.#invite.callId, media);
    this.#call = call;
    call.controlledBy({ hangUp: () => this.#hangUp(), legs: () => [...this.#legs] });
    this.#settle.resolve(call);
    if (this.#isRinging) call.ringing();
    return { call, media, said: describing(media) };
  }

  #handler(leg: Leg, branch: Branch): LegHandler {
    return {
      update: (request) => this.#confirm(leg, branch, request),
      ended: (reason) => this.#legEnded(leg, branch, reason),
    };
  }

  /** I_MESSAGE_2 is there: R_MESSAGE_2 goes back, and media may flow. */
  async #confirm(leg: Leg, branch: Branch, request: SipRequest): Promise<Reply> {
    if (request.body.length === 0) return {};
    const confirm = async (): Promise<Reply> => {
      const offer = readDescription(request.contentType, request.body);
      if (offer.mikey === null) throw new EndpointError('key-exchange', 'the offer has no MIKEY message');
      const { rMessage2, result } = await branch.exchange.confirm(offer.mikey);
      this.#parts.accepting(result.peer);
      branch.result = result;
      branch.exchange.close();
      await this.#secure(offer, result);
      if (this.#leg === leg) this.#up(leg, branch);
      return { body: branch.said.answer(rMessage2, offer) };
    };
    const failing = { refusal: refusalReply, failed: (cause: unknown) => this.#branchFailed(leg, cause) };
    return answeredFirst(this.#parts.clock, confirm, failing);
  }

  async #secure(description: SessionMedia, result: ExchangeResult): Promise<void> {
    const { call, media } = await this.#ready();
    media.connect(description);
    media.secure(result, 'responder');
    call.secured(result);
  }

  /** The INVITE is accepted, and the keys may be there. */
  #up(leg: Leg, branch: Branch): void {
    if (branch.result === null) {
      this.#parts.clock.after(UPDATE_MS, () => {
        if (branch.result === null && leg.state !== 'terminated')
          this.#fail(new EndpointError('key-exchange', 'no UPDATE with I_MESSAGE_2 came'));
      });
      return;
    }
    const { result, said } = branch;
    this.#ready()
      .then(async ({ call, media }) => {
        // Of a forked call another dialog may have been secured last.
        if (this.#branches.size > 1) await this.#secure(branch.offer, result);
        renegotiated(
          this.#parts,
          { leg, call, media, said, keys: result, role: 'responder' },
          {
            failed: (cause) => this.#fail(cause),
            ended: (reason) => this.#over(reason, null),
          },
        );
        call.up();
      })
      .catch((cause: unknown) => this.#fail(cause));
  }

  #ready(): Promise<Opened> {
    return this.#opened ?? Promise.reject(new EndpointError('call-failed', 'nobody has offered'));
  }

  async #hangUp(): Promise<void> {
    this.#hungUp = true;
    if (this.#leg === null) this.#invite.cancel();
    else await this.#leg.bye();
  }

  #legEnded(leg: Leg, branch: Branch, reason: string): void {
    branch.exchange.close();
    if (this.#leg === leg) this.#over(reason, null);
  }

  /** One of several devices failed: the others may be reached still. Once none is left, so has the call. */
  #branchFailed(leg: Leg, cause: unknown): void {
    this.#branches.delete(leg.remoteTag);
    // Of an early dialog that is over, the INVITE says what becomes of the call.
    if (leg.state === 'terminated' && this.#leg === null) return;
    if (this.#branches.size === 0 || this.#leg === leg) this.#fail(cause);
    else void leg.bye();
  }

  #fail(cause: unknown): void {
    const error =
      cause instanceof EndpointError
        ? cause
        : new EndpointError('call-failed', 'the key exchange was not carried through', { cause });
    this.#over('key-exchange', error);
    void this.#hangUp();
  }

  #over(reason: string, error: EndpointError | null): void {
    this.#settle.reject(error ?? new EndpointError('call-failed', `the call ended: ${reason}`));
    this.#call?.over({ reason, error }, this.#parts.lingerMs);
  }
}
