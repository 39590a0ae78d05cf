/**
 * `npm run bench:scale-docs`: puts the figures of a run of `bench:scale`, and what the model makes of them, where they are
 * told: the costs into `src/capacity/unit-costs.ts`, the tables into `docs/scale.md`, between the marks that name them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { estimate } from '../src/capacity/estimate.ts';
import { parametersOf } from '../src/capacity/parameters.ts';
import { reproduced } from './model/reproduced.ts';
import type { ScaleFigures } from './model/reproduced.ts';
import { MODEL_DEFAULTS, networkRuns } from './model/terms.ts';
import { capacityTable, measuredTables, networksTable, pointsTable } from './scale/markdown.ts';
import { faultsOf, WHOLE_RUN } from './scale/plausible.ts';
import { withCosts, withTables } from './scale/put-figures.ts';
import type { Figures } from './scale/tables.ts';
import { unitCostsOf } from './scale/unit-costs.ts';

const MEASURED = path.join('bench', 'model', 'measured.json');

const HELP = `Usage: npm run bench:scale-docs -- [OPTION…]

  --measured FILE    figures of npm run bench:scale -- --json, which become those of
                     bench/model/measured.json (default: that file as it is)
  --without-model    leaves the tables of the model as they are (it takes a minute)
  --tables           leaves the costs as they are

Where a figure of the run is missing, or cannot be, nothing is put, and the exit status is 1.

Examples:
  npm run -s bench:scale -- --json > dist/scale.json && npm run bench:scale-docs -- --measured dist/scale.json`;

const { values } = parseArgs({
  options: {
    measured: { type: 'string', default: MEASURED },
    'without-model': { type: 'boolean', default: false },
    tables: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const COSTS = path.join('src', 'capacity', 'unit-costs.ts');
const PAGE = path.join('docs', 'scale.md');
const NETWORK = { subscribers: 10e6, targets: 5000, callsPerSecond: 4000 };

type Run = Figures & ScaleFigures & { readonly loadAfter: number };

async function putTables(): Promise<void> {
  const figures = JSON.parse(readFileSync(values.measured, 'utf8')) as Run;
  const tables: Record<string, string> = {
    ...measuredTables(figures),
    capacity: capacityTable(estimate(parametersOf(NETWORK))),
  };
  if (!values['without-model']) {
    tables['points'] = pointsTable(reproduced(figures, MODEL_DEFAULTS.seed));
    const networks = networkRuns('sip', MODEL_DEFAULTS, unitCostsOf(figures));
    tables['networks'] = networksTable(networks);
  }
  await write(PAGE, withTables(readFileSync(PAGE, 'utf8'), tables));
}

/** Then the tables, by a process that reads the costs anew. */
async function putCosts(): Promise<void> {
  const figures = JSON.parse(readFileSync(values.measured, 'utf8')) as Run;
  const faults = faultsOf(figures, WHOLE_RUN);
  if (faults.length > 0) {
    for (const fault of faults) console.error(`${values.measured}: ${fault}`);
    process.exitCode = 1;
    return;
  }
  await write(MEASURED, readFileSync(values.measured, 'utf8'));
  await write(COSTS, withCosts(readFileSync(COSTS, 'utf8'), unitCostsOf(figures), figures.machine));
  const args = ['bench/start.js', 'scale-docs', ...process.argv.slice(2), '--tables'];
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

async function write(file: string, text: string): Promise<void> {
  const options = await resolveConfig(file);
  writeFileSync(file, await format(text, { ...options, filepath: file }));
}

if (values.help) console.log(HELP);
else if (values.tables) await putTables();
else await putCosts();
