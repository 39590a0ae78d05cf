/** Throughput of the threads of a KMS that answer questions of delivery functions: of one and of two (`scaling.ts`). */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { AskedKms, isAnswering, makeQuestions } from './chain/get-keys.ts';
import type { ThreadTime } from './processor.ts';
import { poolRound, scalingOf } from './scaling.ts';
import type { PoolRound, Scaling } from './scaling.ts';

const ROUNDS = 5;
const QUESTIONS = 160;
const WARM_UP = 300;
/** Questions under way for each thread that answers: enough that none is without one. */
const AT_ONCE = 4;

/**
 * KMSs in processes of their own, asked over TLS, each thread all of the time.
 * @param folder on a disk, for their state
 */
export async function measureQuestionWorkers(folder: string): Promise<Scaling> {
  const questions = makeQuestions();
  const [one, two] = [await started(folder, questions, 1), await started(folder, questions, 2)];
  try {
    // As much for both, so that both are as warm.
    await one.put(WARM_UP, AT_ONCE);
    await two.put(WARM_UP, 2 * AT_ONCE);
    const rounds: Record<1 | 2, PoolRound[]> = { 1: [], 2: [] };
    for (let round = 0; round < ROUNDS; round++) {
      rounds[1].push(await asked(one, AT_ONCE));
      rounds[2].push(await asked(two, 2 * AT_ONCE));
    }
    return scalingOf(rounds[1], rounds[2]);
  } finally {
    await Promise.all([one.end(), two.end()]);
  }
}

function started(folder: string, questions: readonly Uint8Array[], workers: number): Promise<AskedKms> {
  const own = path.join(folder, `of-${workers}`);
  mkdirSync(own);
  return AskedKms.start(own, questions, { workers, share: 100 });
}

function asked(kms: AskedKms, atOnce: number): Promise<PoolRound> {
  const answering = (threads: readonly ThreadTime[]): readonly ThreadTime[] =>
    threads.filter((thread) => isAnswering(thread, kms.pid));
  return poolRound(kms.pid, answering, QUESTIONS, () => kms.put(QUESTIONS, atOnce));
}
