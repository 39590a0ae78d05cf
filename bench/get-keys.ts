/**
 * `npm run bench:get-keys`: what an answer to get_keys costs a KMS, in processor time, beside what it costs the engine
 * alone (`chain/get-keys.ts`).
 *
 *     node bench/start.js get-keys [--answers 600] [--at-once 8] [--workers N] [--profile FOLDER] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { getKeysCost } from './chain/get-keys.ts';

const { values } = parseArgs({
  options: {
    answers: { type: 'string', default: '600' },
    'at-once': { type: 'string', default: '8' },
    workers: { type: 'string' },
    /** Where profiles of the KMS's processor time are written (`--cpu-prof`); they make it slower. */
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-get-keys-'));
try {
  const cost = await getKeysCost(folder, {
    answers: Number(values.answers),
    atOnce: Number(values['at-once']),
    ...(values.workers === undefined ? {} : { workers: Number(values.workers) }),
    ...(values.profile === undefined
      ? {}
      : { nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] }),
  });
  const { ratio, kmsMs, engineMs, rate, answers } = cost;
  if (values.json) console.log(JSON.stringify({ machine: cpus()[0]?.model, cores: cpus().length, ...cost }));
  else
    console.log(
      `${answers} answers: ${kmsMs.toFixed(2)} ms of the KMS each, ${engineMs.toFixed(2)} ms of the engine alone: ` +
        `${ratio.toFixed(2)} times; ${rate.toFixed(0)} a second`,
    );
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
