/**
 * `npm run bench:model`: a discrete-event simulation of a DF in processes with leases, and of KMSs on one database. First it
 * says of what `bench:scale` measured what the model makes of it, and ends with 1 if one is farther off than the tolerance.
 * Then it runs the whole way, with kills, at the size that was measured and at so many times that.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packetCost, UNIT_COSTS } from '../src/capacity/unit-costs.ts';
import { simulateNetwork } from './model/network.ts';
import type { NetworkFigures, NetworkTerms } from './model/network.ts';
import { offBy, reproduced } from './model/reproduced.ts';
import type { Point, ScaleFigures } from './model/reproduced.ts';

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
  --database-cores N   of the database's machine (default 32)
  --restart SECONDS    until a process that was killed is there again (default 5)
  --json               JSON on standard output

Examples:
  npm run bench:model
  npm run bench:model -- --size 10 --lease 2 --kill-every 10
  npm run bench:model -- --measured scale.json --tolerance 0.4 --json`;

const { values } = parseArgs({
  options: {
    measured: { type: 'string', default: path.join('bench', 'model', 'measured.json') },
    tolerance: { type: 'string', default: '0.25' },
    size: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    load: { type: 'string', default: '0.6' },
    kind: { type: 'string', default: 'sip' },
    together: { type: 'string', default: '25' },
    partitions: { type: 'string', default: '8' },
    lease: { type: 'string', default: '10' },
    'kill-every': { type: 'string', default: '10' },
    restart: { type: 'string', default: '5' },
    'database-cores': { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Processes at the size that was measured: two mediators, so that there is one that takes over. */
const MEASURED = { intakes: 1, mediators: 2, kms: 2, kmsThreads: 2, cores: 2 };
/** Of the setting `streams.partitions`. */
const MOST_PARTITIONS = 256;
const PACKET_OCTETS = 172;
/** Octets of a message in a stream are read at once: PDUs of so much are mediated in one go. */
const BATCH = 64;
/** Seconds of a word to a server on another machine and back. */
const TRIP_SECONDS = 0.002;

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

function number(
  option:
    | 'tolerance'
    | 'size'
    | 'seed'
    | 'seconds'
    | 'load'
    | 'together'
    | 'partitions'
    | 'lease'
    | 'kill-every'
    | 'restart'
    | 'database-cores',
) {
  const found = Number(values[option]);
  if (!(found >= 0) || (found === 0 && option !== 'kill-every' && option !== 'seed'))
    fail(`--${option}: a number above 0`);
  return found;
}

function termsOf(size: number): NetworkTerms {
  const kind = values.kind === 'sip' || values.kind === 'packet' ? values.kind : fail('--kind: sip, packet');
  const of = (role: 'intake' | 'mediation'): number =>
    kind === 'sip' ? UNIT_COSTS[`${role}Sip`].value : packetCost(role, PACKET_OCTETS);
  const { intakes, mediators, kms, kmsThreads, cores } = MEASURED;
  const every = number('kill-every');
  const microseconds = {
    ...{ intake: of('intake'), mediation: of('mediation'), delivery: 0 },
    ...{ kms: UNIT_COSTS.kmsGetKeys.value, database: UNIT_COSTS.databaseGetKeys.value },
  };
  const load = number('load');
  return {
    ...{ seed: number('seed'), seconds: number('seconds') },
    ...{ mediators: mediators * size, deliverers: 0, destinations: 1 },
    // As many intakes as there must be for mediators to have that load.
    intakes: Math.max(
      1,
      Math.ceil((intakes * mediators * size * microseconds.intake) / microseconds.mediation),
    ),
    partitions: Math.min(MOST_PARTITIONS, number('partitions') * size),
    ...{ kms: kms * size, kmsThreads, cores, databaseCores: number('database-cores') },
    pdusPerSecond: (load * mediators * size * 1e6) / microseconds.mediation,
    together: number('together'),
    questionsPerSecond: (load * kms * size * 1e6) / microseconds.kms,
    ...{ microseconds, batch: BATCH, leaseSeconds: number('lease'), tripSeconds: TRIP_SECONDS },
    killSeconds: every === 0 ? Infinity : every,
    restartSeconds: number('restart'),
  };
}

function shown(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function pointLines(points: readonly Point[], tolerance: number): string[] {
  return points.map((point) => {
    const { what, unit, measured, simulated } = point;
    const cells = [measured, simulated].map((each) => shown(each).padStart(10)).join('');
    const off = offBy(point);
    return `${what.padEnd(34)}${cells}  ${unit.padEnd(8)}${(100 * off).toFixed(0).padStart(4)} %${off > tolerance ? '  TOO FAR' : ''}`;
  });
}

function networkLines(size: number, terms: NetworkTerms, found: NetworkFigures): string[] {
  const { pduMs, questionMs, takeoverSeconds, drainedAfter } = found;
  const { intakes, mediators, partitions, kms, pdusPerSecond } = terms;
  const lines = [
    `size ${size}: ${intakes} intakes, ${mediators} mediators, ${partitions} partitions, ${kms} KMSs`,
    `  offered ${shown(pdusPerSecond)} PDUs/s, delivered ${shown(found.throughput)}/s meanwhile; ${found.delivered} of ${found.came} in all`,
    `  a PDU took ${shown(pduMs.p50)} ms (median), ${shown(pduMs.p99)} ms (99 %), ${shown(pduMs.most)} ms at most`,
  ];
  if (questionMs !== null)
    lines.push(`  a question took ${shown(questionMs.p50)} ms (median), ${shown(questionMs.p99)} ms (99 %)`);
  if (takeoverSeconds !== null)
    lines.push(
      `  ${found.kills} kills; a partition had nobody for ${shown(takeoverSeconds.p50)} s (median), ${shown(takeoverSeconds.most)} s at most`,
    );
  lines.push(
    `  most that waited: ${found.mostInPartition} PDUs in a partition, ${found.mostBacklog} in all; drained ${drainedAfter === null ? 'never' : `${shown(drainedAfter)} s after the last came`}`,
    `  partitions with two owners: ${found.doubleOwners}`,
  );
  return lines;
}

function run(): void {
  const figures = JSON.parse(readFileSync(values.measured, 'utf8')) as ScaleFigures;
  const [tolerance, size] = [number('tolerance'), number('size')];
  const points = reproduced(figures, number('seed'));
  const sizes = [...new Set([1, size])];
  const networks = sizes.map((each) => {
    const terms = termsOf(each);
    return { size: each, terms, figures: simulateNetwork(terms) };
  });
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
  console.log(`${''.padEnd(34)}${'measured'.padStart(10)}${'simulated'.padStart(10)}`);
  for (const line of pointLines(points, tolerance)) console.log(line);
  for (const network of networks)
    console.log(['', ...networkLines(network.size, network.terms, network.figures)].join('\n'));
}

if (values.help) console.log(HELP);
else run();
