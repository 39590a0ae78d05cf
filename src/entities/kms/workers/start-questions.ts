/**
 * Where a KMS reads and answers questions of delivery functions: on threads and in a queue of their own, with a share of
 * the machine, so that what phones see of the KMS's time does not tell whether a question is being answered; without
 * workers, in the listeners' thread.
 */
import { availableParallelism } from 'node:os';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { defaultEngine } from '../../../ibe/default-engine.ts';
import { EngineGenerator } from '../generator.ts';
import { GetKeys } from '../get-keys/get-keys.ts';
import type { GetKeysRecords } from '../get-keys/ports.ts';
import type { SerialRecord } from '../ports.ts';
import { readQuestion } from '../asked-question.ts';
import type { XkPorts } from '../xk.ts';
import { CappedTurns } from './capped-turns.ts';
import { QuestionPool } from './question-pool.ts';

/** One for eight cores. */
export const DEFAULT_QUESTION_WORKERS = Math.max(1, Math.floor(availableParallelism() / 8));

/**
 * Characters of a question that is read in the thread of the listeners: those of an exchange and an update, which take it
 * less time than to hand them to another thread.
 */
const READ_AT_ONCE = 16_384;

export interface QuestionSettings {
  readonly workers: number;
  readonly queue: number;
  /** Per cent of each worker's time. */
  readonly share: number;
}

/** Questions for each thread that are under way: the next one is read, judged and claimed while one is answered. */
export const UNDER_WAY = 2;

export interface RunningQuestions extends Required<Pick<XkPorts, 'read' | 'compute'>> {
  readonly turns: CappedTurns;
  stop(): Promise<void>;
}

export function startQuestions(
  settings: QuestionSettings,
  records: GetKeysRecords,
  serials: readonly SerialRecord[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): RunningQuestions {
  const { workers } = settings;
  if (workers === 0) return inThisThread(settings, records, clock);
  const pool = new QuestionPool({ workers, logger, records, serials });
  return { ...inThreads(settings, pool, clock), stop: () => pool.close() };
}

/**
 * What threads do in their share of the time, while the thread of the listeners prepares what comes next: a thread that is
 * free has its next question at once.
 */
export function inThreads(
  { workers, queue, share }: QuestionSettings,
  pool: Pick<QuestionPool, 'read' | 'answer'>,
  clock: Clock,
): Omit<RunningQuestions, 'stop'> {
  const turns = new CappedTurns({ atOnce: UNDER_WAY * workers, queue, share: 100 }, clock);
  // No more wait here than have a turn, one after the other, whosever they are.
  const threads = new CappedTurns({ atOnce: workers, queue: Infinity, share }, clock);
  return {
    turns,
    read: (text, signal) =>
      text.length <= READ_AT_ONCE
        ? Promise.resolve(readQuestion(text))
        : threads.run('', () => pool.read(text, signal), signal),
    compute: (question) => threads.run('', () => pool.answer(question)),
  };
}

function inThisThread(
  { queue, share }: QuestionSettings,
  records: GetKeysRecords,
  clock: Clock,
): RunningQuestions {
  const getKeys = new GetKeys(records, new EngineGenerator(defaultEngine()));
  return {
    turns: new CappedTurns({ atOnce: 1, queue, share }, clock),
    read: (text) => Promise.resolve(readQuestion(text)),
    compute: (question) => getKeys.answer(question),
    stop: () => Promise.resolve(),
  };
}
