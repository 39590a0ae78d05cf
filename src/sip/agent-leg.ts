/**
 * One dialog of a user agent: its requests out, the far end's requests in.
 */
import type { Body, EndReason, Leg, LegHandler, Reply } from './agent-types.ts';
import type { Dialog } from './dialog.ts';
import { SipError } from './errors.ts';
import { parseRAck, parseRSeq } from './fields.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { PersistentResponse } from './persistence.ts';
import type { ResponseParts } from './response.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { isSips } from './uri.ts';
import type { Warning } from './warning.ts';

/** What an agent does for its legs. */
export interface LegHost {
  /** Sends a request in a transaction; a challenge is answered. Resolves with the final response, whatever it is. */
  exchange(request: SipRequest): Promise<SipResponse>;
  /** Sends the ACK of a 2xx; `request` is complete but for Via. */
  acknowledge(request: SipRequest): void;
  respond(
    transaction: ServerTransaction,
    status: number,
    parts?: ResponseParts,
    warning?: Warning,
  ): SipResponse;
  /** Sends a response again and again; it has been sent once. */
  persist(transaction: ServerTransaction, response: SipResponse, gaveUp: () => void): PersistentResponse;
  ended(leg: AgentLeg): void;
  /** What this end says where it is called; `secure`: in a dialog by sips:. */
  contact(secure: boolean): string;
}

export class AgentLeg implements Leg {
  readonly dialog: Dialog;
  handler: LegHandler = {};
  /** Called with each ACK for the 2xx to the first INVITE; the incoming call waits for it. */
  acked: (request: SipRequest) => void = () => undefined;
  /** Called with each PRACK: `null` if it is for no response outstanding, else what to do once it is answered. */
  pracked: (request: SipRequest, rseq: number, cseq: number) => (() => void) | null = () => null;
  /** Called when the leg ends: nobody waits for its answers any more. */
  over: () => void = () => undefined;
  /** RSeq of the last reliable response seen, 0 before any. */
  #rseq = 0;
  readonly #host: LegHost;
  readonly #inviteSeq: number;
  /** The ACK of this side's last INVITE. */
  #ack: SipRequest | null = null;
  /** The far end's INVITE within the dialog whose 2xx waits for its ACK. */
  #unacknowledged: {
    readonly cseq: number;
    readonly sending: PersistentResponse;
    /** Waits for the answer to the offer in that 2xx. */
    answered: Reply['answered'];
  } | null = null;
  /** An offer of this side is unanswered: one of the far end gets 491 (RFC 3311 5.2, RFC 3261 14.1). */
  #offering = false;
  #ended = false;

  constructor(host: LegHost, dialog: Dialog, inviteSeq: number) {
    this.#host = host;
    this.dialog = dialog;
    this.#inviteSeq = inviteSeq;
  }

  get #contact(): string {
    return this.#host.contact(isSips(this.dialog.remoteTarget));
  }

  get callId(): string {
    return this.dialog.callId;
  }

  get localTag(): string {
    return this.dialog.localTag;
  }

  get remoteTag(): string {
    return this.dialog.remoteTag;
  }

  get state(): 'early' | 'confirmed' | 'terminated' {
    return this.dialog.state;
  }

  /** RFC 3262 section 4: whether a reliable response is the next in order, and not one again. */
  inSequence(response: SipResponse): boolean {
    const rseq = parseRSeq(response.first('RSeq') ?? '');
    if (this.#rseq !== 0 && rseq !== this.#rseq + 1) return false;
    this.#rseq = rseq;
    return true;
  }

  async prack(response: SipResponse, body?: Body): Promise<SipResponse> {
    const request = this.dialog.request('PRACK');
    request.append('RAck', `${response.first('RSeq') ?? ''} ${response.first('CSeq') ?? ''}`);
    return success(await this.#exchange(request, body));
  }

  async update(body?: Body): Promise<SipResponse> {
    const request = this.dialog.request('UPDATE');
    request.append('Contact', this.#contact);
    const response = success(await this.#exchange(request, body));
    this.dialog.refresh(response);
    return response;
  }

  async reinvite(body: Body): Promise<SipResponse> {
    const request = this.dialog.request('INVITE');
    request.append('Contact', this.#contact);
    request.append('Supported', '100rel');
    const response = success(await this.#exchange(request, body));
    this.dialog.refresh(response);
    this.#acknowledge(response.cseq.number);
    return response;
  }

  ack(body?: Body): void {
    this.#acknowledge(this.#inviteSeq, body);
  }

  /** A 2xx came again: so must its ACK. @returns whether there has been one */
  repeatAck(cseq: number): boolean {
    if (this.#ack?.cseq.number !== cseq) return false;
    this.#host.acknowledge(this.#ack.clone());
    return true;
  }

  /** An ACK of the far end. */
  acknowledged(request: SipRequest): void {
    const waiting = this.#unacknowledged;
    if (request.cseq.number !== waiting?.cseq) {
      this.acked(request);
      return;
    }
    waiting.sending.stop();
    const { answered } = waiting;
    waiting.answered = undefined;
    answered?.(request);
  }

  async bye(): Promise<void> {
    if (this.state === 'terminated') return;
    const request = finish(this.dialog.request('BYE'));
    this.end('hung-up', null);
    await this.#host.exchange(request).catch(ignoreSip);
  }

  /** Ends the leg on this side, once. */
  end(reason: EndReason, request: SipRequest | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.dialog.state = 'terminated';
    this.#host.ended(this);
    this.#unacknowledged?.sending.stop();
    this.over();
    this.handler.ended?.(reason, request);
  }

  /** A request of the far end within the dialog. */
  async request(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    if (!this.dialog.inOrder(request)) {
      this.#host.respond(transaction, 500);
      return;
    }
    const refresh = request.method === 'INVITE' || request.method === 'UPDATE';
    const offering = this.#offering || this.#unacknowledged?.answered !== undefined;
    if (refresh && offering && (request.body.length > 0 || request.method === 'INVITE')) {
      this.#host.respond(transaction, 491);
      return;
    }
    if (refresh) this.dialog.refresh(request);
    if (request.method === 'BYE') {
      this.#host.respond(transaction, 200);
      this.end('bye', request);
      return;
    }
    if (request.method === 'PRACK') {
      await this.#pracked(transaction);
      return;
    }
    const reply = await this.#ask(request);
    const parts = {
      ...(refresh ? { contact: this.#contact } : {}),
      ...(reply.body === undefined ? {} : { body: reply.body }),
    };
    const response = this.#host.respond(transaction, reply.status ?? 200, parts, reply.warning);
    if (request.method === 'INVITE' && response.status < 300)
      this.#awaitAck(transaction, response, reply.answered);
  }

  #awaitAck(transaction: ServerTransaction, response: SipResponse, answered: Reply['answered']): void {
    this.#unacknowledged?.sending.stop();
    const gaveUp = (): void => void this.bye().catch(ignoreSip);
    const sending = this.#host.persist(transaction, response, gaveUp);
    this.#unacknowledged = { cseq: response.cseq.number, sending, answered };
  }

  #acknowledge(cseq: number, body?: Body): void {
    if (this.#ack?.cseq.number !== cseq) this.#ack = finish(this.dialog.request('ACK', cseq), body);
    this.#host.acknowledge(this.#ack.clone());
  }

  async #pracked(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const { rseq, number } = parseRAck(request.first('RAck') ?? '');
    const done = this.pracked(request, rseq, number);
    if (done === null) {
      this.#host.respond(transaction, 481);
      return;
    }
    try {
      const { status = 200, body, warning } = (await this.handler.prack?.(request)) ?? {};
      this.#host.respond(transaction, status, body === undefined ? {} : { body }, warning);
    } finally {
      done();
    }
  }

  async #ask(request: SipRequest): Promise<Reply> {
    const { handler } = this;
    if (request.method === 'UPDATE') return (await handler.update?.(request)) ?? {};
    if (request.method === 'INVITE') return (await handler.reinvite?.(request)) ?? { status: 488 };
    return (await handler.other?.(request)) ?? { status: 501 };
  }

  async #exchange(request: SipRequest, body?: Body): Promise<SipResponse> {
    this.#offering = body !== undefined;
    try {
      const response = await this.#host.exchange(finish(request, body));
      this.dialog.used(response.cseq.number);
      return response;
    } finally {
      this.#offering = false;
    }
  }
}

/** Adds the body, or that there is none. */
export function finish(request: SipRequest, body?: Body): SipRequest {
  if (body === undefined) request.append('Content-Length', '0');
  else request.setBody(body.type, body.octets);
  return request;
}

/** @throws SipError `refused` unless the response is a 2xx */
export function success(response: SipResponse): SipResponse {
  if (response.status >= 200 && response.status < 300) return response;
  throw new SipError('refused', `${response.status} ${response.reason}`);
}

/** Failures of the domain do not matter to the caller; others do. */
export function ignoreSip(cause: unknown): void {
  if (!(cause instanceof SipError)) throw cause;
}
