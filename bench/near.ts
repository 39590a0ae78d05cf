/**
 * `npm run bench:near`: what interception costs the processors of those whom a user's call goes through, CSCFs and
 * gateways: milliseconds of processor time for a call, all threads, until it is up and from then on until all of it is
 * delivered. Time that others take does not count, so that a machine with other work will do, if not for small figures.
 *
 *     node bench/start.js near [--calls 60] [--json]
 *
 * Calls with and without interception alternate; every ten pairs the other caller is the target.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { benchCall, calm, InterceptedPair, startBenchNetwork } from './intercepted-calls.ts';
import type { BenchNetwork } from './intercepted-calls.ts';
import { processorMs } from './processor.ts';
import { median } from './undetectable-statistics.ts';

const USAGE = `Usage: npm run bench:near -- [options]

  --calls N  calls a side, 1 to 2000 (default 60)
  --json     print what was found as JSON

Examples:
  npm run bench:near
  npm run bench:near -- --calls 200`;

const SIDES = ['without', 'with'] as const;
const PHASES = ['set-up', 'after'] as const;
const BLOCK = 10;
const WARM_UP = 5;

type Side = (typeof SIDES)[number];
type Phase = (typeof PHASES)[number];
/** Milliseconds of a call, by process. */
type Costs = ReadonlyMap<string, number>;

function optionsOf(): { readonly calls: number; readonly json: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        calls: { type: 'string', default: '60' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const calls = /^\d{1,4}$/.test(values.calls) ? Number(values.calls) : 0;
    if (calls < 1 || calls > 2000)
      throw new Error(`--calls ${values.calls} is not a whole number from 1 to 2000`);
    return { calls, json: values.json };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function readings({ hosting }: BenchNetwork): Map<string, number> {
  const all = [...hosting.pids].map(([name, pid]) => [name, processorMs(pid)] as const);
  return new Map(
    [...all, ['phones', processorMs(process.pid)] as const].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function between(before: Costs, after: Costs): Costs {
  return new Map([...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)]));
}

async function costsOf(bench: BenchNetwork, caller: string): Promise<Record<Phase, Costs>> {
  const marks: Costs[] = [];
  await benchCall(bench.network, caller, () => {
    marks.push(readings(bench));
    return 0;
  });
  await calm(bench.network);
  const [dialled = new Map(), up = new Map()] = marks;
  return { 'set-up': between(dialled, up), after: between(up, readings(bench)) };
}

async function measure(bench: BenchNetwork, calls: number): Promise<Record<Side, Record<Phase, Costs>[]>> {
  const interception = new InterceptedPair(bench.network);
  const found: Record<Side, Record<Phase, Costs>[]> = { without: [], with: [] };
  for (let n = -WARM_UP; n < calls; n++) {
    const [target, other] = Math.floor(n / BLOCK) % 2 === 0 ? ['alice', 'carol'] : ['carol', 'alice'];
    await interception.of(target);
    for (const side of n % 2 === 0 ? SIDES : SIDES.toReversed()) {
      await calm(bench.network);
      const costs = await costsOf(bench, side === 'with' ? target : other);
      if (n >= 0) found[side].push(costs);
    }
  }
  await interception.end();
  return found;
}

interface Row {
  readonly process: string;
  readonly phase: Phase;
  readonly without: number;
  readonly with: number;
}

/** Medians, so that a collection of garbage or a compiler's turn does not make the figure. */
function rowsOf(found: Record<Side, Record<Phase, Costs>[]>): Row[] {
  const names = [...(found.with[0]?.['set-up'].keys() ?? [])];
  return names.flatMap((name) =>
    PHASES.map((phase) => {
      const of = (side: Side): number => median(found[side].map((costs) => costs[phase].get(name) ?? 0));
      return { process: name, phase, without: of('without'), with: of('with') };
    }),
  );
}

const options = optionsOf();
const state = mkdtempSync(path.join(tmpdir(), 'claviger-near-'));
process.once('exit', () => rmSync(state, { recursive: true, force: true, maxRetries: 5 }));
const bench = await startBenchNetwork(state);
let rows: Row[];
try {
  rows = rowsOf(await Promise.race([measure(bench, options.calls), bench.broken]));
} finally {
  await bench.stop();
}
if (options.json)
  console.log(JSON.stringify({ machine: cpus()[0]?.model, calls: options.calls, rows }, null, 2));
else {
  console.log(`Processor time of a call, ms, medians of ${options.calls} calls a side\n`);
  console.log(
    `${'process'.padEnd(16)}${'phase'.padEnd(8)}${'without'.padStart(9)}${'with'.padStart(9)}${'more'.padStart(9)}`,
  );
  for (const { process: name, phase, ...ms } of rows) {
    const cells = [ms.without, ms.with, ms.with - ms.without].map((value) => value.toFixed(2).padStart(9));
    console.log(`${name.padEnd(16)}${phase.padEnd(8)}${cells.join('')}`);
  }
}
process.exit();
