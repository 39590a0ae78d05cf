/**
 * One dialog of a user agent: its requests out, the far end's requests in.
 */
import type { Body, EndReason, Leg, LegHandler, Reply } from './agent-types.ts';
import type { Dialog } from './dialog.ts';
import { SipError } from './errors.ts';
import type { SipErrorCode } from './errors.ts';
import { parseRAck, parseRSeq } from './fields.ts';
import type { SipRequest, SipResponse } from './message.ts';
import type { PersistentResponse } from './persistence.ts';
import type { ResponseParts } from './response.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { isSips } from './uri.ts';
import type { Warning } from './warning.ts';
import { formatReason } from './reason.ts';

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
    acked: boolean;
  } | null = null;
  /** An offer of this side is unanswered: one of the far end gets 491 (RFC 3311 5.2, RFC 3261 14.1). */
  #offering = false;
  /** An offer of the far end is being answered: another one gets 500 (RFC 3311 5.2, RFC 3261 14.2). */
  #answering = false;
  #waitingForQuiet: (() => void)[] = [];
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

  get isCaller(): boolean {
    return this.dialog.isCaller;
  }

  async whenQuiet(): Promise<void> {
    while (this.#isTaken && !this.#ended)
      await new Promise<void>((resolve) => this.#waitingForQuiet.push(resolve));
  }

  /** Whether an offer of either side is unanswered, or the far end's INVITE has no ACK yet. */
  get #isTaken(): boolean {
    return this.#offering || this.#answering || this.#unacknowledged?.acked === false;
  }

  /** RFC 3262 section 4: whether a reliable response is the next in order, and not one again. */
  inSequence(response: SipResponse): boolean {
    const rseq = parseRSeq(response.first('RSeq') ?? '');
    if (this.#rseq !== 0 && rseq !== this.#rseq + 1) return false;
    this.#rseq = rseq;
    return true;
  }

  async prack(response: SipResponse, body?: Body, role: 'offer' | 'answer' = 'offer'): Promise<SipResponse> {
    const send = async (): Promise<SipResponse> => {
      const request = this.dialog.request('PRACK');
      request.append('RAck', `${response.first('RSeq') ?? ''} ${response.first('CSeq') ?? ''}`);
      return success(await this.#exchange(request, body));
    };
    return body === undefined || role === 'answer' ? send() : this.#offer(send);
  }

  async update(body?: Body): Promise<SipResponse> {
    const send = async (): Promise<SipResponse> => {
      const request = this.dialog.request('UPDATE');
      request.append('Contact', this.#contact);
      const response = success(await this.#exchange(request, body));
      this.dialog.refresh(response);
      return response;
    };
    return body === undefined ? send() : this.#offer(send);
  }

  async reinvite(
    offer: Body | null,
    answer?: (response: SipResponse) => Body | Promise<Body>,
  ): Promise<SipResponse> {
    return this.#offer(async () => {
      const request = this.dialog.request('INVITE');
      request.append('Contact', this.#contact);
      request.append('Supported', '100rel');
      const response = success(await this.#exchange(request, offer ?? undefined));
      this.dialog.refresh(response);
      let body: Body | undefined;
      try {
        body = offer === null ? await answer?.(response) : undefined;
      } finally {
        this.#acknowledge(response.cseq.number, body);
      }
      return response;
    });
  }

  async send(
    method: string,
    fields: readonly (readonly [string, string])[],
    body?: Body,
  ): Promise<SipResponse> {
    const request = this.dialog.request(method);
    request.append('Contact', this.#contact);
    for (const [name, value] of fields) request.append(name, value);
    return success(await this.#exchange(request, body));
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
    waiting.acked = true;
    const { answered } = waiting;
    waiting.answered = undefined;
    answered?.(request);
    this.#becameQuiet();
  }

  async bye(cause?: number): Promise<void> {
    if (this.state === 'terminated') return;
    const bye = this.dialog.request('BYE');
    if (cause !== undefined) bye.append('Reason', formatReason(cause));
    const request = finish(bye);
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
    this.#becameQuiet();
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
    const offers = refresh && (request.body.length > 0 || request.method === 'INVITE');
    const offering = this.#offering || this.#unacknowledged?.answered !== undefined;
    if (offers && (offering || this.#answering)) {
      if (offering) this.#host.respond(transaction, 491);
      else this.#host.respond(transaction, 500, { fields: [['Retry-After', '1']] });
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
    if (offers) this.#answering = true;
    try {
      this.#reply(transaction, await this.#ask(request));
    } finally {
      if (offers) this.#answering = false;
      this.#becameQuiet();
    }
  }

  #reply(transaction: ServerTransaction, { status, body, fields, warning, answered }: Reply): void {
    const { method } = transaction.request;
    const parts = {
      ...(WITH_CONTACT.has(method) ? { contact: this.#contact } : {}),
      ...(fields === undefined ? {} : { fields }),
      ...(body === undefined ? {} : { body }),
    };
    const response = this.#host.respond(transaction, status ?? 200, parts, warning);
    if (method === 'INVITE' && response.status < 300) this.#awaitAck(transaction, response, answered);
  }

  #awaitAck(transaction: ServerTransaction, response: SipResponse, answered: Reply['answered']): void {
    this.#unacknowledged?.sending.stop();
    const gaveUp = (): void => void this.bye().catch(ignoreSip);
    const sending = this.#host.persist(transaction, response, gaveUp);
    this.#unacknowledged = { cseq: response.cseq.number, sending, answered, acked: false };
  }

  /** Does what has an offer of this side in it; one of the far end crosses it until it is over. @throws SipError `crossed` */
  async #offer<T>(send: () => Promise<T>): Promise<T> {
    if (this.#isTaken) throw new SipError('crossed', 'another offer is unanswered');
    this.#offering = true;
    try {
      return await send();
    } finally {
      this.#offering = false;
      this.#becameQuiet();
    }
  }

  #becameQuiet(): void {
    if (this.#isTaken && !this.#ended) return;
    for (const resolve of this.#waitingForQuiet.splice(0)) resolve();
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
    return (await handler.other?.(request)) ?? { status: UNHANDLED[request.method] ?? 501 };
  }

  async #exchange(request: SipRequest, body?: Body): Promise<SipResponse> {
    const response = await this.#host.exchange(finish(request, body));
    this.dialog.used(response.cseq.number);
    return response;
  }
}

/** Requests whose 2xx says where this end is (RFC 3261 section 20, RFC 3515 section 2.2). */
const WITH_CONTACT: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'REFER', 'NOTIFY']);

/** Declined, and of no subscription of this end (RFC 6665 section 4.1.3). */
const UNHANDLED: Readonly<Record<string, number>> = { REFER: 603, NOTIFY: 481 };

/** Adds the body, or that there is none. */
export function finish(request: SipRequest, body?: Body): SipRequest {
  if (body === undefined) request.append('Content-Length', '0');
  else request.setBody(body.type, body.octets);
  return request;
}

/** @throws SipError `crossed` for 491, `no-dialog` for 408 and 481, `refused` for all others unless the response is a 2xx */
export function success(response: SipResponse): SipResponse {
  if (response.status >= 200 && response.status < 300) return response;
  throw new SipError(REFUSALS[response.status] ?? 'refused', `${response.status} ${response.reason}`);
}

const REFUSALS: Readonly<Record<number, SipErrorCode>> = {
  491: 'crossed',
  408: 'no-dialog',
  481: 'no-dialog',
};

/** Failures of the domain do not matter to the caller; others do. */
export function ignoreSip(cause: unknown): void {
  if (!(cause instanceof SipError)) throw cause;
}
