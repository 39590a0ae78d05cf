/**
 * `npm run bench:scale`: what a unit costs each role and each engine where a DF is divided and KMSs share a database, and
 * what a second process of a role brings. Real processes, sockets and engines as installed, state on a disk.
 *
 * Processor time is from the operating system's accounting, all threads counted. Rates are of this machine: with two cores,
 * two processes, an engine and whoever asks compete for them. So what a second process brings is measured besides with
 * processes that may have a share of a core each, on a machine that is not full (`scale/role-growth.ts`).
 */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LabPki } from '../src/lab/network/pki.ts';
import { NatsServer } from '../test/support/nats-server.ts';
import { chainTls, runLemf } from './chain/delivery-chain.ts';
import { describeMachine, unitSeconds } from './chain/machine.ts';
import { COMMON_OPTIONS, fail, machineLine, runProgram } from './chain/program.ts';
import { CoreShares, runCoreShares } from './scale/core-share.ts';
import { DF_ROLES, PDU_KINDS, runDfRoles } from './scale/df-run.ts';
import { measureDividedDf } from './scale/divided-df.ts';
import type { DividedDfFigures } from './scale/divided-df.ts';
import { layoutsOf } from './scale/layout.ts';
import { MeasuredDatabase, withoutEngines } from './scale/engines.ts';
import { measureFailover, runSharer } from './scale/failover.ts';
import { FAILOVERS } from './scale/failovers.ts';
import { faultsOf, GROUPS } from './scale/plausible.ts';
import type { Asked } from './scale/plausible.ts';
import { measureRoleGrowth } from './scale/role-growth.ts';
import type { RoleGrowthFigures } from './scale/role-growth.ts';
import { measureSharedKms, runSharedKms } from './scale/shared-kms.ts';
import type { SharedKmsFigures } from './scale/shared-kms.ts';
import { linesOf } from './scale/tables.ts';
import type { Figures } from './scale/tables.ts';
import { unitCostsOf } from './scale/unit-costs.ts';
import { measureTakeover, runLeaseWaiter } from './scale/takeover.ts';

const HELP = `Usage: npm run bench:scale -- [OPTION…]

  --only GROUP       only this group, or these: ${GROUPS.join(', ')}
  --kinds KIND,…     what PDUs have: ${PDU_KINDS.join(', ')} (default all)
  --intakes N,…      intakes of a DF: the first number for the first run of a kind, and so on;
                     the last one goes for those that follow (default 1,1,1,2)
  --mediators N,…    mediators on one database, in the same way; 0: one, whose state is in files
                     (default 0,0,1,2)
  --deliverers N,…   in the same way; 0: who mediates delivers (default 0,1,1,2)
  --kms N,…          KMSs on one database, a run for each number (default 1,2)
  --flood N          SIP messages for each intake that come as fast as they are taken, and two
                     or three times as many packets (default 5000)
  --rate N           SIP messages a second, for --seconds (default 500)
  --packets N        packets a second, for --seconds (default 2000)
  --seconds N        (default 4)
  --backlog N        SIP messages for each process of a role that may have a share of a core
                     (default 3000)
  --questions N      of either kind to each KMS (default 100)
  --lease-ms N       of leases that are taken over (default 2000)
  --kills N          of who has one (default 8)
  --folder DIR       where state is kept meanwhile, on a disk (default dist/bench-state)
  --from FILE        measure nothing: print what was printed with --json before, and the costs of
                     src/capacity/unit-costs.ts by it
  --json             JSON on standard output

What is missing in the end, or cannot be (a cost of nothing or less, a role that was not the limit
where its growth is measured), is named on standard error, and the exit status is 1.

Examples:
  npm run bench:scale
  npm run bench:scale -- --json > scale.json
  npm run bench:scale -- --only kms --kms 1,2,3
  npm run bench:scale -- --only df --kinds g711 --intakes 1 --mediators 2 --deliverers 1,2`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: GROUPS.join(',') },
    kinds: { type: 'string', default: PDU_KINDS.join(',') },
    intakes: { type: 'string', default: '1,1,1,2' },
    mediators: { type: 'string', default: '0,0,1,2' },
    deliverers: { type: 'string', default: '0,1,1,2' },
    kms: { type: 'string', default: '1,2' },
    flood: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '500' },
    packets: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '4' },
    backlog: { type: 'string', default: '3000' },
    questions: { type: 'string', default: '100' },
    'lease-ms': { type: 'string', default: '2000' },
    kills: { type: 'string', default: '8' },
    from: { type: 'string' },
    ...COMMON_OPTIONS,
  },
});

const PARTS: Readonly<Record<string, (settings: unknown) => Promise<void>>> = {
  df: runDfRoles,
  lemf: runLemf,
  kms: runSharedKms,
  lease: runLeaseWaiter,
  sharer: runSharer,
  'core-shares': runCoreShares,
};

type NumberOption =
  'intakes' | 'mediators' | 'deliverers' | 'kms' | 'flood' | 'rate' | 'packets' | 'seconds' | 'backlog';

function numbers(option: NumberOption | 'questions' | 'lease-ms' | 'kills', least = 1): number[] {
  const found = values[option].split(',').map(Number);
  if (!found.every((each) => each >= least)) fail(`--${option}: numbers from ${least}`);
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

function prepared(): (folder: string) => Promise<void> {
  const setting = {
    ...{ only: among('only', GROUPS), kinds: among('kinds', PDU_KINDS) },
    layouts: layoutsOf(numbers('intakes'), numbers('mediators', 0), numbers('deliverers', 0)),
    ...{ kms: numbers('kms'), questions: number('questions'), backlog: number('backlog') },
    ...{ flood: number('flood'), rate: number('rate'), packets: number('packets') },
    ...{ seconds: number('seconds'), leaseMs: number('lease-ms'), kills: number('kills') },
  };
  return (folder) => run(folder, setting);
}

interface Setting extends Asked {
  readonly questions: number;
  readonly backlog: number;
  readonly flood: number;
  readonly rate: number;
  readonly packets: number;
  readonly seconds: number;
  readonly leaseMs: number;
}

async function measured(folder: string, setting: Setting): Promise<Figures> {
  const { only, kinds, seconds, flood, questions } = setting;
  const own = (name: string): string => {
    const at = path.join(folder, name);
    mkdirSync(at);
    return at;
  };
  const progress = console.error;
  const [df, growth, kms]: [DividedDfFigures[], RoleGrowthFigures[], SharedKmsFigures[]] = [[], [], []];
  if (only.some((group) => group !== 'leases')) {
    const database = await MeasuredDatabase.start();
    const shares = await CoreShares.start();
    try {
      const tls = await chainTls(folder);
      for (const kind of only.includes('df') ? kinds : [])
        for (const [n, layout] of setting.layouts.entries()) {
          const rate = kind === 'sip' ? setting.rate : setting.packets;
          const load = { kind, rate, flood, seconds, shares, ...layout };
          const at = own(`df-${kind}-${n}`);
          df.push(
            ...(await tried(at, () => measureDividedDf({ ...load, folder: at, tls, database, progress }))),
          );
        }
      if (only.includes('growth')) {
        const { backlog } = setting;
        const common = { tls, database, backlog, progress, shares, folder: own('growth') };
        for (const role of DF_ROLES)
          growth.push(...(await tried(role, () => measureRoleGrowth(role, common))).flat());
      }
      if (only.includes('kms')) {
        const pki = await LabPki.create(own('kms-pki'), Date.now());
        for (const processes of setting.kms) {
          const common = { pki, database, processes, questions, progress };
          const at = own(`kms-${processes}`);
          kms.push(...(await tried(at, () => measureSharedKms({ ...common, folder: at }))));
        }
      }
    } finally {
      await shares.stop();
      await database.stop();
    }
  }
  const leases = only.includes('leases') ? await tried('leases', () => measuredLeases(setting)) : [];
  return { df, growth, kms, ...(leases[0] ?? { takeover: null, failover: [] }) };
}

/** One of what is measured: where it fails the others are still told, and the exit status is 1. */
async function tried<T>(what: string, measure: () => Promise<T>): Promise<T[]> {
  try {
    return [await measure()];
  } catch (error) {
    console.error(`${path.basename(what)} failed:`, error);
    process.exitCode = 1;
    return [];
  }
}

/** At the same time: who has a lease does next to nothing. */
async function measuredLeases({ leaseMs, kills }: Setting): Promise<Pick<Figures, 'takeover' | 'failover'>> {
  const nats = await NatsServer.own();
  try {
    const setting = { nats, leaseMs, progress: console.error };
    const [ms, ...failover] = await Promise.all([
      measureTakeover({ ...setting, kills }),
      ...FAILOVERS.map((kind) => measureFailover(kind, { ...setting, times: Math.ceil(kills / 2) })),
    ]);
    return { takeover: { leaseMs, ms }, failover };
  } finally {
    await nats.remove();
  }
}

/** What was measured before. */
function printFrom(file: string): void {
  const { machine, ...figures } = JSON.parse(readFileSync(file, 'utf8')) as Figures & { machine: object };
  console.log(`${JSON.stringify(machine)}\n`);
  for (const line of linesOf(figures)) console.log(line);
  console.log();
  for (const [name, value] of Object.entries(unitCostsOf(figures))) console.log(`${name} ${value}`);
}

async function run(folder: string, setting: Setting): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const machine = { ...describeMachine(), node: process.version, date };
  const unitBefore = unitSeconds();
  const figures = await measured(folder, setting);
  const unitMicroseconds = ((unitBefore + unitSeconds()) / 2) * 1e6;
  for (const fault of faultsOf({ ...figures, machine }, setting)) {
    console.error(`not to be told: ${fault}`);
    process.exitCode = 1;
  }
  if (values.json) {
    const loadAfter = describeMachine().load;
    console.log(JSON.stringify({ machine, loadAfter, unitMicroseconds, ...figures }, null, 2));
    return;
  }
  console.log(machineLine(machine));
  console.log(`unit (OpenSSL, modular power of 1536 bits): ${unitMicroseconds.toFixed(0)} µs\n`);
  for (const line of linesOf(figures)) console.log(line);
}

if (values.from !== undefined && !values.help) printFrom(values.from);
else await runProgram('scale', { help: HELP, values, parts: PARTS, without: withoutEngines, prepared });
