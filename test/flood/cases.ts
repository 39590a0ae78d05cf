/** What a flood case is: an attack of bounded size, and what must hold under it. */
import type { FloodedNetwork } from './flooded-network.ts';

export interface FloodCase {
  readonly requirement: string;
  readonly attack: string;
  /**
   * Attacks, and says what held.
   * @param strength 1 by default; how many times of it
   * @throws Error saying what did not hold
   */
  readonly run: (network: FloodedNetwork, strength: number) => Promise<string>;
}

/** @throws Error `what` unless `condition` */
export function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Megabytes that a process may have grown to. */
const MOST_RESIDENT = 700;

/** Every entity runs, none has grown beyond bounds. Gives the largest, megabytes. */
export function allRun(network: FloodedNetwork): number {
  for (const entity of network.processes) must(entity.runs, `${entity.name} ended`);
  const largest = network.processes.reduce((most, each) => (each.resident > most.resident ? each : most));
  must(largest.resident < MOST_RESIDENT, `${largest.name} has ${largest.resident.toFixed(0)} MB`);
  return largest.resident;
}
