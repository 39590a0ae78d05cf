/**
 * The order in which keys are handed over. An exchange and its updates are one line: each has its question, several are
 * put at once, and the KMS may answer a later one first, or not answer an earlier one at its first attempt. So the keys of
 * a question wait for those before it in its line:
 *
 *     an attempt is under way        its end is waited for
 *     the last one had no answer     one more attempt, since the KMS answers by now
 *     R-30's timer has run out       nothing is waited for: those keys come when they come
 *
 * An attempt at each is waited for once, so that a question that the KMS cannot answer holds up no other.
 */

/** A question that is being put. */
export interface LinedQuestion {
  /** Of the exchange that it belongs to. */
  readonly line: string;
  /** When it was opened, Unix milliseconds; of those that were opened together, the first that was put comes first. */
  readonly since: number;
  /** The attempt under way. */
  attempt: Promise<void> | null;
  /** Whether the last attempt had no answer. */
  unanswered: boolean;
  /** Whether R-30's timer has run out. */
  overdue: boolean;
  /** Resolves then. */
  readonly whenOverdue: Promise<void>;
}

export class AnswerOrder<Q extends LinedQuestion> {
  readonly #again: (question: Q) => void;
  /** By line, in the order in which they were put first. */
  readonly #lines = new Map<string, Set<Q>>();

  /** @param again begins one more attempt at a question, which is under way when this returns */
  constructor(again: (question: Q) => void) {
    this.#again = again;
  }

  add(question: Q): void {
    const line = this.#lines.get(question.line) ?? new Set();
    this.#lines.set(question.line, line.add(question));
  }

  remove(question: Q): void {
    const line = this.#lines.get(question.line);
    line?.delete(question);
    if (line?.size === 0) this.#lines.delete(question.line);
  }

  /** Resolves when the keys of a question may be handed over. */
  async turn(question: Q): Promise<void> {
    const waitedFor = new Set<Q>();
    for (let next = this.#before(question, waitedFor); next !== null;) {
      waitedFor.add(next);
      if (next.attempt === null) this.#again(next);
      await Promise.race([next.attempt, next.whenOverdue]);
      next = this.#before(question, waitedFor);
    }
  }

  #before(question: Q, waitedFor: ReadonlySet<Q>): Q | null {
    for (const other of this.#lines.get(question.line) ?? []) {
      if (other === question || other.since > question.since) continue;
      if (other.since === question.since && !this.#isFirst(other, question)) continue;
      const isWaiting = other.attempt !== null || other.unanswered;
      if (isWaiting && !other.overdue && !waitedFor.has(other)) return other;
    }
    return null;
  }

  #isFirst(one: Q, other: Q): boolean {
    for (const each of this.#lines.get(one.line) ?? [])
      if (each === one || each === other) return each === one;
    return false;
  }
}
