/** What the operating system says of processes and places, and the unit that figures are multiples of. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { benchDistrict } from '../operations.ts';
import { unitOf, unitPeer } from '../measure.ts';

/** Of /proc/PID/stat: ticks of a hundredth of a second, whatever the kernel counts in (proc(5), USER_HZ). */
const TICKS_A_SECOND = 100;
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

/** Seconds of processor time that a process and those it has started have had, of all their threads. */
export function processorSeconds(pid: number): number {
  const all = [pid, ...descendants(pid)];
  return all.reduce((sum, each) => sum + ticksOf(each), 0) / TICKS_A_SECOND;
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

function ticksOf(pid: number): number {
  // The command, in brackets, may have anything in it.
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime: fields 14 and 15 of all, of which two are before the bracket closes.
  return Number(fields[11]) + Number(fields[12]);
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}
