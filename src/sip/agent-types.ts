/**
 * What a user agent and its user say to each other. The user (a phone) decides; the agent knows SIP: digest, CSeq,
 * dialogs, reliable provisional responses, retransmissions, ACK.
 *
 * The life of an outgoing call with 100rel, as handler calls and leg methods:
 *
 *     agent.invite(uri, { body: offer }, handler)
 *       → handler.provisional(leg, 183, reliable = true)      leg.prack(response, { body }) → 200 (its body: an answer)
 *       → handler.provisional(leg, 180, reliable = false)
 *       → handler.accepted(leg, 200)                          leg.ack()
 *       …                                                     leg.update(body) → 200, leg.bye()
 *       → leg.handler.ended('bye')
 *
 * and of an incoming one:
 *
 *     agent.incoming(call)                                    call.handler = { prack, update, … }
 *                                                             await call.reliable(183, body)   (resolves with the PRACK)
 *       → call.handler.prack(request) → { body: answer }
 *                                                             call.provisional(180)
 *                                                             await call.accept(body?)         (resolves with the ACK)
 *
 * Without 100rel `call.accept(answer)` comes at once, and an UPDATE of the caller follows. Every early dialog of a
 * forked call is a leg of its own.
 */
import type { SipError } from './errors.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { Warning } from './warning.ts';

/** A body and its media type. */
export interface Body {
  readonly type: string;
  readonly octets: Uint8Array;
}

/** The answer to a request of the far end; status 200 unless said otherwise. */
export interface Reply {
  readonly status?: number;
  readonly body?: Body | undefined;
  /** Further fields. */
  readonly fields?: readonly (readonly [string, string])[] | undefined;
  /** Where the body is an offer, in a 2xx to an INVITE: is given the ACK, once, which has the answer. */
  readonly answered?: ((ack: SipRequest) => void) | undefined;
  /** Why it is refused. */
  readonly warning?: Warning | undefined;
}

/** Why a leg is over. */
export type EndReason =
  /** The far end said BYE. */
  | 'bye'
  /** This side said BYE. */
  | 'hung-up'
  /** The caller gave up before the answer. */
  | 'cancelled'
  /** A final response other than 2xx, or none. */
  | 'failed'
  /** No ACK or PRACK came in time. */
  | 'unacknowledged'
  /** Another leg of a forked call was taken. */
  | 'not-chosen';

/** What the far end of a leg asks for. A missing method answers as said. */
export interface LegHandler {
  /** Default: 200 without a body. */
  prack?(request: SipRequest): Reply | Promise<Reply>;
  /** UPDATE (RFC 3311). Default: 200 without a body. */
  update?(request: SipRequest): Reply | Promise<Reply>;
  /** INVITE within the dialog. Default: 488. */
  reinvite?(request: SipRequest): Reply | Promise<Reply>;
  /** Any other request within the dialog (REFER, NOTIFY, MESSAGE). Default: 603 for REFER, 481 for NOTIFY, else 501. */
  other?(request: SipRequest): Reply | Promise<Reply>;
  /** Once, at the end; `request` is the BYE or CANCEL, if one it was. */
  ended?(reason: EndReason, request: SipRequest | null): void;
}

/** One dialog with the far end. */
export interface Leg {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly state: 'early' | 'confirmed' | 'terminated';
  /** Whether this side began the call: the Call-ID is its own. */
  readonly isCaller: boolean;
  handler: LegHandler;
  /** Resolves when no offer of either side is unanswered, or the leg has ended. */
  whenQuiet(): Promise<void>;
  /**
   * Acknowledges a reliable provisional response. @param role what the body is: an answer where the response has an offer
   * @returns the 2xx; @throws SipError `refused`, `timeout`
   */
  prack(response: SipResponse, body?: Body, role?: 'offer' | 'answer'): Promise<SipResponse>;
  /** @returns the 2xx; @throws SipError; `crossed` with a body while another offer is unanswered */
  update(body?: Body): Promise<SipResponse>;
  /**
   * INVITE within the dialog with an offer, or without one, and `answer` makes the answer to that in the 2xx; the ACK is
   * sent by itself. @returns the 2xx; @throws SipError, as `update`, and what `answer` throws: then the ACK has no body
   */
  reinvite(
    offer: Body | null,
    answer?: (response: SipResponse) => Body | Promise<Body>,
  ): Promise<SipResponse>;
  /** Any other request within the dialog, with Contact. @returns the 2xx; @throws SipError */
  send(method: string, fields: readonly (readonly [string, string])[], body?: Body): Promise<SipResponse>;
  /** Acknowledges the 2xx of the INVITE; sent again whenever the 2xx is. */
  ack(body?: Body): void;
  /** Ends the call; resolves when answered, or given up. @param cause a status that says why (RFC 3326) */
  bye(cause?: number): Promise<void>;
}

/** A call that this side makes. */
export interface OutgoingCall {
  readonly callId: string;
  /** Gives up before the answer. `failed` follows, with 487. */
  cancel(): void;
}

export interface OutgoingHandler {
  /** A provisional response but 100. `reliable`: answer it with `leg.prack`. Retransmissions are left out. */
  provisional?(leg: Leg, response: SipResponse, reliable: boolean): void;
  /** A 2xx: answer with `leg.ack`. Further legs that accept get BYE by themselves (`not-chosen`). */
  accepted(leg: Leg, response: SipResponse): void;
  /** No leg accepted. `response` is `null` where there was none. */
  failed(error: SipError, response: SipResponse | null): void;
}

/** A call that comes in. A leg from the first response with a tag. */
export interface IncomingCall {
  readonly request: SipRequest;
  readonly leg: Leg;
  handler: LegHandler;
  /** Whether the caller can do 100rel. */
  readonly supports100rel: boolean;
  /** A provisional response that may get lost. */
  provisional(status: number, body?: Body): void;
  /** One that is sent until it is acknowledged. @returns its PRACK; @throws SipError `timeout`, `state` */
  reliable(status: number, body?: Body): Promise<SipRequest>;
  /** 200. @returns the ACK; @throws SipError `timeout`, `state` */
  accept(body?: Body): Promise<SipRequest>;
  /** @param body what more there is to say */
  reject(status: number, warning?: Warning, body?: Body): void;
  /** 302: the caller may call `to` instead (RFC 3261 section 8.1.3.4). */
  redirect(to: string): void;
}
