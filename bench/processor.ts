/** What Linux's accounting says of processes: how long they have had a processor. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';

/** Of /proc/PID/stat: ticks of a hundredth of a second, whatever the kernel counts in (proc(5), USER_HZ). */
const TICKS_A_SECOND = 100;

/** Of one thread. */
export interface ThreadTime {
  readonly thread: number;
  /** Milliseconds that it had a processor. */
  readonly ranMs: number;
  /** Milliseconds that it could have run, and others had the processors. */
  readonly waitedMs: number;
  /** Its niceness. */
  readonly nice: number;
}

/** Of the threads of a process that there are, to the nanosecond. */
export function threadTimes(pid: number): ThreadTime[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((task) => {
    const [ran = '0', waited = '0'] = readFileSync(path.join(tasks, task, 'schedstat'), 'utf8').split(' ');
    // nice: field 19 of all.
    const nice = Number(fieldsOf(path.join(tasks, task, 'stat'))[16]);
    return { thread: Number(task), ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6, nice };
  });
}

/** Milliseconds of the threads of a process that there are, to the nanosecond. */
export function processorMs(pid: number): number {
  return threadTimes(pid).reduce((sum, { ranMs }) => sum + ranMs, 0);
}

/**
 * The processor time of a process, to the nanosecond, looked at often: files of its threads are kept open. A thread that has
 * ended counts with what it had when it was last looked at.
 */
export class ProcessClock {
  readonly #tasks: string;
  readonly #threads = new Map<string, { readonly file: number; ran: number }>();
  readonly #buffer = Buffer.alloc(64);
  /** Nanoseconds of threads that have ended. */
  #ended = 0;

  constructor(pid: number) {
    this.#tasks = `/proc/${pid}/task`;
    this.lookForThreads();
  }

  /** Takes up threads that have begun. Of a process that has ended there are none. */
  lookForThreads(): void {
    let tasks: string[];
    try {
      tasks = readdirSync(this.#tasks);
    } catch {
      return;
    }
    for (const task of tasks) {
      if (this.#threads.has(task)) continue;
      const file = opened(path.join(this.#tasks, task, 'schedstat'));
      if (file !== null) this.#threads.set(task, { file, ran: 0 });
    }
  }

  /** Seconds that its threads have had a processor, all that were seen. */
  get seconds(): number {
    let ran = this.#ended;
    for (const [task, thread] of this.#threads) {
      try {
        const length = readSync(thread.file, this.#buffer, 0, this.#buffer.length, 0);
        thread.ran = Number.parseInt(this.#buffer.toString('latin1', 0, length), 10);
      } catch {
        this.#threads.delete(task);
        closeSync(thread.file);
        this.#ended += thread.ran;
      }
      ran += thread.ran;
    }
    return ran / 1e9;
  }

  close(): void {
    for (const { file } of this.#threads.values()) closeSync(file);
    this.#threads.clear();
  }
}

/** `null`: it is not there. */
function opened(file: string): number | null {
  try {
    return openSync(file, 'r');
  } catch {
    return null;
  }
}

/** Of a process and all that it has started, which run: milliseconds as `processorMs` gives them. */
export function processorMsOfAll(pid: number): number {
  return familyOf(pid).reduce((sum, each) => sum + processorMs(each), 0);
}

/** Seconds of a process and all that it has started, which run: also of threads that have ended, to the hundredth. */
export function processorSeconds(pid: number): number {
  return familyOf(pid).reduce((sum, each) => sum + ticksOf(each), 0) / TICKS_A_SECOND;
}

/** The same as `processorSeconds`, and of processes that it has started which have ended. */
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
  // Fields 14 to 17 of all.
  return fieldsOf(`/proc/${pid}/stat`).slice(11, 15).map(Number);
}

/** The third field of all and those after it. */
function fieldsOf(file: string): string[] {
  // The command, in brackets, may have anything in it.
  const text = readFileSync(file, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** A process, and those that its threads have started, and theirs. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
  return [pid, ...children.flatMap(familyOf)];
}
