/** What the operating system says of the machine and of places, and the unit that figures are multiples of. */
import { statfsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { benchDistrict } from '../operations.ts';
import { unitOf, unitPeer } from '../measure.ts';

/** `f_type` of a file system in memory (statfs(2)). */
const TMPFS = 0x01021994;
const UNITS = 100;

/** Why figures cannot be measured on this system; `null`: they can. */
export function unmeasurable(): string | null {
  return process.platform === 'linux' ? null : 'processor time is read from /proc, which Linux has';
}

/** @throws where a folder is in memory, since a sync costs nothing there */
export function requireDisk(folder: string): void {
  if (statfsSync(folder).type === TMPFS) throw new Error(`${folder} is in memory: state has to be on a disk`);
}

/** Seconds of processor time of one modular power of 1536 bits by OpenSSL. */
export function unitSeconds(): number {
  const { p } = benchDistrict().parameters;
  const unit = unitOf(p);
  const peer = unitPeer(p);
  for (let n = 0; n < UNITS / 4; n++) unit.computeSecret(peer);
  const before = process.cpuUsage();
  for (let n = 0; n < UNITS; n++) unit.computeSecret(peer);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / UNITS;
}

export function describeMachine(): {
  readonly processor: string;
  readonly cores: number;
  readonly load: number;
} {
  return { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, load: loadavg()[0] ?? NaN };
}
