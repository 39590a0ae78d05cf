/**
 * An outgoing call, from the INVITE to the end:
 *
 *     INVITE  offer, I_MESSAGE_1   →
 *                                  ←   183 reliable: answer, R_MESSAGE_1
 *     PRACK   offer, I_MESSAGE_2   →
 *                                  ←   200: answer, R_MESSAGE_2             secured
 *                                  ←   180, 200 INVITE
 *     ACK                          →                                        up
 *
 * and without 100rel: 200 INVITE with R_MESSAGE_1, ACK, then UPDATE with I_MESSAGE_2, its 200 with R_MESSAGE_2. Each
 * early dialog of a forked call has an exchange of its own; the one that is accepted counts, and one that fails ends
 * alone as long as there are others. A call that is redirected goes on as another INVITE with an exchange of its own.
 */
import type { Body, Leg, OutgoingCall, OutgoingHandler } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import { OfferQueue } from '../../sip/agent-offers.ts';
import { SipError } from '../../sip/errors.ts';
import { byPreference } from '../../sip/fields.ts';
import type { SipResponse } from '../../sip/message.ts';
import type { CallMedia } from '../../endpoint/call-media.ts';
import type { PhoneCall } from './call.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { AnsweredExchange, ExchangeResult, InitiatedExchange } from '../../endpoint/key-exchange.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import { mikeyBodyOf } from '../../endpoint/refusal.ts';
import { reoffered } from '../../endpoint/reoffer.ts';
import { renegotiated } from './renegotiated.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

/** An early dialog on its way: what it has answered, and whether the exchange with it is complete. */
interface Branch {
  answer: SessionMedia;
  exchange: AnsweredExchange;
  result: ExchangeResult | null;
}

/** What a 3xx leads to: the call to somebody else, or why there is none. */
export type Redirection = ((call: PhoneCall) => Promise<void>) | EndpointError;

export interface CallerParts extends RenegotiatedParts {
  readonly agent: UserAgent;
  readonly target: string;
  /** Further fields of the INVITE. */
  readonly fields: readonly (readonly [string, string])[];
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  readonly exchange: InitiatedExchange;
  /** Whether there has been an exchange that was abandoned for its curve, and this is on another. */
  readonly isAgain: boolean;
  /** Calls again with a new exchange, on the curve that all know. */
  readonly again: (call: PhoneCall) => void;
  /** Makes the call once its Call-ID is known. */
  readonly call: (callId: string) => PhoneCall;
  /** Whom it goes on to, of these and of those that were named before. @param to URIs, the best first */
  readonly redirected: (to: readonly string[]) => Redirection;
  /** Milliseconds for which media are still heard after the end. */
  readonly lingerMs: number;
}

export class Caller implements OutgoingHandler {
  readonly #parts: CallerParts;
  readonly #branches = new Map<string, Promise<Branch>>();
  readonly #legs = new Set<Leg>();
  readonly #said = new Map<string, OwnDescriptions>();
  readonly #invite: OutgoingCall;
  readonly call: PhoneCall;
  #leg: Leg | null = null;
  /** Another INVITE has taken the place of this one. */
  #isAbandoned = false;
  #hungUp = false;

  constructor(parts: CallerParts) {
    this.#parts = parts;
    const { agent, target, said, exchange, fields } = parts;
    this.#invite = agent.invite(target, { body: said.offer(exchange.iMessage1), fields }, this);
    this.call = parts.call(this.#invite.callId);
    this.call.controlledBy({ hangUp: () => this.#hangUp(), legs: () => [...this.#legs] });
  }

  provisional(leg: Leg, response: SipResponse, reliable: boolean): void {
    if (this.#isAbandoned) return;
    this.#legs.add(leg);
    if (response.status === 180) this.call.ringing();
    if (!reliable) return;
    if (this.#branches.has(leg.remoteTag) || response.body.length === 0) {
      leg.prack(response).catch((cause: unknown) => this.#branchFailed(leg, cause));
      return;
    }
    this.#exchange(leg, response, (body) => leg.prack(response, body)).catch((cause: unknown) =>
      this.#branchFailed(leg, cause),
    );
  }

  accepted(leg: Leg, response: SipResponse): void {
    this.#leg = leg;
    this.#legs.add(leg);
    leg.ack();
    const { media } = this.#parts;
    const again = { said: this.#saidOn(leg), media, failed: (cause: EndpointError) => this.#fail(cause) };
    leg.handler = {
      update: (request) => reoffered(request, again),
      reinvite: (request) => reoffered(request, again),
      ended: (reason) => this.#over(reason, null),
    };
    // An offer of the far end may cross this one.
    const offers = new OfferQueue(leg, this.#parts);
    const exchange =
      this.#branches.get(leg.remoteTag) ??
      this.#exchange(leg, response, (body) => offers.run(() => leg.update(body)));
    exchange.then((branch) => this.#up(leg, branch)).catch((cause: unknown) => this.#fail(cause));
  }

  failed(error: SipError, response: SipResponse | null): void {
    const status = response?.status ?? 408;
    if (response !== null && status >= 300 && status < 400 && !this.#isAbandoned) {
      this.#redirected(response);
      return;
    }
    const next = status < 600 && !this.#hungUp && !this.#isAbandoned ? this.#parts.redirected([]) : null;
    if (next !== null && !(next instanceof EndpointError)) {
      this.#goesOn(next);
      return;
    }
    const octets = response === null ? null : mikeyBodyOf(response);
    const refusal = octets === null ? null : this.#parts.exchange.refusal(octets);
    if (refusal !== null && !this.#isAbandoned) this.call.refused(refusal);
    const why = refusal === null ? '' : `: MIKEY error ${refusal.errorNo}, ${refusal.name}`;
    this.#over(
      error.code,
      new EndpointError(
        refusal === null ? 'call-failed' : 'policy',
        `the call failed: ${error.message}${why}`,
        { cause: error },
      ),
      response?.status,
    );
  }

  #redirected(response: SipResponse): void {
    if (this.#hungUp) {
      this.#over('cancelled', null);
      return;
    }
    this.#goesOn(this.#parts.redirected(byPreference(response.contacts).map(({ uri }) => uri.text)));
  }

  #goesOn(next: Redirection): void {
    if (next instanceof EndpointError) {
      this.#over(next.code, next);
      return;
    }
    this.#parts.exchange.close();
    this.#wipeOthers(null);
    next(this.call).catch((cause: unknown) => this.#fail(cause));
  }

  /** One of several devices failed: the others may be reached still. Once none is left, so has the call. */
  #branchFailed(leg: Leg, cause: unknown): void {
    this.#branches.delete(leg.remoteTag);
    // It was over already, since the call goes on elsewhere: what becomes of that, the INVITE says.
    if (cause instanceof SipError && cause.code === 'no-dialog') return;
    // What ended because another was chosen, or the far end gave up, ended for good.
    if (leg.state === 'terminated' && this.#leg !== null) return;
    if (this.#branches.size === 0 || this.#leg === leg) this.#fail(cause);
    else void leg.bye();
  }

  /** R_MESSAGE_1 is there: sends I_MESSAGE_2 by PRACK or UPDATE and judges what comes back. */
  #exchange(leg: Leg, response: SipResponse, send: (body: Body) => Promise<SipResponse>): Promise<Branch> {
    const run = async (): Promise<Branch> => {
      const answer = readDescription(response.contentType, response.body);
      const exchange = await this.#parts.exchange.answer(mikeyOf(answer));
      const reply = await send(this.#saidOn(leg).offer(exchange.iMessage2));
      const last = readDescription(reply.contentType, reply.body);
      const result = await exchange.confirm(mikeyOf(last));
      if (this.#leg !== null && this.#leg !== leg) {
        result.wipe();
        throw new EndpointError('key-exchange', 'another device has answered meanwhile');
      }
      this.#secure(last, result);
      this.call.secured(result);
      return { answer: last, exchange, result };
    };
    const branch = run();
    this.#branches.set(leg.remoteTag, branch);
    return branch;
  }

  /** What this end has described on one leg: each goes on from the offer of the INVITE by itself. */
  #saidOn({ remoteTag }: Leg): OwnDescriptions {
    const said = this.#said.get(remoteTag) ?? this.#parts.said.fork();
    this.#said.set(remoteTag, said);
    return said;
  }

  #secure(answer: SessionMedia, result: ExchangeResult): void {
    this.#parts.media.connect(answer);
    this.#parts.media.secure(result, 'initiator');
    if (result.isDeferred) this.#parts.media.withoutReports();
  }

  #up(leg: Leg, branch: Branch): void {
    if (branch.result === null) return;
    // Of a forked call another dialog may have been secured last.
    if (this.#branches.size > 1) {
      this.#secure(branch.answer, branch.result);
      this.call.secured(branch.result);
      this.#wipeOthers(branch);
    }
    this.#parts.exchange.close();
    const { media } = this.#parts;
    const secured = { leg, call: this.call, media, said: this.#saidOn(leg), keys: branch.result };
    renegotiated(
      this.#parts,
      { ...secured, role: 'initiator' },
      {
        failed: (cause) => this.#fail(cause),
        ended: (reason) => this.#over(reason, null),
      },
    );
    this.call.up();
  }

  /** Keys of the dialogs that were not taken. @param taken `null`: none was */
  #wipeOthers(taken: Branch | null): void {
    const wipe = (branch: Branch): void => {
      if (branch !== taken) branch.result?.wipe();
    };
    for (const other of this.#branches.values()) other.then(wipe, () => undefined);
  }

  async #hangUp(): Promise<void> {
    this.#hungUp = true;
    if (this.#leg === null) this.#invite.cancel();
    else await this.#leg.bye();
  }

  #fail(cause: unknown): void {
    if (this.#isAbandoned) return;
    if (cause instanceof EndpointError && cause.code === 'other-curve' && !this.#parts.isAgain) {
      this.#again();
      return;
    }
    const error =
      cause instanceof EndpointError
        ? cause
        : new EndpointError('call-failed', 'the key exchange was not carried through', { cause });
    this.#over('key-exchange', error);
    void this.#hangUp();
  }

  /** The exchange is abandoned (profile, section 3), and a new one begins, with a new INVITE. */
  #again(): void {
    this.#isAbandoned = true;
    this.#parts.exchange.close();
    void this.#hangUp();
    this.#parts.again(this.call);
  }

  #over(reason: string, error: EndpointError | null, status?: number): void {
    this.#parts.exchange.close();
    if (this.#leg === null) this.#wipeOthers(null);
    if (this.#isAbandoned) return;
    this.call.over({ reason, error, status }, this.#parts.lingerMs);
  }
}

function mikeyOf(description: SessionMedia): Uint8Array {
  if (description.mikey === null) throw new EndpointError('key-exchange', 'the answer has no MIKEY message');
  return description.mikey;
}
