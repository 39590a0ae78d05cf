/** Processes that stand still: they neither answer nor go away. */
import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds within which a process stands still. */
const LONGEST = 5_000;

/**
 * SIGSTOP; returns when each thread of each process stands still, since one that runs may yet answer. Where there is no
 * /proc it is not waited for. Processes that have ended are passed over.
 */
export function standStill(pids: readonly number[]): void {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  const until = Date.now() + LONGEST;
  while (pids.some(runs)) {
    if (Date.now() > until) throw new Error(`processes ${pids.join(', ')} do not stand still`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** Nothing where the process has ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Whether a thread of a process does anything (`man 5 proc`, stat: the state follows the name in brackets). */
function runs(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return !'TtZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
    });
  } catch {
    // A thread, or all of it, has gone; or there is no /proc.
    return false;
  }
}
