/** What Linux's accounting says of processes: how long they have had a processor. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Of /proc/PID/stat: ticks of a hundredth of a second, whatever the kernel counts in (proc(5), USER_HZ). */
const TICKS_A_SECOND = 100;

/** Milliseconds of the threads of a process that there are, to the nanosecond. */
export function processorMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) => {
    const [onProcessor = '0'] = readFileSync(path.join(tasks, task, 'schedstat'), 'utf8').split(' ');
    return Number(onProcessor);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** The same of a process and all that it has started, which run. */
export function processorMsOfAll(pid: number): number {
  return familyOf(pid).reduce((sum, each) => sum + processorMs(each), 0);
}

/** Seconds of a process and all that it has started, which run: also of threads that have ended, to the hundredth. */
export function processorSeconds(pid: number): number {
  return familyOf(pid).reduce((sum, each) => sum + ticksOf(each), 0) / TICKS_A_SECOND;
}

/** The same, and of processes that it has started which have ended. */
export function processorSecondsWithEnded(pid: number): number {
  const [, , cutime = 0, cstime = 0] = timesOf(pid);
  return processorSeconds(pid) + (cutime + cstime) / TICKS_A_SECOND;
}

/** Seconds that all processors of the machine have been busy, whoever kept them so. */
export function machineSeconds(): number {
  // /proc/stat: cpu user nice system idle iowait irq softirq steal …
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_A_SECOND;
}

function ticksOf(pid: number): number {
  const [utime = 0, stime = 0] = timesOf(pid);
  return utime + stime;
}

/** utime, stime, cutime, cstime, in ticks. */
function timesOf(pid: number): number[] {
  // The command, in brackets, may have anything in it.
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Fields 14 to 17 of all, of which two are before the bracket closes.
  return fields.slice(11, 15).map(Number);
}

/** A process, and those that its threads have started, and theirs. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
  return [pid, ...children.flatMap(familyOf)];
}
