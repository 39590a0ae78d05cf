/**
 * What a second process of a role brings where this role is what limits: each of its processes may have a share of a core
 * (`core-share.ts`), the others, the engines and the benchmark have what is left of the machine, which is not full then. So
 * what goes through depends on how many they are, as with slower machines of their own; what is shown is that they do not
 * hold one another up at such rates, in partitions, leases, streams and the database, not what happens at higher ones.
 *
 *     intake      points of interception that always have something under way (`pressed-intakes.ts`); nobody mediates
 *     mediation   what waits in the streams of X2, laid down before; on a database
 *     delivery    packets that wait in the streams of HI3, mediated before, by one whose state is in files
 *
 * It was what limits if each of its processes had its share, and was held up nearly all of the rest of the time.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Part } from '../chain/parts.ts';
import { passed } from '../chain/runtime.ts';
import { wasHeldToShare } from './core-share.ts';
import type { CoreShares, HeldUp, Shares } from './core-share.ts';
import { DfRun, phaseOf } from './df-run.ts';
import type { DfRole, DfRunSetting, Look, Phase } from './df-run.ts';
import { PRESSED, PressedIntakes } from './pressed-intakes.ts';

/** Of a core, for each process of the role: so that two of them, and all others, find a machine of two cores not full. */
const SHARE: Readonly<Record<DfRole, number>> = { intake: 0.15, mediation: 0.2, delivery: 0.04 };
/** Of packets most is delivered for a share: they are mediated before little of them has gone on. */
const KINDS = { intake: 'sip', mediation: 'sip', delivery: 'g711' } as const;
/** How much more is laid down for a process of a role than for one that mediates: they do more for their share. */
const MORE = { mediation: 1, delivery: 18 } as const;
/** Of a core, while what is to be done is laid down: as much as leases need. */
const HELD_BACK = { mediation: 0.02, delivery: 0.005 } as const;
/** Times that each goes through twice `backlog` before, until its code is compiled: a PDU takes who delivers little time. */
const WARM_UPS = { mediation: 3, delivery: 12 } as const;
const MOST = 2;
const LEASE_MS = 10_000;
/** Intakes are pressed for so long while code is compiled, then with their shares, and then measured. */
const WARM_UP_MS = 2_000;
const SETTLED_MS = 500;
const PRESSED_MS = 5_000;

export interface RoleGrowthSetting extends Pick<DfRunSetting, 'folder' | 'tls' | 'database'> {
  readonly shares: CoreShares;
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
  /** The part of the time that each was held up, in the mean. */
  readonly heldUp: number;
  /** Octets of a PDU in the stream in which it waits for the role, before there is one; 0: in none. */
  readonly heldOctets: number;
  /** The same of the stream into which who mediates lays it; 0: it does not. */
  readonly laidOctets: number;
  /** PDUs of one write, and writes that are under way at each process; 0: what waits was laid down before. */
  readonly together: number;
  readonly underWay: number;
  /** Whether nothing else limited: they had what they may have. */
  readonly isLimit: boolean;
}

/** One process of a role, then two of it. */
export async function measureRoleGrowth(
  role: DfRole,
  setting: RoleGrowthSetting,
): Promise<RoleGrowthFigures[]> {
  const { tls, progress } = setting;
  const folder = path.join(setting.folder, role);
  mkdirSync(folder);
  const database = role === 'mediation' ? setting.database : null;
  progress(`one process of ${role}: warming up`);
  const run = await DfRun.start({
    ...{ folder, tls, kind: KINDS[role], database, leaseMs: LEASE_MS, isDeliveryApart: true },
    name: `bench-growth-${role}`,
  });
  const measured: Measured = { ...setting, run };
  try {
    return await (role === 'intake' ? growIntakes(measured) : growFromStream(measured, role));
  } finally {
    await setting.shares.free();
    await run.stop();
  }
}

interface Measured extends RoleGrowthSetting {
  readonly run: DfRun;
}

async function growIntakes(measured: Measured): Promise<RoleGrowthFigures[]> {
  const { run, shares, tls, progress } = measured;
  const found: RoleGrowthFigures[] = [];
  const intakes: Part[] = [];
  while (intakes.length < MOST) {
    intakes.push(await run.add('intake'));
    const pressed = await PressedIntakes.open(intakes, tls.cscf, MOST);
    await passed(WARM_UP_MS);
    progress(progressOf('intake', intakes.length));
    await shares.hold(each(run, 'intake', SHARE.intake));
    await passed(SETTLED_MS);
    const [before, takenBefore] = [exactLook(run, 'intake'), pressed.taken];
    await passed(PRESSED_MS);
    const [after, taken] = [exactLook(run, 'intake'), pressed.taken];
    const held = await shares.free();
    await pressed.stop();
    const phase = phaseOf(before, after, taken - takenBefore);
    found.push(figuresOf('intake', phase, held, { heldOctets: 0, laidOctets: 0, ...PRESSED }));
  }
  return found;
}

async function growFromStream(
  measured: Measured,
  role: 'mediation' | 'delivery',
): Promise<RoleGrowthFigures[]> {
  const { run, shares, backlog, progress } = measured;
  await run.add('intake');
  await run.flood(backlog);
  const beforeIt = (await run.waitingFor('mediation')) / run.sent;
  await run.add('mediation');
  await run.mediated();
  const behindIt = (await run.waitingFor('delivery')) / run.sent;
  await run.add('delivery');
  await run.arrived();
  const [heldOctets, laidOctets] = role === 'mediation' ? [beforeIt, behindIt] : [behindIt, 0];
  const found: RoleGrowthFigures[] = [];
  for (let processes = 1; processes <= MOST; processes++) {
    if (processes > 1) {
      await run.add(role);
      // Until they have shared out what there is.
      await passed(LEASE_MS / 2);
    }
    for (let n = 0; n < WARM_UPS[role]; n++) {
      await run.flood(2 * backlog * processes);
      await run.arrived();
    }
    progress(progressOf(role, processes));
    await shares.hold(each(run, role, HELD_BACK[role]));
    await run.flood(MORE[role] * backlog * processes);
    if (role === 'delivery') await run.mediated();
    await shares.hold(each(run, role, SHARE[role]));
    const before = exactLook(run, role);
    await run.arrived(Math.round((run.sent + before.came) / 2));
    const after = exactLook(run, role);
    const held = await shares.free();
    const phase = phaseOf(before, after, after.came - before.came);
    found.push(figuresOf(role, phase, held, { heldOctets, laidOctets, together: 0, underWay: 0 }));
    await run.arrived();
  }
  return found;
}

function progressOf(role: DfRole, processes: number): string {
  return `${role}: ${processes}, each with ${SHARE[role]} of a core`;
}

function each(run: DfRun, role: DfRole, share: number): Shares {
  return run.pids(role).map((pid) => ({ pid, share }));
}

/** What the role's processes had is little: by the nanosecond, and not by the tick. */
function exactLook(run: DfRun, role: DfRole): Look {
  const look = run.look();
  const exact = look.each[role].reduce((sum, had) => sum + had, 0);
  return { ...look, own: { ...look.own, [role]: exact } };
}

function figuresOf(
  role: DfRole,
  phase: Phase,
  held: readonly HeldUp[],
  load: Pick<RoleGrowthFigures, 'heldOctets' | 'laidOctets' | 'together' | 'underWay'>,
): RoleGrowthFigures {
  const [share, processes] = [SHARE[role], held.length];
  const mean = (of: 'had' | 'heldUp'): number => held.reduce((sum, one) => sum + one[of], 0) / processes;
  return {
    ...{ ...phase, role, processes, share, had: mean('had'), heldUp: mean('heldUp'), ...load },
    isLimit: phase.pdus > 0 && held.every((one) => wasHeldToShare(one, share)),
  };
}
