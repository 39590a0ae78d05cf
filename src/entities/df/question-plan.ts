/**
 * Which questions are put to the KMS, and in which order. The parties write the messages, and one of them may
 * want that nobody hears the call: what it adds must not keep out what the other one sent.
 *
 *     contest: an exchange's place (dialog, CSB ID, T), or an update's           contenders, the likeliest first
 *       │
 *       ├── one is answered, and R_MESSAGE_2 proves the keys ──► no more is asked
 *       ├── one is open ───────────────────────────────────────► waits for its answer, 10 s at most
 *       └── the next that was not asked ───────────────────────► asked, as far as its source has not used up its share
 *
 * What nobody authenticated is not asked: an exchange begins with an offer that was answered with R_MESSAGE_1 in the same
 * transaction, and a request with I_MESSAGE_2 that was refused (401, 403, 407) does not count. While such a request has
 * no answer it waits, `HOLD_MS` at most: the answer may be lost, and the far end has answered the call by then.
 */
import { isAnswerTo } from '../../xk/carriage.ts';
import type { Exchange, ExchangeStanding, Update } from '../../xk/exchanges.ts';
import { assemble, grouped, hasIbake, placeOf } from '../../xk/exchanges.ts';
import { fingerprint } from '../../xk/seen-messages.ts';
import type { SeenMessage } from '../../xk/seen-messages.ts';
import type { KeySession, QuestionBudget, QuestionState, UnaskedReason } from './session-state.ts';

/** How long the answer to a request with I_MESSAGE_2 is waited for, milliseconds. A challenge comes at once. */
export const HOLD_MS = 200;
/** One that was rejected is hardly the parties', who are given the time for another. */
const HOLDS: Readonly<Record<ExchangeStanding, number>> = {
  ...{ confirmed: 0, taken: 0, pending: HOLD_MS, rejected: 10_000, withheld: Infinity },
};
/** How long what was not asked may still be asked before that is reported, milliseconds. */
const UNASKED_AFTER_MS = 10_000;
/** Questions that may be open in one session, not counting those that have no answer after R-30's timer. */
const MAX_OPEN = 16;
/** Questions that are remembered when their messages are gone: they may come once more. */
const MAX_PAST = 64;

/** Questions that the messages of one party may lead to at once, and milliseconds after which there is one more. */
const SHARES = {
  /** The likeliest of a contest. */
  likely: { most: 64, refillMs: 1_000 },
  /** Others: at the KMS, places come back no faster. */
  unlikely: { most: 8, refillMs: 10_000 },
} as const;

/** Something that can be asked. */
export interface Contender {
  readonly id: string;
  readonly exchange: Exchange;
  /** The update that it asks about, and how many came before; `null`: about the exchange alone. */
  readonly update: { readonly own: Update; readonly before: number } | null;
}

/** The session with the questions that are due now, and with the reasons why others are not put. */
export function planned(session: KeySession, now: number): KeySession {
  const contests = contestsOf(session);
  const eligible = new Set(contests.flat().flatMap((one) => (isWithheld(one) ? [] : [one.id])));
  const plan = new Plan(session, eligible, now);
  for (const contest of contests) plan.decide(contest.filter((one) => !isWithheld(one)));
  const leftOver = leftOvers(session, contests.flat(), plan.questions);
  if (leftOver.some(({ time }) => now - time > UNASKED_AFTER_MS)) plan.reasons.add('unanswered');
  const next = { ...session, questions: plan.remembered(), budgets: plan.budgets() };
  return { ...withReasons(next, plan.reasons), waits: plan.waits || leftOver.length > 0 };
}

/** The session with reasons why something is not asked; each counts once. */
export function withReasons(session: KeySession, reasons: Iterable<UnaskedReason>): KeySession {
  const { unasked = [] } = session;
  const fresh = [...reasons].filter((reason) => !unasked.some((known) => known.reason === reason));
  if (fresh.length === 0) return session;
  return { ...session, unasked: [...unasked, ...fresh.map((reason) => ({ reason, told: [] }))] };
}

/** The contender that a question is about; `null` if its messages are gone, or nothing is to be asked about them. */
export function contenderOf(session: KeySession, id: string): Contender | null {
  const found = contestsOf(session)
    .flat()
    .find((one) => one.id === id);
  return found === undefined || isWithheld(found) ? null : found;
}

/** Whether the failure of another that contends for the same place was told. */
export function isToldOf(session: KeySession, id: string): boolean {
  const contest = contestsOf(session).find((contenders) => contenders.some((one) => one.id === id)) ?? [];
  const others = new Set(contest.flatMap((one) => (one.id === id ? [] : [one.id])));
  return session.questions.some(({ id: other, overdue }) => overdue && others.has(other));
}

/**
 * The updates that a question carries (profile, section 6.2): its own, and before one that adds crypto sessions alone the
 * last that changed the keys. Those between are not needed: R_MESSAGE_1's V proves the new keys by itself.
 */
export function updatesOf(session: KeySession, { exchange, update }: Contender): readonly Update[] {
  if (update === null) return [];
  if (hasIbake(update.own)) return [update.own];
  const before = exchange.updates.slice(0, update.before).flatMap((contenders) => {
    const stateOf = (one: Update) => stateIn(session, updateId(exchange, one));
    const possible = contenders.filter((one) => hasIbake(one) && stateOf(one) !== 'failed');
    return possible.find((one) => stateOf(one) === 'answered') ?? possible[0] ?? [];
  });
  return [...before.slice(-1), update.own];
}

/** All that can be asked, by contest: accepted dialogs first, then what both parties have confirmed. */
export function contestsOf(session: KeySession): Contender[][] {
  const initial = [...grouped(assemble(session.messages), ({ contest }) => contest).values()];
  const standings = ['confirmed', 'taken'];
  const order = ([first]: readonly Exchange[]): number => {
    if (first === undefined || isAccepted(session, first)) return 0;
    return standings.includes(first.standing) ? 1 : 2;
  };
  return initial
    .toSorted((a, b) => order(a) - order(b))
    .flatMap((exchanges) => {
      const chosen = chosenOf(session, exchanges);
      const own = exchanges.map((exchange) => ({ id: exchange.id, exchange, update: null }));
      return [own, ...(chosen === null ? [] : updateContests(chosen))];
    });
}

/* ---------------------------------------------------------------- helpers */

class Plan {
  readonly questions: Map<string, QuestionState>;
  readonly reasons = new Set<UnaskedReason>();
  /** Whether something may be asked later, when a share is refilled. */
  waits = false;
  readonly #session: KeySession;
  readonly #eligible: ReadonlySet<string>;
  readonly #budgets: Map<string, QuestionBudget>;
  readonly #now: number;

  constructor(session: KeySession, eligible: ReadonlySet<string>, now: number) {
    const kept = session.questions.filter(({ id, state }) => state !== 'open' || eligible.has(id));
    this.questions = new Map(kept.map((question) => [question.id, question]));
    this.#session = session;
    this.#eligible = eligible;
    this.#budgets = new Map((session.budgets ?? []).map((budget) => [budget.source, budget]));
    this.#now = now;
  }

  /** Opens what is due of one contest. */
  decide(contenders: readonly Contender[]): void {
    const settled = contenders.some((one) => isSettled(this.questions.get(one.id), one));
    this.#withdraw(contenders, settled);
    for (const contender of contenders) {
      const known = this.questions.get(contender.id);
      if (known === undefined) {
        if (settled) this.reasons.add('bounded');
        else if (this.#isRoom(contender)) this.#open(contender, contenders);
        return;
      }
      if (known.state === 'open' && this.#follow(known, contender)) return;
      if (mayVerifyNow(known, contender)) {
        this.questions.set(known.id, { ...known, state: 'open', since: this.#now, withRMessage2: true });
        return;
      }
    }
  }

  /** Those that can still be asked, and the latest of the others. */
  remembered(): QuestionState[] {
    const all = [...this.questions.values()];
    const past = new Set(all.filter(({ id }) => !this.#eligible.has(id)).slice(-MAX_PAST));
    return all.filter((question) => this.#eligible.has(question.id) || past.has(question));
  }

  budgets(): QuestionBudget[] {
    return [...this.#budgets.values()];
  }

  /** What was not put yet need not be, once another is ahead of it. */
  #withdraw(contenders: readonly Contender[], settled: boolean): void {
    const open = contenders.filter(({ id }) => this.#isOpen(id));
    const next = contenders.find(({ id }) => !this.questions.has(id) || this.#isOpen(id));
    for (const { id } of open) {
      const isDue = (this.questions.get(id)?.from ?? 0) <= this.#now;
      if (!isDue && (settled || id !== next?.id)) this.questions.delete(id);
    }
  }

  #isOpen(id: string): boolean {
    return this.questions.get(id)?.state === 'open';
  }

  /** Whether the contest waits for that open question. One that was not put yet is put when its standing says. */
  #follow(question: QuestionState, { exchange }: Contender): boolean {
    const { id, from = 0, since, overdue } = question;
    const due = Math.max(this.#now, since + HOLDS[exchange.standing]);
    if (from > this.#now && due !== from) this.questions.set(id, { ...question, from: due });
    return !overdue;
  }

  #isRoom({ exchange }: Contender): boolean {
    const open = [...this.questions.values()].filter(
      ({ state, overdue, from = 0 }) => state === 'open' && !overdue && from <= this.#now,
    );
    return open.length < MAX_OPEN || isAccepted(this.#session, exchange);
  }

  #open(contender: Contender, contest: readonly Contender[]): void {
    const first = contender === contest[0];
    if (!(first && isSure(contender)) && !this.#spend(contender, first)) {
      this.reasons.add('bounded');
      this.waits = true;
      return;
    }
    this.questions.set(contender.id, newQuestion(contender, this.#now));
  }

  #spend(contender: Contender, first: boolean): boolean {
    const share = first && contender.exchange.standing !== 'rejected' ? 'likely' : 'unlikely';
    const budget = refilled(this.#budgets, sourceOf(this.#session, contender), this.#now);
    if (budget[share] < 1) return false;
    this.#budgets.set(budget.source, { ...budget, [share]: budget[share] - 1 });
    return true;
  }
}

function refilled(
  budgets: ReadonlyMap<string, QuestionBudget>,
  source: QuestionBudget['source'],
  now: number,
): QuestionBudget {
  const { likely, unlikely } = SHARES;
  const known = budgets.get(source) ?? { source, likely: likely.most, unlikely: unlikely.most, at: now };
  const passed = Math.max(0, now - known.at);
  return {
    source,
    likely: Math.min(likely.most, known.likely + passed / likely.refillMs),
    unlikely: Math.min(unlikely.most, known.unlikely + passed / unlikely.refillMs),
    at: now,
  };
}

/** The party whose message made it possible. */
function sourceOf({ messages }: KeySession, { exchange, update }: Contender): QuestionBudget['source'] {
  const parts = [exchange.iMessage1, exchange.rMessage1, exchange.iMessage2];
  if (update !== null) parts.push(update.own.iMessage1, update.own.rMessage1);
  const newest = messages.findLast((message) => parts.includes(message))?.fromTarget ?? null;
  return newest === null ? 'unknown' : newest ? 'target' : 'other';
}

/** What both parties have said in open descriptions has its question whatever else there is. */
function isSure({ exchange, update }: Contender): boolean {
  const { iMessage1, rMessage1, iMessage2, standing } = exchange;
  const parts =
    update === null ? [iMessage1, rMessage1, iMessage2] : [update.own.iMessage1, update.own.rMessage1];
  return parts.every((message) => placeOf(message).plain) && (update !== null || standing === 'confirmed');
}

function isWithheld({ exchange }: Contender): boolean {
  return exchange.standing === 'withheld';
}

/** R_MESSAGE_2 shows which of several that can be computed was the parties'; an update's R_MESSAGE_1 shows it by itself. */
function isSettled(question: QuestionState | undefined, { update }: Pick<Contender, 'update'>): boolean {
  return question?.state === 'answered' && question.verified && (question.withRMessage2 || update !== null);
}

function mayVerifyNow(question: QuestionState, { exchange: { rMessage2 } }: Contender): boolean {
  const { state, verified, withRMessage2, bare = false } = question;
  return state === 'answered' && !verified && !withRMessage2 && !bare && rMessage2 !== null;
}

/** What cannot be asked, or is from somebody whose place it is not: reported unless it is the parties' after all. */
function leftOvers(
  { messages, unasked = [] }: KeySession,
  contenders: readonly Contender[],
  questions: ReadonlyMap<string, QuestionState>,
): SeenMessage[] {
  if (unasked.some(({ reason }) => reason === 'unanswered')) return [];
  const withheld = contenders.filter((one) => isWithheld(one) && !questions.has(one.exchange.id));
  return [
    ...withheld.map(({ exchange }) => exchange.iMessage2),
    ...messages.filter((message) => isForeign(message, messages)),
  ];
}

/** R_MESSAGE_1 or I_MESSAGE_2 to an offer that is there, but not in answer to it, or not by who made it. */
function isForeign(message: SeenMessage, all: readonly SeenMessage[]): boolean {
  const { type, callId, csbId } = message;
  if (type !== 'I2' && type !== 'R1') return false;
  const offers = all.filter((one) => one.type === 'I1' && one.callId === callId && one.csbId === csbId);
  if (type === 'I2') {
    const own = offers.filter(({ rand }) => rand === message.rand);
    return own.length > 0 && !own.some((offer) => placeOf(offer).sender === placeOf(message).sender);
  }
  const own = offers.filter(({ t }) => t === message.t);
  return own.length > 0 && !own.some((offer) => isAnswerTo(placeOf(message), placeOf(offer)));
}

/** The exchange of a contest that its updates go with. */
function chosenOf(session: KeySession, exchanges: readonly Exchange[]): Exchange | null {
  const answered = exchanges.filter(({ id }) => stateIn(session, id) === 'answered');
  const settled = answered.find(({ id }) => {
    return isSettled(
      session.questions.find((one) => one.id === id),
      { update: null },
    );
  });
  return settled ?? answered[0] ?? exchanges[0] ?? null;
}

function updateContests(exchange: Exchange): Contender[][] {
  return exchange.updates.map((contenders, before) =>
    contenders.map((own) => ({ id: updateId(exchange, own), exchange, update: { own, before } })),
  );
}

function updateId(exchange: Exchange, { iMessage1, rMessage1 }: Update): string {
  return fingerprint(exchange.id, iMessage1.octets, rMessage1.octets);
}

function stateIn(session: KeySession, id: string): QuestionState['state'] | null {
  return session.questions.find((question) => question.id === id)?.state ?? null;
}

function newQuestion({ id, exchange, update }: Contender, now: number): QuestionState {
  const last = update?.own.rMessage1 ?? exchange.iMessage2;
  return {
    id,
    exchangeId: exchange.id,
    updates: update === null ? 0 : update.before + 1,
    state: 'open',
    since: now,
    from: now + HOLDS[exchange.standing],
    eventTime: last.time,
    overdue: false,
    withRMessage2: exchange.rMessage2 !== null,
    verified: false,
  };
}

function isAccepted({ accepted = [] }: KeySession, { rMessage1 }: Exchange): boolean {
  return accepted.includes(dialogOfMessage(rMessage1));
}

/** Names a dialog, whoever sends in it. */
export function dialogOfMessage({ callId, tags }: Pick<SeenMessage, 'callId' | 'tags'>): string {
  return [callId, ...tags.toSorted()].join(' ');
}
