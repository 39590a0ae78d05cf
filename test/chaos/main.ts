/**
 * `npm run chaos -- [--kills N] [--seed S] [--json]`: a home of several processes under a load of X2 and X3, whose processes
 * and engines are killed and held up at random, and then what the LEMF has.
 *
 *     phones' keys ──► calls ──► points of interception ══X2/X3══► intakes ─► streams ─► mediation ══HI2/HI3══► LEMF
 *                                       │                                                                        │ judged
 *                                       └── the same again ══X2/X3══► a DF in one process ══HI2/HI3══► LEMF ─────┘
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/bytes/errors.ts';
import { Opened } from '../../src/bytes/opened.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { FuzzRandom } from '../fuzz/mutators.ts';
import { buildOnce } from '../support/cli.ts';
import { silent } from '../support/silent.ts';
import { wreak } from './acts.ts';
import { auditFaults } from './audits.ts';
import { Calls } from './calls.ts';
import { embeddedRun } from './embedded.ts';
import type { Warranted } from './embedded.ts';
import { faultTexts, judge } from './judge.ts';
import type { Expectation, Judgement } from './judge.ts';
import { handedOverIn } from './lemf-files.ts';
import { Points } from './points.ts';
import { ScaledSystem } from './system.ts';
import { ChaosOfficers, WarrantLives } from './warrants.ts';

const HELP = `Usage: npm run chaos -- [--kills N] [--seed S] [--json] [--keep]

Starts a home whose KMS and DF are several processes (claviger init --scale), with PostgreSQL and NATS,
in a folder of its own; keeps calls under interception going; kills processes and engines by SIGKILL
at random, holds one up for longer than its lease, has the database stand still for ten seconds, and
fills a stream; warrants come and go beside. In the end it looks into the LEMF's files: of each LIID
and CIN numbers are 0 to n-1, each once; payloads are those of a DF in one process with the same
input; each key is there once; what is told of each warrant (HI1) comes once and in order; and audit
logs verify and can be joined.

  --kills N   how many processes are killed (default 30)
  --seed S    by which it is decided who and when (default: a new one, which is printed)
  --pause MS  milliseconds between kills, on average (default 1250)
  --json      what came of it as JSON on standard output
  --keep      keep the folder, with all that processes logged (kept in any case where something did not hold)

What comes besides kills is done once in a hundred of them. A thousand take about an hour and a half,
and the folder then has some gigabytes: set TMPDIR.

Needs PostgreSQL and nats-server (apt-get install postgresql nats-server). What happens is told on
standard error, with milliseconds since the beginning. Ends with 0 only if all holds.

Examples:
  npm run chaos
  npm run chaos -- --kills 1000 --seed 7
  npm run chaos -- --kills 30 --json > chaos.json`;

/** Three warrants on two subscribers, who call each other. */
const WARRANTS = {
  'LIID-A': 'sip:alice@home1.example',
  'LIID-B': 'sip:alice@home1.example',
  'LIID-C': 'sip:carol@home1.example',
};
/** Calls at a time. */
const AT_ONCE = 3;
/** Who is under warrants that come and go, and in no call. */
const UNCALLED = 'sip:dora@home1.example';
const PACKETS = { least: 40, more: 120 };
const PACKET_MS = 50;
/** How long what is under way may take once all are ready again. */
const DELIVERED_MS = 300_000;
/** How long the LEMF may lack something after that. */
const LACKING_MS = 120_000;
const LOOK_MS = 1_000;
/** Faults that are printed. */
const PRINTED = 40;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    pause: { type: 'string', default: '1250' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const kills = Number(values.kills);
const pauseMs = Number(values.pause);
const { seed } = values;
const began = performance.now();
const acts: { readonly ms: number; readonly act: string }[] = [];
const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };

interface Outcome {
  readonly calls: number;
  readonly reported: number;
  readonly delivered: number;
  /** What was told of warrants, and how much of that are alarms that a destination was not served for a while. */
  readonly notices: number;
  readonly alarms: number;
  readonly logs: number;
  readonly faults: readonly string[];
}

if (values.help) console.log(HELP);
else if (![kills, pauseMs].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  console.error(HELP);
  process.exitCode = 2;
} else await main();

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chaos-'));
  // The superuser has engines run by others, who must get there.
  chmodSync(folder, 0o711);
  const opened = new Opened();
  const stop = new AbortController();
  const end = (signal: NodeJS.Signals): void => {
    console.error(`${signal}: all processes are ended`);
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  let outcome: Outcome;
  try {
    console.error(`seed ${seed}`);
    outcome = await run(folder, opened, stop);
  } catch (error) {
    outcome = {
      calls: 0,
      reported: 0,
      delivered: 0,
      notices: 0,
      alarms: 0,
      logs: 0,
      faults: [`it came to no end: ${messageOf(error)}`],
    };
  } finally {
    stop.abort();
    await opened.close();
  }
  const isKept = values.keep || outcome.faults.length > 0;
  if (!isKept) rmSync(folder, { recursive: true, force: true });
  print(outcome, isKept ? folder : null);
  // What could not be closed would keep it.
  process.exit(outcome.faults.length === 0 ? 0 : 1);
}

async function run(folder: string, opened: Opened, stop: AbortController): Promise<Outcome> {
  await buildOnce();
  tell('engines and processes start');
  const system = await ScaledSystem.start(path.join(folder, 'lab'), path.join(folder, 'log.txt'), tell);
  opened.add(() => system.stop());
  const points = await Points.start(system, runtime);
  opened.add(() => points.stop());
  const phones = new Opened();
  opened.add(() => phones.close());
  await system.untilReady();
  const officers = new ChaosOfficers(system);
  opened.add(() => officers.close());
  const tasks = await warranted(officers, points);
  tell(`the warrants are active; ${system.names.length} processes and engines may be killed`);
  const calls = await Calls.open(system, points, runtime, phones);
  const lives = new WarrantLives(officers, system.lemfFolder);
  // Each has numbers of its own, so that what is done to whom does not depend on how fast calls go.
  const load = keepCalling(calls, new FuzzRandom(`${seed} calls`), stop.signal);
  const coming = lives.go(UNCALLED, stop.signal);
  const random = new FuzzRandom(`${seed} acts`);
  const broken = system.broken.then((error) => {
    throw error;
  });
  const acting = wreak(kills, { system, calls, random, pauseMs, tell, signal: stop.signal });
  await Promise.race([acting, broken, load.then(() => acting)]);
  stop.abort();
  await load;
  tell(`${calls.count} calls have ended; all shall come to rest`);
  await system.untilReady();
  await coming;
  tell(`${lives.count} warrants have come and gone`);
  if (!(await points.drained(DELIVERED_MS))) throw new Error('not all was acknowledged in the end');
  tell(`all that was reported is acknowledged: ${points.reported.length} reports`);
  const expected = await embeddedRun(
    path.join(folder, 'embedded'),
    { system, reported: points.reported, tasks },
    runtime,
  );
  tell('a DF in one process has delivered the same');
  const { faults, ...judged } = await judgedInTheEnd(system.lemfFolder, {
    theirs: handedOverIn(expected),
    packets: packetsOf(points, tasks),
    notices: new Map([
      ...Object.keys(WARRANTS).map((liid) => [liid, ['liActivated']] as const),
      ...lives.told,
    ]),
  });
  const audits = auditFaults(system, folder);
  return {
    ...{ calls: calls.count, reported: points.reported.length, ...judged, logs: audits.logs },
    faults: [...lives.faults, ...faultTexts(faults), ...audits.faults],
  };
}

/** What is under way has its time; each look takes as long as there is to be read. */
async function judgedInTheEnd(lemf: string, expectation: Expectation): Promise<Judgement> {
  for (const last = performance.now() + LACKING_MS; ;) {
    const judged = judge(lemf, expectation);
    if (judged.faults.length === 0 || performance.now() > last) return judged;
    await sleep(LOOK_MS);
  }
}

/** So many calls at a time, until nobody wants more. */
async function keepCalling(calls: Calls, random: FuzzRandom, signal: AbortSignal): Promise<void> {
  const one = async (): Promise<void> => {
    while (!signal.aborted)
      await calls.call(
        { packets: PACKETS.least + random.below(PACKETS.more), everyMs: PACKET_MS, kind: 'speech' },
        signal,
      );
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Has the warrants entered, one after the other: what is new at the points is the task of the last. By XID. */
async function warranted(officers: ChaosOfficers, points: Points): Promise<Map<string, Warranted>> {
  const tasks = new Map<string, Warranted>();
  for (const [liid, target] of Object.entries(WARRANTS)) {
    if (!(await officers.enter(liid, target))) throw new Error(`the warrant ${liid} was refused`);
    for (const xid of points.tasksOn(target)) if (!tasks.has(xid)) tasks.set(xid, { liid, target });
  }
  return tasks;
}

/** How many packets were reported, by LIID. */
function packetsOf({ reported }: Points, tasks: ReadonlyMap<string, Warranted>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { observation, matches } of reported)
    for (const { task } of observation.interface === 'x3' ? matches : []) {
      const liid = tasks.get(task.xid)?.liid ?? `task ${task.xid}`;
      counts.set(liid, (counts.get(liid) ?? 0) + 1);
    }
  return counts;
}

function tell(act: string): void {
  const ms = Math.round(performance.now() - began);
  acts.push({ ms, act });
  console.error(`${String(ms).padStart(8)} ms  ${act}`);
}

function print({ faults, ...counts }: Outcome, folder: string | null): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  if (values.json) {
    const held = faults.length === 0;
    console.log(JSON.stringify({ seed, kills, held, seconds, ...counts, faults, folder, acts }, null, 2));
    return;
  }
  for (const fault of faults.slice(0, PRINTED)) console.log(fault);
  if (faults.length > PRINTED) console.log(`… and ${faults.length - PRINTED} more`);
  const { calls, reported, delivered, notices, logs } = counts;
  console.log(
    faults.length === 0
      ? `all holds after ${kills} kills (seed ${seed}, ${seconds} s): ${calls} calls, ${reported} reports, ${delivered} PDUs and ${notices} notifications at the LEMF, ${logs} audit logs`
      : `${faults.length} things do not hold after ${kills} kills (seed ${seed}, ${seconds} s)`,
  );
  if (folder !== null) console.log(`what processes logged: ${path.join(folder, 'log.txt')}`);
}
