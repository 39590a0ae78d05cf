/**
 * What `bench:scale` measured, beside what the model says of the same: rates of so many processes on one machine, with the
 * cores that others left; of so many that may have a share of a core each; and how long nobody had a lease. What an answer,
 * or a PDU, costs is from the run with fewest processes, so that those with more are foretold. There is one exception: what a
 * PDU costs an intake is from its own run, since it depends on how many come together, of which each of two has half.
 *
 * Whoever makes the load runs on the same machine, is a thread like others, and is what limits where it has most to do.
 *
 *     PDUs, all at once:      source ─► intakes ─► nats-server                                         on one machine
 *                             nats-server ─► mediation ─► PostgreSQL ─► delivery ─► LEMF ─► source     on one machine
 *     so many questions:      source ─► KMSs ◄─► PostgreSQL (`asked-kms.ts`)                           on one machine
 *                                ▲─────┘
 *
 * A process of Claviger is a main thread, which does one thing after the other, and threads beside it (`stages.ts`): what
 * each of them costs was measured apart.
 */
import type { DividedDfFigures } from '../scale/divided-df.ts';
import type { DfRole, Phase, WithMain } from '../scale/df-run.ts';
import { isKmsLimit, QUESTION_SHARE, QUESTIONS_AT_ONCE } from '../scale/at-once.ts';
import type { FailoverFigures } from '../scale/failover.ts';
import { PARTITIONS } from '../scale/layout.ts';
import type { RoleGrowthFigures } from '../scale/role-growth.ts';
import type { Answers, AnswerFigures, SharedKmsFigures } from '../scale/shared-kms.ts';
import { quantile } from '../statistics.ts';
import { seededUniform } from '../undetectable-statistics.ts';
import { rateOfAnswers } from './asked-kms.ts';
import { failoverPoints } from './failovers.ts';
import { LeaseHolder, LeaseSubject } from './lease.ts';
import { Simulation } from './simulation.ts';
import { rateOfFlood, stagesOfProcesses } from './stages.ts';
import type { ShareLimit, Stage } from './stages.ts';
import { MOST_AT_ONCE } from '../../src/entities/df/listeners/streamed-source.ts';
import { LEASE_TIMES } from '../../src/storage/stream-lease.ts';
import { MOST_READ_AHEAD } from '../../src/storage/stream-reading.ts';

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

/**
 * What a point was simulated by: what a unit cost in the run that it is of; what it cost one process, of a run with more;
 * the times of leases, and nothing that was measured of how long they take.
 */
export type PointBasis = 'own' | 'one' | 'times';

export interface Point {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly simulated: number;
  readonly by: PointBasis;
  /** What it is off by is a share of this at least: smaller differences cannot be told. */
  readonly atLeast?: number;
}

const MICRO = 1e-6;
const TAKEOVERS = 4_000;
/** Seconds that a process takes to write to the stream server and to hear of it, on one machine. */
const TRIP_SECONDS = 0.002;

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

const rateOf = ({ pdus, seconds }: Pick<Phase, 'pdus' | 'seconds'>): number => pdus / seconds;

function dfPoints(figures: ScaleFigures): Point[] {
  const { machine, df } = figures;
  const points: Point[] = [];
  for (const found of df) {
    const { kind, intakes, mediators, deliverers, laying, draining } = found;
    const isApart = deliverers > 0;
    // While PDUs are laid down nobody mediates: runs that differ in who does are the same here.
    if (!points.some(({ what }) => what === laidWords(kind, intakes)))
      points.push({
        ...{ what: laidWords(kind, intakes), unit: 'PDUs/s', measured: rateOf(laying), by: 'own' },
        simulated: rateOfFlood(
          wayOf(laying, machine.cores, ['source', 'intake', 'nats'], { intake: intakes }),
          coresLeft(figures, laying.othersCores),
        ),
      });
    // All may have come before the last process was there.
    if (draining.pdus === 0) continue;
    const processes = { mediation: Math.max(1, mediators), delivery: Math.max(1, deliverers) };
    const first = df.find(
      (each) => each.kind === kind && each.mediators > 0 === mediators > 0 && each.deliverers > 0 === isApart,
    );
    const by = `${mediators === 0 ? 'in files' : `by ${mediators}`}${isApart ? `, delivered by ${deliverers}` : ''}`;
    points.push({
      ...{ what: `${kind}: mediated ${by}`, unit: 'PDUs/s', measured: rateOf(draining) },
      by: first?.draining === draining ? 'own' : 'one',
      simulated: rateOfFlood(
        wayOf(first?.draining ?? draining, machine.cores, DOWNSTREAM, processes, { turn: turnOf(found) }),
        coresLeft(figures, draining.othersCores),
        draining.pdus,
      ),
    });
  }
  return points;
}

/** PDUs of a partition that are mediated in one transaction: what waits of it, as far as it is read at once. */
function turnOf({ draining, streamOctets }: DividedDfFigures): number {
  const most = Math.min(MOST_AT_ONCE, MOST_READ_AHEAD / streamOctets, draining.pdus / PARTITIONS);
  return Math.max(1, Math.floor(most));
}

function laidWords(kind: string, intakes: number): string {
  return `${kind}: laid down by ${intakes}`;
}

type Place = WithMain | 'nats' | 'database';

/** From the streams to the LEMF's file, at which the benchmark looks. */
const DOWNSTREAM = ['nats', 'mediation', 'database', 'delivery', 'lemf', 'source'] as const;
/** The same while a role is what limits: those that have work then. */
const WAY_OF: Readonly<Record<DfRole, readonly Place[]>> = {
  intake: ['source', 'intake', 'nats'],
  mediation: DOWNSTREAM,
  delivery: ['nats', 'delivery', 'lemf', 'source'],
};

/**
 * A PDU's way through those that are named, one process of each role where no number is given; engines have all cores.
 * @param turn PDUs that are mediated, and committed, together
 */
function wayOf(
  { cost, main }: Pick<Phase, 'cost' | 'main'>,
  cores: number,
  places: readonly Place[],
  processes: Partial<Record<DfRole, number>>,
  { limits = {}, turn = 1 }: { limits?: Partial<Record<DfRole, ShareLimit>>; turn?: number } = {},
): Stage[] {
  return places.flatMap((place) => {
    const seconds = cost[place] * MICRO;
    const together = place === 'mediation' || place === 'database' ? turn : 1;
    if (place === 'nats' || place === 'database') return [{ threads: cores, seconds, together }];
    const role = place === 'lemf' || place === 'source' ? null : place;
    const count = role === null ? 1 : (processes[role] ?? 1);
    const of = { seconds, main: (main?.[place] ?? cost[place]) * MICRO };
    const limit = role === null ? undefined : limits[role];
    return stagesOfProcesses(count, of, { together, ...(limit === undefined ? {} : { limit }) });
  });
}

/** Processes with a share of a core each, where nothing else limited: what one costs foretells two. */
function growthPoints(figures: ScaleFigures): Point[] {
  const { machine } = figures;
  const growth = figures.growth.filter(({ isLimit }) => isLimit);
  return growth.map((found) => {
    const { role, processes, share, othersCores } = found;
    const first = growth.find((each) => each.role === role) ?? found;
    const limit = { processes, share };
    const stages = wayOf(
      first,
      machine.cores,
      WAY_OF[role],
      { [role]: processes },
      { limits: { [role]: limit } },
    );
    return {
      ...{ what: `${role}: ${processes} of ${share} of a core`, unit: 'PDUs/s', measured: rateOf(found) },
      by: first === found ? 'own' : 'one',
      simulated: rateOfFlood(stages, coresLeft(figures, othersCores)),
    };
  });
}

function kmsPoints(figures: ScaleFigures): Point[] {
  const first = figures.kms[0];
  if (first === undefined) return [];
  return figures.kms.flatMap((found) =>
    (['requestKey', 'getKeys'] as const).flatMap((what) => {
      const { processes, limited } = found;
      const point = (of: (each: SharedKmsFigures) => AnswerFigures, share: number | null): Point => ({
        what: `${what}: answers of ${processes}${share === null ? '' : ` of ${share} of a core`}`,
        ...{ unit: '/s', measured: of(found).rate, by: found === first ? 'own' : 'one' },
        simulated: rateOfAnswers({
          ...termsOfAnswers(what, of(first), first.syncSeconds ?? 0),
          ...{ processes, share, cores: coresLeft(figures, of(found).othersCores) },
        }),
      });
      const points = [point((each) => each[what], null)];
      if (isKmsLimit(found, what) && isKmsLimit(first, what))
        points.push(point((each) => each.limited[what], limited.share));
      return points;
    }),
  );
}

/** Of a run that did not tell which thread of a KMS had what: two had the same. */
function termsOfAnswers(what: keyof Answers, found: AnswerFigures, syncSeconds: number) {
  const { source, kms, database, listener = kms / 2, computing = kms - listener } = found;
  return {
    ...{ atOnce: QUESTIONS_AT_ONCE, hasTurns: what === 'getKeys', answering: QUESTION_SHARE / 100 },
    ...{ statements: database.statements, syncSeconds },
    seconds: {
      ...{ asker: source * MICRO, listener: listener * MICRO, computing: computing * MICRO },
      ...{ beside: Math.max(0, kms - listener - computing) * MICRO, database: database.seconds },
    },
  };
}

function leasePoints({ leaseMs, ms }: NonNullable<ScaleFigures['takeover']>, seed: number): Point[] {
  const simulated = takeoverTimes(leaseMs / 1000, TAKEOVERS, seed);
  const at = (share: number, what: string): Point => ({
    ...{ what: `lease of ${leaseMs} ms, ${what}`, unit: 'ms', by: 'times' },
    measured: quantile(ms, share),
    simulated: quantile(simulated, share) * 1000,
  });
  return [at(0.5, 'median'), at(0.9, '90 %')];
}

/** How far a point is off, as a share of what was measured. */
export function offBy({ measured, simulated, atLeast = 0 }: Point): number {
  return Math.abs(simulated - measured) / Math.max(measured, atLeast);
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
