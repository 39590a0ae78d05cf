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
 * **Which session a message belongs to the CSCF says**, and nothing that a message claims: each message has the
 * request that it answers, or belongs to; requests that go on are tied to the session of the one that came
 * (`follow`), those within a call to the session of their dialog, if who sends them may speak in it. A session is
 * admitted with who was authenticated and whom it is routed to (`admit`). What nobody has authenticated stands by
 * itself: it is matched by its own names, reported under the Call-ID that it has, and remembered, within bounds by
 * source, only until its sender shows who it is or goes away.
 *
 * Tasks that are activated during a session are reported to from then on; where its media are protected, they get what
 * its keys rest on from what is kept of it (`ongoing.ts`): first the start of interception with an established session,
 * with offer and answer, then each further body that carried MIKEY, but for updates that later ones have superseded, with
 * its own time. P-Asserted-Identity counts within the trust domain only (RFC 3325 section 5): what user equipment
 * asserts would make anybody a target, or bury the one it is.
 *
 * Nothing here waits or throws: the call goes on whatever happens.
 */
import { hash } from 'node:crypto';
import { encodeSessionStart } from '../../wire/hi/session-start.ts';
import { countedAddress } from '../../bytes/network-address.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import type { InterceptionTasks, Match, ObservationReporter, TaskChange } from '../../poi/poi.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../wire/x2x3/pdu.ts';
import { assertedIdentities } from '../../sip/asserted-identity.ts';
import { SipError } from '../../sip/errors.ts';
import { sourceOf } from '../../sip/flow.ts';
import { parseMessage } from '../../sip/message.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { neededFurther } from '../../ibake/superseded.ts';
import { divertedNames, instanceNames } from '../../sip/further-names.ts';
import { mayProtect, offerAndAnswer, protectionIn, takenApart } from '../../sip/offer-answer.ts';
import type { Observed } from '../../sip/transactions.ts';
import { callKey } from './calls.ts';
import { correlationId } from './charging.ts';
import { KeptMessages } from './kept.ts';
import type { SessionEvent } from './kept.ts';
import { Session } from './sessions.ts';
import type { CallParty, SessionMatch } from './sessions.ts';
import { FairMemory } from './fair-memory.ts';
import type { MemoryLimits } from './fair-memory.ts';
import { OngoingSessions } from './ongoing.ts';
import type { OngoingSession } from './ongoing.ts';
import { DEFAULT_CSCF_LIMITS } from './ports.ts';

/** Octets kept of what nobody has authenticated, and milliseconds for which it is. */
const UNADMITTED_OCTETS = 16 << 20;
const UNADMITTED_MS = 64_000;
/** The same of sessions without a final answer; longer than timer C. */
const ADMITTED_OCTETS = 64 << 20;
const ADMITTED_MS = 300_000;
/** IANA protocol numbers. */
const PROTOCOL = { TCP: 6, TLS: 6, UDP: 17 } as const;
/** Answers to somebody who has yet to show, or has not shown, who it is. */
const UNKNOWN_SENDER: ReadonlySet<number> = new Set([401, 403, 407]);

export interface InterceptionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: InterceptionTasks;
  readonly poi: ObservationReporter;
  /** Senders whose requests are remembered that nobody has authenticated. */
  readonly maxUnadmitted: number;
  /** What is kept of sessions that stand, so that interception can begin in mid-call. */
  readonly ongoing?: MemoryLimits;
  /** The ICID of the session of a request; `null` for those that have none (REGISTER). */
  readonly icid: (request: SipRequest, observed: Observed) => string | null;
  /** Whether the message is from within the trust domain: this node or the CSCF of another home. */
  readonly trusted: (observed: Observed) => boolean;
  /** The session of a request within a call from somebody who may speak there; `null`: there is none, or not yet. */
  readonly sessionOf: (request: SipRequest, observed: Observed) => Session | null;
}

/** Who takes part, as the CSCF knows it. */
export interface Participants {
  /** Who sent the first request: what is kept of it counts as theirs. */
  readonly sender: string;
  readonly caller: readonly string[];
  readonly callee: readonly string[];
}

export class Interception {
  readonly #options: InterceptionOptions;
  readonly #unadmitted: FairMemory<KeptMessages>;
  readonly #unadmittedByKey = new Map<string, KeptMessages>();
  readonly #admitted: FairMemory<KeptMessages>;
  readonly #ongoing: OngoingSessions;

  constructor(options: InterceptionOptions) {
    this.#options = options;
    const { clock, maxUnadmitted } = options;
    const unadmitted = { items: maxUnadmitted, octets: UNADMITTED_OCTETS, lifeMs: UNADMITTED_MS };
    this.#unadmitted = new FairMemory(clock, unadmitted, (kept) => {
      kept.discard();
      this.#forget(kept);
    });
    // Sessions without an answer are as many as there are transactions.
    const admitted = { items: Infinity, octets: ADMITTED_OCTETS, lifeMs: ADMITTED_MS };
    this.#admitted = new FairMemory(clock, admitted, (kept) => kept.discard());
    this.#ongoing = new OngoingSessions(clock, options.ongoing ?? DEFAULT_CSCF_LIMITS.ongoing);
    options.tasks.onChange?.((change) => this.#changed(change));
  }

  /** What is kept of sessions that stand; what made room for others, and for later messages of its own session. */
  get ongoing(): Readonly<Record<'sessions' | 'octets' | 'crowdedOut' | 'shortened', number>> {
    const { size, octets, crowdedOut, shortened } = this.#ongoing;
    return { sessions: size, octets, crowdedOut, shortened };
  }

  /** Of whom messages are kept: senders whom nobody has authenticated, and sessions; octets of both; who made room. */
  get memory(): Readonly<Record<'unadmitted' | 'sessions' | 'octets' | 'crowdedOut', number>> {
    const [strangers, sessions] = [this.#unadmitted, this.#admitted];
    return {
      unadmitted: strangers.size,
      sessions: sessions.size,
      octets: strangers.octets + sessions.octets,
      crowdedOut: strangers.crowdedOut + sessions.crowdedOut,
    };
  }

  /** Takes every distinct message that the transaction layer received or sent. */
  observe(observed: Observed): void {
    this.#guard(() => {
      const session = this.#sessionOf(observed);
      if (session === null || session.kept.repeats(fingerprintOf(observed))) return;
      this.#learn(session, observed);
      this.#take(session, this.#event(session, observed), observed.message);
      this.#settle(session, observed);
    });
  }

  /** The CSCF serves a first request: who takes part. Gives the session, which further requests can be tied to. */
  admit(first: SipRequest, { sender, caller, callee }: Participants): Session | null {
    let admitted: Session | null = null;
    this.#guard(() => {
      const session = notedOn(first);
      if (session === null) return;
      admitted = session;
      const { kept } = session;
      if (!session.admitted) {
        this.#forget(kept);
        kept.admit(sender);
        session.admitted = true;
        if (kept.open) this.#admitted.keep(kept);
        for (const event of kept.events) {
          const { payload } = event.observation;
          if (mayProtect(payload)) this.#retain(session, event, parseMessage(payload));
        }
      }
      const news = [session.know('caller', caller), session.know('callee', callee)];
      // What was kept came before anybody knew these names.
      if (news.includes(true)) this.#rematch(session);
    });
    return admitted;
  }

  /** A request within a call turned out to be from somebody who may speak there. */
  join(request: SipRequest, session: Session): void {
    this.#guard(() => {
      const alone = notedOn(request);
      request.note = session;
      if (alone === null || alone === session) return;
      const { events } = alone.kept;
      this.#forget(alone.kept);
      for (const event of events) {
        const due = event.revision === this.#options.tasks.revision;
        if (due) this.#reportWhereDue(session, event);
      }
    });
  }

  /** A request that this node sends belongs to a session. */
  follow(request: SipRequest, session: Session | null): void {
    if (session !== null) request.note = session;
  }

  /** The call that a session is of has ended: nothing is kept of it. */
  over(session: Session | null): void {
    if (session !== null) this.#ongoing.end(session);
  }

  /** Forgets everything. */
  close(): void {
    this.#ongoing.close();
    this.#unadmitted.close();
    this.#admitted.close();
  }

  /** Where a message belongs; `null` for a response to nothing that this node knows. */
  #sessionOf(observed: Observed): Session | null {
    const { message, of } = observed;
    const known = of === null ? null : notedOn(of);
    if (message.kind === 'response') return known;
    const within = known === null && message.toTag !== null;
    const session =
      known ?? (within ? this.#options.sessionOf(message, observed) : null) ?? this.#open(message, observed);
    message.note = session;
    return session;
  }

  /** A request of which nobody has said yet where it belongs. */
  #open(request: SipRequest, observed: Observed): Session {
    const callId = request.first('Call-ID') ?? '';
    const { address, port } = sourceOf(observed.flow);
    const key = `${observed.flow.protocol} ${address} ${port} ${callKey(callId, request.fromTag)}`;
    const kept = this.#unadmittedByKey.get(key) ?? new KeptMessages(key, countedAddress(address));
    this.#unadmittedByKey.set(key, kept);
    return new Session({
      callerTag: request.fromTag ?? '',
      method: request.method,
      correlation: correlationId(this.#options.icid(request, observed) ?? callId),
      kept,
    });
  }

  #forget(kept: KeptMessages): void {
    this.#unadmitted.drop(kept);
    if (this.#unadmittedByKey.get(kept.key) === kept) this.#unadmittedByKey.delete(kept.key);
  }

  #keep(kept: KeptMessages, event: SessionEvent): void {
    if (!kept.open) return;
    kept.add(event);
    if (kept.admitted) this.#admitted.keep(kept);
    else this.#unadmitted.keep(kept);
  }

  #learn(session: Session, observed: Observed): void {
    const { tasks, logger } = this.#options;
    const { message } = observed;
    const { addresses, unreadable } = assertedIdentities(message);
    if (unreadable > 0)
      logger.warn({ values: unreadable }, 'a P-Asserted-Identity has values that cannot be read');
    const fromCaller = (message.fromTag ?? '') === session.callerTag;
    const sender: CallParty = fromCaller === (message.kind === 'request') ? 'caller' : 'callee';
    const isTrusted = this.#options.trusted(observed);
    let news = 0;
    const learn = (party: CallParty, names: readonly string[], isCertain: boolean): void => {
      if (names.length === 0) return;
      const some = isCertain ? session.know(party, names) : session.hear(party, sender, names, tasks);
      if (some) news++;
    };
    const trusted = isTrusted ? addresses.map(({ uri }) => uri.text) : [];
    learn(sender, trusted, true);
    learn(sender, instanceNames(message), false);
    learn('callee', divertedNames(message), isTrusted);
    const first = isFirst(message);
    learn(fromCaller ? 'caller' : 'callee', [message.from.uri.text], first);
    learn(fromCaller ? 'callee' : 'caller', [message.to.uri.text], first);
    if (first && message.method === 'REGISTER') learn('caller', [message.to.uri.text], true);
    else if (first) learn('callee', [message.uri], true);
    if (news > 0) this.#rematch(session);
    else if (session.isBehind(tasks)) this.#look(session);
  }

  /** Looks for tasks again: a match by a new identity gets what was kept; one by a new task gets what follows. */
  #rematch(session: Session): void {
    const { tasks } = this.#options;
    this.#look(session);
    for (const event of session.kept.events)
      if (event.revision === tasks.revision) this.#reportWhereDue(session, event);
    const ongoing = this.#ongoing.of(session);
    if (ongoing?.up === true) this.#begin(ongoing);
  }

  /** What a task that is gone was told counts for nothing when it comes again. */
  #look(session: Session): void {
    const before = session.matches;
    session.rematch(this.#options.tasks);
    const gone = [...before.keys()].filter((xid) => !session.matches.has(xid));
    for (const { reported } of this.#ongoing.of(session)?.events ?? [])
      for (const xid of gone) reported.delete(xid);
  }

  #take(session: Session, event: SessionEvent, message: SipMessage): void {
    if (session.sideOf(event) === 'callee') session.calleeSide = true;
    this.#keep(session.kept, event);
    this.#retain(session, event, message);
    this.#reportWhereDue(session, event);
  }

  /** The final answer to the first request settles who takes part, and whether the callee was ever reached. */
  #settle(session: Session, { message, direction, side }: Observed): void {
    const answers = message.kind === 'response' && direction === 'sent' && side === 'server';
    if (!answers || message.status < 200 || message.cseq.method !== session.method) return;
    const unknown = !session.admitted && UNKNOWN_SENDER.has(message.status);
    if (message.status >= 300 && !unknown && !session.calleeSide && session.method !== 'CANCEL') {
      session.unreached = true;
      for (const event of session.kept.events)
        if (event.cseq === message.cseq.number) this.#reportWhereDue(session, event);
    }
    if (!session.admitted) return;
    this.#admitted.drop(session.kept);
    session.kept.discard();
    if (message.status >= 300) return;
    const ongoing = this.#ongoing.accept(session, message.toTag ?? '');
    if (ongoing !== null) this.#begin(ongoing);
  }

  /** keeps what a task that comes later will need. */
  #retain(session: Session, event: SessionEvent, message: SipMessage): void {
    if (!session.admitted || session.method !== 'INVITE') return;
    const protection = protectionIn(message);
    if (protection === null) return;
    const tags = [message.fromTag, message.toTag].filter((tag) => tag !== null);
    this.#ongoing.add(session, { ...event, ...protection, tags });
  }

  #changed(change: TaskChange): void {
    for (const ongoing of this.#ongoing.concernedBy(change)) {
      this.#guard(() => {
        this.#look(ongoing.session);
        this.#begin(ongoing);
      });
    }
  }

  /** tasks that have not been told how the session began are told so. */
  #begin({ session, events, accepted }: OngoingSession): void {
    for (const { match, parties } of session.matches.values()) {
      const { xid } = match.task;
      const found = offerAndAnswer(
        events.filter((event) => session.isFor(parties, event)),
        accepted,
      );
      if (found === null || found.offer.reported.has(xid)) continue;
      const { offer, answer } = found;
      const { correlation } = session;
      const time = this.#options.clock.now();
      const start = { time, offer: takenApart(offer.sip), answer: takenApart(answer.sip) };
      offer.reported.add(xid);
      answer.reported.add(xid);
      this.#options.poi.report(
        {
          interface: 'x2',
          direction: offer.observation.direction,
          format: PAYLOAD_FORMAT.epsIriContent,
          payload: encodeSessionStart(start, xid, correlation),
          correlation,
          time,
        },
        [match],
      );
      for (const event of neededFurther(found)) this.#report(session, event, match);
    }
  }

  #event(session: Session, observed: Observed): SessionEvent {
    const { message, direction, side, flow, octets } = observed;
    const received = direction === 'received';
    return {
      fromTag: message.fromTag ?? '',
      side,
      cseq: message.cseq.number,
      revision: this.#options.tasks.revision,
      reported: new Set(),
      observation: {
        interface: 'x2',
        direction: received ? DIRECTION.fromTarget : DIRECTION.toTarget,
        format: PAYLOAD_FORMAT.sip,
        payload: octets,
        correlation: session.correlation,
        time: this.#options.clock.now(),
        source: received ? sourceOf(flow) : flow.local,
        destination: received ? flow.local : flow.remote,
        ipProtocol: PROTOCOL[flow.protocol],
      },
    };
  }

  /** Reports a message for the tasks on whose side it passed, once for each. */
  #reportWhereDue(session: Session, event: SessionEvent): void {
    for (const due of session.matches.values()) {
      const { match, parties } = due;
      if (session.isFor(parties, event)) this.#report(session, event, match);
      else if (session.unreached && mayBeUnreached(due)) this.#report(session, event, match, true);
    }
  }

  /** @param turned what passed on the caller's side, as it would have passed on the callee's */
  #report(session: Session, event: SessionEvent, match: Match, turned = false): void {
    const { xid } = match.task;
    if (event.reported.has(xid)) return;
    event.reported.add(xid);
    const { direction } = event.observation;
    const opposite = direction === DIRECTION.fromTarget ? DIRECTION.toTarget : DIRECTION.fromTarget;
    const observation = {
      ...event.observation,
      direction: turned ? opposite : direction,
      claimed: !session.admitted,
    };
    this.#options.poi.report(observation, [match]);
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

/** A target that calls has its side in any case. */
function mayBeUnreached({ parties }: SessionMatch): boolean {
  return !parties.has('caller');
}

/** A request that may begin something, with names that whoever routes it goes by. */
function isFirst(message: SipRequest | SipResponse): message is SipRequest {
  return message.kind === 'request' && message.toTag === null && !['ACK', 'CANCEL'].includes(message.method);
}

/** The session that a request is noted to belong to, which lives as long as such requests do; `null`: none. */
function notedOn({ note }: SipRequest): Session | null {
  return note instanceof Session ? note : null;
}

function fingerprintOf({ direction, octets }: Observed): string {
  return `${direction} ${hash('sha256', octets, 'base64')}`;
}
