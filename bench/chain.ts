/**
 * `npm run bench:chain`: what each link of the chain from the SIP message to the LEMF's file costs, on real processes and
 * sockets, as shipped: acknowledgement on, `synchronous = FULL`, state on a disk. Costs are processor time from the
 * operating system's accounting, all threads counted, as multiples of a reference that is measured in the same run, so that
 * they mean something on a machine that does other things as well.
 *
 * Progress goes to standard error. A figure that cannot be measured is `null` and says why. Ends with 1 if one is missed.
 */
import { parseArgs } from 'node:util';
import { runKeySource } from './chain/call-memory.ts';
import { chainTls, runDf, runLemf } from './chain/delivery-chain.ts';
import { runGateway, runX3Sink } from './chain/gateway.ts';
import { measured } from './chain/measured.ts';
import { describeMachine } from './chain/machine.ts';
import { COMMON_OPTIONS, fail, machineLine, runProgram } from './chain/program.ts';
import { runRecoveringLemf } from './chain/recovering-lemf.ts';
import { runCscf } from './chain/proxies.ts';
import { FIGURE_NAMES, printed, tableOf } from './chain/table.ts';
import type { FigureName, PrintedFigure } from './chain/table.ts';

const HELP = `Usage: npm run bench:chain -- [--only NAME[,NAME…]] [--seconds N] [--folder FOLDER] [--json]

  --only NAME    only this figure, or these; repeatable
  --seconds N    of each load (default 10)
  --folder DIR   where state is kept meanwhile, on a disk (default dist/bench-state)
  --json         JSON on standard output

Figures: ${FIGURE_NAMES.join(', ')}

Examples:
  npm run bench:chain
  npm run bench:chain -- --json > figures.json
  npm run bench:chain -- --only dfSip --only recordP99Ms
  npm run bench:chain -- --only dfG711,dfVideo --seconds 5`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '10' },
    ...COMMON_OPTIONS,
  },
});

const PARTS: Readonly<Record<string, (settings: unknown) => Promise<void>>> = {
  df: runDf,
  lemf: runLemf,
  'recovering-lemf': runRecoveringLemf,
  'key-source': runKeySource,
  gateway: runGateway,
  'x3-sink': runX3Sink,
  cscf: runCscf,
};

function wanted(): ReadonlySet<FigureName> {
  const names = values.only.flatMap((text) => text.split(','));
  const isFigure = (name: string): name is FigureName => (FIGURE_NAMES as string[]).includes(name);
  const unknown = names.find((name) => !isFigure(name));
  if (unknown !== undefined) fail(`no figure ${unknown}: ${FIGURE_NAMES.join(', ')}`);
  return new Set(names.length === 0 ? FIGURE_NAMES : names.filter(isFigure));
}

function prepared(): (folder: string) => Promise<void> {
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) fail('--seconds: a number above 0');
  const only = wanted();
  return (folder) => run(folder, only, seconds);
}

async function run(folder: string, only: ReadonlySet<FigureName>, seconds: number): Promise<void> {
  const machine = describeMachine();
  const figures: Partial<Record<FigureName, PrintedFigure>> = {};
  const notes: Record<string, number> = {};
  const setting = { folder, tls: await chainTls(folder), seconds, progress: console.error };
  for await (const [name, found] of measured(only, setting)) {
    figures[name] = printed(name, found);
    if (found.value !== null) Object.assign(notes, found.notes);
    console.error(`${name}: ${found.value ?? found.reason}`);
  }
  const ordered = Object.fromEntries(
    FIGURE_NAMES.flatMap((name) => (figures[name] === undefined ? [] : [[name, figures[name]]])),
  );
  if (values.json) {
    const loadAfter = describeMachine().load;
    console.log(JSON.stringify({ figures: ordered, notes, machine, loadAfter, seconds }, null, 2));
  } else {
    console.log(`${machineLine(machine)}\n`);
    for (const line of tableOf(figures)) console.log(line);
    console.log();
    for (const [name, value] of Object.entries(notes)) console.log(`${name} ${Number(value.toPrecision(4))}`);
  }
  if (Object.values(figures).some(({ met }) => met === false)) process.exitCode = 1;
}

await runProgram('chain', { help: HELP, values, parts: PARTS, prepared });
