/**
 * `npm run bench:updates`: what an update of the keys costs at the beginning of a long call and at its end. Two homes
 * of processes, both parties targets, each at their own home; the two phones are in this process. Sides and methods
 * alternate, some offers cross, and both speak a little under each key, so that all of it is intercepted and recovered.
 *
 *     node bench/start.js updates [--updates 1000] [--json]
 *
 * Processor time is that of each process from one hundred updates to the next, when nothing is on its way any more. A call
 * of a hundred comes before, so that compilers are warm. The ratio is that of the last hundred to the first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { PhoneCall } from '../src/entities/ue/call.ts';
import { LabError } from '../src/lab/errors.ts';
import { HOMES } from '../src/lab/network/home.ts';
import { Network } from '../src/lab/network/network.ts';
import { ProcessHosting } from '../src/lab/processes/process-hosting.ts';
import { handedOverKeys } from '../src/lab/scenarios/checks/keys.ts';
import { updateKeys } from '../src/lab/scenarios/updates.ts';
import { liidOf, warrantOn } from '../src/lab/scenarios/warrants.ts';
import { keepFiles } from '../src/lab/scenarios/out-folder.ts';
import { Timeline } from '../src/lab/timeline.ts';
import { processorSeconds } from './processor.ts';

const USAGE = `Usage: npm run bench:updates -- [options]

  --updates N  updates of the call, 200 to 5000, a multiple of 100 (default 1000)
  --json       print what was found as JSON

Ends with 1 if the last hundred updates took a process more than 1.5 times the first, or if a key was not
handed over once, and in order unless the LEMF was told that it was late.

Examples:
  npm run bench:updates
  npm run bench:updates -- --updates 300 --json`;

const HUNDRED = 100;
const MOST_RATIO = 1.5;
/** Two packets of speech. */
const SPEECH = Int16Array.from({ length: 320 }, (_, n) => Math.round(8000 * Math.sin(n / 3)));
const DRAIN_MS = 60_000;

interface Found {
  readonly who: string;
  /** Milliseconds of processor time for an update, by the hundred. */
  readonly each: readonly number[];
  readonly ratio: number;
}

function optionsOf(): { readonly updates: number; readonly json: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        updates: { type: 'string', default: '1000' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const updates = /^\d{3,4}$/.test(values.updates) ? Number(values.updates) : NaN;
    if (updates >= 200 && updates <= 5000 && updates % HUNDRED === 0) return { updates, json: values.json };
    throw new Error(`--updates ${values.updates} is not a multiple of 100 from 200 to 5000`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { updates, json } = optionsOf();

/* ---------------------------------------------------------------------- measuring */

/** Milliseconds of processor time so far, by process. */
function spent(hosting: ProcessHosting): ReadonlyMap<string, number> {
  const { user, system } = process.cpuUsage();
  const others = [...hosting.pids].map(([name, pid]) => [name, 1000 * processorSeconds(pid)] as const);
  return new Map([['phones', (user + system) / 1000], ...others]);
}

/** Nothing is on its way to a LEMF any more. */
async function calm(network: Network): Promise<void> {
  for (const entity of ['cscf', 'gateway', 'df'] as const)
    for (const home of HOMES)
      if (!(await network.perform([entity, home], 'drain', DRAIN_MS)))
        throw new Error(`${entity}.${home} still had something to deliver after ${DRAIN_MS} ms`);
}

interface Talk {
  readonly outgoing: PhoneCall;
  readonly answered: PhoneCall;
}

async function dialled(network: Network): Promise<Talk> {
  const incoming = new Promise<PhoneCall>((resolve) => network.phone('bob').ue.onIncoming(resolve));
  const outgoing = await network.phone('alice').ue.call(network.identity('bob'));
  const answered = await incoming;
  await Promise.all([outgoing.established, answered.established]);
  return { outgoing, answered };
}

async function ended({ outgoing, answered }: Talk): Promise<void> {
  await outgoing.hangUp();
  await Promise.all([outgoing.ended, answered.ended]);
}

/** @param atHundred told after each hundred updates */
async function updated(
  { outgoing, answered }: Talk,
  count: number,
  atHundred: () => Promise<void>,
): Promise<void> {
  await updateKeys(
    { caller: outgoing, callee: answered },
    {
      updates: count,
      // One pair in each hundred: such an offer comes again after seconds.
      crossing: Array.from({ length: count / HUNDRED }, (_, n) => HUNDRED * n + 50),
      after: async (made) => {
        await Promise.all([outgoing.play(SPEECH), answered.play(SPEECH)]);
        if (made % HUNDRED === 0) await atHundred();
      },
    },
  );
}

/* -------------------------------------------------------------------- the outcome */

function table(found: readonly Found[]): string {
  const head = ['CPU ms an update', 'first 100', 'last 100', 'ratio'];
  const rows = found.map(({ who, each, ratio }) => [
    who,
    (each[0] ?? NaN).toFixed(2),
    (each.at(-1) ?? NaN).toFixed(2),
    ratio.toFixed(2),
  ]);
  return [head, ...rows]
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(18) : cell.padStart(12))).join(''))
    .join('\n');
}

async function run(folder: string): Promise<void> {
  const hosting = new ProcessHosting({ folder: path.join(folder, 'processes'), blind: true });
  const broken = hosting.broken();
  broken.catch(() => undefined);
  const [state, out] = [path.join(folder, 'state'), path.join(folder, 'out')];
  try {
    console.error('starting two homes of processes');
    const network = await Network.start({
      ...{ state, out, users: { home1: ['alice'], home2: ['bob'] }, hosting },
      phoneSettings: { answer: { ringMs: 10, answerMs: 10 } },
      timeline: new Timeline(() => performance.now()),
    });
    await network.register();
    const now = performance.timeOrigin + performance.now();
    for (const user of ['alice', 'bob'])
      await network.perform(['admf', network.homeOf(user).name], 'issue', warrantOn(network, user, now));
    const measured = async (): Promise<{ found: Found[]; seconds: number }> => {
      console.error('a call of 100 updates, which is not measured');
      const warm = await dialled(network);
      await updated(warm, HUNDRED, () => Promise.resolve());
      await ended(warm);
      console.error(`a call of ${updates} updates`);
      const talk = await dialled(network);
      await calm(network);
      const began = performance.now();
      const readings = [spent(hosting)];
      await updated(talk, updates, async () => {
        await calm(network);
        readings.push(spent(hosting));
        console.error(`${(readings.length - 1) * HUNDRED} updates`);
      });
      const seconds = (performance.now() - began) / 1000;
      await ended(talk);
      await calm(network);
      return { found: foundIn(readings), seconds };
    };
    const { found, seconds } = await Promise.race([measured(), broken]);
    const recovered = await Promise.all(
      HOMES.map(async (home) => {
        const began = performance.now();
        const { calls } = await network.perform(['lemf', home], 'recover', path.join(folder, `lemf-${home}`));
        return { home, calls: calls.length, seconds: (performance.now() - began) / 1000 };
      }),
    );
    await Promise.race([network.stop(), broken]);
    keepFiles(out, state);
    const keys = ['alice', 'bob'].map((user) => {
      const { name } = network.homeOf(user);
      return { liid: liidOf(user), ...handedOverKeys(out, name, liidOf(user)) };
    });
    conclude({ found, seconds, recovered, keys });
  } finally {
    hosting.kill();
  }
}

function foundIn(readings: readonly ReadonlyMap<string, number>[]): Found[] {
  return [...(readings[0]?.keys() ?? [])].map((who) => {
    const each = readings
      .slice(1)
      .map((reading, at) => ((reading.get(who) ?? NaN) - (readings[at]?.get(who) ?? NaN)) / HUNDRED);
    return { who, each, ratio: (each.at(-1) ?? NaN) / (each[0] ?? NaN) };
  });
}

interface Outcome {
  readonly found: readonly Found[];
  readonly seconds: number;
  readonly recovered: readonly { readonly home: string; readonly calls: number; readonly seconds: number }[];
  readonly keys: readonly ({ readonly liid: string } & ReturnType<typeof handedOverKeys>)[];
}

function conclude({ found, seconds, recovered, keys }: Outcome): void {
  // Two crypto sessions in two calls, each with its first keys and those of each update.
  const expected = 2 * (1 + HUNDRED) + 2 * (1 + updates);
  const isWhole = keys.every(
    ({ distinct, places, early, late }) =>
      distinct === expected && places === expected && (early === 0 || late > 0),
  );
  // What takes less than a tick in a hundred updates tells nothing.
  const isConstant = found.every(({ each, ratio }) => ratio <= MOST_RATIO || (each.at(-1) ?? 0) < 0.5);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  if (json)
    console.log(JSON.stringify({ machine, updates, seconds, found, recovered, keys, expected }, null, 2));
  else {
    console.log(`R-43: ${updates} updates of the keys of one call; ${machine}; ${seconds.toFixed(0)} s\n`);
    console.log(table(found));
    for (const { liid, distinct, places, used, early, late } of keys)
      console.log(
        `${liid}: ${distinct} keys of ${expected} in ${places} records; ${used} sent under, ${early} of them out of order, ${late} records that some were late`,
      );
    for (const { home, seconds: taken } of recovered)
      console.log(`lemf.${home} recovered all in ${taken.toFixed(1)} s`);
  }
  process.exitCode = isWhole && isConstant ? 0 : 1;
}

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-updates-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
try {
  await run(folder);
} catch (error) {
  console.error(error instanceof LabError ? error.message : error);
  process.exit(1);
}
process.exit();
