/**
 * How many times as much two processor cores of this machine do as one: processes that run nothing but the engine, each by
 * itself, without a thread, a queue or a message between them. Cores of one machine share caches, memory and power, and
 * virtual ones perhaps more; what two threads of a pool do is to be held against this.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ThreadTime } from './processor.ts';
import { poolRound } from './scaling.ts';
import type { PoolRound } from './scaling.ts';

/** What they compute: answers to questions of a DF, from JSON to JSON, or private keys. */
export type EngineWork = 'questions' | 'private-keys';

const PROGRAM = fileURLToPath(new URL('./engine-process.js', import.meta.url));

export class EngineProcesses {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Warm after `warmUp` times of the work. */
  static async start(work: EngineWork, warmUp: number, count: 1 | 2 = 2): Promise<EngineProcesses> {
    const children = await Promise.all(Array.from({ length: count }, () => started(work)));
    const processes = new EngineProcesses(children);
    await processes.#compute(children, warmUp);
    return processes;
  }

  /** The work so many times, by one of them or by both at a time, half each. @param processes not more than there are */
  round(processes: 1 | 2, count: number): Promise<PoolRound> {
    const computing = this.#children.slice(0, processes);
    const pids = computing.map(({ pid = 0 }) => pid);
    const own = (threads: readonly ThreadTime[]): readonly ThreadTime[] =>
      threads.filter(({ thread }) => pids.includes(thread));
    const each = Math.ceil(count / processes);
    return poolRound(pids, own, each * processes, () => this.#compute(computing, each));
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const gone = once(child, 'exit');
        child.disconnect();
        await gone;
      }),
    );
  }

  async #compute(children: readonly ChildProcess[], count: number): Promise<void> {
    await Promise.all(
      children.map(async (child) => {
        const done = once(child, 'message');
        child.send(count);
        await done;
      }),
    );
  }
}

async function started(work: EngineWork): Promise<ChildProcess> {
  const child = fork(PROGRAM, [work]);
  const failed = once(child, 'exit').then(() => {
    throw new Error('a process of the engine ended before it was ready');
  });
  await Promise.race([once(child, 'message'), failed]);
  return child;
}
