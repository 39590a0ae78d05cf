/** A process of a laboratory, in a process group of its own: Ctrl-C is for whoever started it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LabError } from '../errors.ts';

/** Of what a process said, the lines that are told when it ends. */
const LAST_LINES = 8;
const LONGEST_LINE = 2000;

/** Whoever started them may end before they do. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Who runs a process, where that is not the user of this one. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

/** What is run, and how it is seen to be ready. */
export interface Launch {
  /** As it is told of: `kms.home1`, `postgresql`. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly user?: ProcessUser | null;
  /** By what it is told to end; default SIGTERM. */
  readonly endSignal?: NodeJS.Signals;
  /** Resolves when it is; absent: with the first line on standard output. */
  readonly ready?: (runs: () => boolean) => Promise<void>;
  /** Milliseconds until it must be ready. */
  readonly readyMs: number;
  /** Told of each message; absent: there is no channel for any. */
  readonly onMessage?: ((name: string, message: unknown) => void) | undefined;
  /** Told of each line that it logs. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export class LabProcess {
  readonly name: string;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #last: string[] = [];
  readonly #launch: Launch;

  private constructor(launch: Launch, child: ChildProcess) {
    this.name = launch.name;
    this.#child = child;
    this.#launch = launch;
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve('not started'));
      child.once('close', (code, signal) => resolve(signal ?? code ?? 0));
    });
    void this.ended.then(() => running.delete(child));
  }

  /** Starts it, and waits until it is ready. @throws LabError `process` with the end of its log */
  static async launch(launch: Launch): Promise<LabProcess> {
    const { name, program, args, env = process.env, cwd, user, ready, readyMs, onMessage } = launch;
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(onMessage === undefined ? [] : ['ipc' as const])],
      serialization: 'advanced',
      ...{ env, detached: true },
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
    });
    running.add(child);
    child.on('message', (message) => onMessage?.(name, message));
    const started = new LabProcess(launch, child);
    if (child.stderr === null || child.stdout === null) throw new Error('a process without output');
    const { stdout } = child;
    createInterface({ input: child.stderr }).on('line', (line) => started.#log(line));
    const lines = createInterface({ input: stdout });
    const isReady =
      ready === undefined
        ? new Promise<void>((resolve) => lines.once('line', () => resolve()))
        : ready(() => started.runs);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), readyMs)));
    const outcome = await Promise.race([isReady.then(() => 'ready' as const), late, started.ended]);
    clearTimeout(timer);
    if (outcome === 'ready') return started;
    child.kill('SIGKILL');
    const why = outcome === 'late' ? `was not ready within ${readyMs / 1000} s` : endText(outcome);
    throw new LabError('process', started.#told(`${name} ${why}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended, with the last that it logged. */
  failure(status: number | string): LabError {
    return new LabError('process', this.#told(`${this.name} ${endText(status)}`));
  }

  /** Whether the message is on its way; it is not where there is no channel any more. */
  tell(message: object): boolean {
    if (!this.#child.connected) return false;
    this.#child.send(message, () => undefined);
    return true;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.runs) this.#child.kill(signal);
  }

  /** Tells it to end, and SIGKILL after `ms` milliseconds. Gives milliseconds until it ended with 0; `null` if it did otherwise. */
  async end(ms: number): Promise<number | null> {
    const began = performance.now();
    this.signal(this.#launch.endSignal ?? 'SIGTERM');
    const harder = setTimeout(() => this.signal('SIGKILL'), ms);
    const status = await this.ended;
    clearTimeout(harder);
    return status === 0 ? performance.now() - began : null;
  }

  #log(line: string): void {
    this.#last.push(line.slice(0, LONGEST_LINE));
    if (this.#last.length > LAST_LINES) this.#last.shift();
    this.#launch.onLine?.(line);
  }

  #told(what: string): string {
    return [`${what}${this.#last.length === 0 ? '' : '; the last that it said:'}`, ...this.#last].join(
      '\n  ',
    );
  }
}

function endText(status: number | string): string {
  return typeof status === 'number' ? `ended with ${status}` : `ended by ${status}`;
}
