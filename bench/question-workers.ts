/**
 * Throughput of the threads of a KMS that answer questions of delivery functions: of one and of two (`scaling.ts`), beside
 * that of processes that run the engine alone (`ceiling.ts`), in turns:
 *
 *     kms      asked over TLS by one who does little else: what is in front of the threads is in it, and takes cores
 *     threads  the same threads, asked in the process that has them: two cores are theirs
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { EngineProcesses } from './ceiling.ts';
import { AskedKms, isAnswering, makeQuestions } from './chain/get-keys.ts';
import type { ThreadTime } from './processor.ts';
import { AskedThreads } from './question-threads.ts';
import { poolRound, scalingOf, underCeiling } from './scaling.ts';
import type { PoolRound, ScalingUnderCeiling } from './scaling.ts';

const ROUNDS = 5;
const QUESTIONS = 160;
const WARM_UP = 300;
/** Questions under way for each thread that answers: enough that none is without one. */
const AT_ONCE = 4;

type Threads = 1 | 2;
type Rounds = Record<Threads, PoolRound[]>;

export interface QuestionWorkers {
  readonly kms: ScalingUnderCeiling;
  readonly threads: ScalingUnderCeiling;
  /** Milliseconds of processor time of whoever asked the KMS, for a question. */
  readonly askerMs: number;
}

/** @param folder on a disk, for the state of KMSs */
export async function measureQuestionWorkers(folder: string): Promise<QuestionWorkers> {
  const questions = makeQuestions(2 * WARM_UP + ROUNDS * QUESTIONS);
  const engine = await EngineProcesses.start('questions', WARM_UP);
  const threads = { 1: AskedThreads.start(1, questions), 2: AskedThreads.start(2, questions) };
  const kms = { 1: await started(folder, questions, 1), 2: await started(folder, questions, 2) };
  const [ofEngine, ofThreads, ofKms]: [Rounds, Rounds, Rounds] = [noRounds(), noRounds(), noRounds()];
  let askerMs = 0;
  try {
    // As much for each, so that all are as warm.
    for (const count of [1, 2] as const) {
      await kms[count].put(count * WARM_UP, count * AT_ONCE);
      await threads[count].put(count * WARM_UP, count * AT_ONCE);
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const count of [1, 2] as const) {
        ofEngine[count].push(await engine.round(count, QUESTIONS));
        const asked = process.cpuUsage();
        ofKms[count].push(await roundOf(kms[count], count));
        const { user, system } = process.cpuUsage(asked);
        askerMs += (user + system) / 1000 / (2 * ROUNDS * QUESTIONS);
        ofThreads[count].push(await roundOf(threads[count], count));
      }
    }
  } finally {
    await Promise.all([kms[1], kms[2], threads[1], threads[2], engine].map((each) => each.end()));
  }
  const ceiling = scalingOf(ofEngine[1], ofEngine[2]);
  return {
    kms: underCeiling(scalingOf(ofKms[1], ofKms[2]), ceiling),
    threads: underCeiling(scalingOf(ofThreads[1], ofThreads[2]), ceiling),
    askerMs,
  };
}

function noRounds(): Rounds {
  return { 1: [], 2: [] };
}

function started(folder: string, questions: readonly Uint8Array[], workers: Threads): Promise<AskedKms> {
  const own = path.join(folder, `of-${workers}`);
  mkdirSync(own);
  return AskedKms.start(own, questions, { workers, share: 100, lean: true });
}

/** A thread of the pool that is asked has the niceness of those that answer, whichever pool of the process it is of. */
function roundOf(asked: AskedKms | AskedThreads, threads: Threads): Promise<PoolRound> {
  const { pid } = asked;
  const answering = (times: readonly ThreadTime[]): readonly ThreadTime[] =>
    times
      .filter((time) => isAnswering(time, pid))
      .sort((a, b) => b.ranMs - a.ranMs)
      .slice(0, threads);
  return poolRound([pid], answering, QUESTIONS, () => asked.put(QUESTIONS, threads * AT_ONCE));
}
