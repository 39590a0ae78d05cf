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

function ticksOf(pid: number): number {
  // The command, in brackets, may have anything in it.
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime: fields 14 and 15 of all, of which two are before the bracket closes.
  return Number(fields[11]) + Number(fields[12]);
}

/** A process, and those that its threads have started, and theirs. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
  return [pid, ...children.flatMap(familyOf)];
}
