/** An entity as a process of its own command, in a process group of its own: Ctrl-C is for whoever started it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RESTARTS_VARIABLE } from '../../host/runtime.ts';
import { LabError } from '../errors.ts';
import type { Service } from '../network/home.ts';

/** Of what an entity said, the lines that are told when it ends. */
const LAST_LINES = 8;
const LONGEST_LINE = 2000;

/** Whoever started them may end before they do. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** How an entity is started. */
export interface EntityStart {
  readonly entity: Service;
  /** `kms.home1` */
  readonly name: string;
  /** Its configuration. */
  readonly file: string;
  /** The command line's own script. */
  readonly script: string;
  /** Options of node. */
  readonly nodeOptions?: readonly string[];
  /** What follows `ENTITY run --config FILE`. */
  readonly args?: readonly string[];
  /** How often it was started again before. */
  readonly restarts?: number;
  /** Milliseconds until it must be ready. */
  readonly readyMs: number;
  /** Told of each message; absent: there is no channel for any. */
  readonly onMessage?: (name: string, message: unknown) => void;
  /** Told of each line that it logs. */
  readonly onLine?: (line: string) => void;
}

export class EntityProcess {
  readonly name: string;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #last: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;

  private constructor({ name, onLine }: EntityStart, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#onLine = onLine;
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve('not started'));
      child.once('close', (code, signal) => resolve(signal ?? code ?? 0));
    });
    void this.ended.then(() => running.delete(child));
  }

  /** Starts it, and waits for the line that says where it listens. @throws LabError `process` with the end of its log */
  static async start(start: EntityStart): Promise<EntityProcess> {
    const {
      entity,
      name,
      file,
      script,
      nodeOptions = [],
      args = [],
      restarts = 0,
      readyMs,
      onMessage,
    } = start;
    const child = spawn(
      process.execPath,
      [...nodeOptions, script, entity, 'run', '--config', file, ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe', ...(onMessage === undefined ? [] : ['ipc' as const])],
        serialization: 'advanced',
        env: { ...process.env, [RESTARTS_VARIABLE]: String(restarts) },
        detached: true,
      },
    );
    running.add(child);
    child.on('message', (message) => onMessage?.(name, message));
    const started = new EntityProcess(start, child);
    if (child.stderr === null || child.stdout === null) throw new Error('a process without output');
    const { stdout } = child;
    createInterface({ input: child.stderr }).on('line', (line) => started.#log(line));
    const ready = new Promise<'ready'>((resolve) =>
      createInterface({ input: stdout }).once('line', () => resolve('ready')),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), readyMs)));
    const outcome = await Promise.race([ready, late, started.ended]);
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

  /** SIGTERM, and SIGKILL after `ms` milliseconds. Gives milliseconds until it ended with 0; `null` if it did otherwise. */
  async end(ms: number): Promise<number | null> {
    const began = performance.now();
    this.signal('SIGTERM');
    const harder = setTimeout(() => this.signal('SIGKILL'), ms);
    const status = await this.ended;
    clearTimeout(harder);
    return status === 0 ? performance.now() - began : null;
  }

  #log(line: string): void {
    this.#last.push(line.slice(0, LONGEST_LINE));
    if (this.#last.length > LAST_LINES) this.#last.shift();
    this.#onLine?.(line);
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
