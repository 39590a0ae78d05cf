/**
 * `npm run bench:scale`: what a unit costs each role and each engine where a DF is divided and KMSs share a database, and
 * what a second process of a role brings. Real processes, sockets and engines as installed, state on a disk.
 *
 * Processor time is from the operating system's accounting, all threads counted. Rates are of this machine: with two cores,
 * two processes, an engine and whoever asks compete for them.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LabPki } from '../src/lab/network/pki.ts';
import { NatsServer } from '../test/support/nats-server.ts';
import { chainTls, runLemf } from './chain/delivery-chain.ts';
import { describeMachine, requireDisk, unitSeconds, unmeasurable } from './chain/machine.ts';
import { MeasuredDatabase, withoutEngines } from './scale/engines.ts';
import { measureDividedDf, PDU_KINDS, runDfRoles } from './scale/divided-df.ts';
import type { DividedDfFigures, PduKind } from './scale/divided-df.ts';
import { measureSharedKms, runSharedKms } from './scale/shared-kms.ts';
import type { AnswerFigures, SharedKmsFigures } from './scale/shared-kms.ts';
import { measureTakeover, runLeaseWaiter } from './scale/takeover.ts';
import { middle, quantile } from './statistics.ts';

const GROUPS = ['df', 'kms', 'takeover'] as const;

const HELP = `Usage: npm run bench:scale -- [OPTION…]

  --only GROUP       only this group, or these: ${GROUPS.join(', ')}
  --kinds KIND,…     what PDUs have: ${PDU_KINDS.join(', ')} (default all)
  --intakes N,…      intakes of a DF, a run for each number (default 1,2)
  --mediators N,…   mediators on one database, a run for each number with one intake; 0: one, whose
                     state is in files, a run for each number of intakes (default 0,1,2)
  --kms N,…          KMSs on one database, a run for each number (default 1,2)
  --flood N          PDUs for each intake that come as fast as they are taken (default 10000)
  --rate N           SIP messages a second, for --seconds (default 500)
  --packets N        packets a second, for --seconds (default 2000)
  --seconds N        (default 6)
  --questions N      of either kind to each KMS (default 200)
  --lease-ms N       of the lease that is taken over (default 1000)
  --kills N          of who has it (default 10)
  --folder DIR       where state is kept meanwhile, on a disk (default dist/bench-state)
  --json             JSON on standard output

Examples:
  npm run bench:scale
  npm run bench:scale -- --json > scale.json
  npm run bench:scale -- --only kms --kms 1,2,3
  npm run bench:scale -- --only df --kinds g711 --intakes 1 --rate 2000`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: GROUPS.join(',') },
    kinds: { type: 'string', default: PDU_KINDS.join(',') },
    intakes: { type: 'string', default: '1,2' },
    mediators: { type: 'string', default: '0,1,2' },
    kms: { type: 'string', default: '1,2' },
    flood: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '500' },
    packets: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '6' },
    questions: { type: 'string', default: '200' },
    'lease-ms': { type: 'string', default: '1000' },
    kills: { type: 'string', default: '10' },
    folder: { type: 'string', default: path.join('dist', 'bench-state') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
    /** Of the processes that this one starts: which, and its settings as JSON. */
    part: { type: 'string' },
    settings: { type: 'string', default: '{}' },
  },
});

const PARTS: Readonly<Record<string, (settings: unknown) => Promise<void>>> = {
  df: runDfRoles,
  lemf: runLemf,
  kms: runSharedKms,
  lease: runLeaseWaiter,
};

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

function numbers(
  option: 'intakes' | 'kms' | 'flood' | 'rate' | 'packets' | 'seconds' | 'questions' | 'lease-ms' | 'kills',
) {
  const found = values[option].split(',').map(Number);
  if (!found.every((each) => each > 0)) fail(`--${option}: numbers above 0`);
  return found;
}

const number = (option: Parameters<typeof numbers>[0]): number => numbers(option)[0] ?? 0;

function among<T extends string>(option: 'only' | 'kinds', known: readonly T[]): T[] {
  const isKnown = (name: string): name is T => (known as readonly string[]).includes(name);
  const names = values[option].split(',');
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined) fail(`--${option}: no ${unknown}: ${known.join(', ')}`);
  return names.filter(isKnown);
}

/** How many intakes with how many mediators. */
function dividings(): (readonly [number, number])[] {
  const mediators = values.mediators.split(',').map(Number);
  if (!mediators.every((each) => Number.isInteger(each) && each >= 0)) fail('--mediators: whole numbers');
  return mediators.flatMap((each): (readonly [number, number])[] =>
    each === 0 ? numbers('intakes').map((intakes) => [intakes, 0]) : [[1, each]],
  );
}

interface Figures {
  readonly df: DividedDfFigures[];
  readonly kms: SharedKmsFigures[];
  readonly takeover: { readonly leaseMs: number; readonly ms: number[] } | null;
}

async function measured(folder: string): Promise<Figures> {
  const only = among('only', GROUPS);
  const stops: (() => unknown)[] = [];
  const own = (name: string): string => {
    const at = path.join(folder, name);
    mkdirSync(at);
    return at;
  };
  const [df, kms]: [DividedDfFigures[], SharedKmsFigures[]] = [[], []];
  const common = { progress: console.error };
  try {
    const nats = only.includes('df') || only.includes('takeover') ? await NatsServer.own() : null;
    if (nats !== null) stops.push(() => nats.remove());
    const database = await MeasuredDatabase.start();
    stops.push(() => database.stop());
    if (nats !== null && only.includes('df')) {
      const tls = await chainTls(folder);
      const load = { flood: number('flood'), seconds: number('seconds') };
      for (const kind of among('kinds', PDU_KINDS) satisfies PduKind[])
        for (const [intakes, mediators] of dividings()) {
          const rate = number(kind === 'sip' ? 'rate' : 'packets');
          const setting = { ...common, ...load, tls, nats, database, intakes, mediators, kind, rate };
          const at = own(`df-${kind}-${intakes}-${mediators}`);
          df.push(await measureDividedDf({ ...setting, folder: at }));
        }
    }
    if (only.includes('kms')) {
      const pki = await LabPki.create(own('kms-pki'), Date.now());
      for (const processes of numbers('kms')) {
        const setting = { ...common, pki, database, processes, questions: number('questions') };
        kms.push(await measureSharedKms({ ...setting, folder: own(`kms-${processes}`) }));
      }
    }
    const leaseMs = number('lease-ms');
    const takeover =
      nats !== null && only.includes('takeover')
        ? { leaseMs, ms: await measureTakeover({ ...common, nats, leaseMs, kills: number('kills') }) }
        : null;
    return { df, kms, takeover };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function linesOf({ df, kms, takeover }: Figures): string[] {
  const row = (first: string, ...cells: readonly (string | number)[]): string =>
    first.padEnd(18) + cells.map((cell) => shown(cell).padStart(12)).join('');
  const lines: string[] = [];
  if (df.length > 0) {
    const phases = {
      laying: 'laid down as fast as they are taken',
      draining: 'mediated and delivered as fast as it goes',
      steady: 'all of the way at the steady rate',
    } as const;
    for (const [phase, words] of Object.entries(phases) as [keyof typeof phases, string][]) {
      lines.push(
        `DF in processes, ${words}: PDUs a second, µs of processor time for a PDU, others’ cores; kind, intakes, mediators`,
      );
      lines.push(row('', 'PDUs/s', 'intake', 'mediation', 'LEMF', 'NATS', 'database', 'benchmark', 'others'));
      for (const { kind, intakes, mediators, [phase]: found } of df) {
        const { pdus, seconds, othersCores, cost } = found;
        const costs = [cost.intake, cost.mediation, cost.lemf, cost.nats, cost.database, cost.source];
        lines.push(row(`${kind}, ${intakes}, ${mediators}`, pdus / seconds, ...costs, othersCores));
      }
    }
    lines.push('octets of a PDU:', row('', 'X2, X3', 'in stream', 'HI2, HI3'));
    for (const { kind, intakes, pduOctets, streamOctets, handedOverOctets } of df)
      lines.push(row(`${kind}, ${intakes} intake`, pduOctets, streamOctets, handedOverOctets));
  }
  if (kms.length > 0) {
    lines.push('', 'KMSs on one database, for an answer:');
    lines.push(row('', 'answers/s', 'KMS µs', 'database µs', 'statements', 'commits', 'WAL', 'octets'));
    const cells = ({ rate, kms: cost, database }: AnswerFigures): number[] => [
      ...[rate, cost, database.seconds * 1e6, database.statements],
      ...[database.transactions, database.walOctets, database.octets],
    ];
    for (const { processes, requestKey, getKeys } of kms) {
      lines.push(row(`REQUEST_KEY, ${processes}`, ...cells(requestKey)));
      lines.push(row(`get_keys, ${processes}`, ...cells(getKeys)));
    }
  }
  if (takeover !== null) {
    const { leaseMs, ms } = takeover;
    const [least, most] = [Math.min(...ms), Math.max(...ms)];
    lines.push('', `lease of ${leaseMs} ms, ${ms.length} kills: taken over after ms`);
    lines.push(row('', 'least', 'median', '90 %', 'most'));
    lines.push(row('', least, middle(ms), quantile(ms, 0.9), most));
  }
  return lines;
}

function shown(cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return cell >= 100 ? cell.toFixed(0) : cell.toPrecision(3);
}

async function run(): Promise<void> {
  const reason = unmeasurable() ?? withoutEngines();
  if (reason !== null) fail(reason);
  mkdirSync(values.folder, { recursive: true });
  requireDisk(values.folder);
  const folder = mkdtempSync(path.join(path.resolve(values.folder), 'scale-'));
  const machine = {
    ...describeMachine(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
  try {
    const unitBefore = unitSeconds();
    const figures = await measured(folder);
    const unitMicroseconds = ((unitBefore + unitSeconds()) / 2) * 1e6;
    const loadAfter = describeMachine().load;
    if (values.json) {
      console.log(JSON.stringify({ machine, loadAfter, unitMicroseconds, ...figures }, null, 2));
      return;
    }
    const { cores, processor, load } = machine;
    console.log(`${cores} × ${processor}, load ${load.toFixed(1)} before and ${loadAfter.toFixed(1)} after`);
    console.log(`unit (OpenSSL, modular power of 1536 bits): ${unitMicroseconds.toFixed(0)} µs\n`);
    for (const line of linesOf(figures)) console.log(line);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (values.help) console.log(HELP);
else if (values.part === undefined) {
  await run();
  // What a measurement that failed has left open would keep it.
  process.exit();
} else
  await (PARTS[values.part] ?? (() => fail(`no part ${values.part ?? ''}`)))(JSON.parse(values.settings));
