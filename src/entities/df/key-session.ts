/**
 * The key management of one call under one task: which MIKEY messages were seen, and what became of the questions put
 * to the KMS. Plain data, so that the store can keep it; every function gives a new session.
 *
 * A question is opened as soon as table 7B.7.2.1's messages are known, once for each exchange and for each update of
 * it, and again with R_MESSAGE_2 where the KMS could not verify without it.
 *
 *     open ──► answered                  key records, one for each key not yet handed over
 *      │  └──► failed                    failure record
 *      └─ timer (R-30) ─► open, overdue  failure record; a later answer still brings the key records (R-25)
 */
import { identityKeys } from '../../sip/identity-keys.ts';
import type { GetKeysRequest } from '../../wire/xk/get-keys.ts';
import { addMessage, assemble } from './exchanges.ts';
import type { Exchange } from './exchanges.ts';
import { fingerprint } from './extraction.ts';
import type { SeenMessage, Sighting } from './extraction.ts';
import type { ObservedIdentity } from './records.ts';
import { judged, withMedia } from './unkeyed.ts';
import type { KeyingState } from './unkeyed.ts';

export interface QuestionState {
  /** Of the exchange, or of exchange and update. */
  readonly id: string;
  readonly exchangeId: string;
  /** Number of updates that it covers. */
  readonly updates: number;
  readonly state: 'open' | 'answered' | 'failed';
  /** When it was first put, Unix milliseconds. */
  readonly since: number;
  /** Time of the event that the keys belong to: the last message of the exchange or update. */
  readonly eventTime: number;
  /** Whether the failure record was handed over. */
  readonly overdue: boolean;
  /** Whether R_MESSAGE_2 was there when it was answered. */
  readonly withRMessage2: boolean;
  readonly verified: boolean;
}

export interface KeySession {
  readonly xid: string;
  /** Hex of the correlation ID. */
  readonly correlation: string;
  readonly observed: readonly ObservedIdentity[];
  readonly messages: readonly SeenMessage[];
  readonly questions: readonly QuestionState[];
  /** Fingerprints of the keys that were handed over, by LIID. */
  readonly delivered: readonly string[];
  /** Absent while nobody has spoken of encryption. */
  readonly media?: KeyingState | undefined;
}

/** Bounds of one session: a caller must not be able to fill the DF. The latest messages count. */
const MAX_MESSAGES = 256;
const MAX_QUESTIONS = 256;

export function newSession(xid: string, correlation: string): KeySession {
  return { xid, correlation, observed: [], messages: [], questions: [], delivered: [] };
}

/** The session with what a SIP message brought, and with the questions that this opens; itself where that is nothing. */
export function withSighting(
  session: KeySession,
  { mikey, media: sighted }: Sighting,
  observed: readonly ObservedIdentity[],
  now: number,
): KeySession {
  const messages = mikey.reduce(addMessage, session.messages).slice(-MAX_MESSAGES);
  const media = withMedia(session.media, sighted, messages, now);
  if (mikey.length === 0 && media === session.media) return session;
  const identities = new Map([...session.observed, ...observed].map((id) => [`${id.name} ${id.value}`, id]));
  const next = { ...session, messages, observed: [...identities.values()], media };
  return mikey.length === 0 ? next : { ...next, questions: openQuestions(next, now) };
}

/** The session after a while: what was waited for may be given up. */
export function afterWaiting(session: KeySession, now: number): KeySession {
  const { media } = session;
  const next = media === undefined ? media : judged(media, session.messages, now);
  return next === media ? session : { ...session, media: next };
}

/** The questions that wait for an answer. */
export function openOnes(session: KeySession): QuestionState[] {
  return session.questions.filter((question) => question.state === 'open');
}

/** The session with one question changed. */
export function withQuestion(session: KeySession, id: string, change: Partial<QuestionState>): KeySession {
  const questions = session.questions.map((question) =>
    question.id === id ? { ...question, ...change } : question,
  );
  return { ...session, questions };
}

/** What is to be asked now, with all that is known by now; `null` if the messages are gone. */
export function questionOf(
  session: KeySession,
  question: QuestionState,
  targets: readonly ObservedIdentity[],
): GetKeysRequest | null {
  const exchange = assemble(session.messages).find(({ id }) => id === question.exchangeId);
  if (exchange === undefined) return null;
  return {
    targetKmsIdentity: partyOf(exchange, [...session.observed, ...targets]),
    xid: session.xid,
    iMessage1: octetsOf(exchange.iMessage1),
    rMessage1: octetsOf(exchange.rMessage1),
    iMessage2: octetsOf(exchange.iMessage2),
    rMessage2: exchange.rMessage2 === null ? null : octetsOf(exchange.rMessage2),
    updates: exchange.updates.slice(0, question.updates).map((update) => ({
      iMessage1: octetsOf(update.iMessage1),
      rMessage1: octetsOf(update.rMessage1),
    })),
    midCall: false,
  };
}

/* ---------------------------------------------------------------- helpers */

function openQuestions(session: KeySession, now: number): QuestionState[] {
  const questions = new Map(session.questions.map((question) => [question.id, question]));
  for (const exchange of assemble(session.messages)) {
    for (let updates = 0; updates <= exchange.updates.length; updates++) {
      const id = questionId(exchange, updates);
      const known = questions.get(id);
      if (known === undefined && questions.size < MAX_QUESTIONS) {
        questions.set(id, newQuestion(id, exchange, updates, now));
      } else if (known !== undefined && mayVerifyNow(known, exchange)) {
        questions.set(id, { ...known, state: 'open', since: now, withRMessage2: true });
      }
    }
  }
  return [...questions.values()];
}

function newQuestion(id: string, exchange: Exchange, updates: number, now: number): QuestionState {
  const last = exchange.updates[updates - 1]?.rMessage1 ?? exchange.iMessage2;
  return {
    id,
    exchangeId: exchange.id,
    updates,
    state: 'open',
    since: now,
    eventTime: last.time,
    overdue: false,
    withRMessage2: exchange.rMessage2 !== null,
    verified: false,
  };
}

function mayVerifyNow(question: QuestionState, exchange: Exchange): boolean {
  return (
    question.state === 'answered' &&
    !question.verified &&
    !question.withRMessage2 &&
    exchange.rMessage2 !== null
  );
}

function questionId(exchange: Exchange, updates: number): string {
  const update = exchange.updates[updates - 1];
  return update === undefined
    ? exchange.id
    : fingerprint(exchange.id, update.iMessage1.octets, update.rMessage1.octets);
}

/**
 * The target's identity in the exchange: IDRi, or IDRr of R_MESSAGE_1. By name where one of them is a target; else by
 * the direction of the first message whose sender the POI knew (a tel: target, or an alias, has another name in MIKEY).
 */
function partyOf(exchange: Exchange, targets: readonly ObservedIdentity[]): string {
  const { initiator } = exchange.iMessage1;
  const { responder } = exchange.rMessage1;
  const known = new Set(targets.flatMap(({ value }) => identityKeys(value)));
  const named = [initiator, responder].find((party) => identityKeys(party).some((key) => known.has(key)));
  if (named !== undefined) return named;
  const byInitiator = [exchange.iMessage1, exchange.iMessage2].find(({ fromTarget }) => fromTarget !== null);
  return (byInitiator?.fromTarget ?? true) ? initiator : responder;
}

function octetsOf(message: SeenMessage): Uint8Array {
  return new Uint8Array(Buffer.from(message.octets, 'base64'));
}
