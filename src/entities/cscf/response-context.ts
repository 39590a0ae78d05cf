/**
 * One request on its way through: its branches, and which of their responses goes back (RFC 3261 section 16.7).
 *
 * Provisional responses and every 2xx go on at once; a 2xx or a 6xx cancels the branches that still wait. Where no
 * branch accepts, the best final response is sent when all have answered: 6xx before others, then the lowest class,
 * challenges of all branches together. A received 503 becomes 500, since it says nothing of this node; no answer is
 * 408 for INVITE and silence for others (RFC 4320 section 4.2). Timer C ends a branch that only rings.
 *
 * A branch to another home that DNS has several places of goes on to the next of them where one cannot be reached,
 * breaks off or says nothing, or answers 503 before anything else (RFC 3263 section 4.3): a transaction of its own, with
 * the same request.
 */
import { isIP } from 'node:net';
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { ClientTransaction } from '../../sip/client-transaction.ts';
import type { SipError } from '../../sip/errors.ts';
import type { FailedPlace } from '../../sip/flow.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { makeResponse } from '../../sip/response.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import { AVOIDED_S } from '../../sip/transport.ts';
import { warningFields } from '../../sip/warning.ts';
import type { Untaken } from './ports.ts';
import type { Target } from './routing.ts';

/** Section 16.6 step 11: more than three minutes. */
const TIMER_C_MS = 185_000;

/** RFC 3326: why a branch is cancelled where another has answered. */
const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';

/** What 488 from here warns of. */
const UNUSABLE = { code: 399, text: 'a session description cannot be used' } as const;

/** Nobody was there: no answer in time, not registered, or cancelled from here. */
const UNANSWERED: ReadonlySet<number> = new Set([408, 480, 487]);
const BUSY: ReadonlySet<number> = new Set([486, 600]);

/** A request that is ready to leave, and where to. */
export interface Branch {
  readonly id: string;
  readonly request: SipRequest;
  readonly target: Target;
}

export interface ContextHooks {
  /** Whom warnings are of: host and port of this node. */
  readonly name: string;
  /** Sends a response upstream; `branch` is `null` for one made here. */
  upstream(response: SipResponse, branch: Branch | null): void;
  /** A branch ended without a 2xx, but with this. */
  branchFailed(branch: Branch, status: number): void;
  /** The request of a branch for another place, the how manieth: its branch parameter, and what is sent. */
  again(branch: Branch, attempt: number): Pick<Branch, 'id' | 'request'>;
  /** A 2xx to an INVITE on a branch that was given up. */
  unwanted(response: SipResponse, branch: Branch): void;
  /** Every branch has ended. */
  finished(context: ResponseContext): void;
  /** Nobody takes the call here, and nobody has declined it; whether it is sent elsewhere: `fork` follows. */
  untaken(why: Untaken): boolean;
}

interface Running {
  readonly branch: Branch;
  /** Of the place that it is sent to at present. */
  transaction: ClientTransaction;
  /** Places where it has failed, and what became of it at the last. */
  readonly failed: FailedPlace[];
  failure: SipResponse | null;
  /** Something has been heard from the present place. */
  isHeard: boolean;
  timerC: Timer | null;
  /** It has its final response, or none comes any more. */
  isOver: boolean;
  /** That response, or what stands for it, unless it is a 2xx, of which nothing need be kept. */
  refusal: SipResponse | null;
  /** Nothing could be sent there. */
  isUnreached: boolean;
  /** Whatever it still brings is not for upstream. */
  givenUp: boolean;
}

export class ResponseContext {
  readonly #layer: TransactionLayer;
  readonly #clock: Clock;
  readonly #transaction: ServerTransaction;
  readonly #hooks: ContextHooks;
  readonly #running: Running[] = [];
  readonly #invite: boolean;
  #expected = 0;
  #cancelled = false;
  /** Branches before the last fork. */
  #before = 0;
  /** What only rang has been given up. */
  #isLate = false;
  #patience: Timer | null = null;
  #answered = false;

  constructor(layer: TransactionLayer, clock: Clock, transaction: ServerTransaction, hooks: ContextHooks) {
    this.#layer = layer;
    this.#clock = clock;
    this.#transaction = transaction;
    this.#hooks = hooks;
    this.#invite = transaction.request.method === 'INVITE';
    transaction.handler = { cancelled: (cancel) => this.#cancel(cancel) };
  }

  /** Whether the caller has given up: nothing more needs to be sent. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Sends the request on all branches at once, beside those that there were. */
  fork(branches: readonly Branch[]): void {
    if (this.#cancelled) {
      if (this.#isOver()) this.refuse(487);
      return;
    }
    this.#before = this.#running.length;
    this.#isLate = false;
    this.#expected += branches.length;
    for (const branch of branches) this.#start(branch);
  }

  /** Cancels after so many milliseconds what has not been answered by then, so that it can be sent elsewhere. */
  giveWayAfter(ms: number): void {
    this.#patience?.cancel();
    this.#patience = this.#clock.after(ms, () => {
      if (this.#answered) return;
      this.#isLate = true;
      this.#cancelPending();
    });
  }

  /** Stops waiting, without a word. */
  close(): void {
    this.#patience?.cancel();
    for (const { timerC } of this.#running) timerC?.cancel();
  }

  /** Answers the request from here. */
  refuse(status: number): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#hooks.finished(this);
    this.#hooks.upstream(this.#own(status), null);
  }

  /** What a branch has answered cannot go on: it counts as refused with `status`, and is cancelled if it still waits. */
  giveUp(branch: Branch, status: number): void {
    const running = this.#running.find((each) => each.branch === branch);
    if (running === undefined || running.givenUp) return;
    running.givenUp = true;
    running.timerC?.cancel();
    if (!running.isOver) {
      running.transaction.cancel();
      this.#ended(running, this.#own(status));
      return;
    }
    this.#hooks.branchFailed(branch, status);
    this.#hooks.upstream(this.#own(status), null);
  }

  /** Gives every branch up that still waits. */
  giveUpAll(status: number): void {
    for (const { branch, isOver } of this.#running) if (!isOver) this.giveUp(branch, status);
  }

  #start(branch: Branch): void {
    const transaction = this.#send(branch, () => running);
    const running: Running = {
      branch,
      transaction,
      failed: [],
      failure: null,
      isHeard: false,
      timerC: null,
      isOver: false,
      refusal: null,
      isUnreached: false,
      givenUp: false,
    };
    this.#running.push(running);
    if (this.#invite) this.#armTimerC(running);
  }

  #send({ request, target, id }: Branch, running: () => Running): ClientTransaction {
    const handler = {
      response: (response: SipResponse) => this.#response(running(), response),
      failed: (error: SipError) => this.#failed(running(), error),
    };
    return this.#layer.send(request, target.hop, id, handler, this.#transaction.owner);
  }

  /** Sends the request to the next place. @returns false where there is none, or it must not */
  #goesOn(running: Running, failure: SipResponse, seconds: number): boolean {
    const { branch, failed, transaction } = running;
    const { hop } = branch.target;
    const at = transaction.flow?.remote;
    if (at === undefined || running.isHeard || this.#cancelled || this.#answered) return false;
    if ('send' in hop || isIP(hop.host) !== 0) return false;
    failed.push({ at, seconds });
    running.failure = failure;
    const target = { ...branch.target, hop: { ...hop, failed: [...failed] } };
    const again = { ...this.#hooks.again(branch, failed.length), target };
    running.transaction = this.#send(again, () => running);
    if (this.#invite) this.#armTimerC(running);
    return true;
  }

  #response(running: Running, response: SipResponse): void {
    const { status } = response;
    if (status === 503 && !running.givenUp && this.#goesOn(running, response, retryAfter(response))) return;
    running.isHeard = true;
    if (status === 100) return;
    if (running.givenUp) {
      const accepted = this.#invite && response.status >= 200 && response.status < 300;
      if (accepted) this.#hooks.unwanted(response, running.branch);
      return;
    }
    if (response.status < 200) {
      this.#armTimerC(running);
      if (!this.#answered) this.#hooks.upstream(response, running.branch);
      return;
    }
    running.timerC?.cancel();
    if (response.status < 300) {
      this.#answered = true;
      running.isOver = true;
      this.#hooks.upstream(response, running.branch);
      this.#cancelPending([ANSWERED_ELSEWHERE]);
      this.#finish();
      return;
    }
    this.#ended(running, response);
  }

  #failed(running: Running, error: SipError): void {
    running.timerC?.cancel();
    if (running.givenUp) return;
    const status = error.code === 'timeout' ? 408 : running.branch.target.kind === 'user' ? 480 : 500;
    // Whoever waits for another request than INVITE has waited as long.
    const isLate = error.code === 'timeout' && !this.#invite;
    if (!isLate && this.#goesOn(running, this.#own(status), AVOIDED_S)) return;
    // There is no other place: the failure at the last one counts.
    if (running.failure !== null && running.transaction.flow === null) {
      this.#ended(running, running.failure);
      return;
    }
    running.isUnreached = !running.isHeard;
    if (isLate) {
      this.#transaction.abandon();
      this.#answered = true;
    }
    this.#ended(running, this.#own(status));
  }

  #ended(running: Running, response: SipResponse): void {
    running.isOver = true;
    running.refusal = response;
    this.#hooks.branchFailed(running.branch, response.status);
    if (response.status >= 600) this.#cancelPending();
    const all = this.#running.filter(({ isOver }) => isOver).length >= this.#expected;
    if (all && this.#goesElsewhere()) return;
    this.#finish();
    if (this.#answered || !all) return;
    this.#answered = true;
    const refusals = this.#running.flatMap(({ refusal }) => refusal ?? []);
    const best = bestOf(refusals);
    const source = this.#running.find(({ refusal }) => refusal === best)?.branch ?? null;
    if (best.status === 503) this.#hooks.upstream(this.#own(500), null);
    else this.#hooks.upstream(withChallenges(best, refusals), isOwn(best, this.#transaction) ? null : source);
  }

  /** After all branches of the last fork have ended. */
  #goesElsewhere(): boolean {
    if (this.#answered || this.#cancelled) return false;
    const last = this.#running.slice(this.#before);
    const isBusy = ({ refusal }: Running): boolean => BUSY.has(refusal?.status ?? 0);
    const isUnanswered = ({ refusal }: Running): boolean => UNANSWERED.has(refusal?.status ?? 0);
    if (!last.every((each) => isBusy(each) || isUnanswered(each))) return false;
    const isUnreached = last.every((each) => each.isUnreached);
    this.#patience?.cancel();
    if (!this.#isLate && last.some(isBusy)) return this.#hooks.untaken('busy');
    return this.#hooks.untaken(isUnreached ? 'unavailable' : 'unanswered');
  }

  #isOver(): boolean {
    return this.#running.every(({ isOver }) => isOver);
  }

  #finish(): void {
    if (!this.#isOver()) return;
    this.#patience?.cancel();
    this.#hooks.finished(this);
  }

  /** The caller gave up: so do all branches; their 487 is the answer. */
  #cancel(cancel: SipRequest): void {
    this.#cancelled = true;
    if (this.#running.length === 0) this.refuse(487);
    else this.#cancelPending(cancel.all('Reason'));
  }

  #cancelPending(reason: readonly string[] = []): void {
    for (const { transaction, isOver } of this.#running) if (!isOver) transaction.cancel(reason);
  }

  #armTimerC(running: Running): void {
    running.timerC?.cancel();
    running.timerC = this.#clock.after(TIMER_C_MS, () => {
      // 16.8: with a provisional response CANCEL, which has a time-out of its own; without one timer B has struck.
      running.transaction.cancel();
    });
  }

  #own(status: number): SipResponse {
    const { request } = this.#transaction;
    const toTag = this.#layer.tagFor(request);
    const accept = status === 415 ? [['Accept', 'application/sdp'] as const] : [];
    const fields = [...accept, ...(status === 488 ? warningFields(status, this.#hooks.name, UNUSABLE) : [])];
    return makeResponse(request, status, { toTag, fields });
  }
}

/** RFC 3261 section 20.33: seconds for which who answers 503 wants no requests. */
function retryAfter(response: SipResponse): number {
  const said = /^\s*(\d{1,9})/.exec(response.first('Retry-After') ?? '')?.[1];
  return said === undefined ? 0 : Number(said);
}

/** 16.7 step 6. */
function bestOf(finals: readonly SipResponse[]): SipResponse {
  const rank = ({ status }: SipResponse): number => {
    if (status >= 600) return 0;
    const useful = [401, 407, 415, 420, 484].includes(status) ? 0 : status === 408 || status === 503 ? 2 : 1;
    return Math.floor(status / 100) * 10 + useful;
  };
  const [first, ...rest] = finals;
  if (first === undefined) throw new RangeError('no final response to choose from');
  return rest.reduce((best, each) => (rank(each) < rank(best) ? each : best), first);
}

/** 16.7 step 7: the challenges of every branch go back together. */
function withChallenges(best: SipResponse, finals: readonly SipResponse[]): SipResponse {
  if (best.status !== 401 && best.status !== 407) return best;
  const merged = best.clone();
  for (const other of finals) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue;
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate'])
      for (const challenge of other.all(name)) merged.append(name, challenge);
  }
  return merged;
}

/** A response made here has the Vias of the request as they are; one of a branch has ours on top. */
function isOwn(response: SipResponse, transaction: ServerTransaction): boolean {
  return response.vias.length === transaction.request.vias.length;
}
