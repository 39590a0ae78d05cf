/**
 * The transaction layer (RFC 3261 section 17): matches what arrives to its transaction, judges its form, and tells
 * the user about each new request once.
 *
 * A response belongs to the client transaction with its top Via's branch and its CSeq method (17.1.3). A request
 * belongs to the server transaction with its branch and sent-by and its method, ACK counting as INVITE (17.2.3); for
 * requests without the magic cookie the match is by Request-URI, From tag, Call-ID, CSeq number and top Via, as RFC
 * 2543 had it. A request of bad form is answered without state (`StatelessAnswers`), and so is what is more than this node
 * can serve: first requests before those within dialogs, to which a fifth of the transactions is left.
 *
 * `observe` sees every distinct message, as received or as sent, and no retransmission of the transaction layer:
 * whoever must see all signalling, once, watches here.
 */
import type { Clock, Logger } from '../bytes/ports.ts';
import { ClientTransaction } from './client-transaction.ts';
import type { ClientHandler, ClientHost } from './client-transaction.ts';
import { SipError } from './errors.ts';
import { branchOf } from './fields.ts';
import type { NextHop, Flow, Protocol } from './flow.ts';
import type { Identifiers } from './identifiers.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { makeResponse } from './response.ts';
import { ServerTransaction } from './server-transaction.ts';
import type { ServerHost } from './server-transaction.ts';
import { RFC_TIMERS } from './timers.ts';
import type { TimerValues } from './timers.ts';
import { SettledTransactions } from './settled.ts';
import { MessageShares } from './shares.ts';
import { StatelessAnswers } from './stateless-answers.ts';
import { clientKey, echoes, serverKey } from './transaction-keys.ts';
import { responseDestination } from './transport.ts';
import type { Transport } from './transport.ts';
import { beginsSomething } from './udp-intake.ts';
import { judge } from './verdict.ts';
import type { Strictness } from './verdict.ts';

/** A message that passed, and where. */
export interface Observed {
  readonly direction: 'received' | 'sent';
  /** Which side of this element: `server` towards who sent the request, `client` towards whom it is sent. */
  readonly side: 'server' | 'client';
  readonly message: SipRequest | SipResponse;
  /**
   * The request that a response answers, or the INVITE that a CANCEL or the ACK of a refusal is for, as it was received
   * or given to `send`; of other requests, themselves. `null` for a response to nothing that is known.
   */
  readonly of: SipRequest | null;
  readonly octets: Uint8Array;
  readonly flow: Flow;
}

const MAX_OCTETS = 128 << 20;
const MAX_TRANSACTIONS = 20_000;
/** Of the transactions, those that requests may have that begin something. */
const FIRST_REQUESTS = 4 / 5;

export interface TransactionUser {
  /** A new request, but for ACK and CANCEL. */
  request(transaction: ServerTransaction): void;
  /** An ACK that belongs to no transaction: for a 2xx. */
  ack(request: SipRequest, flow: Flow): void;
  /** A response that belongs to no transaction: nothing for a proxy to hand on (RFC 6026 section 8.9). */
  stray(response: SipResponse, flow: Flow): void;
  /** A connection is gone. */
  closed(flow: Flow): void;
  /**
   * Whether a CANCEL, or the ACK of a refusal, that came on `flow` is from who sent the INVITE; absent: it is, from
   * whoever knows the branch.
   */
  isFromSender?(invite: ServerTransaction, request: SipRequest, flow: Flow): boolean;
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
  /** Octets of messages that transactions keep at most; beyond, 503 (default 128 MiB). */
  readonly maxOctets?: number;
}

export class TransactionLayer {
  readonly #options: LayerOptions;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clientHost: ClientHost;
  readonly #serverHost: ServerHost;
  readonly #shares: MessageShares;
  readonly #settled: SettledTransactions;
  readonly #answers: StatelessAnswers;
  #user: TransactionUser | null = null;
  #observers: ((observed: Observed) => void)[] = [];

  constructor(options: LayerOptions) {
    this.#options = options;
    const { clock, logger, identifiers, timers = RFC_TIMERS } = options;
    this.#settled = new SettledTransactions(clock);
    this.#shares = new MessageShares(options.maxOctets ?? MAX_OCTETS);
    this.#answers = new StatelessAnswers({
      ...{ clock, logger, identifiers },
      sent: (response, octets, { request, flow }) =>
        this.#observed({ direction: 'sent', side: 'server', message: response, of: request, octets, flow }),
    });
    this.#clientHost = {
      ...{ clock, timers },
      transmit: (message, octets, flow, first, of) =>
        this.#put({ direction: 'sent', message, of, octets, flow, side: 'client' }, first),
      terminated: (transaction) => forget(this.#clients, transaction),
      heard: ({ key }, place) => this.#settled.hear(key, place, timers.t4),
      cancel: (request, flow, of) => void this.#start(request, flow, silent, null, of),
      place: (owner, octets) => this.#shares.take(owner, octets),
    };
    this.#serverHost = {
      ...{ clock, timers },
      transmit: (response, octets, transaction, first) =>
        this.#reply(response, transaction.request, octets, transaction.flow, first),
      transmitOnce: (response, transaction) => this.#answers.send(response, transaction),
      place: (owner, octets) =>
        this.#shares.hasRoom(owner, octets) ? this.#shares.take(owner, octets) : null,
      terminated: (transaction) => forget(this.#servers, transaction),
      answered: ({ key, flow }, octets, place) =>
        this.#settled.answer(key, { octets, flow, place }, 64 * timers.t1),
    };
    options.transport.attach({
      arrived: (message, octets, flow) =>
        message.kind === 'request'
          ? this.#request(message, octets, flow)
          : this.#response(message, octets, flow),
      refused: (message, octets, flow) => this.#outOfTime(message, octets, flow),
      dropped: (address) => this.#answers.overloaded('dropped', address),
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
    return this.#clients.size + this.#servers.size + this.#settled.size;
  }

  /** Octets that transactions keep, how many had no room, and how many requests had no answer that was small enough. */
  get memory(): { readonly octets: number; readonly refused: number; readonly unanswered: number } {
    const { held, refused } = this.#shares;
    return { octets: held, refused, unanswered: this.#answers.unanswered };
  }

  /** Messages that were not served since the start, by why, and when the last was, in Unix milliseconds. */
  get overload(): StatelessAnswers['overload'] {
    return this.#answers.overload;
  }

  /** The tag of this element as a user agent server, the same for each copy of a request (8.2.6.2, 8.2.7). */
  tagFor(request: SipRequest): string {
    return this.#answers.tagFor(request);
  }

  /**
   * Sends a request in a transaction of its own; a Via with `branch` goes on top of it.
   * @param owner whose request made this one necessary
   */
  send(
    request: SipRequest,
    hop: NextHop | Flow,
    branch: string,
    handler: ClientHandler,
    owner: string | null = null,
  ): ClientTransaction {
    this.#pushVia(request, hop.protocol, branch);
    return this.#start(request, hop, handler, owner, request, branch);
  }

  /** Sends an ACK for a 2xx: no transaction, no answer. Failures are the far end's to notice. */
  sendAck(ack: SipRequest, hop: NextHop | Flow, branch: string): void {
    this.#pushVia(ack, hop.protocol, branch);
    const octets = ack.serialise();
    this.#flowTo(
      hop,
      (flow) => this.#put({ direction: 'sent', message: ack, of: ack, octets, flow, side: 'client' }, true),
      ignore,
    );
  }

  /** The server transaction of the INVITE that a CANCEL is for. */
  inviteOf(cancel: SipRequest): ServerTransaction | null {
    return this.#servers.get(serverKey(cancel, 'INVITE')) ?? null;
  }

  /** Ends all transactions at once. */
  abandon(): void {
    this.#settled.clear();
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) transaction.abandon();
  }

  #start(
    request: SipRequest,
    hop: NextHop | Flow,
    handler: ClientHandler,
    owner: string | null = null,
    of: SipRequest = request,
    branch = branchOf(request.topVia) ?? '',
  ): ClientTransaction {
    const key = clientKey(branch, request.method);
    const transaction = new ClientTransaction(this.#clientHost, key, request, handler, owner, of);
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
      this.#observed({ direction: 'received', side: 'server', message: request, of: request, octets, flow });
      this.#answers.refuse({ request, octets, flow }, verdict.status, verdict.problem);
      return;
    }
    const key = serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method);
    if (this.#settled.repeat(key)) return;
    const known = this.#servers.get(key);
    if (known !== undefined && !(request.method === 'ACK' && known.state === 'accepted')) {
      this.#again(known, request, octets, flow);
      return;
    }
    const invite = request.method === 'CANCEL' ? this.#inviteToCancel(request, flow) : null;
    const of = invite?.request ?? request;
    this.#observed({ direction: 'received', side: 'server', message: request, of, octets, flow });
    if (request.method === 'ACK') {
      // 8.2.7: for an answer without state; nothing waits for it, and nobody else is to get it.
      if (request.toTag !== this.tagFor(request)) this.#user?.ack(request, flow);
      return;
    }
    if (!this.#hasPlace(request)) {
      this.#answers.putOff({ request, octets, flow }, 'transactions');
      return;
    }
    const transaction = new ServerTransaction(this.#serverHost, key, request, octets, flow);
    this.#servers.set(key, transaction);
    if (request.method === 'CANCEL') this.#cancel(transaction, invite);
    else this.#user?.request(transaction);
  }

  #hasPlace(request: SipRequest): boolean {
    const most = this.#options.maxTransactions ?? MAX_TRANSACTIONS;
    const held = this.#servers.size + this.#settled.answered;
    if (!beginsSomething(request)) return held < most;
    return held < Math.ceil(most * FIRST_REQUESTS);
  }

  /** There is no time for a message: a new request is answered so; anything else is lost, as in a network. */
  #outOfTime(message: SipRequest | SipResponse, octets: Uint8Array, flow: Flow): void {
    if (message.kind === 'response' || message.method === 'ACK') {
      this.#answers.overloaded('lost', flow.remote.address);
      return;
    }
    const key = serverKey(message, message.method);
    if (this.#settled.repeat(key)) return;
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.receive(message);
      return;
    }
    this.#observed({ direction: 'received', side: 'server', message, of: message, octets, flow });
    this.#answers.putOff({ request: message, octets, flow }, 'waiting');
  }

  /** A request again, or the ACK of its refusal. */
  #again(known: ServerTransaction, request: SipRequest, octets: Uint8Array, flow: Flow): void {
    if (request.method === 'ACK' && known.state === 'completed') {
      const own = this.#isFromSender(known, request, flow);
      const of = own ? known.request : request;
      this.#observed({ direction: 'received', side: 'server', message: request, of, octets, flow });
      if (!own) return;
    }
    known.receive(request);
  }

  #isFromSender(invite: ServerTransaction, request: SipRequest, flow: Flow): boolean {
    return this.#user?.isFromSender?.(invite, request, flow) !== false;
  }

  /** The INVITE that a CANCEL is for, if it comes from who may give that up. */
  #inviteToCancel(cancel: SipRequest, flow: Flow): ServerTransaction | null {
    const invite = this.inviteOf(cancel);
    if (invite === null || !this.#isFromSender(invite, cancel, flow)) return null;
    return invite;
  }

  /** Section 9.2: the CANCEL is answered here; the INVITE's own answer is its user's. */
  #cancel(transaction: ServerTransaction, invite: ServerTransaction | null): void {
    const { request } = transaction;
    const answer = makeResponse(request, invite === null ? 481 : 200, { toTag: this.tagFor(request) });
    if (invite === null || !transaction.admit(invite.owner)) transaction.answerOnce(answer);
    else transaction.respond(answer);
    invite?.handler.cancelled?.(request);
  }

  #response(response: SipResponse, octets: Uint8Array, flow: Flow): void {
    const verdict = judge(response, this.#options.strictness ?? 'lenient');
    if (verdict.kind !== 'accept') {
      this.#warn('response dropped', verdict.problem, flow);
      return;
    }
    const key = clientKey(branchOf(response.topVia) ?? '', response.cseq.method);
    if (this.#settled.isHeard(key)) return;
    const transaction = this.#clients.get(key);
    if (transaction !== undefined && !echoes(response, transaction.request)) {
      this.#warn('response dropped', 'it does not repeat its request', flow);
      return;
    }
    const of = transaction?.of ?? null;
    const observed = { direction: 'received', side: 'client', message: response, of, octets, flow } as const;
    if (transaction === undefined) {
      this.#observed(observed);
      return this.#user?.stray(response, flow);
    }
    if (transaction.fresh(response)) this.#observed(observed);
    transaction.receive(response, octets, flow);
  }

  #reply(response: SipResponse, of: SipRequest, octets: Uint8Array, flow: Flow, first: boolean): void {
    const sent: Observed = { direction: 'sent', message: response, of, octets, flow, side: 'server' };
    if (flow.open) {
      this.#put(sent, first);
      return;
    }
    // 18.2.2: a connection that is gone is made anew, to where the request came from and the port of its Via.
    this.#flowTo(
      responseDestination(response, flow),
      (other) => this.#put({ ...sent, flow: other }, first),
      (error) => this.#warn('response not sent', error.message, flow),
    );
  }

  #put(sent: Observed, first: boolean): void {
    sent.flow.send(sent.octets);
    if (first) this.#observed(sent);
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
