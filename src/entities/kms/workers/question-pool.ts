/**
 * Questions of delivery functions on threads of their own: reading one (52 kB of JSON, base64 and MIKEY is milliseconds)
 * and computing its answer. Private keys for phones are computed by other threads (`pairing-pool.ts`), so neither waits
 * for the other. The records that an answer needs are given to a worker as it asks for them.
 */
import type { Worker } from 'node:worker_threads';
import { messageOf } from '../../../bytes/errors.ts';
import type { Logger } from '../../../bytes/ports.ts';
import { TroubleLog } from '../../../bytes/trouble-log.ts';
import type { GetKeysResponse } from '../../../wire/xk/get-keys.ts';
import { periodStart } from '../../../ibake/identity.ts';
import { wipeKeys } from '../../../wire/xk/get-keys.ts';
import type { GetKeysRecords } from '../get-keys/ports.ts';
import type { SerialRecord } from '../ports.ts';
import type { LikelyRecords, ReadQuestion } from '../asked-question.ts';
import type { PermittedQuestion } from '../xk.ts';
import { bare, clothed } from './question-job.ts';
import type {
  GivenRecord,
  QuestionOrder,
  QuestionResult,
  QuestionTask,
  RecordAnswer,
  RecordQuery,
  RecordQuestion,
} from './question-job.ts';
import { failed, WorkerPool } from './worker-pool.ts';

const NO_RECORD = {
  begins: 'get_keys: a record cannot be had',
  over: 'get_keys: records can be had again',
  level: 'error',
} as const;

export interface QuestionPoolOptions {
  readonly workers: number;
  readonly logger: Logger;
  readonly records: GetKeysRecords;
  /** All serials of the district, highest first. */
  readonly serials: readonly SerialRecord[];
  /** The worker's module; that of this package if absent. */
  readonly worker?: URL;
}

export class QuestionPool {
  readonly #pool: WorkerPool<QuestionResult>;
  readonly #records: GetKeysRecords;
  readonly #unavailable: TroubleLog;

  constructor({ workers, logger, records, serials, worker }: QuestionPoolOptions) {
    this.#records = records;
    this.#unavailable = new TroubleLog(NO_RECORD, { logger, now: () => performance.now() });
    const { district, keyLifetime } = records;
    this.#pool = new WorkerPool({
      ...{ workers, queue: Infinity, logger },
      module: worker ?? new URL('./question-worker.js', import.meta.url),
      started: (each) => {
        const moved: ArrayBuffer[] = [];
        tell(each, { kind: 'district', district, keyLifetime, serials: bare(serials, moved) }, moved);
      },
      said: (each, message) => void this.#give(each, message as RecordQuestion),
      wipe: (result) => {
        if (result.kind === 'answered') wipeKeys(clothed<GetKeysResponse>(result.response));
      },
    });
  }

  /** `null`: it is not a question. @throws KmsError `cancelled`, `unavailable` */
  async read(text: string, signal?: AbortSignal): Promise<ReadQuestion | null> {
    const result = await this.#run({ kind: 'read', text }, signal);
    if (result.kind !== 'read') throw refusalOf(result);
    return result.question;
  }

  /** As `GetKeys.answer`. @throws KmsError `cancelled`, `unavailable` */
  async answer(
    { request, covered, likely }: PermittedQuestion,
    signal?: AbortSignal,
  ): Promise<GetKeysResponse> {
    const given = likely === undefined ? [] : await this.#likely(likely);
    try {
      const result = await this.#run({ kind: 'answer', request, covered, records: given }, signal);
      if (result.kind !== 'answered') throw refusalOf(result);
      return clothed<GetKeysResponse>(result.response);
    } finally {
      for (const { answer } of given) wipeRecord(answer);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #run(task: QuestionTask, signal: AbortSignal | undefined): Promise<QuestionResult> {
    const give = (worker: Worker, number: number): void => tell(worker, { kind: 'task', number, task });
    return this.#pool.run({ affinity: null, give }, signal);
  }

  /** Each message between threads costs as much as a hundred records. */
  async #likely({ devices, times }: LikelyRecords): Promise<GivenRecord[]> {
    const periods = [...new Set(times.map((time) => periodStart(time, this.#records.keyLifetime)))];
    const wanted = periods.flatMap((period): RecordQuery[] => [
      ...devices.map((uri) => ({ kind: 'seed', uri, period }) as const),
      { kind: 'root', period },
    ]);
    const given: GivenRecord[] = [];
    try {
      for (const of of wanted) given.push({ of, answer: await this.#record(of, []) });
    } catch (error) {
      this.#unavailable.failed({ reason: messageOf(error) });
      throw failed('a record cannot be had');
    }
    return given;
  }

  /** A record that a worker asks for; where it cannot be had, that fails the question. */
  async #give(worker: Worker, { query, of }: RecordQuestion): Promise<void> {
    const moved: ArrayBuffer[] = [];
    try {
      tell(worker, { kind: 'record', query, answer: await this.#record(of, moved) }, moved);
    } catch (error) {
      this.#unavailable.failed({ reason: messageOf(error) });
      tell(worker, { kind: 'record', query, answer: { failed: true } });
    }
  }

  async #record(of: RecordQuery, moved: ArrayBuffer[]): Promise<RecordAnswer> {
    if (of.kind === 'seed') {
      const issued = await this.#records.issuedSeed(of.uri, of.period);
      this.#unavailable.worked();
      return issued === null ? null : { serial: issued.serial };
    }
    const root = await this.#records.liRoot(of.period);
    this.#unavailable.worked();
    const answer = bare(root, moved);
    if (root.state === 'kept') root.root.wipe();
    return answer;
  }
}

/** What a worker was given is its own copy. */
function wipeRecord(answer: RecordAnswer): void {
  if (answer !== null && 'root' in answer) answer.root.bareSecret.fill(0);
}

function tell(worker: Worker, order: QuestionOrder, moved: ArrayBuffer[] = []): void {
  worker.postMessage(order, moved);
}

function refusalOf(result: QuestionResult): Error {
  return failed(result.kind === 'failed' ? result.why : 'the worker answered another question');
}
