/** Processes that a benchmark starts of its own program: one entity each, as it is shipped. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { processorSeconds } from '../processor.ts';

/** What a process says when it is ready: its ports by name. */
export type Ports = Readonly<Record<string, number>>;

/** What a process answers when it is asked how it is. */
export interface PartState {
  /** After a collection, octets. */
  readonly heapUsed: number;
  readonly external: number;
  /** Of what it counts, if it counts anything. */
  readonly counted: number;
}

/** A process that does not end by itself in this time is ended. */
const ENDING_MS = 5_000;

export class Part {
  readonly ports: Ports;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: Ports) {
    this.#child = child;
    this.ports = ports;
  }

  /** Starts one, which reads its settings as JSON. */
  static async start(name: string, settings: unknown): Promise<Part> {
    const child = fork(process.argv[1] ?? '', ['--part', name, '--settings', JSON.stringify(settings)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [said] = (await Promise.race([once(child, 'message'), failed(name, child)])) as [Ports];
    return new Part(child, said);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Processor time so far, seconds. */
  get seconds(): number {
    return processorSeconds(this.pid);
  }

  async state(): Promise<PartState> {
    const answered = once(this.#child, 'message');
    this.#child.send('state');
    const [state] = (await answered) as [PartState];
    return state;
  }

  say(message: object): void {
    this.#child.send(message);
  }

  /** Calls `told` with what the process says next. */
  onceMessage(told: (message: unknown) => void): void {
    this.#child.once('message', told);
  }

  /** Calls `told` with what the process says by itself. */
  onMessage(told: (message: unknown) => void): void {
    this.#child.on('message', told);
  }

  /** Resolves when it has ended. */
  async ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), ENDING_MS);
    this.#child.disconnect();
    await gone;
    clearTimeout(late);
  }
}

/** To be called in a process that was started: it serves until whoever started it is gone. */
export function ready(ports: Ports, counted: () => number = () => 0): void {
  process.once('disconnect', () => process.exit());
  process.on('message', () => {
    for (let n = 0; n < 3; n++) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.({ heapUsed, external, counted: counted() } satisfies PartState);
  });
  process.send?.(ports);
}

async function failed(name: string, child: ChildProcess): Promise<never> {
  await once(child, 'exit');
  throw new Error(`the process of the ${name} ended before it was ready`);
}
