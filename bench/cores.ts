/** On which processor cores processes run, where the system has `taskset`. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The cores that this process may have, the first two; `null`: there is one alone, or no taskset. */
export function twoCores(): readonly [number, number] | null {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const cores = list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: Math.min(2, to - from + 1) }, (_, n) => from + n);
  });
  const [first, second] = cores;
  const has = spawnSync('taskset', ['--version']).status === 0;
  return has && first !== undefined && second !== undefined ? [first, second] : null;
}

/** All threads of a process; those that it starts later go where the one goes that starts them. */
export function pin(pid: number, cores: readonly number[]): void {
  const { status, stderr } = spawnSync('taskset', ['-a', '-c', '-p', cores.join(','), String(pid)]);
  if (status !== 0) throw new Error(`taskset: ${stderr.toString().trim()}`);
}
