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

export interface RunningQuestions extends Required<Pick<XkPorts, 'read' | 'compute'>> {
  readonly turns: CappedTurns;
  stop(): Promise<void>;
}

export function startQuestions(
  { workers, queue, share }: QuestionSettings,
  records: GetKeysRecords,
  serials: readonly SerialRecord[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): RunningQuestions {
  const turns = new CappedTurns({ atOnce: Math.max(1, workers), queue, share }, clock);
  if (workers === 0) {
    const getKeys = new GetKeys(records, new EngineGenerator(defaultEngine()));
    return {
      turns,
      read: (text) => Promise.resolve(readQuestion(text)),
      compute: (question) => getKeys.answer(question),
      stop: () => Promise.resolve(),
    };
  }
  const pool = new QuestionPool({ workers, logger, records, serials });
  return {
    turns,
    read: (text, signal) =>
      text.length <= READ_AT_ONCE ? Promise.resolve(readQuestion(text)) : pool.read(text, signal),
    compute: (question) => pool.answer(question),
    stop: () => pool.close(),
  };
}
