/**
 * Puts the open questions of the mediation to the KMS over Xk (R-2, R-30): at once, again after growing pauses while
 * there is no answer or `temporarily-unavailable`, also after a restart.
 *
 * A KMS that does not authorise a question may do so later (a task that is on its way, a bound that others have filled):
 * the LEMF is told at once, and the question is put again at long intervals. So nothing but an answer about the messages
 * themselves ends a question before its time.
 *
 * R-30's timer runs beside: when it ends without an answer, the LEMF gets the failure record. The question is still put
 * after that, for a while; where keys come late, so that what was recorded can be decrypted, the LEMF gets them.
 *
 * Questions are put side by side, a few at a time and calls in turn: what a KMS could not answer in time would only be
 * put again, and a call of a thousand updates would keep others from their keys. One that had no answer goes before what
 * else waits of its call. Where the KMS does not answer, fewer are put at a time, half as many each time, and with each
 * answer more again: whoever waits their whole time for their turn at the KMS is given up just before it comes. The keys of one exchange and its updates are handed over in their order (`answer-order.ts`).
 */
import { messageOf } from '../../bytes/errors.ts';
import { BackOff } from '../../bytes/back-off.ts';
import { FairQueue, TurnError } from '../../bytes/fair-queue.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { TroubleLog } from '../../bytes/trouble-log.ts';
import { AnswerOrder } from './answer-order.ts';
import type { LinedQuestion } from './answer-order.ts';
import type { DfListener } from './events.ts';
import type { KeySession, QuestionState } from './session-state.ts';
import { isGetKeysFailure, wipeKeys } from '../../wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import type { KeySource } from './ports.ts';

/** What the requests need of the mediation. */
export interface Questions {
  question(correlation: string, xid: string, id: string): Promise<GetKeysRequest | null>;
  answered(
    correlation: string,
    xid: string,
    id: string,
    asked: GetKeysRequest,
    answer: GetKeysResponse,
  ): Promise<void>;
  overdue(correlation: string, xid: string, id: string): Promise<void>;
  abandoned(correlation: string, xid: string, id: string): Promise<void>;
}

export interface KeyRequestTiming {
  /** R-30's timer, milliseconds from the first asking; default 10 s. */
  readonly timerMs?: number;
  /** How long a question is put at all, milliseconds; default 24 h. */
  readonly lateMs?: number;
  /** Pause before the second attempt, doubled each time; default 100 ms. */
  readonly firstPauseMs?: number;
  /** Longest pause; default 5 s. */
  readonly longestPauseMs?: number;
  /** First pause after `not-authorised`, doubled each time; default 10 s. */
  readonly refusedPauseMs?: number;
  /** Longest of these; default 10 min. */
  readonly longestRefusedPauseMs?: number;
}

export interface KeyRequestOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timing?: KeyRequestTiming;
  /** Questions that are put at the same time; default 16. */
  readonly atOnce?: number;
  readonly onEvent?: DfListener;
}

/** Few enough for the slowest KMS to answer all within one attempt's time, and more than it has threads. */
const AT_ONCE = 16;

const DEFAULTS: Required<KeyRequestTiming> = {
  timerMs: 10_000,
  lateMs: 86_400_000,
  firstPauseMs: 100,
  longestPauseMs: 5_000,
  refusedPauseMs: 10_000,
  longestRefusedPauseMs: 600_000,
};

const UNANSWERED = { begins: 'Xk: no answer', over: 'Xk: the KMS answers again' };
const UNSTORED = {
  begins: 'Xk: the answer to a question could not be stored',
  over: 'Xk: answers to questions can be stored again',
  level: 'error',
} as const;

/** A question as it was announced. */
interface Announced {
  readonly session: KeySession;
  readonly question: QuestionState;
}

interface Request extends LinedQuestion {
  readonly key: string;
  readonly correlation: string;
  readonly xid: string;
  readonly id: string;
  readonly pauses: BackOff;
  readonly refusedPauses: BackOff;
  /** As it was announced last. */
  question: QuestionState;
  timer: Timer | null;
  retry: Timer | null;
  /** While it was never put: when that is due. */
  due: number | null;
}

export class KeyRequests {
  readonly #questions: Questions;
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #timing: Required<KeyRequestTiming>;
  readonly #requests = new Map<string, Request>();
  readonly #order = new AnswerOrder<Request>((request) => this.#putNow(request));
  readonly #turns: FairQueue;
  readonly #most: number;
  /** Questions that are put at a time, between 1 and the most. */
  #atOnce: number;
  readonly #underWay = new Set<Promise<void>>();
  readonly #onEvent: DfListener | undefined;
  readonly #answers: Record<string, number> = {};
  readonly #unanswered: TroubleLog;
  readonly #unstored: TroubleLog;
  /** Questions whose end is being stored, and how they were announced last meanwhile. */
  readonly #storing = new Map<string, Announced | null>();
  #stopped = false;

  constructor(
    questions: Questions,
    source: KeySource,
    { clock, logger, timing = {}, atOnce = AT_ONCE, onEvent }: KeyRequestOptions,
  ) {
    this.#questions = questions;
    this.#source = source;
    this.#clock = clock;
    const ports = { logger, now: () => clock.now() };
    this.#unanswered = new TroubleLog(UNANSWERED, ports);
    this.#unstored = new TroubleLog(UNSTORED, ports);
    this.#timing = { ...DEFAULTS, ...timing };
    this.#most = atOnce;
    this.#atOnce = atOnce;
    this.#turns = new FairQueue({ atOnce, each: Infinity, all: Infinity });
    this.#onEvent = onEvent;
  }

  /** Questions that wait for others to be answered first. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Questions that are being put, and those whose end is being stored. */
  get open(): number {
    return this.#requests.size + this.#storing.size;
  }

  /** Attempts since the start by what came of them: `answered`, `no-answer`, or what the KMS indicated. */
  get answers(): Readonly<Record<string, number>> {
    return this.#answers;
  }

  /**
   * Begins to put a question when it is due; one that is being put already is left alone, or put earlier. One whose end is
   * being stored waits for that: a commit that was under way when the answer came announces it once more.
   */
  start(session: KeySession, question: QuestionState): void {
    const { correlation, xid } = session;
    const { id, since, from = since } = question;
    const key = `${correlation} ${xid} ${id}`;
    const known = this.#requests.get(key);
    if (this.#isBeingStored(key, { session, question })) return;
    if (this.#stopped || (known !== undefined && (known.due === null || known.due === from))) return;
    known?.retry?.cancel();
    const request = known ?? this.#request(key, session, question);
    request.question = question;
    this.#requests.set(key, request);
    this.#order.add(request);
    const pause = from - this.#clock.now();
    request.due = from;
    if (pause <= 0) this.#putNow(request);
    else request.retry = this.#clock.after(pause, () => this.#putNow(request));
  }

  /** Puts no more questions; those that are open are put again after a restart. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#turns.close();
    for (const key of [...this.#requests.keys()]) this.#end(key);
    this.#order.close();
    await Promise.allSettled(this.#underWay);
  }

  #request(key: string, { correlation, xid }: KeySession, question: QuestionState): Request {
    const { id, exchangeId, since, overdue } = question;
    const { firstPauseMs, longestPauseMs, refusedPauseMs, longestRefusedPauseMs } = this.#timing;
    const request: Request = {
      ...{ key, correlation, xid, id, since, question, timer: null, retry: null, due: null },
      line: `${correlation} ${xid} ${exchangeId}`,
      ...{ isBeingPut: false, unanswered: false, overdue },
      pauses: new BackOff(firstPauseMs, longestPauseMs),
      refusedPauses: new BackOff(refusedPauseMs, longestRefusedPauseMs),
    };
    this.#watchFromNow(request);
    return request;
  }

  #putNow(request: Request): void {
    request.retry?.cancel();
    request.isBeingPut = true;
    void this.#spawn(this.#put(request)).finally(() => {
      request.isBeingPut = false;
      // Where it is put otherwise now, that has its place already.
      if (this.#requests.get(request.key) !== request) this.#order.remove(request);
      this.#order.moved(request);
    });
  }

  async #put(request: Request): Promise<void> {
    const { key, correlation, xid, id } = request;
    request.due = null;
    try {
      const [asked, answer] = await this.#inTurn(request);
      if (asked === null) {
        this.#end(key);
        await this.#store(request, this.#questions.abandoned(correlation, xid, id));
        return;
      }
      request.unanswered = answer === null;
      if (answer !== null && !isGetKeysFailure(answer)) {
        request.timer?.cancel();
        await this.#order.turn(request);
      }
      if (this.#stopped) {
        if (answer !== null) wipeKeys(answer);
        return;
      }
      if (answer === null) {
        this.#putAgain(request, request.pauses);
        return;
      }
      if (isGetKeysFailure(answer) && answer.failureIndication === 'not-authorised') {
        this.#putAgain(request, request.refusedPauses);
        await this.#questions.overdue(correlation, xid, id);
        return;
      }
      this.#end(key);
      // Once the records are in the outbox, nobody here needs the keys any more.
      const storing = this.#questions.answered(correlation, xid, id, asked, answer);
      await this.#store(request, storing).finally(() => wipeKeys(answer));
    } catch (error) {
      if (error instanceof TurnError) return;
      request.unanswered = true;
      this.#watchFromNow(request);
      this.#putAgain(request, request.pauses);
      throw error;
    }
  }

  /** What ends a question is its last part. Where that opens it anew, it was announced otherwise than it was put. */
  async #store({ key, question }: Request, work: Promise<void>): Promise<void> {
    this.#storing.set(key, null);
    const announced = await work.then(
      () => this.#stored(key),
      (error: unknown) => {
        this.#stored(key);
        throw error;
      },
    );
    const isOpenedAnew = announced !== null && !isPutAlike(announced.question, question);
    if (isOpenedAnew) this.start(announced.session, announced.question);
  }

  /** Whether the end of a question is being stored; how it was announced is kept until then. */
  #isBeingStored(key: string, announced: Announced): boolean {
    const isBeing = this.#storing.has(key);
    if (isBeing) this.#storing.set(key, announced);
    return isBeing;
  }

  #stored(key: string): Announced | null {
    const announced = this.#storing.get(key) ?? null;
    this.#storing.delete(key);
    return announced;
  }

  /** The question as it is when its turn comes, `null` where nobody wants it any more, and its answer. */
  #inTurn(request: Request): Promise<readonly [GetKeysRequest | null, GetKeysResponse | null]> {
    const { correlation, xid, id, since, unanswered } = request;
    return this.#turns.run(
      `${correlation} ${xid}`,
      async () => {
        const asked = await this.#questions.question(correlation, xid, id);
        const isWanted = asked !== null && this.#clock.now() - since <= this.#timing.lateMs;
        return isWanted ? [asked, await this.#ask(asked)] : [null, null];
      },
      undefined,
      unanswered ? 'first' : 'last',
    );
  }

  #putAgain(request: Request, pauses: BackOff): void {
    const { key } = request;
    const known = this.#requests.get(key);
    if (this.#stopped || (known !== undefined && known !== request)) return;
    this.#requests.set(key, request);
    this.#order.add(request);
    request.retry?.cancel();
    request.retry = this.#clock.after(pauses.next(), () => this.#putNow(request));
  }

  /** R-30's timer, as long as it has not run out: it runs from when the question was opened. */
  #watchFromNow(request: Request): void {
    const { timer, overdue } = request;
    if (overdue || this.#stopped) return;
    timer?.cancel();
    this.#watch(request, Math.max(0, request.since + this.#timing.timerMs - this.#clock.now()));
  }

  /** R-30's timer; where the failure record could not be stored, it runs again. */
  #watch(request: Request, ms: number): void {
    const { correlation, xid, id } = request;
    request.timer = this.#clock.after(ms, () => {
      request.overdue = true;
      this.#order.moved(request);
      const work = this.#questions.overdue(correlation, xid, id).catch((error: unknown) => {
        if (!this.#stopped) this.#watch(request, this.#timing.longestPauseMs);
        throw error;
      });
      void this.#spawn(work);
    });
  }

  /** `null`: no answer yet. */
  async #ask(asked: GetKeysRequest): Promise<GetKeysResponse | null> {
    const { xid, targetKmsIdentity } = asked;
    this.#onEvent?.({ type: 'asked', at: this.#clock.now(), xid, target: targetKmsIdentity });
    try {
      const answer = await this.#source.getKeys(asked);
      this.#unanswered.worked();
      this.#tell(xid, answer);
      const busy = isGetKeysFailure(answer) && answer.failureIndication === 'temporarily-unavailable';
      this.#pace(busy ? this.#atOnce / 2 : this.#atOnce + 1 / this.#atOnce);
      return busy ? null : answer;
    } catch (error) {
      const reason = messageOf(error);
      this.#unanswered.failed({ xid, reason });
      this.#count('no-answer');
      this.#pace(this.#atOnce / 2);
      this.#onEvent?.({ type: 'no-keys', at: this.#clock.now(), xid, reason: 'no-answer' });
      return null;
    }
  }

  /** Additive increase, multiplicative decrease. */
  #pace(atOnce: number): void {
    this.#atOnce = Math.max(1, Math.min(this.#most, atOnce));
    this.#turns.narrow(this.#atOnce);
  }

  #tell(xid: string, answer: GetKeysResponse): void {
    const at = this.#clock.now();
    this.#count(isGetKeysFailure(answer) ? answer.failureIndication : 'answered');
    if (isGetKeysFailure(answer)) {
      this.#onEvent?.({ type: 'no-keys', at, xid, reason: answer.failureIndication });
      return;
    }
    const { verified, cryptoSessions } = answer;
    this.#onEvent?.({ type: 'keys', at, xid, verified, cryptoSessions: cryptoSessions.length });
  }

  #count(outcome: string): void {
    this.#answers[outcome] = (this.#answers[outcome] ?? 0) + 1;
  }

  #end(key: string): void {
    const request = this.#requests.get(key);
    if (request === undefined) return;
    for (const timer of [request.timer, request.retry]) timer?.cancel();
    this.#requests.delete(key);
  }

  #spawn(work: Promise<void>): Promise<void> {
    const watched = work.then(
      () => this.#unstored.worked(),
      (error: unknown) => this.#unstored.failed({ error }),
    );
    this.#underWay.add(watched);
    void watched.finally(() => this.#underWay.delete(watched));
    return watched;
  }
}

/** Whether what would be asked is the same, for the same recipients, at the same time. */
function isPutAlike(a: QuestionState, b: QuestionState): boolean {
  const place = ({ since, from, bare, only }: QuestionState): string =>
    JSON.stringify([since, from ?? since, bare === true, only ?? null]);
  return place(a) === place(b);
}
