/**
 * A call that this side makes: one INVITE, perhaps once more with credentials, and a leg for every early dialog that
 * answers (RFC 3261 section 13.2.2). The first leg that accepts is the call; others that accept later get ACK and BYE.
 */
import type { AgentLeg } from './agent-leg.ts';
import { ignoreSip } from './agent-leg.ts';
import type { OutgoingCall, OutgoingHandler } from './agent-types.ts';
import type { ClientHandler, ClientTransaction } from './client-transaction.ts';
import { SipError } from './errors.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** What the agent does for its outgoing calls. */
export interface OutgoingHost {
  send(request: SipRequest, handler: ClientHandler): ClientTransaction;
  /** Puts known credentials on the request. */
  prepare(request: SipRequest): void;
  /** The request again with the challenge answered, or `null`. */
  authorize(request: SipRequest, response: SipResponse): SipRequest | null;
  leg(request: SipRequest, response: SipResponse): AgentLeg;
}

export class AgentOutgoingCall implements OutgoingCall {
  readonly callId: string;
  readonly #handler: OutgoingHandler;
  readonly #host: OutgoingHost;
  /** By the tag of the far end: a leg that has ended keeps its place, and its CSeq. */
  readonly #legs = new Map<string, AgentLeg>();
  #request: SipRequest;
  #transaction: ClientTransaction | null = null;
  #chosen: AgentLeg | null = null;
  #challenged = false;
  #cancelled = false;
  #over = false;

  constructor(request: SipRequest, handler: OutgoingHandler, host: OutgoingHost) {
    this.#request = request;
    this.#handler = handler;
    this.#host = host;
    this.callId = request.callId;
  }

  start(): void {
    this.#host.prepare(this.#request);
    this.#send();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#transaction?.cancel();
  }

  #send(): void {
    this.#transaction = this.#host.send(this.#request.clone(), {
      response: (response) => this.#response(response),
      failed: (error) => this.#failed(error, null),
    });
    if (this.#cancelled) this.#transaction.cancel();
  }

  #response(response: SipResponse): void {
    if (response.status < 200) this.#provisional(response);
    else if (response.status < 300) this.#accepted(response);
    else this.#refused(response);
  }

  #provisional(response: SipResponse): void {
    if (response.status === 100 || response.toTag === null || this.#chosen !== null) return;
    const leg = this.#leg(response);
    const reliable = response.lists('Require', '100rel') && response.all('RSeq').length > 0;
    if (leg.state === 'terminated' || (reliable && !leg.inSequence(response))) return;
    this.#handler.provisional?.(leg, response, reliable);
  }

  #accepted(response: SipResponse): void {
    const leg = this.#leg(response);
    if (leg.repeatAck(response.cseq.number) || leg === this.#chosen) return;
    leg.dialog.confirm(response);
    if (this.#chosen !== null || this.#cancelled) {
      leg.ack();
      void leg.bye().catch(ignoreSip);
      if (this.#chosen === null)
        this.#failed(new SipError('refused', 'answered after it was cancelled'), response);
      return;
    }
    this.#chosen = leg;
    for (const other of this.#legs.values()) if (other !== leg) other.end('not-chosen', null);
    this.#handler.accepted(leg, response);
  }

  #refused(response: SipResponse): void {
    const retry = this.#challenged ? null : this.#host.authorize(this.#request, response);
    if (retry === null || this.#cancelled) {
      this.#failed(new SipError('refused', `${response.status} ${response.reason}`), response);
      return;
    }
    this.#challenged = true;
    this.#request = retry;
    this.#send();
  }

  #failed(error: SipError, response: SipResponse | null): void {
    if (this.#over || this.#chosen !== null) return;
    this.#over = true;
    for (const leg of this.#legs.values()) leg.end('failed', null);
    this.#handler.failed(error, response);
  }

  #leg(response: SipResponse): AgentLeg {
    const tag = response.toTag ?? '';
    const leg = this.#legs.get(tag) ?? this.#host.leg(this.#request, response);
    this.#legs.set(tag, leg);
    return leg;
  }
}
