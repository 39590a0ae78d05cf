/** The entities of a network, each a process of its own command: what is flooded, and what is left of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Entity, HomeName } from '../../src/lab/network/home.ts';
import { startEntityProcess } from '../../src/lab/processes/entity-process.ts';
import type { LabProcess } from '../../src/lab/processes/lab-process.ts';
import { cli } from '../support/cli.ts';

const READY_MS = 60_000;
/** How long an entity may take to end, whatever is open. */
const END_MS = 10_000;
/** Megabytes of heap: far below what a flood would fill if nothing bounded it. */
const HEAP = 512;

export class FloodedProcess {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /** Starts it, and waits for the line that says where it listens. @throws LabError with the end of its log */
  static async start(
    entity: Entity,
    home: HomeName,
    config: Record<string, unknown>,
    folder: string,
  ): Promise<FloodedProcess> {
    const name = `${entity}.${home}`;
    const file = path.join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    const nodeOptions = [`--max-old-space-size=${HEAP}`];
    return new FloodedProcess(
      await startEntityProcess({ entity, name, file, script: cli, nodeOptions, readyMs: READY_MS }),
    );
  }

  get name(): string {
    return this.#process.name;
  }

  get runs(): boolean {
    return this.#process.runs;
  }

  /** Resident memory, megabytes; 0 where it is not known. */
  get resident(): number {
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  /** SIGTERM. Gives milliseconds until it ended with 0; `null` if it did not in time, or ended otherwise. */
  end(): Promise<number | null> {
    return this.#process.end(END_MS);
  }
}
