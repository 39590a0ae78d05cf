/**
 * `npm run bench:get-keys`: what an answer to get_keys costs a KMS, in processor time, beside what it costs the engine
 * alone (`chain/get-keys.ts`).
 *
 * With `--scaling`: how many times as much two threads that answer do as one, and two processes that run the engine alone
 * (`question-workers.ts`).
 *
 *     node bench/start.js get-keys --scaling [--json]
 *     node bench/start.js get-keys [--answers 600] [--at-once 8] [--warm-up N] [--workers N] [--share N]
 *                                  [--profile FOLDER] [--json]
 *
 * `--warm-up`: answers before those that are measured; by itself until answers get no cheaper, 3,000 at most.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { present } from '../src/bytes/present.ts';
import { getKeysCost } from './chain/get-keys.ts';
import { measureQuestionWorkers } from './question-workers.ts';
import { ceilingLines } from './scaling.ts';

const { values } = parseArgs({
  options: {
    answers: { type: 'string', default: '600' },
    'at-once': { type: 'string', default: '8' },
    'warm-up': { type: 'string' },
    workers: { type: 'string' },
    share: { type: 'string' },
    /** Where profiles of the KMS's processor time are written (`--cpu-prof`); they make it slower. */
    profile: { type: 'string' },
    scaling: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
/** What two threads are to do more than one, where two cores are free. */
const AIM = 1.9;
const MACHINE = { machine: cpus()[0]?.model, cores: cpus().length };
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-get-keys-'));
try {
  await (values.scaling ? scaling() : cost());
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function scaling(): Promise<void> {
  const found = await measureQuestionWorkers(folder);
  if (values.json) console.log(JSON.stringify({ ...MACHINE, ...found }));
  else {
    const { kms, threads, askerMs } = found;
    for (const line of ceilingLines('questions over TLS', kms, AIM)) console.log(line);
    console.log(`whoever asks takes ${askerMs.toFixed(2)} ms for a question\n`);
    for (const line of ceilingLines('questions in the process', threads, AIM)) console.log(line);
  }
}

async function cost(): Promise<void> {
  const found = await getKeysCost(folder, {
    answers: Number(values.answers),
    atOnce: Number(values['at-once']),
    ...present({ warmUp: values['warm-up'] === undefined ? undefined : Number(values['warm-up']) }),
    kms: present({
      workers: values.workers === undefined ? undefined : Number(values.workers),
      share: values.share === undefined ? undefined : Number(values.share),
      nodeOptions:
        values.profile === undefined ? undefined : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`],
    }),
  });
  const { ratio, spread, kmsMs, engineMs, rate, answers, warmUp, threads } = found;
  const [low, high] = spread.map((each) => each.toFixed(2));
  const { listeners, answering, others } = threads;
  if (values.json) console.log(JSON.stringify({ ...MACHINE, ...found }));
  else
    console.log(
      `${answers} answers: ${kmsMs.toFixed(2)} ms of the KMS each, ${engineMs.toFixed(2)} ms of the engine alone: ` +
        `${ratio.toFixed(2)} times (half of the rounds ${low} to ${high}); ${rate.toFixed(0)} a second, after ${warmUp}\nof the KMS's time ${listeners.toFixed(2)} ms the listeners' ` +
        `thread, ${answering.toFixed(2)} those that answer, ${others.toFixed(2)} all others`,
    );
}
