/**
 * The transaction layer (RFC 3261 section 17): matches what arrives to its transaction, judges its form, and tells
 * the user about each new request once.
 *
 * A response belongs to the client transaction with its top Via's branch and its CSeq method (17.1.3). A request
 * belongs to the server transaction with its branch and sent-by and its method, ACK counting as INVITE (17.2.3); for
 * requests without the magic cookie the match is by Request-URI, From tag, Call-ID, CSeq number and top Via, as RFC
 * 2543 had it. A request of bad form is answered without state (8.2.7).
 *
 * `observe` sees every distinct message, as received or as sent, and no retransmission of the transaction layer:
 * whoever must see all signalling, once, watches here.
 */
import type { Clock, Logger } from '../bytes/ports.ts';
import { ClientTransaction } from './client-transaction.ts';
import type { ClientHandler, ClientHost } from './client-transaction.ts';
import { SipError } from './errors.ts';
import { branchOf, formatVia, sentBy } from './fields.ts';
import type { NextHop, Flow, Protocol } from './flow.ts';
import { MAGIC_COOKIE } from './identifiers.ts';
import type { Identifiers } from './identifiers.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { makeResponse } from './response.ts';
import { ServerTransaction } from './server-transaction.ts';
import type { ServerHost } from './server-transaction.ts';
import { RFC_TIMERS } from './timers.ts';
import type { TimerValues } from './timers.ts';
import { responseDestination } from './transport.ts';
import type { Transport } from './transport.ts';
import { judge } from './verdict.ts';
import type { Strictness } from './verdict.ts';

/** A message that passed, and where. */
export interface Observed {
  readonly direction: 'received' | 'sent';
  /** Which side of this element: `server` towards who sent the request, `client` towards whom it is sent. */
  readonly side: 'server' | 'client';
  readonly message: SipRequest | SipResponse;
  readonly octets: Uint8Array;
  readonly flow: Flow;
}

export interface TransactionUser {
  /** A new request, but for ACK and CANCEL. */
  request(transaction: ServerTransaction): void;
  /** An ACK that belongs to no transaction: for a 2xx. */
  ack(request: SipRequest, flow: Flow): void;
  /** A response that belongs to no transaction: nothing for a proxy to hand on (RFC 6026 section 8.9). */
  stray(response: SipResponse, flow: Flow): void;
  /** A connection is gone. */
  closed(flow: Flow): void;
}

export interface LayerOptions {
  readonly transport: Pick<Transport, 'attach' | 'flowTo'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly identifiers: Identifiers;
  /** `host[:port]` of Via over each protocol. */
  readonly sentBy: (protocol: Protocol) => string;
  readonly timers?: TimerValues;
  readonly strictness?: Strictness;
  /** Server transactions at most; beyond, 503 (default 20,000). */
  readonly maxTransactions?: number;
}

export class TransactionLayer {
  readonly #options: LayerOptions;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clientHost: ClientHost;
  readonly #serverHost: ServerHost;
  #user: TransactionUser | null = null;
  #observers: ((observed: Observed) => void)[] = [];

  constructor(options: LayerOptions) {
    this.#options = options;
    const timers = options.timers ?? RFC_TIMERS;
    this.#clientHost = {
      clock: options.clock,
      timers,
      transmit: (message, octets, flow, first) => this.#put(message, octets, flow, 'client', first),
      terminated: (transaction) => forget(this.#clients, transaction),
      cancel: (request, flow) => void this.#start(request, flow, silent),
    };
    this.#serverHost = {
      clock: options.clock,
      timers,
      transmit: (response, octets, transaction, first) =>
        this.#reply(response, octets, transaction.flow, first),
      terminated: (transaction) => forget(this.#servers, transaction),
    };
    options.transport.attach({
      arrived: (message, octets, flow) =>
        message.kind === 'request'
          ? this.#request(message, octets, flow)
          : this.#response(message, octets, flow),
      closed: (flow) => this.#closed(flow),
    });
  }

  attach(user: TransactionUser): void {
    this.#user = user;
  }

  observe(observer: (observed: Observed) => void): void {
    this.#observers.push(observer);
  }

  get identifiers(): Identifiers {
    return this.#options.identifiers;
  }

  get timers(): TimerValues {
    return this.#clientHost.timers;
  }

  /** Transactions under way, both sides. */
  get load(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Sends a request in a transaction of its own; a Via with `branch` goes on top of it. */
  send(request: SipRequest, hop: NextHop | Flow, branch: string, handler: ClientHandler): ClientTransaction {
    this.#pushVia(request, hop.protocol, branch);
    return this.#start(request, hop, handler);
  }

  /** Sends an ACK for a 2xx: no transaction, no answer. Failures are the far end's to notice. */
  sendAck(ack: SipRequest, hop: NextHop | Flow, branch: string): void {
    this.#pushVia(ack, hop.protocol, branch);
    const octets = ack.serialise();
    this.#flowTo(hop, (flow) => this.#put(ack, octets, flow, 'client', true), ignore);
  }

  /** Sends a response outside any transaction, e.g. a late 2xx on its way upstream. */
  sendStateless(response: SipResponse, hop: NextHop | Flow): void {
    const octets = response.serialise();
    this.#flowTo(hop, (flow) => this.#put(response, octets, flow, 'server', true), ignore);
  }

  /** The server transaction of the INVITE that a CANCEL is for. */
  inviteOf(cancel: SipRequest): ServerTransaction | null {
    return this.#servers.get(serverKey(cancel, 'INVITE')) ?? null;
  }

  /** Ends all transactions at once. */
  abandon(): void {
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) transaction.abandon();
  }

  #start(request: SipRequest, hop: NextHop | Flow, handler: ClientHandler): ClientTransaction {
    const key = clientKey(branchOf(request.topVia) ?? '', request.method);
    const transaction = new ClientTransaction(this.#clientHost, key, request, handler);
    this.#clients.set(key, transaction);
    this.#flowTo(
      hop,
      (flow) => transaction.start(flow),
      (error) => transaction.transportFailed(error),
    );
    return transaction;
  }

  /** Flows that are open are used at once, so that order is kept and answers to them cannot overtake. */
  #flowTo(hop: NextHop | Flow, use: (flow: Flow) => void, failed: (error: SipError) => void): void {
    const guarded = (flow: Flow): void => {
      try {
        use(flow);
      } catch (cause) {
        if (!(cause instanceof SipError)) throw cause;
        failed(cause);
      }
    };
    if ('send' in hop) {
      guarded(hop);
      return;
    }
    this.#options.transport.flowTo(hop).then(guarded, (cause: unknown) => {
      failed(cause instanceof SipError ? cause : new SipError('unreachable', 'no flow', { cause }));
    });
  }

  #pushVia(request: SipRequest, protocol: Protocol, branch: string): void {
    const rport = protocol === 'UDP' ? ';rport' : '';
    request.prepend('Via', `SIP/2.0/${protocol} ${this.#options.sentBy(protocol)};branch=${branch}${rport}`);
  }

  #request(request: SipRequest, octets: Uint8Array, flow: Flow): void {
    const verdict = judge(request, this.#options.strictness ?? 'lenient');
    if (verdict.kind === 'discard') {
      this.#warn('request dropped', verdict.problem, flow);
      return;
    }
    if (verdict.kind === 'reject') {
      this.#observed({ direction: 'received', side: 'server', message: request, octets, flow });
      this.#refuse(request, verdict.status, verdict.problem, flow);
      return;
    }
    const key = serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method);
    const known = this.#servers.get(key);
    if (known !== undefined) {
      const news = request.method === 'ACK' && known.state === 'completed';
      if (news) this.#observed({ direction: 'received', side: 'server', message: request, octets, flow });
      if (request.method !== 'ACK' || known.state !== 'accepted') {
        known.receive(request);
        return;
      }
    }
    this.#observed({ direction: 'received', side: 'server', message: request, octets, flow });
    if (request.method === 'ACK') return this.#user?.ack(request, flow);
    if (this.#servers.size >= (this.#options.maxTransactions ?? 20_000)) {
      this.#refuse(request, 503, 'too many transactions', flow);
      return;
    }
    const transaction = new ServerTransaction(this.#serverHost, key, request, octets, flow);
    this.#servers.set(key, transaction);
    if (request.method === 'CANCEL') this.#cancel(transaction);
    else this.#user?.request(transaction);
  }

  /** Section 9.2: the CANCEL is answered here; the INVITE's own answer is its user's. */
  #cancel(transaction: ServerTransaction): void {
    const invite = this.inviteOf(transaction.request);
    const tag = this.identifiers.of('to tag', transaction.request.callId, transaction.request.fromTag ?? '');
    transaction.respond(makeResponse(transaction.request, invite === null ? 481 : 200, { toTag: tag }));
    invite?.handler.cancelled?.(transaction.request);
  }

  #response(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    const verdict = judge(response, this.#options.strictness ?? 'lenient');
    if (verdict.kind !== 'accept') {
      this.#warn('response dropped', verdict.problem, flow);
      return;
    }
    const transaction = this.#clients.get(clientKey(branchOf(response.topVia) ?? '', response.cseq.method));
    if (transaction !== undefined && !echoes(response, transaction.request)) {
      this.#warn('response dropped', 'it does not repeat its request', flow);
      return;
    }
    const observed = { direction: 'received', side: 'client', message: response, octets, flow } as const;
    if (transaction === undefined) {
      this.#observed(observed);
      return this.#user?.stray(response, flow);
    }
    if (transaction.fresh(response)) this.#observed(observed);
    transaction.receive(response, octets, flow);
  }

  #refuse(request: SipRequest, status: number, problem: string, flow: Flow): void {
    this.#warn(`request refused with ${status}`, problem, flow);
    if (request.method === 'ACK' || request.all('Via').length === 0) return;
    const toTag = this.identifiers.of('to tag', request.first('Call-ID') ?? '', request.first('From') ?? '');
    const response = makeResponse(request, status, { toTag });
    if (status === 503) response.set('Retry-After', '5');
    this.#reply(response, response.serialise(), flow, true);
  }

  #reply(response: SipResponse, octets: Uint8Array, flow: Flow, first: boolean): void {
    if (flow.open) {
      this.#put(response, octets, flow, 'server', first);
      return;
    }
    // 18.2.2: a connection that is gone is made anew, to where the request came from and the port of its Via.
    this.#flowTo(
      responseDestination(response, flow),
      (other) => this.#put(response, octets, other, 'server', first),
      (error) => this.#warn('response not sent', error.message, flow),
    );
  }

  #put(
    message: SipRequest | SipResponse,
    octets: Uint8Array,
    flow: Flow,
    side: 'server' | 'client',
    first: boolean,
  ): void {
    flow.send(octets);
    if (first) this.#observed({ direction: 'sent', side, message, octets, flow });
  }

  #observed(observed: Observed): void {
    for (const observer of this.#observers) observer(observed);
  }

  #closed(flow: Flow): void {
    for (const transaction of [...this.#clients.values()]) {
      if (transaction.flow === flow)
        transaction.transportFailed(new SipError('unreachable', 'the connection broke'));
    }
    this.#user?.closed(flow);
  }

  #warn(what: string, problem: string, flow: Flow): void {
    this.#options.logger.warn({ from: flow.remote.address, problem }, what);
  }
}

const silent: ClientHandler = { response: ignore, failed: ignore };

/** Takes a transaction out, and no later one that has come in its place. */
function forget<T extends { readonly key: string }>(table: Map<string, T>, transaction: T): void {
  if (table.get(transaction.key) === transaction) table.delete(transaction.key);
}

function ignore(): void {
  // Nobody waits for this outcome.
}

/**
 * Section 8.2.6.2: a response repeats Call-ID, From tag and CSeq of its request. One that does not belongs to nothing
 * that anybody knows, and whoever goes by the Call-ID would not see it pass.
 */
function echoes(response: SipResponse, request: SipRequest): boolean {
  return (
    response.callId === request.callId &&
    response.fromTag === request.fromTag &&
    response.cseq.number === request.cseq.number
  );
}

function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

function serverKey(request: SipRequest, method: string): string {
  const via = request.topVia;
  const branch = branchOf(via);
  if (branch?.startsWith(MAGIC_COOKIE) === true) return [branch, sentBy(via).toLowerCase(), method].join(' ');
  const { number } = request.cseq;
  return ['2543', request.uri, request.fromTag ?? '', request.callId, number, formatVia(via), method].join(
    ' ',
  );
}
