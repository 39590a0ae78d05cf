/**
 * The CSCF of one home: P-CSCF, S-CSCF and registrar in one node (TS 23.228; RFC 3261 section 16).
 *
 *     request ─► form and abilities ─► REGISTER? registrar
 *                                   ─► within a dialog?  its call, next Route or contact
 *                                   ─► else  who sends it (registered flow, digest, another home)
 *                                            where to (contacts, another home)
 *                                            ICID, asserted identity, Record-Route, media anchored
 *                                            ─► branches (`ResponseContext`) ─► responses back
 *
 * What goes on keeps the octets that it came with, but for what a proxy must change: Request-URI, Via, Route,
 * Record-Route, Max-Forwards, credentials for this node, P-Asserted-Identity and P-Charging-Vector at the border of
 * the trust domain, and addresses of media in SDP. Calls beyond the bound are refused with 503, never put off.
 */
import type { CscfParts } from './parts.ts';
import { messageOf } from '../../bytes/errors.ts';
import { SipError } from '../../sip/errors.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import { makeResponse } from '../../sip/response.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { Observed, TransactionLayer } from '../../sip/transactions.ts';
import { SDP_TYPE } from '../../sip/sdp.ts';
import { parseUri } from '../../sip/uri.ts';
import { admit, unsupportedOptions } from '../../sip/verdict.ts';
import { abilitiesOver } from './abilities.ts';
import { assertIdentity } from './assertion.ts';
import { DigestAuthentication } from './authentication.ts';
import { CallTable } from './call-table.ts';
import type { CallRefusal } from './call-table.ts';
import { endOf, MAX_ATTEMPTS, newCall, sessionOf, subscribersAt } from './calls.ts';
import type { Call, DialogParty, CallAttempt } from './calls.ts';
import { icidFor, putIcid, removeIcid } from './charging.ts';
import { FirstRoutes } from './first-routes.ts';
import { Interception } from './interception.ts';
import { marksLoop } from './loops.ts';
import { LostMedia } from './lost-media.ts';
import { Origins, ownerOf, partiesOf } from './origin.ts';
import type { Origin } from './origin.ts';
import { OwnAnswers } from './own-answers.ts';
import { Peers } from './peers.ts';
import type { AddressesOf } from './peers.ts';
import { MediaPath } from './media-path.ts';
import { DEFAULT_CSCF_LIMITS } from './ports.ts';
import type { CscfLimits, Subscriber } from './ports.ts';
import { Registrar } from './registrar.ts';
import { Releases } from './releases.ts';
import { DIALOG_METHODS, Relay } from './relay.ts';
import { Router } from './routing.ts';
import type { Route } from './routing.ts';
import type { Session } from './sessions.ts';
import { tellRegistered } from './third-party.ts';
import { Speakers } from './speakers.ts';
import { Directory, publicIdentitiesOf } from './subscribers.ts';

/** Faults of a request that show only when one of its values is read. */
const UNSERVED: ReadonlySet<string> = new Set(['syntax', 'too-large']);

/** Requests about event packages, of which this node has none of its own (RFC 6665, RFC 3903). */
const EVENT_METHODS: ReadonlySet<string> = new Set(['SUBSCRIBE', 'PUBLISH']);

export class Cscf {
  readonly #parts: CscfParts;
  readonly #layer: TransactionLayer;
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #router: Router;
  readonly #routes: FirstRoutes;
  readonly #authentication: DigestAuthentication;
  readonly #origins: Origins;
  readonly #peers: Peers;
  readonly #calls: CallTable;
  readonly #speakers: Speakers;
  readonly #interception: Interception;
  readonly #path: MediaPath;
  readonly #relay: Relay;
  readonly #answers: OwnAnswers;
  /** Ends calls whose media are lost, once it follows; `null`: nobody says which are. */
  readonly lostMedia: LostMedia | null;

  constructor(parts: CscfParts) {
    const { settings, clock, layer, random, hosts, logger, anchor, losses = null, listening = [] } = parts;
    const limits: CscfLimits = { ...DEFAULT_CSCF_LIMITS, ...settings.limits };
    this.#parts = parts;
    this.#layer = layer;
    const addressesOf: AddressesOf = parts.addressesOf ?? ((host, port) => [hosts.resolve(host, port)]);
    this.#peers = new Peers(settings.peers, addressesOf, parts.namesOf);
    this.#directory = new Directory(settings, this.#peers);
    this.#registrar = new Registrar(clock, limits, parts.registrations ?? null);
    for (const [identity, kept] of parts.restored ?? []) {
      const subscriber = settings.subscribers.find((each) => each.identity === identity);
      if (subscriber !== undefined) this.#registrar.restore(subscriber, kept);
    }
    this.#router = new Router(settings, this.#peers, this.#directory, this.#registrar);
    this.#routes = new FirstRoutes(this.#router, this.#directory, this.#registrar);
    this.#answers = new OwnAnswers(layer, this.#router.names[0] ?? '');
    this.#authentication = new DigestAuthentication(settings, clock, random, this.#directory);
    this.#origins = new Origins(this.#peers, this.#directory, this.#registrar, this.#authentication);
    this.#calls = new CallTable(clock, limits, ({ session }) => this.#interception.over(session));
    this.#speakers = new Speakers(this.#calls, this.#peers, this.#registrar, this.#authentication);
    this.#interception = new Interception({
      ...parts,
      maxUnadmitted: limits.unadmitted,
      ongoing: limits.ongoing,
      icid: (request, observed) => this.#icidOf(request, observed),
      trusted: (observed) => this.#peers.trusted(observed),
      sessionOf: (request, observed) => this.#speakers.sessionOf(request, observed),
    });
    const [peers, { identifiers }] = [this.#peers, layer];
    this.#path = new MediaPath({ logger, anchor, identifiers, peers, listening });
    this.#relay = new Relay({
      layer,
      clock,
      router: this.#router,
      calls: this.#calls,
      path: this.#path,
      releases: new Releases(layer, this.#router, settings.host, this.#interception),
      speakers: this.#speakers,
      watch: this.#interception,
      sentBy: `${settings.host}:${settings.port}`,
    });
    const end = (call: Call, session: string): void => this.#relay.endMedia(call, session);
    const ending = { calls: this.#calls, end, clock, logger };
    this.lostMedia = losses === null ? null : new LostMedia({ losses, ...ending });
    layer.observe((observed) => this.#interception.observe(observed));
    layer.attach({
      request: (transaction) => this.#guard(transaction, () => this.#request(transaction)),
      ack: (ack, flow) => this.#relay.ack(ack, flow),
      stray: () => undefined,
      closed: (flow) => this.#registrar.closed(flow),
      isFromSender: (invite, request, flow) => this.#origins.isSame(invite, request, flow),
    });
  }

  /**
   * Takes these subscribers in place of those that there were. Who is gone, or has other credentials, is registered no more:
   * it is not called, and calls nobody. Calls under way go on.
   * @returns how many are registered no more
   */
  replaceSubscribers(subscribers: readonly Subscriber[]): number {
    const { ended, changed } = this.#directory.replace(subscribers);
    for (const subscriber of ended) {
      this.#registrar.void(subscriber);
      this.#authentication.forget(subscriber);
    }
    for (const [from, to] of changed) {
      this.#registrar.pass(from, to);
      this.#authentication.forget(from);
    }
    return ended.length;
  }

  /** Calls under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Calls that had no place, by why, since the start. */
  get refused(): Readonly<Record<CallRefusal, number>> {
    return this.#calls.refused;
  }

  /** What the point of interception remembers of messages. */
  get remembered(): Interception['memory'] & Pick<Interception, 'ongoing'> {
    return { ...this.#interception.memory, ongoing: this.#interception.ongoing };
  }

  /** Forgets everything; media sessions are given back. */
  close(): void {
    this.lostMedia?.stop();
    this.#relay.close();
    this.#layer.abandon();
    this.#interception.close();
    this.#calls.close();
    this.#registrar.close();
  }

  #request(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const abilities = abilitiesOver(flow.protocol);
    const verdict = admit(request, abilities);
    if (verdict.kind === 'reject') {
      const unsupported = unsupportedOptions(request, abilities).join(', ');
      this.#answers.reply(
        transaction,
        verdict.status,
        unsupported === '' ? {} : { fields: [['Unsupported', unsupported]] },
      );
    } else if (marksLoop(request, this.#router.names)) this.#answers.reply(transaction, 482);
    else if (request.method === 'REGISTER') this.#register(transaction);
    else if (request.toTag !== null) this.#inDialog(transaction);
    else this.#initial(transaction);
  }

  #register(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const subscriber = request.to.uri.kind === 'sip' ? this.#directory.subscriber(request.to.uri) : null;
    if (request.to.uri.kind !== 'sip') {
      this.#answers.reply(transaction, 400);
      return;
    }
    if (!this.#directory.owns(request.to.uri)) {
      this.#answers.reply(transaction, 404);
      return;
    }
    const result = this.#authentication.authenticate(request, 'Authorization', flow.local, subscriber);
    if (result.kind === 'challenge') {
      const fields = result.challenges.map((value) => ['WWW-Authenticate', value] as const);
      this.#answers.reply(transaction, 401, { fields });
      return;
    }
    if (result.subscriber !== subscriber) {
      this.#answers.reply(transaction, 403);
      return;
    }
    this.#admit(request, subscriber.identity, subscriber, null);
    if (!this.#keeps(transaction, subscriber.identity)) return;
    const toTag = this.#layer.tagFor(request);
    const response = this.#registrar.register(request, subscriber, flow, toTag);
    transaction.respond(response);
    if (response.status === 200 && request.contacts.length > 0) this.#tellMailbox(subscriber);
  }

  /** Tells a subscriber's mailbox that they are registered. */
  #tellMailbox(subscriber: Subscriber): void {
    if (this.#registrar.bindings(subscriber).length === 0) return;
    const targets = this.#router.mailboxOf(subscriber, null, subscriber.identity);
    const [node = ''] = this.#router.names;
    const expires = this.#parts.settings.limits?.maxExpires ?? DEFAULT_CSCF_LIMITS.maxExpires;
    tellRegistered(this.#layer, { identity: subscriber.identity, targets, node, expires });
  }

  #initial(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const invite = request.method === 'INVITE';
    if (request.method === 'OPTIONS' && this.#router.isSelf(parseUri(request.uri), flow.local)) {
      this.#answers.reply(transaction, 200, { fields: [['Accept', SDP_TYPE]] });
      return;
    }
    const origin = this.#origins.of(request, flow);
    if (origin.kind === 'challenge') {
      this.#answers.challenge(transaction, origin.challenges);
      return;
    }
    if (origin.kind === 'refused') {
      this.#answers.reply(transaction, origin.status);
      return;
    }
    const caller = origin.kind === 'subscriber' ? origin.subscriber : null;
    const owner = ownerOf(request, origin);
    this.#admit(request, owner, caller, null);
    if (!this.#keeps(transaction, caller?.identity ?? null)) return;
    const begins = DIALOG_METHODS.has(request.method);
    const known = begins ? this.#calls.begunBy(owner, request) : null;
    if (begins && !this.#hasRoom(transaction, known, owner, origin)) return;
    if (invite) transaction.respond(makeResponse(request, 100));
    const onward = request.clone();
    this.#router.takeOwnRoutes(onward, flow.local);
    const { route, forwarding, fallBack } = this.#routes.of(onward, flow.local, caller);
    const callee = route.kind === 'targets' ? route.callee : null;
    const session = this.#admit(request, owner, caller, callee);
    if (route.kind === 'refused') {
      this.#answers.refuse(transaction, route);
      return;
    }
    if (route.kind === 'self') {
      this.#answers.reply(transaction, request.method === 'OPTIONS' ? 200 : 405);
      return;
    }
    // A home may call our subscribers; it may not go through us to others, but where one of them wants it to.
    if (
      origin.kind === 'peer' &&
      forwarding === 'none' &&
      route.targets.some(({ kind }) => kind === 'peer')
    ) {
      this.#answers.reply(transaction, 403);
      return;
    }
    if (
      origin.kind === 'subscriber' &&
      EVENT_METHODS.has(request.method) &&
      isFor(route, origin.subscriber)
    ) {
      this.#answers.reply(transaction, 489);
      return;
    }
    const end: DialogParty =
      caller === null ? { kind: 'peer' } : { kind: 'subscriber', subscriber: caller, flow };
    const call = known ?? this.#newCall(request, flow, owner, end);
    const attempt: CallAttempt = {
      pending: transaction,
      parties: partiesOf(request, origin, callee),
      callees: route.targets.map(endOf),
      branches: new Set(),
      dialogs: new Set(),
      session,
    };
    if (begins) this.#calls.begin(call, attempt);
    else call.attempts.add(attempt);
    this.#prepare(onward, origin, call);
    this.#relay.fork(transaction, call, attempt, onward, route.targets, fallBack, ({ callee: next }) => {
      if (next === null) return;
      for (const identity of publicIdentitiesOf(next)) attempt.parties.b.add(identity);
      this.#admit(request, owner, caller, next);
    });
  }

  /** Whether one more first request may go on; if not, it is answered. */
  #hasRoom(transaction: ServerTransaction, known: Call | null, owner: string, origin: Origin): boolean {
    if (known !== null) {
      if (known.attempts.size < MAX_ATTEMPTS) return true;
      this.#answers.reply(transaction, 486, { fields: [['Retry-After', '10']] });
      return false;
    }
    const stale = this.#calls.toMakeRoom(owner);
    if (stale !== null) this.#relay.endCall(stale, 408);
    const refusal = this.#calls.refusal(owner, origin.kind === 'peer' ? 'peer' : 'subscriber');
    if (refusal === null) return true;
    this.#parts.logger.warn({ owner, refusal }, 'a call had no place');
    this.#answers.reply(transaction, refusal === 'caller' ? 486 : 503, { fields: [['Retry-After', '10']] });
    return false;
  }

  #inDialog(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const judgement = this.#speakers.judge(request, flow);
    if (judgement.kind === 'challenge') {
      this.#answers.challenge(transaction, judgement.challenges);
      return;
    }
    if (judgement.kind === 'refused') {
      this.#answers.reply(transaction, judgement.status);
      return;
    }
    const { call, side, calleeTag } = judgement.spoken;
    this.#calls.alive(call);
    const session = sessionOf(call, calleeTag);
    if (session !== null) this.#interception.join(request, session);
    const [speaker] = subscribersAt(call, side, calleeTag);
    if (!this.#keeps(transaction, speaker?.identity ?? null)) return;
    const onward = request.clone();
    const route = this.#relay.onwards(onward, call, request, flow);
    if (route.kind === 'refused') {
      this.#answers.refuse(transaction, route);
      return;
    }
    const [target] = route.kind === 'targets' ? route.targets : [];
    if (target === undefined) {
      this.#answers.reply(transaction, 404);
      return;
    }
    this.#authentication.strip(onward);
    removeIcid(onward);
    onward.remove('P-Asserted-Identity');
    this.#relay.fork(transaction, call, null, onward, [target]);
  }

  /** Tells the point of interception who takes part in what a first request begins. */
  #admit(
    request: SipRequest,
    sender: string,
    caller: Subscriber | null,
    callee: Subscriber | null,
  ): Session | null {
    const names = (who: Subscriber | null): string[] => (who === null ? [] : publicIdentitiesOf(who));
    return this.#interception.admit(request, { sender, caller: names(caller), callee: names(callee) });
  }

  #newCall(request: SipRequest, flow: Flow, owner: string, caller: DialogParty): Call {
    const icid = this.#icid(request, flow);
    const media = (attempts: Call['attempts']) => this.#path.begin(request, icid, attempts);
    return newCall(request, { icid, owner, caller }, media);
  }

  /** What a first request carries within the trust domain. */
  #prepare(onward: SipRequest, origin: Origin, call: Call): void {
    this.#authentication.strip(onward);
    if (origin.kind === 'subscriber') assertIdentity(onward, origin.subscriber);
    putIcid(onward, call.icid);
  }

  /** What is observed of a call has its ICID, whoever sent it. */
  #icidOf(request: SipRequest, { flow }: Observed): string | null {
    if (request.method === 'REGISTER') return null;
    const [call] = request.toTag === null ? [] : this.#calls.candidates(request);
    return call?.icid ?? this.#icid(request, flow);
  }

  #icid(request: SipRequest, flow: Flow): string {
    return icidFor(request, this.#peers.sent(request, flow), this.#layer.identifiers);
  }

  /**
   * Whether there is room for a request of this party (of another home: `null`), which has proved to be its; if not, it
   * is answered so.
   */
  #keeps(transaction: ServerTransaction, owner: string | null): boolean {
    const { flow } = transaction;
    flow.vouch?.(owner ?? `another home at ${flow.remote.address}`);
    if (transaction.admit(owner)) return true;
    this.#answers.reply(transaction, 503, { fields: [['Retry-After', '5']] });
    return false;
  }

  /** A fault of ours must cost one request and not the node. */
  #guard(transaction: ServerTransaction, action: () => void): void {
    try {
      action();
    } catch (cause) {
      const problem = messageOf(cause);
      this.#parts.logger.error(
        { method: transaction.request.method, problem },
        'a request could not be served',
      );
      this.#answers.reply(transaction, cause instanceof SipError && UNSERVED.has(cause.code) ? 400 : 500);
    }
  }
}

/** Whether a request goes to its own sender: what it is about is nobody else's to answer. */
function isFor(route: Route, subscriber: Subscriber): boolean {
  return route.kind === 'targets' && route.callee === subscriber;
}
