/**
 * A worker for questions of delivery functions: it reads one, and computes its answer from the KMS's records, which it
 * asks for. It runs at a low priority: where cores are few, phones go first. What is not a verdict on the question ends
 * the worker, or fails the question.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { defaultEngine } from '../../../ibe/default-engine.ts';
import { Secret } from '../../../bytes/secret.ts';
import { wipeKeys } from '../../../wire/xk/get-keys.ts';
import { serialsValidFor } from '../district.ts';
import { EngineGenerator } from '../generator.ts';
import { GetKeys } from '../get-keys/get-keys.ts';
import type { GetKeysRecords } from '../get-keys/ports.ts';
import type { LiRootState, SerialRecord } from '../ports.ts';
import { readQuestion } from '../asked-question.ts';
import { bare, clothed } from './question-job.ts';
import type {
  GivenRecord,
  QuestionOrder,
  QuestionResult,
  QuestionTask,
  RecordAnswer,
  RecordQuery,
} from './question-job.ts';
import { warmUp } from './warm-up.ts';

/** Niceness of these threads: a tenth of what a thread of the listeners gets where both want a core. */
const NICENESS = 10;

lowerPriority();
const engine = defaultEngine();
const generator = new EngineGenerator(engine);
const asked = new Map<number, { resolve: (answer: RecordAnswer) => void; reject: (error: Error) => void }>();
let lastQuery = 0;
let serials: readonly SerialRecord[] = [];
let records: GetKeysRecords | null = null;
let isEnding = false;

parentPort?.on('message', (order: QuestionOrder) => {
  switch (order.kind) {
    case 'district': {
      serials = clothed<readonly SerialRecord[]>(order.serials);
      records = recordsOf(order.district, order.keyLifetime);
      takeSteps(warmUp(engine, serials));
      break;
    }
    case 'record': {
      const waiting = asked.get(order.query);
      asked.delete(order.query);
      if (order.answer !== null && 'failed' in order.answer) waiting?.reject(new Error('no records'));
      else waiting?.resolve(order.answer);
      break;
    }
    case 'task':
      void resultOf(order.task).then((result) => reply(order.number, result));
      break;
    case 'end':
      isEnding = true;
      for (const { masterSecret } of serials) masterSecret.wipe();
      parentPort?.close();
      break;
  }
});

async function resultOf(
  task: QuestionTask,
): Promise<QuestionResult | { readonly response: Parameters<typeof wipeKeys>[0] }> {
  if (task.kind === 'read') return { kind: 'read', question: readQuestion(task.text) };
  if (records === null) return { kind: 'failed', why: 'the worker was not told of its district' };
  try {
    return { response: await new GetKeys(knowing(task.records, records), generator).answer(task) };
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    for (const { answer } of task.records)
      if (answer !== null && 'root' in answer) answer.root.bareSecret.fill(0);
  }
}

/** Secrets are moved, and what they were copied from is overwritten. */
function reply(number: number, result: Awaited<ReturnType<typeof resultOf>>): void {
  if ('kind' in result) {
    parentPort?.postMessage({ number, result });
    return;
  }
  const moved: ArrayBuffer[] = [];
  const response = bare(result.response, moved);
  wipeKeys(result.response);
  parentPort?.postMessage({ number, result: { kind: 'answered', response } satisfies QuestionResult }, moved);
}

function recordsOf(district: string, keyLifetime: number): GetKeysRecords {
  return {
    district,
    keyLifetime,
    serialsFor: (period) => serialsValidFor(serials, period),
    issuedSeed: async (uri, period) => seedOf(await ask({ kind: 'seed', uri, period })),
    liRoot: async (period) => {
      const answer = await ask({ kind: 'root', period });
      const root = rootOf(answer);
      if (answer !== null && 'root' in answer) answer.root.bareSecret.fill(0);
      return root;
    },
  };
}

/** The KMS's records, of which some are given with a question. */
function knowing(given: readonly GivenRecord[], others: GetKeysRecords): GetKeysRecords {
  const find = (kind: RecordQuery['kind'], period: number, uri: string | null): GivenRecord | undefined =>
    given.find(
      ({ of }) => of.kind === kind && of.period === period && (of.kind === 'root' || of.uri === uri),
    );
  return {
    ...others,
    issuedSeed: (uri, period) => {
      const known = find('seed', period, uri);
      return known === undefined ? others.issuedSeed(uri, period) : Promise.resolve(seedOf(known.answer));
    },
    liRoot: (period) => {
      const known = find('root', period, null);
      return known === undefined ? others.liRoot(period) : Promise.resolve(rootOf(known.answer));
    },
  };
}

function seedOf(answer: RecordAnswer): { readonly serial: number } | null {
  return answer !== null && 'serial' in answer ? answer : null;
}

/** With a copy of the secret, which the asker wipes. */
function rootOf(answer: RecordAnswer): LiRootState {
  if (answer === null || !('state' in answer)) return { state: 'absent' };
  if (answer.state !== 'kept') return answer;
  return { state: 'kept', root: Secret.of(answer.root.bareSecret.slice()) };
}

function ask(of: RecordQuery): Promise<RecordAnswer> {
  return new Promise((resolve, reject) => {
    const query = ++lastQuery;
    asked.set(query, { resolve, reject });
    parentPort?.postMessage({ query, of });
  });
}

/**
 * One step in each turn of the event loop, as soon as the district is known. Nobody waits for it, so that a KMS starts as
 * fast as without: a question that comes early goes in between, and makes what it finds lacking. Nor does a worker end
 * because a step fails: whatever question needs it says what is wrong.
 */
function takeSteps(steps: Iterator<unknown>): void {
  try {
    if (isEnding || steps.next().done === true) return;
  } catch {
    return;
  }
  setImmediate(takeSteps, steps);
}

/** Of this thread alone, where the system has priorities of threads (Linux); elsewhere the share alone holds it back. */
function lowerPriority(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(thread)) setPriority(thread, NICENESS);
  } catch {
    // No /proc, or not allowed: nothing is lost but the preference.
  }
}
