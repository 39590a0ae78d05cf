/**
 * Client transactions (RFC 3261 section 17.1, with the accepted state of RFC 6026 section 7.2).
 *
 *     INVITE:      calling → proceeding → completed (timer D) | accepted (timer M) → terminated
 *     non-INVITE:  trying  → proceeding → terminated; over UDP timer K is for the layer (`settled.ts`)
 *
 * Over UDP the request is sent again by timer A, or E, until an answer comes; timers B and F end the wait over any
 * transport. The ACK for a final response other than 2xx belongs to the transaction and is made here (17.1.1.3); the
 * ACK for a 2xx belongs to the user. CANCEL waits for a provisional response (9.1).
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import { SipRequest } from './message.ts';
import type { MessagePlace } from './shares.ts';
import type { SipResponse } from './message.ts';
import type { TimerValues } from './timers.ts';

export type ClientState = 'calling' | 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

/** What the user of a client transaction is told. After `failed` nothing more comes. */
export interface ClientHandler {
  /** Each provisional response, each 2xx to an INVITE (also retransmitted ones), and one final response. */
  response(response: SipResponse, octets: Uint8Array, flow: Flow): void;
  /** No final response: `timeout` (treat as 408) or `unreachable` (treat as 503), section 8.1.3.1. */
  failed(error: SipError): void;
}

/** What the layer does for its transactions. */
export interface ClientHost {
  readonly clock: Clock;
  readonly timers: TimerValues;
  /** Puts a message on the wire; `first` unless it is a retransmission; `of` the request that it belongs to. */
  transmit(message: SipRequest, octets: Uint8Array, flow: Flow, first: boolean, of: SipRequest): void;
  terminated(transaction: ClientTransaction): void;
  /** The same of one with a final response of which copies may come. */
  heard(transaction: ClientTransaction, place: MessagePlace): void;
  /** Sends a CANCEL for a request as a transaction of its own. */
  cancel(request: SipRequest, flow: Flow, of: SipRequest): void;
  /** A place for a request that is sent for this party. */
  place(owner: string | null, octets: number): MessagePlace;
}

export class ClientTransaction {
  readonly request: SipRequest;
  /** The INVITE that a CANCEL is for; else the request itself. */
  readonly of: SipRequest;
  readonly key: string;
  readonly #host: ClientHost;
  readonly #handler: ClientHandler;
  /** As sent, as long as it may have to be sent again. */
  #octets: Uint8Array;
  readonly #place: MessagePlace;
  readonly #invite: boolean;
  #state: ClientState;
  #flow: Flow | null = null;
  #timeout: Timer;
  #retransmit: Timer | null = null;
  #interval: number;
  #cancelled: readonly string[] | null = null;
  #ack: { request: SipRequest; octets: Uint8Array } | null = null;

  /**
   * `request` has its Via. Timer B or F runs from here; the request leaves with `start`.
   * @param owner who made this element send it
   */
  constructor(
    host: ClientHost,
    key: string,
    request: SipRequest,
    handler: ClientHandler,
    owner: string | null,
    of: SipRequest = request,
  ) {
    this.#host = host;
    this.key = key;
    this.request = request;
    this.of = of;
    this.#handler = handler;
    this.#octets = request.serialise();
    this.#place = host.place(owner, this.#octets.length);
    this.#invite = request.method === 'INVITE';
    this.#state = this.#invite ? 'calling' : 'trying';
    this.#interval = host.timers.t1;
    this.#timeout = host.clock.after(64 * host.timers.t1, () => this.#timedOut());
  }

  get state(): ClientState {
    return this.#state;
  }

  get flow(): Flow | null {
    return this.#flow;
  }

  /** Sends the request on its flow. */
  start(flow: Flow): void {
    if (this.#state === 'terminated') return;
    this.#flow = flow;
    this.#transmit(true);
    if (flow.protocol === 'UDP') this.#armRetransmission();
  }

  /** The flow could not be had, or broke before any answer. */
  transportFailed(error: SipError): void {
    if (this.#state === 'calling' || this.#state === 'trying') this.#fail(error);
  }

  /** Asks for the INVITE to be given up; `reason` are Reason header values (RFC 3326) to hand on. */
  cancel(reason: readonly string[] = []): void {
    if (!this.#invite || this.#cancelled !== null) return;
    this.#cancelled = reason;
    if (this.#state === 'proceeding') this.#sendCancel();
  }

  /** Whether `receive` would hand the response to the user: not a retransmission that the transaction absorbs. */
  fresh(response: SipResponse): boolean {
    if (this.#state === 'accepted') return response.status >= 200 && response.status < 300;
    return this.#state !== 'completed' && this.#state !== 'terminated';
  }

  /** A response with this transaction's branch. */
  receive(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    if (!this.fresh(response)) this.#absorb(response, flow);
    else if (response.status < 200) this.#provisional(response, octets, flow);
    else if (this.#invite) this.#inviteFinal(response, octets, flow);
    else this.#final(response, octets, flow);
  }

  /** Ends without telling anybody. */
  abandon(): void {
    this.#terminate();
  }

  /** 17.1.1.2: a final response again means that the ACK got lost. */
  #absorb(response: SipResponse, flow: Flow): void {
    if (this.#state !== 'completed' || this.#ack === null || response.status < 300) return;
    this.#host.transmit(this.#ack.request, this.#ack.octets, flow, false, this.of);
  }

  #provisional(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    const early = this.#state !== 'proceeding';
    this.#state = 'proceeding';
    if (this.#invite && early) {
      this.#stopTimers();
      if (this.#cancelled !== null) this.#sendCancel();
    }
    this.#handler.response(response, octets, flow);
  }

  #inviteFinal(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    if (this.#state !== 'accepted') {
      this.#stopTimers();
      this.#octets = NOTHING;
      const { d, t1 } = this.#host.timers;
      this.#state = response.status < 300 ? 'accepted' : 'completed';
      if (response.status >= 300) this.#sendAck(response, flow);
      if (response.status < 300) this.#endAfter(64 * t1);
      else this.#endAfter(flow.protocol === 'UDP' ? d : 0);
    }
    this.#handler.response(response, octets, flow);
  }

  #final(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    this.#end();
    if (flow.protocol === 'UDP') this.#host.heard(this, this.#place);
    else this.#place.leave();
    this.#handler.response(response, octets, flow);
  }

  #transmit(first: boolean): void {
    if (this.#flow === null) return;
    try {
      this.#host.transmit(this.request, this.#octets, this.#flow, first, this.of);
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
      // Not before the user has the transaction in hand.
      queueMicrotask(() => this.transportFailed(cause));
    }
  }

  #armRetransmission(): void {
    if (this.#state === 'terminated') return;
    this.#retransmit = this.#host.clock.after(this.#interval, () => {
      this.#transmit(false);
      const doubled = this.#interval * 2;
      const { t2 } = this.#host.timers;
      if (this.#invite) this.#interval = doubled;
      else this.#interval = this.#state === 'proceeding' ? t2 : Math.min(doubled, t2);
      this.#armRetransmission();
    });
  }

  #sendAck(response: SipResponse, flow: Flow): void {
    const ack = hopByHop('ACK', this.request);
    ack.set('To', response.first('To') ?? '');
    this.#ack = { request: ack, octets: ack.serialise() };
    try {
      this.#host.transmit(ack, this.#ack.octets, flow, true, this.of);
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
    }
  }

  #sendCancel(): void {
    if (this.#flow === null) return;
    const cancel = hopByHop('CANCEL', this.request);
    for (const reason of this.#cancelled ?? []) cancel.append('Reason', reason);
    this.#host.cancel(cancel, this.#flow, this.of);
    // 9.1: where the far end ignores the CANCEL, the transaction is given up after 64·T1.
    this.#timeout.cancel();
    this.#timeout = this.#host.clock.after(64 * this.#host.timers.t1, () => this.#timedOut());
  }

  #timedOut(): void {
    this.#fail(new SipError('timeout', `no final response to ${this.request.method}`));
  }

  #fail(error: SipError): void {
    this.#terminate();
    this.#handler.failed(error);
  }

  #stopTimers(): void {
    this.#retransmit?.cancel();
    this.#timeout.cancel();
  }

  #endAfter(ms: number): void {
    if (ms === 0) this.#terminate();
    else this.#timeout = this.#host.clock.after(ms, () => this.#terminate());
  }

  #terminate(): void {
    if (this.#state === 'terminated') return;
    this.#end();
    this.#place.leave();
  }

  #end(): void {
    this.#state = 'terminated';
    this.#stopTimers();
    this.#host.terminated(this);
  }
}

const NOTHING = new Uint8Array();

/** ACK (17.1.1.3) or CANCEL (9.1) for an INVITE: its Request-URI, top Via, Route, From, To, Call-ID and CSeq number. */
function hopByHop(method: 'ACK' | 'CANCEL', invite: SipRequest): SipRequest {
  const request = new SipRequest(method, invite.uri);
  const via = invite.list('Via')[0] ?? '';
  request.append('Via', via);
  for (const route of invite.all('Route')) request.append('Route', route);
  request.append('Max-Forwards', '70');
  for (const name of ['From', 'To', 'Call-ID']) request.append(name, invite.first(name) ?? '');
  request.append('CSeq', `${invite.cseq.number} ${method}`);
  request.append('Content-Length', '0');
  return request;
}
