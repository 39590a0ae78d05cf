/** The threads of a KMS that answer questions, asked in this process, without a listener, a store and a log before them. */
import { QuestionPool } from '../src/entities/kms/workers/question-pool.ts';
import { likelyRecords, readQuestion } from '../src/entities/kms/asked-question.ts';
import type { PermittedQuestion } from '../src/entities/kms/xk.ts';
import { isGetKeysFailure, wipeKeys } from '../src/wire/xk/get-keys.ts';
import { putQuestions, questionRecords } from './chain/get-keys.ts';
import { runtime } from './chain/runtime.ts';

export class AskedThreads {
  readonly pid = process.pid;
  readonly #pool: QuestionPool;
  readonly #questions: readonly PermittedQuestion[];
  #next = 0;

  private constructor(pool: QuestionPool, questions: readonly PermittedQuestion[]) {
    this.#pool = pool;
    this.#questions = questions;
  }

  static start(workers: number, questions: readonly Uint8Array[]): AskedThreads {
    const { records, serials, covered } = questionRecords();
    const worker = new URL('./question-worker.js', import.meta.url);
    const pool = new QuestionPool({ workers, records, serials, worker, logger: runtime.logger });
    return new AskedThreads(
      pool,
      questions.map((question) => permitted(question, covered)),
    );
  }

  /** So many questions, so many at a time. @throws if one gets no keys */
  put(count: number, atOnce: number): Promise<void> {
    return putQuestions(
      (question) => this.#ask(question),
      () => this.#question(),
      count,
      atOnce,
    );
  }

  end(): Promise<void> {
    return this.#pool.close();
  }

  #question(): PermittedQuestion {
    const question = this.#questions[this.#next++ % this.#questions.length];
    if (question === undefined) throw new Error('there are no questions');
    return question;
  }

  async #ask(question: PermittedQuestion): Promise<void> {
    const response = await this.#pool.answer(question);
    if (isGetKeysFailure(response)) throw new Error(`get_keys: ${response.failureIndication}`);
    wipeKeys(response);
  }
}

function permitted(question: Uint8Array, covered: ReadonlySet<string>): PermittedQuestion {
  const read = readQuestion(new TextDecoder().decode(question));
  if (read === null || read.exchange === null) throw new Error('not a question');
  const likely = likelyRecords(read.exchange, covered);
  return { request: read.request, subscriber: 'target', covered, likely };
}
