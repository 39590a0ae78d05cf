/** Medians, and the unit that they are multiples of. */
import { createDiffieHellman, type DiffieHellman } from 'node:crypto';
import { fromBigInt } from '../src/bytes/octets.ts';
import { middle } from './statistics.ts';

export interface Measured {
  readonly median: number;
  readonly least: number;
  /** The median as a multiple of the unit's median among these runs. */
  readonly ratio: number;
}

/**
 * The unit is run between the runs of everything else, so that both see the same machine: on a busy one the ratio of
 * figures that were measured minutes apart says little.
 */
let unit: () => void = () => undefined;
const unitTimes: number[] = [];

export function setUnit(run: () => void): void {
  unit = run;
}

/** The median of all runs of the unit. */
export function unitMedian(): number {
  return middle(unitTimes);
}

function timeUnit(): number {
  const start = now();
  unit();
  const time = now() - start;
  unitTimes.push(time);
  return time;
}

/** `--cpu`: time that the process was given, not time that passed; for machines that do other things as well. */
const isCpuTime = process.argv.includes('--cpu');

function now(): number {
  if (!isCpuTime) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** V8 replaces its first machine code of a module by its best in the background, after some use. */
const WARM_UP_MS = 700;

/** Milliseconds of `rounds` runs, after enough of them to warm up. */
export function measure(rounds: number, run: (round: number) => void, warmUp = WARM_UP_MS): Measured {
  const begin = performance.now();
  let round = 0;
  while (performance.now() - begin < warmUp) run(round++);
  const times: number[] = [];
  const units: number[] = [];
  for (const last = round + rounds; round < last; round++) {
    units.push(timeUnit());
    const start = now();
    run(round);
    times.push(now() - start);
  }
  return summary(times, units);
}

/** The same for what is asynchronous; `warmUp` runs instead of a time. */
export async function measureAsync(
  rounds: number,
  run: (round: number) => Promise<unknown>,
  warmUp: number,
): Promise<Measured> {
  const times: number[] = [];
  const units: number[] = [];
  for (let round = 0; round < rounds + warmUp; round++) {
    if (round >= warmUp) units.push(timeUnit());
    const start = now();
    await run(round);
    if (round >= warmUp) times.push(now() - start);
  }
  return summary(times, units);
}

function summary(times: readonly number[], units: readonly number[]): Measured {
  const median = middle(times);
  return { median, least: Math.min(...times), ratio: median / middle(units) };
}

/**
 * The unit: OpenSSL's modular power over a prime of 1536 bits, as a Diffie–Hellman secret. The prime must not be a
 * well-known one, for which OpenSSL would draw a short exponent.
 */
export function unitOf(p: bigint): DiffieHellman {
  const length = Math.ceil(p.toString(16).length / 2);
  const group = createDiffieHellman(fromBigInt(p, length), Uint8Array.of(2));
  const exponent = new Uint8Array(length).fill(0x5a);
  exponent[0] = 0x5a & 0x7f;
  group.setPrivateKey(exponent);
  return group;
}

export function unitPeer(p: bigint): Uint8Array {
  return new Uint8Array(Math.ceil(p.toString(16).length / 2)).fill(0x3c);
}
