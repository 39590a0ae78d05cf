/**
 * What a second process of a role brings where this role is what limits: each of its processes may have a share of a core
 * (`core-share.ts`), the others, the engines and the benchmark have what is left of the machine, which is not full then. So
 * what goes through depends on how many they are, as with slower machines of their own; what is shown is that they do not
 * hold one another up at such rates, in partitions, leases, streams and the database, not what happens at higher ones.
 *
 *     intake      PDUs as fast as they are acknowledged, while who mediates is held up as well
 *     mediation   what waits in the streams of X2, laid down before
 *     delivery    what waits in the streams of HI2, mediated before
 */
import { passed } from '../chain/runtime.ts';
import { processorMs } from '../processor.ts';
import { CoreShares } from './core-share.ts';
import type { Shares } from './core-share.ts';
import { DF_ROLES, DfRun, phaseOf } from './df-run.ts';
import type { DfRole, DfRunSetting, Look, Phase } from './df-run.ts';

/** Of a core, for each process of the role: so that two of them, and all others, find a machine of two cores not full. */
const SHARE: Readonly<Record<DfRole, number>> = { intake: 0.05, mediation: 0.2, delivery: 0.04 };
/** How much more is laid down for a process of a role than for one that mediates: they do more for their share. */
const MORE: Readonly<Record<DfRole, number>> = { intake: 2, mediation: 1, delivery: 3 };
/** While what is to be done is laid down. */
const HELD_BACK = 0.02;
/** Its processes have had this much of their shares at least, else something else limited. */
const USED = 0.9;
const MOST = 2;
const LEASE_MS = 10_000;

export interface RoleGrowthSetting extends Pick<DfRunSetting, 'folder' | 'tls' | 'kind' | 'database'> {
  /** PDUs that are laid down for each process that mediates; what is measured is the time for half of them. */
  readonly backlog: number;
  readonly progress: (text: string) => void;
}

/** Of a role with so many processes. */
export interface RoleGrowthFigures extends Phase {
  readonly role: DfRole;
  readonly processes: number;
  /** Of a core, that each may have; and that each had, in the mean. */
  readonly share: number;
  readonly had: number;
  /** Octets of a PDU in the stream in which it waits for the role, before there is one; 0: in none. */
  readonly heldOctets: number;
  /** Whether nothing else limited: they had what they may have. */
  readonly isLimit: boolean;
}

/** One process of each role, then two of each, one role after the other. */
export async function measureRoleGrowth(setting: RoleGrowthSetting): Promise<RoleGrowthFigures[]> {
  const { folder, tls, kind, database, backlog, progress } = setting;
  const name = `bench-growth-${kind}`;
  const run = await DfRun.start({
    ...{ folder, tls, kind, database, name, leaseMs: LEASE_MS, isDeliveryApart: true },
  });
  const shares = await CoreShares.start();
  const found: RoleGrowthFigures[] = [];
  try {
    progress(`one process of each role: ${kind}, warming up`);
    await run.add('intake');
    await run.flood(backlog);
    const inX2 = (await run.waitingFor('mediation')) / run.sent;
    await run.add('mediation');
    await run.mediated();
    const inHi2 = (await run.waitingFor('delivery')) / run.sent;
    await run.add('delivery');
    await run.arrived();
    await run.flood(2 * backlog);
    await run.arrived();
    const parts = { run, shares, backlog, held: { intake: 0, mediation: inX2, delivery: inHi2 } };
    for (let processes = 1; processes <= MOST; processes++)
      for (const role of DF_ROLES) {
        if (processes > 1) {
          await run.add(role);
          // Until they have shared out what there is, and code is compiled.
          await passed(LEASE_MS / 2);
          await run.flood(backlog);
          await run.arrived();
        }
        progress(`${role}: ${processes}, each with ${SHARE[role]} of a core`);
        found.push(await MEASURED[role](parts, role));
        await shares.free();
        await run.arrived();
      }
  } finally {
    await shares.stop();
    await run.stop();
  }
  return found;
}

interface Parts {
  readonly run: DfRun;
  readonly shares: CoreShares;
  readonly backlog: number;
  readonly held: Readonly<Record<DfRole, number>>;
}

const MEASURED: Readonly<Record<DfRole, (parts: Parts, role: DfRole) => Promise<RoleGrowthFigures>>> = {
  intake: measureIntakes,
  mediation: measureFromStream,
  delivery: measureFromStream,
};

async function measureIntakes(parts: Parts, role: DfRole): Promise<RoleGrowthFigures> {
  const { run, shares, backlog } = parts;
  const pdus = MORE[role] * backlog * run.pids(role).length;
  await shares.hold([...each(run, role, SHARE[role]), ...each(run, 'mediation', SHARE[role])]);
  const before = exactLook(run, role);
  await run.flood(pdus);
  return figuresOf(parts, role, [before, exactLook(run, role)], pdus);
}

async function measureFromStream(parts: Parts, role: DfRole): Promise<RoleGrowthFigures> {
  const { run, shares, backlog } = parts;
  const pdus = MORE[role] * backlog * run.pids(role).length;
  await shares.hold(each(run, role, HELD_BACK));
  await run.flood(pdus);
  if (role === 'delivery') await run.mediated();
  await shares.hold(each(run, role, SHARE[role]));
  const before = exactLook(run, role);
  await run.arrived(Math.round((run.sent + before.came) / 2));
  const after = exactLook(run, role);
  return figuresOf(parts, role, [before, after], after.came - before.came);
}

function each(run: DfRun, role: DfRole, share: number): Shares {
  return run.pids(role).map((pid) => ({ pid, share }));
}

/** What the role's processes had is little: by the nanosecond, and not by the tick. */
function exactLook(run: DfRun, role: DfRole): Look {
  const look = run.look();
  const exact = run.pids(role).reduce((sum, pid) => sum + processorMs(pid), 0) / 1000;
  return { ...look, own: { ...look.own, [role]: exact } };
}

function figuresOf(
  { run, held }: Parts,
  role: DfRole,
  [before, after]: readonly [Look, Look],
  pdus: number,
): RoleGrowthFigures {
  const phase = phaseOf(before, after, pdus);
  const processes = run.pids(role).length;
  const share = SHARE[role];
  const had = (after.own[role] - before.own[role]) / phase.seconds / processes;
  return {
    ...phase,
    role,
    processes,
    share,
    had,
    heldOctets: held[role],
    isLimit: pdus > 0 && had >= USED * share,
  };
}
