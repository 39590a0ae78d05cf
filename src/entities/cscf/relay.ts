/**
 * How messages of calls pass through the CSCF: requests to their branches, responses and ACKs back, in the order of
 * their call, with their media led to the gateway.
 *
 *     request ─► turnstile ─► description led ─► branches        response ─► turnstile ─► description led ─► upstream
 *                                 └─► refused: 488, 415, 400                                 └─► not to be used:
 *
 *     provisional, or to UPDATE and PRACK before the call is up   the transaction fails; a call that was up goes on
 *     2xx to the first INVITE                                     fails towards the caller; ACK and BYE to the callee
 *     any other 2xx, and ACK                                      BYE to both sides
 */
import { otherSide } from '../../wire/iq/sessions.ts';
import type { Side } from '../../wire/iq/sessions.ts';
import type { Clock } from '../../bytes/ports.ts';
import { formatVia } from '../../sip/fields.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { makeResponse } from '../../sip/response.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import { maxForwards } from '../../sip/verdict.ts';
import type { MediaState } from './anchoring.ts';
import { dropAssertions, hideIdentity } from './assertion.ts';
import type { CallTable } from './call-table.ts';
import {
  calleeTagOf,
  dialogsUp,
  endOf,
  flowAt,
  isUp,
  MAX_DIALOGS_UP,
  meet,
  sessionOf,
  sideOf,
  subscribersAt,
} from './calls.ts';
import type { Call, CallAttempt } from './calls.ts';
import { removeIcid } from './charging.ts';
import { loopMark } from './loops.ts';
import type { FallBack, Onward } from './first-routes.ts';
import type { MediaPath } from './media-path.ts';
import type { Releases, Watch } from './releases.ts';
import { ResponseContext } from './response-context.ts';
import type { Branch } from './response-context.ts';
import type { Route, Router, Target } from './routing.ts';
import type { Speakers } from './speakers.ts';

export interface RelayParts {
  readonly layer: TransactionLayer;
  readonly clock: Clock;
  readonly router: Router;
  readonly calls: CallTable;
  readonly path: MediaPath;
  readonly releases: Releases;
  readonly speakers: Speakers;
  readonly watch: Watch;
  /** `host:port` of this node in Via. */
  readonly sentBy: string;
}

/** Requests that begin a dialog through this node, which then stays in its path (RFC 3261 16.6 step 4, RFC 6665). */
export const DIALOG_METHODS: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'REFER']);

const BOTH: readonly Side[] = ['a', 'b'];

/** Media of a dialog before and since an offer within it. */
interface Standing {
  before: MediaState | null;
  since: MediaState | null;
}

/** A request on its way through, for its responses. */
interface Passage {
  readonly transaction: ServerTransaction;
  readonly call: Call;
  /** Of a first request; `null` within a dialog. */
  readonly attempt: CallAttempt | null;
  readonly context: ResponseContext;
  readonly standing: Standing;
}

export class Relay {
  readonly #layer: TransactionLayer;
  readonly #clock: Clock;
  readonly #router: Router;
  readonly #calls: CallTable;
  readonly #path: MediaPath;
  readonly #releases: Releases;
  readonly #speakers: Speakers;
  readonly #watch: Watch;
  readonly #sentBy: string;
  readonly #contexts = new Map<ResponseContext, ServerTransaction>();

  constructor(parts: RelayParts) {
    this.#layer = parts.layer;
    this.#clock = parts.clock;
    this.#router = parts.router;
    this.#calls = parts.calls;
    this.#path = parts.path;
    this.#releases = parts.releases;
    this.#speakers = parts.speakers;
    this.#watch = parts.watch;
    this.#sentBy = parts.sentBy;
  }

  /** Stops waiting for answers, without a word. */
  close(): void {
    for (const context of this.#contexts.keys()) context.close();
  }

  /**
   * Sends `onward` to each target, in the order of its call; responses come back the same way.
   * @param attempt that of a first request; `null` within a dialog
   * @param fallBack where it goes after that, if nobody accepts @param goesOn told of each such step before it is taken
   */
  fork(
    transaction: ServerTransaction,
    call: Call,
    attempt: CallAttempt | null,
    onward: SipRequest,
    targets: readonly Target[],
    fallBack: FallBack | null = null,
    goesOn: (onward: Onward) => void = () => undefined,
  ): void {
    const { request } = transaction;
    const initial = attempt !== null;
    const tag = calleeTagOf(request, call) ?? '';
    const session = attempt?.session ?? sessionOf(call, tag);
    const standing: Standing = { before: null, since: null };
    const context: ResponseContext = new ResponseContext(this.#layer, this.#clock, transaction, {
      name: this.#sentBy,
      upstream: (response, branch) => {
        if (branch !== null) this.#meet(call, attempt, branch.target, response);
        call.turnstile.pass(() =>
          this.#upstream({ transaction, call, attempt, context, standing }, response, branch),
        );
      },
      again: (branch, attempt) => {
        const again = branch.request.clone();
        again.replaceFirst('Via', null);
        this.#watch.follow(again, session);
        return { id: this.#branchId(request, branch.target.uri, String(attempt)), request: again };
      },
      branchFailed: (branch, status) => {
        if (initial) call.media?.releaseBranch(branch.id);
        else if (endsDialog(request, call, status)) this.#calls.endDialog(call, tag);
      },
      unwanted: (response, branch) => {
        this.#meet(call, attempt, branch.target, response);
        this.#unwanted(call, request, response, initial, 488);
      },
      finished: (over) => this.#contexts.delete(over),
      untaken: (why) => {
        const next = standingBy?.next(why) ?? null;
        if (next === null || attempt === null) return false;
        attempt.callees = [...attempt.callees, ...next.targets.map(endOf)];
        goesOn(next);
        go(next.request, next.targets, next.fallBack);
        return true;
      },
    });
    this.#contexts.set(context, transaction);
    let standingBy: FallBack | null = null;
    const go = (request: SipRequest, to: readonly Target[], then: FallBack | null): void => {
      standingBy = then;
      this.#goOn({ transaction, call, attempt, context, standing }, request, to);
      const afterMs = then?.afterMs ?? null;
      if (afterMs !== null) context.giveWayAfter(afterMs);
    };
    go(onward, targets, fallBack);
  }

  /** Sends a request to each target, its description led to the gateway. */
  #goOn(
    { transaction, call, attempt, context, standing }: Passage,
    onward: SipRequest,
    targets: readonly Target[],
  ): void {
    const { request, flow } = transaction;
    const from = sideOf(request, call);
    const initial = attempt !== null;
    const tag = calleeTagOf(request, call) ?? '';
    const session = attempt?.session ?? sessionOf(call, tag);
    const branches = targets.map((target) => this.#branch(request, onward.clone(), target, flow, initial));
    for (const branch of branches) {
      attempt?.branches.add(branch.id);
      this.#watch.follow(branch.request, session);
    }
    call.turnstile.pass(async () => {
      standing.before = call.media?.state(tag) ?? null;
      try {
        for (const { request: onBranch, id } of branches)
          await this.#path.lead(call, onBranch, from, initial ? id : null);
      } catch (cause) {
        context.refuse(this.#path.failed(call, cause));
        return;
      }
      standing.since = call.media?.state(tag) ?? null;
      if (!initial) this.#releases.passed(call, request, from);
      context.fork(branches);
    });
  }

  #branch(request: SipRequest, onward: SipRequest, target: Target, flow: Flow, initial: boolean): Branch {
    const called = onward.uri;
    onward.uri = target.uri;
    onward.set('Max-Forwards', String((maxForwards(request) ?? 71) - 1));
    if (initial && DIALOG_METHODS.has(request.method))
      for (const value of this.#router
        .recordRoutes(request.uri, flow.protocol, target.hop.protocol)
        .reverse())
        onward.prepend('Record-Route', value);
    if (initial && target.kind === 'user') onward.set('P-Called-Party-ID', `<${called}>`);
    if (target.kind === 'user') {
      removeIcid(onward);
      hideIdentity(onward);
    }
    return { id: this.#branchId(request, target.uri), request: onward, target };
  }

  /** The branch parameter of a request that goes on; `attempt` where it goes to a further place. */
  #branchId(request: SipRequest, uri: string, ...attempt: string[]): string {
    const { identifiers } = this.#layer;
    return `${identifiers.branch(formatVia(request.topVia), request.method, uri, ...attempt)}${loopMark(request)}`;
  }

  /** Sends a response back, with its media anchored. */
  async #upstream(
    { transaction, call, attempt, context, standing }: Passage,
    response: SipResponse,
    branch: Branch | null,
  ): Promise<void> {
    const { request } = transaction;
    const initial = attempt !== null;
    const tag = calleeTagOf(request, call) ?? '';
    const out = response.clone();
    if (branch !== null) {
      const from = otherSide(sideOf(request, call));
      out.replaceFirst('Via', null);
      if (initial && isOneTooMany(call, response)) {
        this.#unwanted(call, request, response, initial, 487);
        return;
      }
      this.#learn(call, request, response, initial);
      try {
        await this.#path.lead(call, out, from, initial ? branch.id : null);
      } catch (cause) {
        this.#answerFailed(context, call, request, response, branch, this.#path.answerFailed(call, cause));
        return;
      }
      if (initial && isAccepted(response)) await call.media?.taken(response.toTag ?? '');
      if (!initial) {
        this.#releases.passed(call, response, from);
        if (response.status < 300) standing.since = call.media?.state(tag) ?? null;
      }
      if (branch.target.kind === 'user') dropAssertions(out);
    }
    const { before, since } = standing;
    if (out.status >= 300 && before !== null && since !== null) await call.media?.restore(tag, before, since);
    const late = transaction.lastStatus >= 300;
    if (!transaction.respond(out) && late && branch !== null && isAccepted(out))
      this.#unwanted(call, request, response, initial, 487);
    if (out.status < 200) return;
    if (branch !== null && out.status < 300) this.#calls.refreshed(call, out);
    if (attempt !== null) this.#calls.answered(call, attempt, late ? makeResponse(request, 487) : out);
    else if (endsDialog(request, call, out.status)) this.#calls.endDialog(call, tag);
  }

  /** Who answers a first request is at that end of the dialog: a callee of this home is spoken to where it was reached. */
  #meet(call: Call, attempt: CallAttempt | null, target: Target, response: SipResponse): void {
    const tag = response.toTag;
    if (attempt !== null && tag !== null && response.status < 300) meet(call, attempt, tag, endOf(target));
  }

  /** What there is to know of a dialog, in case that this node has to end it. */
  #learn(call: Call, request: SipRequest, response: SipResponse, initial: boolean): void {
    if (initial && response.toTag !== null && request.method === 'INVITE')
      this.#releases.learn(call, request, response);
  }

  /**
   * An answer that must not go on. One that was not final yet fails its transaction, and a call that was up goes on as
   * it was. After a final one the far end believes in it: the call is ended on both sides.
   */
  #answerFailed(
    context: ResponseContext,
    call: Call,
    request: SipRequest,
    response: SipResponse,
    branch: Branch,
    status: number,
  ): void {
    const initial = request.toTag === null;
    context.giveUp(branch, status);
    if (response.status < 200) return;
    if (isAccepted(response)) this.#unwanted(call, request, response, initial, status);
    else this.#endDialog(call, calleeTagOf(request, call) ?? '', status);
  }

  /** Accepts and ends what was accepted but cannot be passed on; a call that was up before ends on both sides. */
  #unwanted(call: Call, request: SipRequest, response: SipResponse, initial: boolean, status: number): void {
    this.#learn(call, request, response, initial);
    this.#releases.acknowledge(call, response);
    if (initial) this.#releases.end(call, response.toTag ?? '', ['b'], status);
    else this.#endDialog(call, calleeTagOf(request, call) ?? '', status);
  }

  /** Ends a dialog on both sides; one that is not up yet with the INVITE that it came from. */
  #endDialog(call: Call, tag: string, status: number): void {
    if (isUp(call, tag)) {
      this.#releases.end(call, tag, ['a', 'b'], status);
      this.#calls.endDialog(call, tag);
      return;
    }
    this.#giveUp(call, status);
  }

  /** Ends all of a call on both sides. */
  endCall(call: Call, status: number): void {
    const up = [...call.attempts].flatMap(({ dialogs }) => [...dialogs]);
    for (const tag of up) this.#releases.end(call, tag, BOTH, status);
    this.#giveUp(call, status);
    this.#calls.end(call);
  }

  /**
   * The gateway has no more a session of a call, and cannot have it again on the ports that the parties know: what had its
   * media there is ended on both sides (TS 24.229 clause 5.2.8.1.2, where bearers are lost), an INVITE that waits for its
   * answer is given up.
   */
  endMedia(call: Call, session: string): void {
    const tags = call.media?.dialogsOf(session) ?? [];
    const up = tags.filter((tag) => isUp(call, tag));
    for (const tag of up) this.#endDialog(call, tag, 503);
    if (up.length === 0) this.#giveUp(call, 503);
  }

  /** Gives up what waits for its answer. */
  #giveUp(call: Call, status: number): void {
    const pending = new Set([...call.attempts].map((attempt) => attempt.pending));
    for (const [context, transaction] of this.#contexts)
      if (pending.has(transaction)) context.giveUpAll(status);
  }

  /** Where a request of a call goes that came in on `flow`. */
  onwards(onward: SipRequest, call: Call, request: SipRequest, flow: Flow): Route {
    const [far, tag] = [otherSide(sideOf(request, call)), calleeTagOf(request, call)];
    this.#router.takeOwnRoutes(onward, flow.local);
    return this.#router.inDialog(onward, subscribersAt(call, far, tag), flowAt(call, far, tag));
  }

  /** The ACK of a 2xx goes on without a transaction; its branch is a function of what came, so copies stay copies. */
  ack(ack: SipRequest, flow: Flow): void {
    const call = this.#speakers.of(ack, flow)?.call ?? null;
    if (call === null || maxForwards(ack) === 0) return;
    this.#calls.alive(call);
    const onward = ack.clone();
    const route = this.onwards(onward, call, ack, flow);
    const [target] = route.kind === 'targets' ? route.targets : [];
    if (target === undefined) return;
    // A GRUU is translated to the contact behind it, as for any other request of the dialog.
    const { uri, hop } = target;
    onward.uri = uri;
    onward.set('Max-Forwards', String((maxForwards(ack) ?? 71) - 1));
    removeIcid(onward);
    const branch = `${this.#layer.identifiers.branch(formatVia(ack.topVia), 'ACK', uri)}${loopMark(ack)}`;
    this.#watch.follow(onward, sessionOf(call, calleeTagOf(ack, call)));
    call.turnstile.pass(async () => {
      let status: number | null = null;
      try {
        await this.#path.lead(call, onward, sideOf(ack, call), null);
      } catch (cause) {
        status = this.#path.answerFailed(call, cause);
        onward.dropBody();
      }
      this.#layer.sendAck(onward, hop, branch);
      if (status !== null) this.#endDialog(call, calleeTagOf(ack, call) ?? '', status);
    });
  }
}

/** More dialogs than a call may have: whoever answers again and again under other tags hears BYE. */
function isOneTooMany(call: Call, response: SipResponse): boolean {
  if (!isAccepted(response) || isUp(call, response.toTag ?? '')) return false;
  return dialogsUp(call) >= MAX_DIALOGS_UP;
}

/** Whether a dialog is over with the final answer to a request: not where the far end asks who sends it. */
function endsDialog(request: SipRequest, call: Call, status: number): boolean {
  if (status === 401 || status === 407) return false;
  return request.method === 'BYE' || endsSubscription(request, call);
}

/** The notifier says that a subscription is over (RFC 6665 section 4.4.1). */
function endsSubscription(request: SipRequest, call: Call): boolean {
  if (request.method !== 'NOTIFY' || call.method === 'INVITE') return false;
  return /^\s*terminated\b/i.test(request.first('Subscription-State') ?? '');
}

/** A 2xx to an INVITE: the far end waits for an ACK, and believes that the call is up. */
function isAccepted(response: SipResponse): boolean {
  return response.cseq.method === 'INVITE' && response.status >= 200 && response.status < 300;
}
