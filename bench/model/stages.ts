/** Ways of stages that units go through one after the other, on one machine: how many a second. */
import { Machine } from './machine.ts';
import { Simulation } from './simulation.ts';
import { Station } from './station.ts';

/** Of a core, that each of so many processes may have. */
export interface ShareLimit {
  readonly processes: number;
  readonly share: number;
}

/** A stage of the way: so many threads, so many seconds of processor time for a unit. */
export interface Stage {
  readonly threads: number;
  readonly seconds: number;
  /** Absent: what the machine leaves them; stages with the same one share it. */
  readonly limit?: ShareLimit;
  /** Units that are done together, as those of a transaction, or what is left in the end; absent: each by itself. */
  readonly together?: number;
}

/** Units that a simulation of a rate goes through. */
const UNITS = 4_000;

/**
 * Processes whose main threads do one thing after the other, with threads beside them: what these do of a unit comes after,
 * while the main thread is at the next one.
 * @param seconds of all threads for a unit @param main of these, of the main thread
 */
export function stagesOfProcesses(
  processes: number,
  { seconds, main }: { readonly seconds: number; readonly main: number },
  options: Pick<Stage, 'limit' | 'together'> = {},
): Stage[] {
  const common = { ...options, threads: processes };
  const [first, beside] = [Math.min(main, seconds), Math.max(0, seconds - main)];
  return [
    { ...common, seconds: first },
    { ...common, seconds: beside },
  ];
}

/** Units a second where all are there at the beginning. */
export function rateOfFlood(stages: readonly Stage[], cores: number, units = UNITS): number {
  const { simulation, serve } = way(stages, cores, units);
  let [done, last] = [0, 0];
  for (let n = 0; n < units; n++)
    serve(() => {
      done++;
      last = simulation.now;
    });
  simulation.run(Infinity);
  return done / last;
}

/** Units a second where so many are under way all the time; none waits for others, so that they are done together. */
export function rateOfLoop(stages: readonly Stage[], atOnce: number, cores: number, units = UNITS): number {
  const each = stages.map(({ threads, seconds, limit }) => ({
    ...{ threads, seconds, ...(limit === undefined ? {} : { limit }) },
  }));
  const { simulation, serve } = way(each, cores, units);
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

/** @param units that go through it in all */
function way(stages: readonly Stage[], cores: number, units: number) {
  const simulation = new Simulation();
  const machine = new Machine(simulation, cores);
  const limited = new Map<ShareLimit, Machine>();
  const machineOf = (limit: ShareLimit | undefined): Machine => {
    if (limit === undefined) return machine;
    const own = limited.get(limit) ?? new Machine(simulation, limit.processes * limit.share);
    limited.set(limit, own);
    return own;
  };
  const stations = stages.map((stage) => ({
    ...{ stage, station: new Station(simulation, machineOf(stage.limit), stage.threads) },
    ...{ gathered: new Array<() => void>(), came: 0 },
  }));
  const from = (at: number, done: () => void): void => {
    const found = stations[at];
    if (found === undefined) {
      done();
      return;
    }
    const { stage, station, gathered } = found;
    found.came++;
    gathered.push(() => from(at + 1, done));
    if (gathered.length < (stage.together ?? 1) && found.came < units) return;
    const group = gathered.splice(0);
    const go = (): void => {
      for (const each of group) each();
    };
    if (stage.seconds === 0) go();
    else station.serve(stage.seconds * group.length, go);
  };
  return { simulation, serve: (done: () => void) => from(0, done) };
}
