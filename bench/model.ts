/**
 * `npm run bench:model`: a discrete-event simulation of a DF in processes with leases, and of KMSs on one database. First it
 * says of what `bench:scale` measured what the model makes of it, and ends with 1 if one is farther off than the tolerance.
 * Then it runs the whole way, with kills, at the size that was measured and at so many times that.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { NetworkFigures, NetworkTerms } from './model/network.ts';
import { offBy, reproduced } from './model/reproduced.ts';
import type { Point, ScaleFigures } from './model/reproduced.ts';
import { MODEL_DEFAULTS, networkRuns } from './model/terms.ts';
import type { ModelOptions } from './model/terms.ts';
import { unitCostsOf } from './scale/unit-costs.ts';

const HELP = `Usage: npm run bench:model -- [OPTION…]

  --measured FILE      figures of npm run bench:scale -- --json (default bench/model/measured.json)
  --tolerance SHARE    how far a point may be off (default 0.25)
  --size N             times what was measured (default 100)
  --seed N             of all that is drawn (default 1)
  --seconds N          that PDUs come (default 60)
  --load SHARE         of what mediators can do (default 0.6)
  --kind KIND          sip or packet: what a PDU has (default sip)
  --together N         PDUs that come together, for N times the size too (default 25)
  --partitions N       at the size that was measured (default 8); at most 256 in all
  --lease SECONDS      (default 10, as the setting leaseMs has it)
  --kill-every SECONDS between two kills, in the mean (default 10); 0: none
  --database-cores N   of the database's machine (default as many as have the same load)
  --restart SECONDS    until a process that was killed is there again (default 5)
  --ended SHARE        of those that are killed, how many end in order instead (default 0);
                       besides it is run where all of them do
  --json               JSON on standard output

Examples:
  npm run bench:model
  npm run bench:model -- --size 10 --lease 2 --kill-every 10
  npm run bench:model -- --measured scale.json --tolerance 0.4 --json`;

const { values } = parseArgs({
  options: {
    measured: { type: 'string', default: path.join('bench', 'model', 'measured.json') },
    kind: { type: 'string', default: 'sip' },
    ...(Object.fromEntries(
      Object.entries(MODEL_DEFAULTS).map(([name, value]) => [
        name,
        { type: 'string', default: String(value) },
      ]),
    ) as Record<keyof typeof MODEL_DEFAULTS, { type: 'string'; default: string }>),
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

/** Of which 0 says something. */
const MAY_BE_ZERO: readonly string[] = ['kill-every', 'seed', 'ended', 'database-cores'];

function options(): ModelOptions {
  const names = Object.keys(MODEL_DEFAULTS) as (keyof ModelOptions)[];
  const found = names.map((name) => {
    const value = Number(values[name]);
    const isFit = value > 0 || (value === 0 && MAY_BE_ZERO.includes(name));
    return [name, isFit ? value : fail(`--${name}: a number above 0`)];
  });
  return Object.fromEntries(found) as ModelOptions;
}

function kind(): 'sip' | 'packet' {
  const { kind: of } = values;
  return of === 'sip' || of === 'packet' ? of : fail('--kind: sip, packet');
}

const NOBODY = {
  mediation: 'partitions of a mediator that was killed',
  delivery: 'destinations of a deliverer that was killed',
  ended: 'what had one that ended in order',
} as const;

function shown(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function pointLines(points: readonly Point[], tolerance: number): string[] {
  return points.map((point) => {
    const { what, unit, measured, simulated, by } = point;
    const cells = [measured, simulated].map((each) => shown(each).padStart(10)).join('');
    const off = offBy(point);
    return `${what.padEnd(48)}${by.padEnd(5)}${cells}  ${unit.padEnd(8)}${(100 * off).toFixed(0).padStart(4)} %${off > tolerance ? '  TOO FAR' : ''}`;
  });
}

function networkLines(size: number, terms: NetworkTerms, found: NetworkFigures): string[] {
  const { pduMs, questionMs, takeoverSeconds, drainedAfter } = found;
  const { intakes, mediators, deliverers, destinations, partitions, kms, pdusPerSecond } = terms;
  const lines = [
    `size ${size}: ${intakes} intakes, ${mediators} mediators, ${partitions} partitions, ${deliverers} deliverers, ${destinations} destinations, ${kms} KMSs, a database of ${terms.databaseCores} cores`,
    `  offered ${shown(pdusPerSecond)} PDUs/s, delivered ${shown(found.throughput)}/s meanwhile; ${found.delivered} of ${found.came} in all`,
    `  a PDU took ${shown(pduMs.p50)} ms (median), ${shown(pduMs.p99)} ms (99 %), ${shown(pduMs.most)} ms at most`,
  ];
  if (questionMs !== null)
    lines.push(`  a question took ${shown(questionMs.p50)} ms (median), ${shown(questionMs.p99)} ms (99 %)`);
  lines.push(`  ${found.kills} kills, ${found.ends} ended in order`);
  for (const [what, words] of Object.entries(NOBODY) as [keyof typeof NOBODY, string][]) {
    const spread = takeoverSeconds[what];
    if (spread !== null)
      lines.push(`  ${words}: nobody for ${shown(spread.p50)} s (median), ${shown(spread.most)} s at most`);
  }
  lines.push(
    `  most that waited: ${found.mostInPartition} PDUs in a partition, ${found.mostInDestination} for a destination, ${found.mostBacklog} in all; drained ${drainedAfter === null ? 'never' : `${shown(drainedAfter)} s after the last came`}`,
    `  partitions or destinations with two owners: ${found.doubleOwners}`,
  );
  return lines;
}

function run(): void {
  const figures = JSON.parse(readFileSync(values.measured, 'utf8')) as ScaleFigures;
  const given = options();
  const { tolerance, seed } = given;
  const points = reproduced(figures, seed);
  const costs = unitCostsOf(figures);
  const networks = networkRuns(kind(), given, costs);
  const isWrong =
    points.some((point) => !(offBy(point) <= tolerance)) ||
    networks.some(({ figures: { doubleOwners, drainedAfter } }) => doubleOwners > 0 || drainedAfter === null);
  if (isWrong) process.exitCode = 1;
  if (values.json) {
    const found = points.map((point) => ({ ...point, offBy: offBy(point) }));
    console.log(JSON.stringify({ measuredAt: figures.machine, tolerance, points: found, networks }, null, 2));
    return;
  }
  const { processor, cores, load, date } = figures.machine;
  console.log(
    `measured on ${cores} × ${processor}, load ${load.toFixed(1)}, ${date}; tolerance ${100 * tolerance} %\n`,
  );
  console.log(`${''.padEnd(48)}${'by'.padEnd(5)}${'measured'.padStart(10)}${'simulated'.padStart(10)}`);
  for (const line of pointLines(points, tolerance)) console.log(line);
  for (const network of networks)
    console.log(['', ...networkLines(network.size, network.terms, network.figures)].join('\n'));
}

if (values.help) console.log(HELP);
else run();
