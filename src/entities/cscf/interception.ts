/**
 * The point of interception for signalling: every SIP message of a target's calls, registrations and messages,
 * requests and responses, both directions, as received or sent by this CSCF **on the target's side**: for a target
 * that calls, between it and us; for one that is called, between us and it. So each message is reported once for a
 * task, as the target's side sees it, and retransmissions are not reported again.
 *
 * A message is on the caller's side if it is a request of the caller that we received, or a response to it that we
 * sent, or a request of the callee that we sent on, or the response to that which we received:
 *
 *     on the caller's side  ⇔  (From tag = caller's)  =  (server side of this node)
 *
 * A request that never leaves for its target (nobody registered) has no such side; then what passed on the caller's
 * side is reported, once that is clear.
 *
 * Who takes part is known step by step: From, P-Asserted-Identity, To and Request-URI with the first request,
 * the authenticated subscriber, and the aliases of both, a moment later. So the first messages of a session are kept,
 * and reported if a later identity turns out to be a target's. Tasks that are activated during a session are reported
 * to from then on. P-Asserted-Identity counts within the trust domain only (RFC 3325 section 5): what user equipment
 * asserts would make anybody a target, or bury the one it is.
 *
 * Nothing here waits or throws: the call goes on whatever happens.
 */
import { createHash } from 'node:crypto';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { Match, Observation, InterceptionTasks, ObservationReporter } from '../../poi/poi.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../wire/x2x3/pdu.ts';
import { assertedIdentities } from '../../sip/asserted-identity.ts';
import { SipError } from '../../sip/errors.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import type { Observed } from '../../sip/transactions.ts';
import { callKey } from './calls.ts';
import { correlationId } from './charging.ts';

export type CallParty = 'caller' | 'callee';

const MAX_SESSIONS = 20_000;
/** First messages kept of a session, octets kept of all, and fingerprints of a session against repetition. */
const MAX_KEPT = 24;
const MAX_KEPT_OCTETS = 64 << 20;
const MAX_SEEN = 1024;
/** Milliseconds that a session is remembered after its end, for late retransmissions, or after a challenge. */
const LINGER_MS = 64_000;
/** Milliseconds without any message after which a session that never came about is forgotten: longer than timer C. */
const BEGINNING_MS = 300_000;
/** IANA protocol numbers. */
const PROTOCOL = { TCP: 6, UDP: 17 } as const;

interface Event {
  readonly observation: Observation;
  readonly party: CallParty;
  readonly cseq: number;
}

interface Session {
  readonly key: string;
  readonly callerTag: string;
  /** Method of the first request. */
  readonly method: string;
  readonly correlation: Uint8Array;
  readonly identities: Record<CallParty, Set<string>>;
  /** Matches by XID of the task, with the side on which they are reported. */
  matches: Map<string, { readonly match: Match; readonly parties: Set<CallParty> }>;
  revision: number;
  /** First messages, until the session is settled. */
  kept: Event[] | null;
  keptOctets: number;
  /** `unreached`: the request was answered without ever leaving for the callee. */
  state: 'beginning' | 'established' | 'unreached' | 'over';
  /** Whether a message has passed on the callee's side. */
  calleeSide: boolean;
  /** Callee's tags of the dialogs that are up: of a forked call there may be several for a while. */
  readonly dialogs: Set<string>;
  readonly seen: Set<string>;
  /** Ends the memory of a session that is over, or never came about. */
  forget: Timer | null;
}

export interface InterceptionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: InterceptionTasks;
  readonly poi: ObservationReporter;
  /** The ICID of a first request; `null` for those that have none (REGISTER). */
  readonly icid: (request: SipRequest, observed: Observed) => string | null;
  /** Whether the message is from within the trust domain: this node or the CSCF of another home. */
  readonly trusted: (observed: Observed) => boolean;
}

export class Interception {
  readonly #options: InterceptionOptions;
  readonly #sessions = new Map<string, Session>();
  /** Those whose first messages are kept, oldest first: what strangers begin must not push others out. */
  readonly #unsettled = new Set<Session>();
  #keptOctets = 0;

  constructor(options: InterceptionOptions) {
    this.#options = options;
  }

  /** Sessions that are known, and octets of their first messages that are kept. */
  get memory(): { readonly sessions: number; readonly octets: number } {
    return { sessions: this.#sessions.size, octets: this.#keptOctets };
  }

  /** Takes every distinct message that the transaction layer received or sent. */
  observe(observed: Observed): void {
    this.#guard(() => {
      const { message } = observed;
      const known = this.#of(message);
      if (known !== undefined && this.#repeated(known, observed)) return;
      const session = known === undefined || beginsAnew(known, message) ? this.#open(observed) : known;
      if (session === null) return;
      if (session.state === 'beginning') this.#forgetAfter(session, BEGINNING_MS);
      this.#learn(session, observed);
      this.#settle(session, this.#event(session, observed));
      this.#closeAfter(session, message);
    });
  }

  /** What else is known of who takes part. */
  identify(first: SipRequest, party: CallParty, identities: readonly string[]): void {
    this.#guard(() => {
      const session = this.#of(first);
      if (session !== undefined && this.#add(session, party, identities)) this.#rematch(session, true);
    });
  }

  /** Forgets everything. */
  close(): void {
    for (const session of [...this.#sessions.values()]) this.#forget(session);
  }

  /**
   * By Call-ID and caller's tag: a Call-ID alone may be taken by anybody who has seen it, to crowd a target out of what
   * is remembered of a session. A first request has no tag of the other side to go by.
   */
  #of(message: Observed['message']): Session | undefined {
    const callId = message.first('Call-ID') ?? '';
    const own = this.#sessions.get(callKey(callId, message.fromTag));
    if (own !== undefined || message.toTag === null) return own;
    return this.#sessions.get(callKey(callId, message.toTag));
  }

  /** A first request: later ones of sessions that began before this node did are taken for one, too. */
  #open(observed: Observed): Session | null {
    const { message } = observed;
    const callId = message.first('Call-ID') ?? '';
    if (message.kind !== 'request' || callId === '') return null;
    const key = callKey(callId, message.fromTag);
    const session: Session = {
      key,
      callerTag: message.fromTag ?? '',
      method: message.method,
      correlation: correlationId(this.#options.icid(message, observed) ?? callId),
      identities: { caller: new Set(), callee: new Set() },
      matches: new Map(),
      revision: -1,
      kept: [],
      keptOctets: 0,
      state: 'beginning',
      calleeSide: false,
      dialogs: new Set(),
      seen: new Set(),
      forget: null,
    };
    const before = this.#sessions.get(key);
    if (before !== undefined) this.#forget(before);
    const [oldest] = this.#unsettled.size > 0 ? this.#unsettled : this.#sessions.values();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#forget(oldest);
    this.#sessions.set(key, session);
    this.#unsettled.add(session);
    this.#repeated(session, observed);
    return session;
  }

  #forgetAfter(session: Session, ms: number): void {
    session.forget?.cancel();
    session.forget = this.#options.clock.after(ms, () => this.#forget(session));
  }

  #forget(session: Session): void {
    session.forget?.cancel();
    this.#letGo(session);
    if (this.#sessions.get(session.key) === session) this.#sessions.delete(session.key);
  }

  #keep(session: Session, event: Event): void {
    if (session.kept === null || session.kept.length >= MAX_KEPT) return;
    const octets = event.observation.payload.length;
    session.kept.push(event);
    session.keptOctets += octets;
    this.#keptOctets += octets;
    for (const oldest of this.#unsettled) {
      if (this.#keptOctets <= MAX_KEPT_OCTETS) break;
      this.#letGo(oldest);
    }
  }

  /** The first messages of a session are needed no more. */
  #letGo(session: Session): void {
    this.#keptOctets -= session.keptOctets;
    session.keptOctets = 0;
    session.kept = null;
    this.#unsettled.delete(session);
  }

  #repeated(session: Session, { direction, octets }: Observed): boolean {
    const fingerprint = createHash('sha256').update(direction).update(octets).digest('base64');
    if (session.seen.has(fingerprint)) return true;
    session.seen.add(fingerprint);
    const [oldest] = session.seen;
    if (session.seen.size > MAX_SEEN && oldest !== undefined) session.seen.delete(oldest);
    return false;
  }

  #learn(session: Session, observed: Observed): void {
    const { unreadable } = assertedIdentities(observed.message);
    if (unreadable > 0)
      this.#options.logger.warn(
        { values: unreadable },
        'a P-Asserted-Identity has values that cannot be read',
      );
    const { caller, callee } = namesIn(observed, session.callerTag, this.#options.trusted(observed));
    const news = [this.#add(session, 'caller', caller), this.#add(session, 'callee', callee)];
    if (news.includes(true)) this.#rematch(session, true);
    else if (session.revision !== this.#options.tasks.revision) this.#rematch(session, false);
  }

  #add(session: Session, party: CallParty, identities: readonly string[]): boolean {
    const known = session.identities[party];
    const before = known.size;
    for (const identity of identities) if (known.size < 64) known.add(identity);
    return known.size > before;
  }

  /** Looks for tasks again. A match by a new identity gets what was kept; one by a new task gets what follows. */
  #rematch(session: Session, byIdentity: boolean): void {
    const { tasks } = this.#options;
    const fresh = session.revision === tasks.revision || session.revision === -1;
    const before = session.matches;
    session.revision = tasks.revision;
    session.matches = new Map();
    for (const party of ['caller', 'callee'] as const) {
      for (const match of tasks.match([...session.identities[party]])) {
        const known = session.matches.get(match.task.xid);
        if (known !== undefined) known.parties.add(party);
        else session.matches.set(match.task.xid, { match, parties: new Set([party]) });
      }
    }
    if (!byIdentity || !fresh) return;
    for (const [xid, entry] of session.matches) {
      const old = before.get(xid)?.parties;
      if (old !== undefined && entry.parties.size === old.size) continue;
      for (const event of session.kept ?? [])
        if (reportedFor(entry.parties, event) && (old === undefined || !reportedFor(old, event)))
          this.#report(event, entry.match);
    }
  }

  #settle(session: Session, event: Event): void {
    if (event.party === 'callee') session.calleeSide = true;
    this.#keep(session, event);
    for (const { match, parties } of session.matches.values()) {
      if (reportedFor(parties, event)) this.#report(event, match);
      else if (session.state === 'unreached') this.#report(seenFromCallee(event), match);
    }
  }

  /** The final answer to the first request settles who takes part, and whether the callee was ever reached. */
  #closeAfter(session: Session, message: Observed['message']): void {
    if (message.kind !== 'response' || message.status < 200) return;
    const { method, number } = message.cseq;
    const accepted = message.status < 300;
    if (method === session.method && session.state === 'beginning') {
      if (message.status === 401 || message.status === 407) {
        this.#forgetAfter(session, LINGER_MS);
        return;
      }
      if (!accepted && !session.calleeSide) this.#reportUnreached(session, number);
      else session.state = accepted && method === 'INVITE' ? 'established' : 'over';
      this.#letGo(session);
      session.forget?.cancel();
    }
    this.#followDialogs(session, message, accepted);
    if (session.state === 'over' || session.state === 'unreached') this.#forgetAfter(session, LINGER_MS);
  }

  /** A call is over with the last of its dialogs. */
  #followDialogs(session: Session, response: SipResponse, accepted: boolean): void {
    const fromCaller = (response.fromTag ?? '') === session.callerTag;
    const calleeTag = (fromCaller ? response.toTag : response.fromTag) ?? '';
    if (response.cseq.method === 'INVITE' && accepted) session.dialogs.add(calleeTag);
    if (response.cseq.method !== 'BYE' || session.state === 'beginning') return;
    session.dialogs.delete(calleeTag);
    if (session.dialogs.size === 0) session.state = 'over';
  }

  #reportUnreached(session: Session, cseq: number): void {
    session.state = 'unreached';
    for (const { match, parties } of session.matches.values()) {
      if (parties.has('caller')) continue;
      for (const event of session.kept ?? [])
        if (event.cseq === cseq) this.#report(seenFromCallee(event), match);
    }
  }

  #event(session: Session, observed: Observed): Event {
    const { message, direction, side, flow, octets } = observed;
    const received = direction === 'received';
    const party =
      ((message.fromTag ?? '') === session.callerTag) === (side === 'server') ? 'caller' : 'callee';
    return {
      party,
      cseq: message.cseq.number,
      observation: {
        interface: 'x2',
        direction: received ? DIRECTION.fromTarget : DIRECTION.toTarget,
        format: PAYLOAD_FORMAT.sip,
        payload: octets,
        correlation: session.correlation,
        time: this.#options.clock.now(),
        source: received ? flow.remote : flow.local,
        destination: received ? flow.local : flow.remote,
        ipProtocol: PROTOCOL[flow.protocol],
      },
    };
  }

  #report(event: Event, match: Match): void {
    this.#options.poi.report(event.observation, [match]);
  }

  #guard(action: () => void): void {
    const { logger } = this.#options;
    try {
      action();
    } catch (cause) {
      // What is too malformed to say whose it is has been refused by this node, too.
      if (cause instanceof SipError) logger.warn({ problem: cause.message }, 'a SIP message names nobody');
      else
        logger.error({ error: cause }, 'a SIP message could not be looked at by the point of interception');
    }
  }
}

/** Whether a message is the first request of another session under the Call-ID of one that is over. */
function beginsAnew(session: Session, message: Observed['message']): boolean {
  const over = session.state === 'over' || session.state === 'unreached';
  const first = message.kind === 'request' && message.toTag === null;
  return over && first && message.method !== 'ACK' && message.method !== 'CANCEL';
}

/** The caller's side for a target that calls (also one that calls itself), else the callee's. */
function reportedFor(parties: ReadonlySet<CallParty>, event: Event): boolean {
  return event.party === (parties.has('caller') ? 'caller' : 'callee');
}

/** What passed on the caller's side, as it would have passed on the callee's. */
function seenFromCallee(event: Event): Event {
  const towards = event.observation.direction === DIRECTION.fromTarget;
  const direction = towards ? DIRECTION.toTarget : DIRECTION.fromTarget;
  return { ...event, observation: { ...event.observation, direction } };
}

function namesIn({ message }: Observed, callerTag: string, trusted: boolean): Record<CallParty, string[]> {
  const names: Record<CallParty, string[]> = { caller: [], callee: [] };
  const fromCaller = (message.fromTag ?? '') === callerTag;
  names[fromCaller ? 'caller' : 'callee'].push(message.from.uri.text);
  names[fromCaller ? 'callee' : 'caller'].push(message.to.uri.text);
  const sender: CallParty = fromCaller === (message.kind === 'request') ? 'caller' : 'callee';
  if (trusted) names[sender].push(...assertedIdentities(message).addresses.map(({ uri }) => uri.text));
  if (message.kind === 'request') {
    const initial = message.toTag === null;
    if (initial && message.method === 'REGISTER') names.caller.push(message.to.uri.text);
    else if (initial && fromCaller) names.callee.push(message.uri);
  }
  return names;
}
