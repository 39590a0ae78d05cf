/**
 * What `bench:scale` measured, beside what the model says of the same: rates of so many processes on one machine, with the
 * cores that others left; of so many that may have a share of a core each; and how long nobody had a lease. What an answer,
 * or a PDU, costs is from the run with fewest processes, so that those with more are foretold; what a PDU costs an intake is
 * from its own run, since it depends on how many come together, of which each of two has half. On a machine whose cores are
 * all taken a rate is these over what a unit costs, whatever else the model has in it.
 *
 *     PDUs, all at once:      source ─► intakes, a thread each ─► nats-server                          on one machine
 *                             mediation, a thread each ─► delivery, a thread each ─► LEMF ─► source    on one machine
 *     so many questions:      source ─► KMSs, two threads each ─► PostgreSQL ─┐                        on one machine
 *                                ▲───────────────────────────────────────────┘
 */
import type { DividedDfFigures } from '../scale/divided-df.ts';
import type { DfRole, PduCost, Phase } from '../scale/df-run.ts';
import { isKmsLimit, QUESTIONS_AT_ONCE } from '../scale/at-once.ts';
import type { FailoverFigures } from '../scale/failover.ts';
import type { RoleGrowthFigures } from '../scale/role-growth.ts';
import type { AnswerFigures, SharedKmsFigures } from '../scale/shared-kms.ts';
import { quantile } from '../statistics.ts';
import { seededUniform } from '../undetectable-statistics.ts';
import { failoverPoints } from './failovers.ts';
import { LeaseHolder, LeaseSubject } from './lease.ts';
import { Machine } from './machine.ts';
import { Simulation } from './simulation.ts';
import { Station } from './station.ts';
import { LEASE_TIMES } from '../../src/storage/stream-lease.ts';

/** `npm run bench:scale -- --json`. */
export interface ScaleFigures {
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly load: number;
    readonly date: string;
  };
  readonly df: readonly DividedDfFigures[];
  readonly growth: readonly RoleGrowthFigures[];
  readonly kms: readonly SharedKmsFigures[];
  readonly takeover: { readonly leaseMs: number; readonly ms: readonly number[] } | null;
  readonly failover: readonly FailoverFigures[];
}

export interface Point {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly simulated: number;
  /** What it is off by is a share of this at least: smaller differences cannot be told. */
  readonly atLeast?: number;
}

/** A stage of the way: so many threads, so many seconds of processor time for a unit. */
export interface Stage {
  readonly threads: number;
  readonly seconds: number;
  /** Of a core, that each of so many processes may have; absent: what the machine leaves them. */
  readonly limit?: { readonly processes: number; readonly share: number };
}

const MICRO = 1e-6;
/** Units that a simulation of a rate goes through. */
const UNITS = 4_000;
const TAKEOVERS = 4_000;
/** Seconds that a process takes to write to the stream server and to hear of it, on one machine. */
const TRIP_SECONDS = 0.002;
/** Of a KMS: that which listens, and one that computes. */
const KMS_THREADS = 2;

export function reproduced(figures: ScaleFigures, seed: number): Point[] {
  const { takeover, failover } = figures;
  return [
    ...dfPoints(figures),
    ...growthPoints(figures),
    ...kmsPoints(figures),
    ...(takeover === null ? [] : leasePoints(takeover, seed)),
    ...failoverPoints(failover, seed),
  ];
}

function coresLeft({ machine }: ScaleFigures, othersCores: number): number {
  return Math.max(0.05, machine.cores - othersCores);
}

const rateOf = ({ pdus, seconds }: Phase): number => pdus / seconds;

function dfPoints(figures: ScaleFigures): Point[] {
  const { machine, df } = figures;
  const points: Point[] = [];
  for (const { kind, intakes, mediators, deliverers, laying, draining } of df) {
    const { cost } = laying;
    const isApart = deliverers > 0;
    const lay: Stage[] = [
      { threads: 1, seconds: cost.source * MICRO },
      { threads: intakes, seconds: cost.intake * MICRO },
      { threads: machine.cores, seconds: cost.nats * MICRO },
    ];
    // While PDUs are laid down nobody mediates: runs that differ in who does are the same here.
    if (!points.some(({ what }) => what === laidWords(kind, intakes)))
      points.push({
        ...{ what: laidWords(kind, intakes), unit: 'PDUs/s', measured: rateOf(laying) },
        simulated: rateOfFlood(lay, coresLeft(figures, laying.othersCores)),
      });
    // All may have come before the last process was there.
    if (draining.pdus === 0) continue;
    const first = df.find(
      (each) => each.kind === kind && each.mediators > 0 === mediators > 0 && each.deliverers > 0 === isApart,
    );
    const drained = (first?.draining ?? draining).cost;
    const drain = downstream(drained, machine.cores, Math.max(1, mediators), Math.max(1, deliverers));
    const by = `${mediators === 0 ? 'in files' : `by ${mediators}`}${isApart ? `, delivered by ${deliverers}` : ''}`;
    points.push({
      ...{ what: `${kind}: mediated ${by}`, unit: 'PDUs/s', measured: rateOf(draining) },
      simulated: rateOfFlood(drain, coresLeft(figures, draining.othersCores)),
    });
  }
  return points;
}

function laidWords(kind: string, intakes: number): string {
  return `${kind}: laid down by ${intakes}`;
}

/** From the streams to the LEMF's file. */
function downstream(cost: PduCost, cores: number, mediators: number, deliverers: number): Stage[] {
  return [
    { threads: cores, seconds: cost.nats * MICRO },
    { threads: mediators, seconds: cost.mediation * MICRO },
    { threads: cores, seconds: cost.database * MICRO },
    { threads: deliverers, seconds: cost.delivery * MICRO },
    { threads: 1, seconds: cost.lemf * MICRO },
    { threads: 1, seconds: cost.source * MICRO },
  ];
}

/** Processes with a share of a core each, where nothing else limited: what one costs foretells two. */
function growthPoints(figures: ScaleFigures): Point[] {
  const { machine } = figures;
  const growth = figures.growth.filter(({ isLimit }) => isLimit);
  return growth.map((found) => {
    const { role, processes, share, othersCores } = found;
    const { cost } = growth.find((each) => each.role === role) ?? found;
    const limit = { processes, share };
    const stages: readonly Stage[] = [
      { threads: 1, seconds: cost.source * MICRO },
      ...STAGES_OF[role].map((of) =>
        of === role
          ? { threads: processes, seconds: cost[of] * MICRO, limit }
          : { threads: 1, seconds: cost[of] * MICRO },
      ),
      { threads: machine.cores, seconds: (cost.nats + cost.database) * MICRO },
    ];
    return {
      ...{ what: `${role}: ${processes} of ${share} of a core`, unit: 'PDUs/s', measured: rateOf(found) },
      simulated: rateOfFlood(stages, coresLeft(figures, othersCores)),
    };
  });
}

/** Those that have work while a role is what limits. */
const STAGES_OF: Readonly<Record<DfRole, readonly ('intake' | 'mediation' | 'delivery' | 'lemf')[]>> = {
  intake: ['intake'],
  mediation: ['mediation', 'delivery', 'lemf'],
  delivery: ['delivery', 'lemf'],
};

function kmsPoints(figures: ScaleFigures): Point[] {
  const { machine, kms } = figures;
  const one = kms[0];
  const point = (
    what: string,
    processes: number,
    found: AnswerFigures,
    { source, kms: own, database }: AnswerFigures,
    share: number | null,
  ): Point => {
    const stages: Stage[] = [
      { threads: 1, seconds: source * MICRO },
      {
        ...{ threads: processes * KMS_THREADS, seconds: own * MICRO },
        ...(share === null ? {} : { limit: { processes, share } }),
      },
      { threads: machine.cores, seconds: database.seconds },
    ];
    const cores = coresLeft(figures, found.othersCores);
    return {
      ...{ what, unit: '/s', measured: found.rate },
      simulated: rateOfLoop(stages, QUESTIONS_AT_ONCE * processes, cores),
    };
  };
  return kms.flatMap((found) =>
    (['requestKey', 'getKeys'] as const).flatMap((what) => {
      const { processes, limited } = found;
      const { share } = limited;
      const first = one ?? found;
      const points = [point(`${what}: answers of ${processes}`, processes, found[what], first[what], null)];
      if (isKmsLimit(found, what) && isKmsLimit(first, what)) {
        const words = `${what}: answers of ${processes} of ${share} of a core`;
        points.push(point(words, processes, limited[what], first.limited[what], share));
      }
      return points;
    }),
  );
}

function leasePoints({ leaseMs, ms }: NonNullable<ScaleFigures['takeover']>, seed: number): Point[] {
  const simulated = takeoverTimes(leaseMs / 1000, TAKEOVERS, seed);
  const at = (share: number, what: string): Point => ({
    ...{ what: `lease of ${leaseMs} ms, ${what}`, unit: 'ms' },
    measured: quantile(ms, share),
    simulated: quantile(simulated, share) * 1000,
  });
  return [at(0.5, 'median'), at(0.9, '90 %')];
}

/** How far a point is off, as a share of what was measured. */
export function offBy({ measured, simulated, atLeast = 0 }: Point): number {
  return Math.abs(simulated - measured) / Math.max(measured, atLeast);
}

/** Units a second where all are there at the beginning. */
export function rateOfFlood(stages: readonly Stage[], cores: number, units = UNITS): number {
  const { simulation, serve } = way(stages, cores);
  let [done, last] = [0, 0];
  for (let n = 0; n < units; n++)
    serve(() => {
      done++;
      last = simulation.now;
    });
  simulation.run(Infinity);
  return done / last;
}

/** Units a second where so many are under way all the time. */
export function rateOfLoop(stages: readonly Stage[], atOnce: number, cores: number, units = UNITS): number {
  const { simulation, serve } = way(stages, cores);
  let [begun, last] = [0, 0];
  const next = (): void => {
    if (begun++ >= units) return;
    serve(() => {
      last = simulation.now;
      next();
    });
  };
  for (let n = 0; n < atOnce; n++) next();
  simulation.run(Infinity);
  return units / last;
}

function way(stages: readonly Stage[], cores: number) {
  const simulation = new Simulation();
  const machine = new Machine(simulation, cores);
  const stations = stages.map(({ threads, limit }) => {
    const own = limit === undefined ? machine : new Machine(simulation, limit.processes * limit.share);
    return new Station(simulation, own, threads);
  });
  const from = (at: number, done: () => void): void => {
    const [station, stage] = [stations[at], stages[at]];
    if (station === undefined || stage === undefined) done();
    else station.serve(stage.seconds, () => from(at + 1, done));
  };
  return { simulation, serve: (done: () => void) => from(0, done) };
}

/** Seconds from a kill, at any time, until the process that waits has the lease. */
export function takeoverTimes(leaseSeconds: number, kills: number, seed: number): number[] {
  const draw = seededUniform(seed);
  return Array.from({ length: kills }, () => {
    const simulation = new Simulation();
    const subject = new LeaseSubject();
    const terms = { leaseSeconds, tripSeconds: TRIP_SECONDS };
    const [holder, waiter] = [
      { isDead: false, standsStill: false },
      { isDead: false, standsStill: false },
    ];
    new LeaseHolder(simulation, subject, holder, terms).look(
      () => true,
      () => undefined,
    );
    const next = new LeaseHolder(simulation, subject, waiter, terms);
    const taken: number[] = [];
    const look = (): void => {
      if (taken.length > 0) return;
      next.look(
        () => true,
        () => taken.push(simulation.now),
      );
      simulation.after(leaseSeconds / LEASE_TIMES.looks, look);
    };
    simulation.after(leaseSeconds * (1 + draw() / LEASE_TIMES.looks), look);
    const killAt = leaseSeconds * (2 + draw());
    simulation.run(killAt);
    holder.isDead = true;
    simulation.run(killAt + 3 * leaseSeconds);
    return (taken[0] ?? Infinity) - killAt;
  });
}
