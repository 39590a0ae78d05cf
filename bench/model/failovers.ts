/**
 * How long nobody has what a process had that goes, by the model: what `bench/scale/failover.ts` measures, with the restarts
 * that it had.
 */
import type { FailoverFigures } from '../scale/failover.ts';
import { FAILOVER_WORDS, SHARING } from '../scale/failovers.ts';
import type { Failover } from '../scale/failovers.ts';
import { quantile } from '../statistics.ts';
import { seededUniform } from '../undetectable-statistics.ts';
import { LeasedTier, LOOK_SHARE } from './leased-tier.ts';
import { Machine } from './machine.ts';
import type { Point } from './reproduced.ts';
import { Simulation } from './simulation.ts';

const TIMES = 400;
/** Seconds that a process takes to write to the stream server and to hear of it, on one machine. */
const TRIP_SECONDS = 0.002;
/** Leases until all is shared out, and until all is had again. */
const SETTLED = 4;
const WITHIN = 8;

/** What is measured in looks at leases cannot be told to less than a part of one. */
export function failoverPoints(measured: readonly FailoverFigures[], seed: number): Point[] {
  return measured.flatMap(({ kind, leaseMs, restartMs, ms }) => {
    const leaseSeconds = leaseMs / 1000;
    const simulated = failoverTimes(
      kind,
      { leaseSeconds, restarts: restartMs.map((each) => each / 1000) },
      seed,
    );
    const at = (share: number, what: string): Point => ({
      ...{ what: `${FAILOVER_WORDS[kind]}: ${what}`, unit: 'ms', by: 'times', measured: quantile(ms, share) },
      ...{ simulated: quantile(simulated, share) * 1000, atLeast: leaseMs * LOOK_SHARE },
    });
    return [at(0.5, 'median'), at(0.9, '90 %')];
  });
}

/** Seconds of each thing that it had. */
export function failoverTimes(
  kind: Failover,
  { leaseSeconds, restarts }: { readonly leaseSeconds: number; readonly restarts: readonly number[] },
  seed: number,
  times = TIMES,
): number[] {
  const draw = seededUniform(seed);
  return Array.from({ length: times }, (_, n) => {
    const simulation = new Simulation();
    const machine = new Machine(simulation, SHARING.processes);
    const tier = new LeasedTier(simulation, {
      ...{ processes: SHARING.processes, lanes: SHARING.things, isNameOwn: kind === 'again', draw },
      ...{ lease: { leaseSeconds, tripSeconds: TRIP_SECONDS }, pduSeconds: 0, together: 1 },
      ...{ machine: () => machine, passedOn: () => undefined },
    });
    simulation.run((SETTLED + draw()) * leaseSeconds);
    const restart = kind === 'again' || kind === 'anew' ? (restarts[n % restarts.length] ?? null) : null;
    if (kind === 'ended') tier.end(0, null);
    else tier.kill(0, restart);
    simulation.run((SETTLED + WITHIN) * leaseSeconds);
    return kind === 'ended' ? tier.handovers : tier.takeovers;
  }).flat();
}
