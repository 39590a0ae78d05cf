/**
 * Recovery while a LEMF runs: the thread looks at what is new when something has come in and then nothing for a while, or,
 * where something comes all the time, now and then. Which calls are recovered then, `live-folder.ts` says. After a look
 * that took long the next waits, so that looks take a fifth of a processor in the long run.
 */
import path from 'node:path';
import { SerialQueue } from '../../../bytes/serial-queue.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { LemfError } from '../errors.ts';
import type { CaseAnswers, CaseQuestion } from '../case-views.ts';
import type { KeyQuestion } from '../key-questions.ts';
import type { HandoverKind, LemfListener } from '../ports.ts';
import type { Erased, WarrantName } from '../retention.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import type { LookOrder } from './recovery-order.ts';
import { erasedOf, RecoveryThread } from './recovery-thread.ts';

export interface LiveRecoveryOptions {
  readonly paths: HandoverPaths;
  readonly folder: string;
  /** Milliseconds of quiet after which a look begins. */
  readonly after: number;
  /** Octets of complete PDUs now. */
  readonly lengths: () => Readonly<Record<HandoverKind, number>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent: LemfListener;
  /** Is told what may be asked of the KMS, where the LEMF asks. */
  readonly onQuestions?: (questions: readonly KeyQuestion[]) => void;
}

/** A look begins after so many times `after`, quiet or not. */
const PATIENCE = 10;
/** After a look that took longer than a moment, the next begins so many times later. */
const REST = 4;
const MOMENT_MS = 1000;
/** Questions of analysts that wait at a time. */
const MOST_ASKING = 64;
/** What is under way when the LEMF stops has so long, milliseconds: every entity ends within ten seconds. */
const ENDING_MS = 6000;

export class LiveRecovery {
  readonly #options: LiveRecoveryOptions;
  readonly #looks = new SerialQueue();
  #thread: RecoveryThread | null = null;
  #timer: Timer | null = null;
  /** When the timer goes off. */
  #dueAt = 0;
  /** When something came first and last since the last look. */
  #firstAt = 0;
  #lastAt = 0;
  #isNew = false;
  /** Communications that the KMS has answered something about since the last look. */
  readonly #again = new Set<number>();
  #restUntil = 0;
  #waiting = 0;
  #isStopped = false;
  #isLate = false;
  #asking = 0;
  #refused = 0;

  constructor(options: LiveRecoveryOptions) {
    this.#options = options;
  }

  /** A PDU was stored. */
  stored(): void {
    this.#lastAt = this.#options.clock.now();
    if (!this.#isNew) this.#firstAt = this.#lastAt;
    this.#isNew = true;
    const { after } = this.#options;
    if (this.#timer === null || this.#dueAt > Math.max(this.#restUntil, this.#lastAt + after))
      this.#lookAfter(after);
  }

  /** The KMS has answered something about a communication: it is recovered anew. */
  answered(session: number): void {
    this.#again.add(session);
    const { after, clock } = this.#options;
    if (this.#timer === null || this.#dueAt > Math.max(this.#restUntil, clock.now() + after))
      this.#lookAfter(after);
  }

  /**
   * What an analyst asks, by all that has come, between two looks.
   * @throws LemfError `busy`: too many ask, `recovery`
   */
  async show<Q extends CaseQuestion>(question: Q): Promise<CaseAnswers[Q['kind']]> {
    if (this.#asking >= MOST_ASKING) {
      this.#refused++;
      throw new LemfError('busy', 'as many ask as may wait for recovery');
    }
    this.#asking++;
    try {
      return await this.#looks.run(() => this.#show(question));
    } finally {
      this.#asking--;
    }
  }

  /** Questions of analysts that were refused. */
  get refused(): number {
    return this.#refused;
  }

  async #show<Q extends CaseQuestion>(question: Q): Promise<CaseAnswers[Q['kind']]> {
    if (this.#isStopped) throw new LemfError('recovery', 'it has stopped');
    const look = { kind: 'look' as const, ...this.#order(false) };
    for (const session of look.again) this.#again.add(session);
    const reply = await this.#running().run({ kind: 'show', question, look });
    if (reply.kind !== 'shown')
      throw new LemfError('recovery', reply.kind === 'failed' ? reply.reason : 'no answer to what was asked');
    this.#waiting = reply.waiting;
    if (reply.wakeIn !== null && this.#timer === null) this.#lookAfter(Math.max(reply.wakeIn, 1));
    return reply.answer as CaseAnswers[Q['kind']];
  }

  /** Deletes warrants from the files, and the audio of their calls, between two looks. @throws LemfError `recovery` */
  erase(warrants: readonly WarrantName[]): Promise<Erased> {
    return this.#looks.run(async () => {
      if (this.#isLate) throw new LemfError('recovery', 'it has stopped');
      const { paths } = this.#options;
      const look = { kind: 'look' as const, ...this.#order(true) };
      const folder = path.dirname(paths.hi2);
      const reply = await this.#running().run({ kind: 'erase', folder, to: look.to, warrants, look });
      return erasedOf(reply);
    });
  }

  /** Finishes what is under way; what was about to begin begins now; neither for long. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const isDue = this.#timer !== null;
    this.#timer = null;
    const { clock, logger } = this.#options;
    let limit: Timer | null = null;
    const late = new Promise<void>((resolve) => {
      limit = clock.after(ENDING_MS, () => {
        this.#isLate = true;
        resolve();
      });
    });
    const done = this.#looks.ended().then(() => {
      // What is late has taken the thread away: a look would begin another.
      if (!this.#isLate && (isDue || this.#waiting > 0 || this.#again.size > 0)) return this.#look(true);
    });
    await Promise.race([done, late]);
    (limit as Timer | null)?.cancel();
    if (this.#isLate) logger.warn({}, 'recovery was not finished; use lemf recover');
    await this.#thread?.end(this.#isLate);
  }

  #lookAfter(milliseconds: number): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#dueAt = clock.now() + milliseconds;
    this.#timer = clock.after(milliseconds, () => this.#turn());
  }

  #turn(): void {
    this.#timer = null;
    const { clock, after } = this.#options;
    const now = clock.now();
    const quietFor = this.#isNew ? now - this.#lastAt : Infinity;
    const isQuiet = quietFor >= after;
    const rest = this.#restUntil - now;
    if (rest > 0) this.#lookAfter(rest);
    else if (!isQuiet && now - this.#firstAt < PATIENCE * after) this.#lookAfter(after - quietFor);
    else void this.#looks.run(() => this.#look());
  }

  async #look(isFinal = false): Promise<void> {
    const { clock, logger, onEvent, onQuestions } = this.#options;
    this.#isNew = false;
    const reply = await this.#running().run({ kind: 'look', ...this.#order(isFinal) });
    const ended = clock.now();
    if (reply.kind !== 'looked') {
      this.#restUntil = ended + REST * MOMENT_MS;
      logger.error({ reason: reply.kind === 'failed' ? reply.reason : reply.kind }, 'recovery failed');
      return;
    }
    this.#restUntil = ended + REST * Math.max(0, reply.tookMs - MOMENT_MS);
    this.#waiting = reply.waiting;
    if (reply.wakeIn !== null && this.#timer === null) this.#lookAfter(Math.max(reply.wakeIn, 1));
    const { calls, recoveredCalls, files, questions } = reply;
    if (questions.length > 0) onQuestions?.(questions);
    onEvent({ type: 'recovered', at: ended, calls, recoveredCalls, files });
  }

  #running(): RecoveryThread {
    if (this.#thread === null || this.#thread.isGone) this.#thread = new RecoveryThread();
    return this.#thread;
  }

  #order(isFinal: boolean): Omit<LookOrder, 'kind'> {
    const { paths, folder, lengths, clock, after } = this.#options;
    const again = [...this.#again];
    this.#again.clear();
    return { paths, folder, to: lengths(), now: clock.now(), lastAt: this.#lastAt, after, again, isFinal };
  }
}
