/**
 * What `bench:scale` measured, beside what the model says of the same: rates of so many processes on one machine, with the
 * cores that others left, and how long nobody had a lease. What an answer, or a PDU that is mediated, costs is from the run
 * with fewest processes, so that those with more are foretold; what a PDU costs an intake is from its own run, since it
 * depends on how many come together, of which each of two has half. On a machine whose cores are all taken a rate is these
 * over what a unit costs, whatever else the model has in it.
 *
 *     PDUs, all at once:      source ─► intakes, a thread each ─► nats-server        on one machine
 *                             mediation, a thread each ─► LEMF, a thread ─► source   on one machine
 *     so many questions:      source ─► KMSs, two threads each ─► PostgreSQL ─┐      on one machine
 *                                ▲───────────────────────────────────────────┘
 */
import type { DividedDfFigures, Phase } from '../scale/divided-df.ts';
import { QUESTIONS_AT_ONCE } from '../scale/at-once.ts';
import type { AnswerFigures, SharedKmsFigures } from '../scale/shared-kms.ts';
import { quantile } from '../statistics.ts';
import { seededUniform } from '../undetectable-statistics.ts';
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
  readonly kms: readonly SharedKmsFigures[];
  readonly takeover: { readonly leaseMs: number; readonly ms: readonly number[] } | null;
}

export interface Point {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly simulated: number;
}

/** A stage of the way: so many threads, so many seconds of processor time for a unit. */
export interface Stage {
  readonly threads: number;
  readonly seconds: number;
}

const MICRO = 1e-6;
/** Units that a simulation of a rate goes through. */
const UNITS = 4_000;
const TAKEOVERS = 4_000;
/** Seconds that a process takes to write to the stream server and to hear of it, on one machine. */
const TRIP_SECONDS = 0.002;
/** Of a KMS: that which listens, and one that computes. */
const KMS_THREADS = 2;

export function reproduced({ machine, df, kms, takeover }: ScaleFigures, seed: number): Point[] {
  const cores = (othersCores: number): number => Math.max(0.05, machine.cores - othersCores);
  const rateOf = ({ pdus, seconds }: Phase): number => pdus / seconds;
  const points: Point[] = [];
  for (const { kind, intakes, mediators, laying, draining } of df) {
    const isDatabase = mediators > 0;
    const { cost } = laying;
    const lay: Stage[] = [
      { threads: 1, seconds: cost.source * MICRO },
      { threads: intakes, seconds: cost.intake * MICRO },
      { threads: machine.cores, seconds: cost.nats * MICRO },
    ];
    if (!isDatabase)
      points.push({
        ...{ what: `${kind}: laid down by ${intakes}`, unit: 'PDUs/s', measured: rateOf(laying) },
        simulated: rateOfFlood(lay, cores(laying.othersCores)),
      });
    const first = df.find((each) => each.kind === kind && each.mediators > 0 === isDatabase);
    const drained = (first?.draining ?? draining).cost;
    const drain: Stage[] = [
      { threads: machine.cores, seconds: drained.nats * MICRO },
      { threads: Math.max(1, mediators), seconds: drained.mediation * MICRO },
      { threads: machine.cores, seconds: drained.database * MICRO },
      { threads: 1, seconds: drained.lemf * MICRO },
      { threads: 1, seconds: drained.source * MICRO },
    ];
    const by = isDatabase ? `by ${mediators} on a database` : `run of ${intakes}`;
    points.push({
      ...{ what: `${kind}: mediated, ${by}`, unit: 'PDUs/s', measured: rateOf(draining) },
      simulated: rateOfFlood(drain, cores(draining.othersCores)),
    });
  }
  for (const { processes, ...answers } of kms)
    for (const what of ['requestKey', 'getKeys'] as const) {
      const found = answers[what];
      const { source, kms: own, database }: AnswerFigures = kms[0]?.[what] ?? found;
      const stages: Stage[] = [
        { threads: 1, seconds: source * MICRO },
        { threads: processes * KMS_THREADS, seconds: own * MICRO },
        { threads: machine.cores, seconds: database.seconds },
      ];
      points.push({
        ...{ what: `${what}: answers of ${processes}`, unit: '/s', measured: found.rate },
        simulated: rateOfLoop(stages, QUESTIONS_AT_ONCE * processes, cores(found.othersCores)),
      });
    }
  if (takeover !== null) {
    const simulated = takeoverTimes(takeover.leaseMs / 1000, TAKEOVERS, seed);
    const at = (share: number, what: string): Point => ({
      ...{ what: `lease of ${takeover.leaseMs} ms, ${what}`, unit: 'ms' },
      measured: quantile(takeover.ms, share),
      simulated: quantile(simulated, share) * 1000,
    });
    points.push(at(0.5, 'median'), at(0.9, '90 %'));
  }
  return points;
}

/** How far a point is off, as a share of what was measured. */
export function offBy({ measured, simulated }: Point): number {
  return Math.abs(simulated - measured) / measured;
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
  const stations = stages.map(({ threads }) => new Station(simulation, machine, threads));
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
