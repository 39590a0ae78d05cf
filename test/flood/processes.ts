/** The entities of a network, each a process of its own command: what is flooded, and what is left of it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Entity, HomeName } from '../../src/lab/network/home.ts';
import { cli } from '../support/cli.ts';

const READY_MS = 60_000;
/** How long an entity may take to end, whatever is open. */
const END_MS = 10_000;
/** Megabytes of heap: far below what a flood would fill if nothing bounded it. */
const HEAP = 512;

/** Whoever runs the floods may end before they do. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class EntityProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string | null>;
  #log = '';

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#log = (this.#log + text).slice(-4000)));
  }

  /** Starts it, and waits for the line that says where it listens. @throws Error with the end of its log */
  static async start(
    entity: Entity,
    home: HomeName,
    config: Record<string, unknown>,
    folder: string,
  ): Promise<EntityProcess> {
    const name = `${entity}.${home}`;
    const file = path.join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    const args = [`--max-old-space-size=${HEAP}`, cli, entity, 'run', '--config', file];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const started = new EntityProcess(name, child);
    const line = new Promise<boolean>((resolve) =>
      createInterface({ input: child.stdout }).once('line', () => resolve(true)),
    );
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), READY_MS).unref());
    if (!(await Promise.race([line, late, started.#ended.then(() => false)])))
      throw new Error(`${name} did not start\n${started.#log}`);
    return started;
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory, megabytes; 0 where it is not known. */
  get resident(): number {
    try {
      const status = readFileSync(`/proc/${this.#child.pid ?? 0}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  /** SIGTERM. Gives milliseconds until it ended with 0; `null` if it did not in time, or ended otherwise. */
  async end(): Promise<number | null> {
    const began = performance.now();
    this.#child.kill('SIGTERM');
    const late = new Promise<string>((resolve) => setTimeout(() => resolve('late'), END_MS).unref());
    const status = await Promise.race([this.#ended, late]);
    this.#child.kill('SIGKILL');
    await this.#ended;
    return status === 0 ? performance.now() - began : null;
  }
}
