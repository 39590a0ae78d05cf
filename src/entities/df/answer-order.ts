/**
 * The order in which keys are handed over. An exchange and its updates are one line: each has its question, several are
 * put at once, and the KMS may answer a later one first, or not answer an earlier one at its first attempt. So the keys of
 * a question wait for those before it in its line, as long as these may still come in time:
 *
 *     an attempt is under way        it is waited for
 *     the last one had no answer     the next one is made at once, since the KMS answers by now, and waited for
 *     R-30's timer has run out       nothing is waited for: those keys come when they come
 */

/** A question that is being put. */
export interface LinedQuestion {
  /** Of the exchange that it belongs to. */
  readonly line: string;
  /** When it was opened, Unix milliseconds; of those that were opened together, the first that was put comes first. */
  readonly since: number;
  /** Whether an attempt is under way. */
  isBeingPut: boolean;
  /** Whether the last attempt had no answer. */
  unanswered: boolean;
  /** Whether R-30's timer has run out. */
  overdue: boolean;
}

interface Line<Q> {
  /** In the order in which they were put first. */
  readonly questions: Set<Q>;
  /** Told of each move. */
  readonly waiting: Set<() => void>;
}

export class AnswerOrder<Q extends LinedQuestion> {
  readonly #again: (question: Q) => void;
  readonly #lines = new Map<string, Line<Q>>();

  /** @param again begins one more attempt at a question */
  constructor(again: (question: Q) => void) {
    this.#again = again;
  }

  add(question: Q): void {
    const line = this.#lines.get(question.line) ?? { questions: new Set(), waiting: new Set() };
    line.questions.add(question);
    this.#lines.set(question.line, line);
  }

  remove(question: Q): void {
    const line = this.#lines.get(question.line);
    line?.questions.delete(question);
    if (line?.questions.size === 0) this.#lines.delete(question.line);
  }

  /** Nothing waits any more. */
  close(): void {
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    for (const { waiting } of lines) for (const wake of waiting) wake();
  }

  /** An attempt at a question has ended, or its timer. */
  moved({ line }: Q): void {
    const waiting = this.#lines.get(line)?.waiting ?? new Set();
    for (const wake of waiting) wake();
    waiting.clear();
  }

  /** Resolves when the keys of a question may be handed over. */
  async turn(question: Q): Promise<void> {
    const hurried = new Set<Q>();
    for (let next = this.#before(question); next !== null; next = this.#before(question)) {
      if (!next.isBeingPut && !hurried.has(next)) {
        hurried.add(next);
        this.#again(next);
      }
      await new Promise<void>((resolve) => this.#lines.get(question.line)?.waiting.add(resolve));
    }
  }

  #before(question: Q): Q | null {
    const questions = [...(this.#lines.get(question.line)?.questions ?? [])];
    const own = questions.indexOf(question);
    const before = questions.find(
      ({ since, isBeingPut, unanswered, overdue }, at) =>
        (since < question.since || (since === question.since && at < own)) &&
        (isBeingPut || unanswered) &&
        !overdue,
    );
    return before ?? null;
  }
}
