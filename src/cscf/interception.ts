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
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import type { Match, Observation } from '../li/ne/poi.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../li/wire/x2x3/pdu.ts';
import { SipError } from '../sip/errors.ts';
import { parseNameAddr } from '../sip/fields.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Observed } from '../sip/transactions.ts';
import { correlationId } from './charging.ts';
import type { InterceptionTasks, SipPoi } from './ports.ts';

export type Party = 'caller' | 'callee';

const MAX_SESSIONS = 20_000;
/** First messages kept of a session, and fingerprints against repetition. */
const MAX_KEPT = 24;
const MAX_SEEN = 1024;
/** Milliseconds that a session is remembered after its end, for late retransmissions. */
const LINGER_MS = 64_000;
/** IANA protocol numbers. */
const PROTOCOL = { TCP: 6, UDP: 17 } as const;

interface Event {
  readonly observation: Observation;
  readonly party: Party;
  readonly cseq: number;
}

interface Session {
  readonly callerTag: string;
  /** Method of the first request. */
  readonly method: string;
  readonly correlation: Uint8Array;
  readonly identities: Record<Party, Set<string>>;
  /** Matches by XID of the task, with the side on which they are reported. */
  matches: Map<string, { readonly match: Match; readonly parties: Set<Party> }>;
  revision: number;
  /** First messages, until the session is settled. */
  kept: Event[] | null;
  /** `unreached`: the request was answered without ever leaving for the callee. */
  state: 'beginning' | 'established' | 'unreached' | 'over';
  /** Whether a message has passed on the callee's side. */
  calleeSide: boolean;
  readonly seen: Set<string>;
}

export interface InterceptionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: InterceptionTasks;
  readonly poi: SipPoi;
  /** The ICID of a first request; `null` for those that have none (REGISTER). */
  readonly icid: (request: SipRequest, observed: Observed) => string | null;
  /** Whether the message is from within the trust domain: this node or the CSCF of another home. */
  readonly trusted: (observed: Observed) => boolean;
}

export class Interception {
  readonly #options: InterceptionOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #timers = new Set<Timer>();

  constructor(options: InterceptionOptions) {
    this.#options = options;
  }

  /** Takes every distinct message that the transaction layer received or sent. */
  observe(observed: Observed): void {
    this.#guard(() => {
      const { message } = observed;
      const callId = message.first('Call-ID') ?? '';
      const session = this.#sessions.get(callId) ?? this.#open(callId, observed);
      if (session === null || this.#repeated(session, observed)) return;
      this.#learn(session, observed);
      this.#settle(session, this.#event(session, observed));
      this.#closeAfter(callId, session, message);
    });
  }

  /** What else is known of who takes part. */
  identify(callId: string, party: Party, identities: readonly string[]): void {
    this.#guard(() => {
      const session = this.#sessions.get(callId);
      if (session !== undefined && this.#add(session, party, identities)) this.#rematch(session, true);
    });
  }

  /** Forgets everything. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#sessions.clear();
  }

  /** A first request: later ones of sessions that began before this node did are taken for one, too. */
  #open(callId: string, observed: Observed): Session | null {
    const { message } = observed;
    if (message.kind !== 'request' || callId === '') return null;
    const session: Session = {
      callerTag: message.fromTag ?? '',
      method: message.method,
      correlation: correlationId(this.#options.icid(message, observed) ?? callId),
      identities: { caller: new Set(), callee: new Set() },
      matches: new Map(),
      revision: -1,
      kept: [],
      state: 'beginning',
      calleeSide: false,
      seen: new Set(),
    };
    this.#sessions.set(callId, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    return session;
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
    const { caller, callee } = namesIn(observed, session.callerTag, this.#options.trusted(observed));
    const news = [this.#add(session, 'caller', caller), this.#add(session, 'callee', callee)];
    if (news.includes(true)) this.#rematch(session, true);
    else if (session.revision !== this.#options.tasks.revision) this.#rematch(session, false);
  }

  #add(session: Session, party: Party, identities: readonly string[]): boolean {
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
    if (session.kept !== null && session.kept.length < MAX_KEPT) session.kept.push(event);
    for (const { match, parties } of session.matches.values()) {
      if (reportedFor(parties, event)) this.#report(event, match);
      else if (session.state === 'unreached') this.#report(seenFromCallee(event), match);
    }
  }

  /** The final answer to the first request settles who takes part, and whether the callee was ever reached. */
  #closeAfter(callId: string, session: Session, message: Observed['message']): void {
    if (message.kind !== 'response' || message.status < 200) return;
    const { method, number } = message.cseq;
    const challenged = message.status === 401 || message.status === 407;
    if (method === session.method && session.state === 'beginning' && !challenged) {
      const accepted = message.status < 300;
      if (!accepted && !session.calleeSide) this.#reportUnreached(session, number);
      else session.state = accepted && method === 'INVITE' ? 'established' : 'over';
      session.kept = null;
    }
    if (method === 'BYE') session.state = 'over';
    if (session.state !== 'over' && session.state !== 'unreached') return;
    const timer = this.#options.clock.after(LINGER_MS, () => {
      this.#timers.delete(timer);
      if (this.#sessions.get(callId) === session) this.#sessions.delete(callId);
    });
    this.#timers.add(timer);
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
    try {
      action();
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : 'unknown';
      this.#options.logger.error(
        { problem },
        'a SIP message could not be looked at by the point of interception',
      );
    }
  }
}

/** The caller's side for a target that calls (also one that calls itself), else the callee's. */
function reportedFor(parties: ReadonlySet<Party>, event: Event): boolean {
  return event.party === (parties.has('caller') ? 'caller' : 'callee');
}

/** What passed on the caller's side, as it would have passed on the callee's. */
function seenFromCallee(event: Event): Event {
  const towards = event.observation.direction === DIRECTION.fromTarget;
  const direction = towards ? DIRECTION.toTarget : DIRECTION.fromTarget;
  return { ...event, observation: { ...event.observation, direction } };
}

function namesIn({ message }: Observed, callerTag: string, trusted: boolean): Record<Party, string[]> {
  const names: Record<Party, string[]> = { caller: [], callee: [] };
  const fromCaller = (message.fromTag ?? '') === callerTag;
  names[fromCaller ? 'caller' : 'callee'].push(message.from.uri.text);
  names[fromCaller ? 'callee' : 'caller'].push(message.to.uri.text);
  const sender: Party = fromCaller === (message.kind === 'request') ? 'caller' : 'callee';
  if (trusted) names[sender].push(...assertedIn(message));
  if (message.kind === 'request') {
    const initial = message.toTag === null;
    if (initial && message.method === 'REGISTER') names.caller.push(message.to.uri.text);
    else if (initial && fromCaller) names.callee.push(message.uri);
  }
  return names;
}

/** What P-Asserted-Identity says; one that is malformed names nobody, and the message is reported all the same. */
function assertedIn(message: Observed['message']): string[] {
  try {
    const values = message.list('P-Asserted-Identity');
    return values.map((value) => parseNameAddr(value, 'P-Asserted-Identity').uri.text);
  } catch (cause) {
    if (cause instanceof SipError) return [];
    throw cause;
  }
}
