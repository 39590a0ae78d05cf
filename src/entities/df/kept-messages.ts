/**
 * Which messages of a call are kept. Each party has a share, in messages and in octets; what exceeds it makes room by what
 * is worth least: never what a question rests on, and what an answer of the other party goes with at last.
 */
import { isAnswerTo } from '../../xk/carriage.ts';
import { grouped, hasIbake, placeOf } from '../../xk/exchanges.ts';
import type { Exchange, Update } from '../../xk/exchanges.ts';
import type { SeenMessage } from '../../xk/seen-messages.ts';
import type { KeySession } from './session-state.ts';
import type { Contender } from './question-plan.ts';
import { contestsOf } from './question-plan.ts';

/** Share of a party: messages, and characters of base64. */
const MAX_MESSAGES = 128;
const MAX_CHARACTERS = 1 << 19;

/** What is kept of the session's messages, and whether any that might have been asked about was dropped. */
export function withinShares(session: KeySession): {
  readonly kept: readonly SeenMessage[];
  readonly dropped: boolean;
} {
  const { messages } = session;
  const parties = [...grouped(messages, ({ fromTarget }) => String(fromTarget)).values()];
  if (parties.every(fits)) return { kept: messages, dropped: false };
  const worth = worthIn(session);
  const gone = new Set(parties.flatMap((own) => excess(own, worth)));
  return {
    kept: messages.filter((message) => !gone.has(message)),
    dropped: [...gone].some(({ verdict }) => verdict !== 'refused'),
  };
}

/** The session without the updates that are done with and that no later question needs. */
export function withoutSuperseded(session: KeySession): KeySession {
  const states = new Map(session.questions.map(({ id, state }) => [id, state]));
  const isDone = ({ id }: Contender): boolean => states.get(id) === 'answered' || states.get(id) === 'failed';
  const updates = contestsOf(session).filter(([first]) => first?.update !== null && first !== undefined);
  const gone = new Set<SeenMessage>();
  for (const ofExchange of grouped(updates, ([first]) => first?.exchange.id ?? '').values()) {
    const done = ofExchange.filter((contenders) => contenders.some(isDone));
    const last = done.findLastIndex((contenders) =>
      contenders.some(
        (one) => states.get(one.id) === 'answered' && one.update !== null && hasIbake(one.update.own),
      ),
    );
    for (const [at, contenders] of done.slice(0, -LATEST_UPDATES).entries()) {
      if (at === last) continue;
      for (const { update } of contenders) {
        if (update !== null) gone.add(update.own.iMessage1).add(update.own.rMessage1);
      }
    }
  }
  if (gone.size === 0) return session;
  return { ...session, messages: session.messages.filter((message) => !gone.has(message)) };
}

/* ---------------------------------------------------------------- helpers */

/** Updates that are kept when they are done with: others of the same time may still come. */
const LATEST_UPDATES = 4;

function fits(messages: readonly SeenMessage[]): boolean {
  return messages.length <= MAX_MESSAGES && charactersOf(messages) <= MAX_CHARACTERS;
}

function charactersOf(messages: readonly SeenMessage[]): number {
  return messages.reduce((sum, { octets }) => sum + octets.length, 0);
}

/** What must go, the least worth first, the oldest first of what is equal. */
function excess(own: readonly SeenMessage[], worth: (message: SeenMessage) => number): SeenMessage[] {
  const order = own
    .map((message) => ({ message, value: worth(message) }))
    .toSorted((a, b) => a.value - b.value);
  const gone: SeenMessage[] = [];
  let [left, characters] = [own.length, charactersOf(own)];
  for (const { message, value } of order) {
    if ((left <= MAX_MESSAGES && characters <= MAX_CHARACTERS) || value === Infinity) break;
    gone.push(message);
    left--;
    characters -= message.octets.length;
  }
  return gone;
}

function worthIn(session: KeySession): (message: SeenMessage) => number {
  const needed = neededIn(session);
  const { messages } = session;
  const answers = messages.filter(({ type }) => type === 'R1');
  return (message) => {
    const { type, csbId, callId, t, verdict } = message;
    const place = placeOf(message);
    if (needed.has(message)) return Infinity;
    if (verdict === 'refused') return 0;
    const goesWith = answers.some(
      (answer) =>
        type === 'I1' &&
        answer.csbId === csbId &&
        answer.callId === callId &&
        answer.t === t &&
        isAnswerTo(placeOf(answer), place),
    );
    const isFirm = place.part === 'unreliable' || verdict === 'rejected' ? 0 : 1;
    return 1 + (goesWith ? 4 : 0) + (place.plain ? 2 : 0) + isFirm;
  };
}

/** What questions rest on that are open or were answered. */
function neededIn(session: KeySession): ReadonlySet<SeenMessage> {
  const asked = new Set(session.questions.flatMap(({ id, state }) => (state === 'failed' ? [] : [id])));
  const contenders = contestsOf(session)
    .flat()
    .filter(({ id }) => asked.has(id));
  return new Set(contenders.flatMap(({ exchange, update }) => messagesOf(exchange, update?.own)));
}

function messagesOf(
  { iMessage1, rMessage1, iMessage2, rMessage2 }: Exchange,
  update: Update | undefined,
): SeenMessage[] {
  const own = update === undefined ? [] : [update.iMessage1, update.rMessage1];
  return [iMessage1, rMessage1, iMessage2, ...(rMessage2 === null ? [] : [rMessage2]), ...own];
}
