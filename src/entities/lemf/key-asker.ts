/**
 * Puts the LEMF's open questions to the KMS, one after the other, and keeps what is answered for good. What is not,
 * because there is no answer, the KMS cannot give one now, or it does not authorise the question (a task may be on its
 * way), is asked again after pauses that grow, for a day.
 */
import { BackOff } from '../../bytes/back-off.ts';
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { TroubleLog } from '../../bytes/trouble-log.ts';
import { isGetKeysFailure, wipeKeys } from '../../wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import type { KeyAnswer, KeyQuestion } from './key-questions.ts';

/** The KMS over Xk. */
export interface KeySourceOfLemf {
  /** @throws any error where there is no answer: the question may be put again */
  getKeys(question: GetKeysRequest): Promise<GetKeysResponse>;
}

export interface KeyAskerOptions {
  readonly source: KeySourceOfLemf;
  /** Keeps an answer; durable when it returns. */
  readonly keep: (answer: KeyAnswer) => void;
  /** The communication of that id has an answer more. */
  readonly onAnswered: (session: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What came of putting a question. */
export type QuestionOutcome = 'answered' | 'refused' | 'later';

/** Questions that wait; what exceeds them comes again when the call is looked at again. */
const MAX_WAITING = 4096;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 600_000;
/** How long a question is put at all. */
const LATE_MS = 86_400_000;
const UNKEPT = {
  begins: 'an answer could not be kept',
  over: 'answers are kept again',
  level: 'error',
} as const;

interface Waiting {
  readonly question: KeyQuestion;
  readonly since: number;
  readonly pauses: BackOff;
  due: number;
}

/** What may go wrong of one question after the other. */
export interface KeyTroubles {
  /** The KMS does not answer. */
  readonly unanswered: TroubleLog;
  /** It answers that there are no keys, for now or for good. */
  readonly keyless: TroubleLog;
}

export function keyTroubles({ clock, logger }: Pick<KeyAskerOptions, 'clock' | 'logger'>): KeyTroubles {
  const log = { logger, now: () => clock.now() };
  const unanswered = { begins: 'Xk: no answer', over: 'Xk: the KMS answers again' };
  const keyless = { begins: 'Xk: no keys', over: 'Xk: the KMS gives keys again' };
  return { unanswered: new TroubleLog(unanswered, log), keyless: new TroubleLog(keyless, log) };
}

/** Puts a question once, and keeps the answer if it is for good. */
export async function putQuestion(
  { id, liid, request }: KeyQuestion,
  { source, keep, clock }: Pick<KeyAskerOptions, 'source' | 'keep' | 'clock'>,
  { unanswered, keyless }: KeyTroubles,
): Promise<QuestionOutcome> {
  let response: GetKeysResponse;
  try {
    response = await source.getKeys(request);
    unanswered.worked();
  } catch (error) {
    unanswered.failed({ liid, reason: messageOf(error) });
    return 'later';
  }
  const about = { id, liid, at: clock.now() };
  if (isGetKeysFailure(response)) {
    const { failureIndication: failure } = response;
    keyless.failed({ liid, failure });
    if (failure === 'temporarily-unavailable' || failure === 'not-authorised') return 'later';
    keep({ ...about, failure, verified: false, keys: [] });
    return 'refused';
  }
  keyless.worked();
  const keys = response.cryptoSessions.map(({ csId, sessionKey, salt }) => ({
    csId: Uint8Array.of(csId),
    key: sessionKey,
    salt,
  }));
  try {
    keep({ ...about, failure: null, verified: response.verified, keys });
  } finally {
    wipeKeys(response);
  }
  return 'answered';
}

export class KeyAsker {
  readonly #options: KeyAskerOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #troubles: KeyTroubles;
  readonly #unkept: TroubleLog;
  readonly #counts = { answered: 0, refused: 0, later: 0, dropped: 0 };
  #timer: Timer | null = null;
  #asking: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: KeyAskerOptions) {
    this.#options = options;
    this.#troubles = keyTroubles(options);
    const { clock, logger } = options;
    this.#unkept = new TroubleLog(UNKEPT, { logger, now: () => clock.now() });
  }

  /** Questions that have no answer yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Attempts since the start by what came of them, and questions for which there was no room or that were given up. */
  get counts(): Readonly<Record<QuestionOutcome | 'dropped', number>> {
    return this.#counts;
  }

  /** Puts questions that are not being put yet. */
  take(questions: readonly KeyQuestion[]): void {
    const now = this.#options.clock.now();
    for (const question of questions) {
      if (this.#waiting.has(question.id)) continue;
      if (this.#waiting.size >= MAX_WAITING) this.#counts.dropped++;
      else {
        const pauses = new BackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
        this.#waiting.set(question.id, { question, since: now, pauses, due: now });
      }
    }
    this.#wake();
  }

  /** Forgets what is asked of a warrant. @param liid as it is told */
  forget(liid: string): void {
    for (const [id, { question }] of this.#waiting) if (question.liid === liid) this.#waiting.delete(id);
  }

  /** Asks no more; what is under way is awaited. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#asking;
  }

  #wake(): void {
    if (this.#isStopped || this.#asking !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    let next: Waiting | null = null;
    for (const each of this.#waiting.values()) if (next === null || each.due < next.due) next = each;
    if (next === null) return;
    const pause = next.due - this.#options.clock.now();
    if (pause > 0) {
      this.#timer = this.#options.clock.after(pause, () => this.#wake());
      return;
    }
    this.#asking = this.#ask(next)
      .then(
        () => this.#unkept.worked(),
        (error: unknown) => this.#unkept.failed({ err: error }),
      )
      .finally(() => {
        this.#asking = null;
        this.#wake();
      });
  }

  async #ask(waiting: Waiting): Promise<void> {
    const { clock, onAnswered } = this.#options;
    const { question, since, pauses } = waiting;
    // Whatever becomes of it, it is not the next one at once.
    waiting.due = clock.now() + pauses.next();
    const asked = await putQuestion(question, this.#options, this.#troubles);
    this.#counts[asked]++;
    if (asked === 'later') {
      if (clock.now() - since <= LATE_MS) return;
      this.#counts.dropped++;
      this.#waiting.delete(question.id);
      return;
    }
    this.#waiting.delete(question.id);
    onAnswered(question.session);
  }
}
