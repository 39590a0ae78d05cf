/**
 * `npm run bench:undetectable`: whether a user can tell interception by the time that a call takes to be set up, or
 * by the jitter of its media. Two homes of processes; the phones are in this one. Calls with and without interception
 * alternate in pairs, in an order drawn for each; every few pairs the other caller is the target, so that nothing else
 * that two callers differ in is taken for interception. Interception is of caller and callee, each by their own home.
 *
 *     node bench/start.js undetectable [--calls 2000] [--seed 1] [--json]
 *
 * First with phones, CSCFs and gateways on one core and KMS, DF, LEMF and ADMF on another, since an operator's do not
 * share one; then with all on both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LabError } from '../src/lab/errors.ts';
import type { Network } from '../src/lab/network/network.ts';
import type { ProcessHosting } from '../src/lab/processes/process-hosting.ts';
import { pin, twoCores } from './cores.ts';
import { benchCall, calm, InterceptedPair, startBenchNetwork } from './intercepted-calls.ts';
import { differenceOf, jitterOf, seededUniform, verdictOf } from './undetectable-statistics.ts';
import type { Difference, Pair, Verdict } from './undetectable-statistics.ts';

const USAGE = `Usage: npm run bench:undetectable -- [options]

  --calls N  calls a side at most, 1 to 2000 (default 2000). From 200 on it ends as soon as both intervals
             are narrower than the bound and decide; with less than 200 it is a trial alone
  --layout L only with cores "apart" (phones, CSCFs and gateways on one, the rest on another) or "shared"
  --seed N   of the order of calls and of the bootstrap, a whole number (default 1)
  --json     print what was found as JSON

Examples:
  npm run bench:undetectable
  npm run bench:undetectable -- --layout shared
  npm run bench:undetectable -- --calls 10`;

/** Milliseconds that are no difference to a user. */
const BOUNDS = { setup: 5, jitter: 1 };
const LEAST = 200;
const MOST = 2000;
/** Pairs between two looks at the figures, and between two changes of the target. */
const BLOCK = 20;
/** Pairs that are not counted: compilers and caches get warm. */
const WARM_UP = 5;
/** Calls that may fail before something is wrong. */
const MOST_FAILURES = 20;
/** What a user's calls go through, as against what works on interception. */
const NEAR = /^(?:cscf|gateway)\./;

type Measure = keyof typeof BOUNDS;
const LAYOUTS = ['apart', 'shared'] as const;
type Layout = (typeof LAYOUTS)[number] | 'as it comes';

interface Call {
  readonly setup: number;
  readonly jitter: number;
}

interface Found {
  readonly layout: Layout;
  readonly pairs: number;
  readonly failures: { readonly without: number; readonly with: number };
  readonly interrupted: boolean;
  readonly measures: Readonly<
    Record<Measure, Difference & { readonly bound: number; readonly verdict: Verdict }>
  >;
}

interface Options {
  readonly calls: number;
  readonly seed: number;
  readonly json: boolean;
  readonly layouts: readonly Layout[];
}

function optionsOf(): Options {
  const whole = (name: string, text: string, least: number, most: number): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new Error(`--${name} ${text} is not a whole number from ${least} to ${most}`);
  };
  try {
    const { values } = parseArgs({
      options: {
        calls: { type: 'string', default: String(MOST) },
        seed: { type: 'string', default: '1' },
        layout: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const [calls, seed] = [whole('calls', values.calls, 1, MOST), whole('seed', values.seed, 0, 2 ** 32 - 1)];
    const layouts = LAYOUTS.filter((layout) => values.layout === undefined || values.layout === layout);
    if (layouts.length === 0)
      throw new Error(`--layout ${values.layout} is not one of ${LAYOUTS.join(', ')}`);
    return { calls, seed, json: values.json, layouts };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

const options = optionsOf();
const uniform = seededUniform(options.seed);
const ending = { now: false };
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (ending.now) process.exit(130);
    ending.now = true;
    console.error('ending after this pair; once more ends at once');
  });

/* ---------------------------------------------------------------------- cores */

function layOut(layout: Layout, cores: readonly [number, number] | null, hosting: ProcessHosting): void {
  if (cores === null) return;
  const [near, far] = cores;
  pin(process.pid, layout === 'apart' ? [near] : cores);
  for (const [name, pid] of hosting.pids)
    pin(pid, layout === 'shared' ? cores : [NEAR.test(name) ? near : far]);
}

function layoutText(layout: Layout, cores: readonly [number, number] | null): string {
  if (cores === null) return 'not pinned: there is no taskset, or one core alone';
  const [near, far] = cores;
  return layout === 'apart'
    ? `cores apart: phones, CSCFs and gateways on core ${near}; KMSs, DFs, LEMFs and ADMFs on core ${far}`
    : `cores shared: all on cores ${near} and ${far}`;
}

/* ---------------------------------------------------------------------- calls */

/** Arrivals of RTP at the phones, with the times by its time stamps, milliseconds. */
const heard = new Map<string, { arrivals: number[]; sent: number[] }>();

function hear(user: string, octets: Uint8Array): void {
  if (octets.length < 12) return;
  const at = heard.get(user) ?? { arrivals: [], sent: [] };
  at.arrivals.push(performance.now());
  at.sent.push(new DataView(octets.buffer, octets.byteOffset).getUint32(4) / 8);
  heard.set(user, at);
}

async function callOf(network: Network, caller: string): Promise<Call> {
  heard.clear();
  const { times } = await benchCall(network, caller, () => performance.now());
  const jitters = [...heard.values()].map(({ arrivals, sent }) => jitterOf(arrivals, sent));
  const jitter = jitters.reduce((sum, value) => sum + value, 0) / jitters.length;
  return { setup: times.established - times.dialled, jitter };
}

async function measure(network: Network, interception: InterceptedPair, layout: Layout): Promise<Found> {
  const pairs: Record<Measure, Pair[]> = { setup: [], jitter: [] };
  const failures = { without: 0, with: 0 };
  for (let n = -WARM_UP; pairs.setup.length < options.calls && !ending.now; n++) {
    const target = Math.floor(n / BLOCK) % 2 === 0 ? 'alice' : 'carol';
    const other = target === 'alice' ? 'carol' : 'alice';
    await interception.of(target);
    const found: { without?: Call; with?: Call } = {};
    const order = (['without', 'with'] as const).toSorted(() => (uniform() < 0.5 ? -1 : 1));
    for (const side of order) {
      await calm(network);
      try {
        found[side] = await callOf(network, side === 'with' ? target : other);
      } catch (error) {
        failures[side] += 1;
        if (failures.without + failures.with > MOST_FAILURES) throw error;
      }
    }
    if (n < 0 || found.without === undefined || found.with === undefined) continue;
    for (const of of ['setup', 'jitter'] as const)
      pairs[of].push({ without: found.without[of], with: found.with[of] });
    const count = pairs.setup.length;
    if (count % BLOCK !== 0 && count !== options.calls) continue;
    const measures = judged(pairs);
    const text = Object.entries(measures).map(([name, each]) => `${name} ${intervalText(each)} ms`);
    console.error(`${layout}: ${count} calls a side: ${text.join(', ')}`);
    if (count >= LEAST && Object.values(measures).every(({ verdict }) => verdict !== 'undecided')) break;
  }
  await interception.end();
  const count = pairs.setup.length;
  if (count === 0) throw new Error('ended before there was a pair of calls');
  return { layout, pairs: count, failures, interrupted: ending.now, measures: judged(pairs) };
}

function judged(pairs: Record<Measure, Pair[]>): Found['measures'] {
  const of = (measure: Measure): Found['measures'][Measure] => {
    const bound = BOUNDS[measure];
    const difference = differenceOf(pairs[measure], seededUniform(options.seed));
    return { ...difference, bound, verdict: verdictOf(difference, bound) };
  };
  return { setup: of('setup'), jitter: of('jitter') };
}

/* -------------------------------------------------------------------- the outcome */

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}`;
}

function intervalText({ difference, from, to }: Difference): string {
  return `${signed(difference)} (${signed(from)} to ${signed(to)})`;
}

function tableOf({ pairs, failures, interrupted, measures }: Found): string {
  const rows = Object.entries(measures).map(([name, each]) => {
    const cells = [each.without, each.with].map((value) => value.toFixed(2).padStart(9)).join('');
    const span = intervalText(each).padStart(28);
    return `${(name === 'setup' ? 'set-up' : name).padEnd(8)}${cells}${span}${String(each.bound).padStart(7)}  ${each.verdict}`;
  });
  const notes = [
    `${pairs} calls a side${interrupted ? ', interrupted' : ''}; failed: ${failures.without} without, ${failures.with} with interception`,
    ...(pairs < LEAST ? [`fewer than ${LEAST} calls a side: a trial, not the measurement`] : []),
  ];
  const head = `${'ms'.padEnd(8)}${'without'.padStart(9)}${'with'.padStart(9)}${'difference (95 % interval)'.padStart(28)}${'bound'.padStart(7)}  verdict`;
  return [head, ...rows, ...notes].join('\n');
}

async function run(state: string): Promise<void> {
  const cores = twoCores();
  console.error('starting two homes of processes');
  const bench = await startBenchNetwork(state, hear);
  const { network, hosting, broken } = bench;
  const found: Found[] = [];
  try {
    const interception = new InterceptedPair(network);
    const layouts: readonly Layout[] = cores === null ? ['as it comes'] : options.layouts;
    for (const layout of layouts) {
      if (ending.now) break;
      layOut(layout, cores, hosting);
      found.push(await Promise.race([measure(network, interception, layout), broken]));
    }
  } finally {
    await bench.stop();
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  if (options.json) console.log(JSON.stringify({ machine, cores, ...options, found }, null, 2));
  else {
    console.log(`R-21: what users see of interception; ${machine}; seed ${options.seed}`);
    for (const each of found) console.log(`\n${layoutText(each.layout, cores)}\n${tableOf(each)}`);
  }
  const [first] = found;
  const isShown =
    first !== undefined && Object.values(first.measures).every((each) => each.verdict === 'equivalent');
  process.exitCode = isShown && first.pairs >= LEAST ? 0 : 1;
}

const state = mkdtempSync(path.join(tmpdir(), 'claviger-undetectable-'));
const forget = (): void => rmSync(state, { recursive: true, force: true, maxRetries: 5 });
process.once('exit', forget);
try {
  await run(state);
} catch (error) {
  console.error(error instanceof LabError ? error.message : error);
  process.exit(1);
}
process.exit();
