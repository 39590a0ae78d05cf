/**
 * The key management of one call under one task: which MIKEY messages were seen, and what became of the questions put
 * to the KMS. Plain data, so that the store can keep it; every function gives a new session.
 *
 * A question is opened as soon as table 7B.7.2.1's messages are known, once for each exchange and for each update of
 * it, and again with R_MESSAGE_2 where the KMS could not verify without it. Which one comes first where several contend,
 * and which one is not put, says `question-plan.ts`.
 *
 *     open ──► answered                  key records, one for each key not yet handed over
 *      │  └──► failed                    failure record
 *      └─ timer (R-30) ─► open, overdue  failure record; a later answer still brings the key records (R-25)
 */
import type { GetKeysRequest } from '../../wire/xk/get-keys.ts';
import { addMessage, placeOf } from '../../xk/exchanges.ts';
import type { Sighting } from './extraction.ts';
import { messagesAsked, partyOf } from '../../xk/questions.ts';
import { withAnswer } from '../../xk/seen-messages.ts';
import { withinShares, withoutSuperseded } from './kept-messages.ts';
import { contenderOf, dialogOfMessage, planned, updatesOf, withReasons } from './question-plan.ts';
import type { ObservedIdentity } from './records.ts';
import type { KeySession, QuestionState } from './session-state.ts';
import { judged, withMedia } from './unkeyed.ts';

/** Dialogs and fingerprints of keys that are remembered of one session, the latest. */
const MAX_ACCEPTED = 16;
const MAX_DELIVERED = 512;

export function newSession(xid: string, correlation: string): KeySession {
  return { xid, correlation, observed: [], messages: [], questions: [], delivered: [] };
}

/** The session with what a SIP message brought, and with the questions that this opens; itself where that is nothing. */
export function withSighting(
  session: KeySession,
  { mikey, media: sighted, misplaced, answer }: Omit<Sighting, 'standing'>,
  observed: readonly ObservedIdentity[],
  now: number,
): KeySession {
  const added = mikey.reduce(addMessage, session.messages);
  const answered = answer === null ? added : withAnswer(added, answer);
  const media = withMedia(session.media, sighted, answered, now);
  const accepted = withAccepted(session, sighted.agreed);
  const silent = answered === session.messages && accepted === session.accepted;
  const asksNothing = silent && mikey.length === 0 && !misplaced;
  if (asksNothing && media === session.media) return session;
  const identities = new Map([...session.observed, ...observed].map((id) => [`${id.name} ${id.value}`, id]));
  const next = { ...session, messages: answered, observed: [...identities.values()], media, accepted };
  if (asksNothing) return next;
  const { kept, dropped } = withinShares(next);
  const reasons = [...(misplaced ? ['misplaced' as const] : []), ...(dropped ? ['bounded' as const] : [])];
  return planned(withReasons({ ...next, messages: kept }, reasons), now);
}

/** The session after a while: what was waited for may be given up, and what had to wait may be asked. */
export function afterWaiting(session: KeySession, now: number): KeySession {
  if ((session.media?.settled ?? null) === null && session.waits !== true) return session;
  const media = session.media === undefined ? undefined : judged(session.media, session.messages, now);
  return planned({ ...session, media }, now);
}

/** The questions that wait for an answer. */
export function openOnes(session: KeySession): QuestionState[] {
  return session.questions.filter((question) => question.state === 'open');
}

/** The session with one question changed, and with those that this makes room for. */
export function withQuestion(
  session: KeySession,
  id: string,
  change: Partial<QuestionState>,
  now: number,
): KeySession {
  const questions = session.questions.map((question) =>
    question.id === id ? { ...question, ...change } : question,
  );
  const delivered = session.delivered.slice(-MAX_DELIVERED);
  return planned(withoutSuperseded({ ...session, questions, delivered }), now);
}

/** What is to be asked now, with all that is known by now; `null` if the messages are gone, or were refused. */
export function questionOf(
  session: KeySession,
  question: QuestionState,
  targets: readonly ObservedIdentity[],
): GetKeysRequest | null {
  const contender = contenderOf(session, question.id);
  if (contender === null) return null;
  const { exchange } = contender;
  const rMessage2 = question.bare === true ? null : exchange.rMessage2;
  return {
    targetKmsIdentity: partyOf(exchange, [...session.observed, ...targets]),
    xid: session.xid,
    ...messagesAsked({ ...exchange, rMessage2 }, updatesOf(session, contender)),
    // What a mailbox delivers was left before, perhaps before the warrant began; it is heard now.
    midCall: isMidCall(session) || placeOf(exchange.iMessage2).delivery,
  };
}

/* ---------------------------------------------------------------- helpers */

/** Whether interception began in mid-call: what came before counts then, also when the call is over. */
function isMidCall({ retained, begun }: KeySession): boolean {
  return typeof (retained?.begun ?? begun) === 'number';
}

/** Only where keys are spoken of: most calls are others'. */
function withAccepted(
  { accepted, messages }: KeySession,
  agreed: Sighting['media']['agreed'],
): readonly string[] | undefined {
  if (agreed === null || messages.length === 0) return accepted;
  const [one = '', other = ''] = agreed.tags;
  const key = dialogOfMessage({ callId: agreed.callId, tags: [one, other] });
  if (accepted?.includes(key) === true) return accepted;
  return [...(accepted ?? []), key].slice(-MAX_ACCEPTED);
}
