/**
 * `npm run fuzz -- [--seconds N] [--seed S] [--only DECODER] [--keep N]`: mutated inputs for every decoder. A fault
 * prints the seed and the input in hex, saves it to test/fuzz/corpus/DECODER/, and ends with 1. `--keep` saves up to N
 * inputs a decoder, one of each kind of outcome.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { toHex } from '../../src/bytes/octets.ts';
import { keepInput } from './corpus.ts';
import { DECODE_MS } from './fuzzer.ts';
import type { FuzzFault } from './fuzzer.ts';
import { WatchedInput, Watchdog } from './watchdog.ts';
import type { FuzzReport, FuzzTask } from './worker.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now()) },
    only: { type: 'string' },
    keep: { type: 'string', default: '0' },
  },
});
const [seconds, most] = [Number(values.seconds), Number(values.keep)];
if (!(seconds >= 0 && seconds <= 86_400) || !Number.isInteger(most))
  fail('--seconds is a number from 0 to 86400, --keep a number');

const corpus = path.resolve('test/fuzz/corpus');
const watched = new WatchedInput();
const task: FuzzTask = {
  ...{ shared: watched.shared, only: values.only ?? null, seed: values.seed, seconds, corpus },
  keep: most > 0,
};
const worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), { workerData: task });
const watchdog = new Watchdog(watched, 4 * DECODE_MS);
const watching = setInterval(() => {
  if (!watchdog.stuck(performance.now())) return;
  clearInterval(watching);
  tell({ decoder: watched.decoder, seed: values.seed, input: watched.input, problem: 'does not end' });
  void worker.terminate().then(() => process.exit(1));
}, 500);

worker.once('error', (error) => fail(error.stack ?? error.message));
worker.once('message', ({ faults, runs, kept }: FuzzReport) => {
  clearInterval(watching);
  if (runs.length === 0) fail(`there is no decoder ${values.only ?? ''}`);
  for (const { decoder, runs: count, kinds } of runs)
    console.log(
      `${decoder.padEnd(20)}${String(count).padStart(9)} inputs${String(kinds).padStart(5)} kinds of outcome`,
    );
  for (const fault of faults) tell(fault);
  for (const { decoder } of runs) {
    const own = kept.filter((each) => each.decoder === decoder);
    for (const { input } of own.slice(0, most)) keepInput(corpus, decoder, input);
  }
  console.log(`seed ${values.seed}: ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
});

function tell({ decoder, seed, input, problem }: FuzzFault): void {
  const file = path.relative(process.cwd(), keepInput(corpus, decoder, input));
  console.log(`\n${decoder} ${problem}\n  seed ${seed}, saved as ${file}:\n  ${toHex(input)}\n`);
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(2);
}
