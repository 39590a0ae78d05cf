/** Medians, and the unit that they are multiples of. */
import { createDiffieHellman, type DiffieHellman } from 'node:crypto';
import { fromBigInt } from '../src/bytes/octets.ts';

export interface Measured {
  readonly median: number;
  readonly least: number;
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
export function measure(rounds: number, run: (round: number) => void): Measured {
  const begin = performance.now();
  let round = 0;
  while (performance.now() - begin < WARM_UP_MS) run(round++);
  const times: number[] = [];
  for (const last = round + rounds; round < last; round++) {
    const start = now();
    run(round);
    times.push(now() - start);
  }
  return summary(times);
}

/** The same for what is asynchronous; `warmUp` runs instead of a time. */
export async function measureAsync(
  rounds: number,
  run: (round: number) => Promise<unknown>,
  warmUp: number,
): Promise<Measured> {
  const times: number[] = [];
  for (let round = 0; round < rounds + warmUp; round++) {
    const start = now();
    await run(round);
    if (round >= warmUp) times.push(now() - start);
  }
  return summary(times);
}

function summary(times: number[]): Measured {
  const sorted = times.sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? NaN, least: sorted[0] ?? NaN };
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
