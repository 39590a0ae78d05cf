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

/** The same of a process and all that it has started, which run. */
export function processorMsOfAll(pid: number): number {
  return processorMs(pid) + childrenOf(pid).reduce((sum, child) => sum + processorMsOfAll(child), 0);
}

/** Processes that its threads have started. */
function childrenOf(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).flatMap((task) => {
    const text = readFileSync(path.join(tasks, task, 'children'), 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
}
