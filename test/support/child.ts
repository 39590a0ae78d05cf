/** A program of others that a test runs beside us: its output for the message of a failure, and an end in any case. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** How much of the output a failure shows, characters. */
const SHOWN = 4000;
/** Milliseconds from SIGTERM to SIGKILL. */
const PATIENCE_MS = 5000;

export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #gone: Promise<void>;
  #output = '';

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#process = child;
    this.#gone = new Promise((resolve) => child.once('close', () => resolve()));
    const gather = (text: string): void => void (this.#output += text);
    child.stdout?.setEncoding('utf8').on('data', gather);
    child.stderr?.setEncoding('utf8').on('data', gather);
    child.once('error', ({ message }) => gather(message));
    child.stdin?.on('error', ({ message }) => gather(message));
    // Whoever runs the tests may end before `stop`.
    const end = (): void => void child.kill('SIGTERM');
    process.once('exit', end);
    child.once('close', () => process.off('exit', end));
  }

  /** Runs a command in `folder`, which also is its home. */
  static run(command: string, args: readonly string[], folder: string): Child {
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    return new Child(command, spawn(command, args, { cwd: folder, env, stdio: 'pipe' }));
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** A line to its standard input. */
  type(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Waits until `condition` holds. @throws Error with the program's output after `ms` milliseconds, or if it ended */
  async until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
    for (const end = performance.now() + ms; !condition();) {
      const late = performance.now() > end;
      if (late || !this.running) {
        const why = late ? `not within ${ms} ms` : 'ended before';
        throw new Error(`${this.#name}, ${why}: ${what}\n${this.#output.slice(-SHOWN)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** SIGTERM, and SIGKILL for who does not heed it; resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.running) this.#process.kill('SIGTERM');
    const harder = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS);
    await this.#gone;
    clearTimeout(harder);
  }
}

/** A port of 127.0.0.1 that nobody listens on just now, over TCP. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
