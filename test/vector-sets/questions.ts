/** What KMSs are asked about an exchange, and what ours answers: for every party, and what it refuses. */
import { answerTo, type QuestionSet } from '../entities/kms/get-keys/support/set-questions.ts';
import { rememberingEngine } from '../entities/kms/get-keys/support/kms.ts';
import type { AnsweredForm, AskedForm, QuestionForm, RefusedForm } from './form.ts';

/** The whole of the exchange; `leg` names the messages of another answer than the first. */
export function whole(leg: string = ''): QuestionForm {
  return {
    iMessage1: 'I_MESSAGE_1',
    rMessage1: `${leg}R_MESSAGE_1`,
    iMessage2: `${leg}I_MESSAGE_2`,
    rMessage2: `${leg}R_MESSAGE_2`,
  };
}

/** … before R_MESSAGE_2, which has not come or was not seen. */
export function unconfirmed(leg: string = ''): QuestionForm {
  const { rMessage2: _, ...question } = whole(leg);
  return question;
}

/** … while I_MESSAGE_2 has not come. */
export function ringing(leg: string = ''): QuestionForm {
  const { iMessage2: _, ...question } = unconfirmed(leg);
  return question;
}

export class Questions {
  readonly #set: QuestionSet;
  /** Remembers what it opened: the questions of a set are about the same messages. */
  readonly #engine: ReturnType<typeof rememberingEngine>;

  constructor(set: QuestionSet, engine = rememberingEngine()) {
    this.#set = set;
    this.#engine = engine;
  }

  /** @throws if one of them is refused */
  async answered(asked: readonly AskedForm[]): Promise<AnsweredForm[]> {
    const all: AnsweredForm[] = [];
    for (const one of asked) {
      const answer = await answerTo(this.#set, one, this.#engine);
      if (typeof answer === 'string') throw new Error(`${JSON.stringify(one)} is refused: ${answer}`);
      all.push({ ...one, answer });
    }
    return all;
  }

  /** @throws if one of them is answered, or refused for something else than is expected */
  async refused(asked: readonly RefusedForm[]): Promise<RefusedForm[]> {
    for (const one of asked) {
      const answer = await answerTo(this.#set, one, this.#engine);
      if (answer !== one.failure)
        throw new Error(`${one.why}: ${JSON.stringify(answer)}, not ${one.failure}`);
    }
    return [...asked];
  }
}
