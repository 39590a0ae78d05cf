/** What the operating system's accounting says of a process. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Milliseconds for which threads of a process have had a processor. */
export function processorMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) => {
    const [onProcessor = '0'] = readFileSync(path.join(tasks, task, 'schedstat'), 'utf8').split(' ');
    return Number(onProcessor);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
