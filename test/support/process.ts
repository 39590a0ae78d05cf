/**
 * A module of the tests as a process of its own, which can be killed: it is bundled once (packages stay outside) and run
 * by node. The process tells that it is ready by one line of JSON on standard output.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { script } from './script.ts';
import { standStill } from './standing-still.ts';
import { bundledWorkers, COMMITTING } from './workers.ts';

/** Bundles a TypeScript file (path from the repository's root) with the thread of its stores; gives the path of the script. */
export function bundle(entry: string): Promise<string> {
  const name = path.basename(entry, '.ts');
  return script(entry, { plugins: [bundledWorkers([COMMITTING], `${name}.workers`)] });
}

export interface RunningProcess<Ready> {
  readonly ready: Ready;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP; gives the way to have it go on. */
  pause(): () => void;
}

/** Runs a script with one argument and waits for its line. */
export async function run<Ready>(script: string, argument: string): Promise<RunningProcess<Ready>> {
  const child = spawn(process.execPath, [script, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await firstLine(child);
  return {
    ready: JSON.parse(line) as Ready,
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    pause: () => {
      if (child.pid !== undefined) standStill([child.pid]);
      return () => void child.kill('SIGCONT');
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('no standard output');
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the process ended with ${code ?? 'a signal'}`)));
  });
}
