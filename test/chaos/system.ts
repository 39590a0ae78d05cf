/**
 * A home whose KMS and DF are several processes (`claviger init --scale`), with database and streams, ADMF and LEMF, each a
 * process of its own that can be killed or held up. CSCF and gateway are not among them: in their place are points of
 * interception in this process (`points.ts`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readinessOf } from '../../src/cli/readiness.ts';
import { readConfigFile } from '../../src/host/config.ts';
import { enginesOf } from '../../src/lab/engines/engines.ts';
import type { LabEngine } from '../../src/lab/engines/engines.ts';
import { LabFolder } from '../../src/lab/folder/lab-folder.ts';
import type { EntityFile } from '../../src/lab/folder/lab-folder.ts';
import { Supervisor } from '../../src/lab/processes/supervisor.ts';
import { cli } from '../support/cli.ts';
import { ProcessLog } from './process-log.ts';

export const HOME = 'home1';
/** Of those that nobody rings. */
const ABSENT: readonly string[] = ['cscf', 'gateway', 'mailbox'];
/** Whoever is killed comes again soon, however often. */
const RESTARTS = { most: 200, firstPauseMs: 200, longestPauseMs: 2_000, calmMs: 2_000 };
/** Milliseconds without a word after which another may mediate. */
export const LEASE_MS = 2_000;
/** The smallest that a stream of content may be, so that it can be filled. */
export const STREAM_OCTETS = 4 << 20;
const READY_MS = 300_000;
const LOOK_MS = 100;

/** What settings of processes are here: those of a network in which something happens each second. */
const SETTINGS: Readonly<Record<string, (config: Record<string, unknown>) => object>> = {
  df: ({ streams }) => ({
    streams: { ...(streams as object), leaseMs: LEASE_MS, timeoutMs: 2_000, contentOctets: STREAM_OCTETS },
    handover: { acknowledgeDelay: 20, retryFirst: 50, retryMost: 500 },
    // A failure record is what a DF owes where a KMS is away for longer: here it is to be there in the end.
    xk: { attemptMs: 2_000, timerMs: 1_800_000 },
  }),
};

export class ScaledSystem {
  readonly folder: string;
  readonly lab: LabFolder;
  readonly #supervisor: Supervisor;
  readonly #entities: readonly EntityFile[];
  readonly #engines: readonly LabEngine[];
  readonly #log: ProcessLog;
  /** Those that were killed and have not been seen to end. */
  readonly #killed = new Set<string>();
  readonly broken: Promise<Error>;

  private constructor(lab: LabFolder, log: string, tell: (line: string) => void) {
    this.folder = lab.folder;
    this.lab = lab;
    this.#entities = lab.entities().filter(({ kind }) => !ABSENT.includes(kind));
    this.#engines = enginesOf(lab);
    this.#supervisor = new Supervisor({
      ...{ script: cli, restarts: RESTARTS, note: null },
      onLine: (name, line) => this.#log.add(name, line),
      onRestart: (text) => this.#tellRestart(text, tell),
    });
    this.#log = new ProcessLog(log);
    this.broken = this.#supervisor.firstFailure();
  }

  /**
   * Makes a laboratory in a folder and starts it.
   * @param log file for what processes log @param tell of what happens by itself
   */
  static async start(folder: string, log: string, tell: (line: string) => void): Promise<ScaledSystem> {
    const made = spawnSync(process.execPath, [cli, 'init', folder, '--scale', '--homes', HOME], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(made.stderr);
    const lab = LabFolder.open(folder);
    for (const { kind, file } of lab.entities()) change(file, SETTINGS[kind]);
    const system = new ScaledSystem(lab, log, tell);
    await system.#supervisor.start([...system.#engines, ...system.#entities]);
    return system;
  }

  /** All that can be killed, the engines as well; neither the LEMF, whose files are looked at, nor the ADMF. */
  get names(): string[] {
    const own = this.#entities.filter(({ kind }) => kind === 'kms' || kind === 'df');
    return [...this.#engines, ...own].map(({ name }) => name);
  }

  /** Those of a DF that have one of these roles. */
  having(role: 'intake' | 'mediation' | 'delivery'): string[] {
    return this.#entities
      .filter(({ kind }) => kind === 'df')
      .filter(({ file }) => (readConfigFile(file) as { roles: string[] }).roles.includes(role))
      .map(({ name }) => name);
  }

  /** Where the LEMF keeps what it is sent. */
  get lemfFolder(): string {
    return path.join(this.folder, 'state', HOME, 'lemf');
  }

  /** The configuration of a process. */
  config(name: string): Record<string, unknown> {
    return readConfigFile(this.file(name)) as Record<string, unknown>;
  }

  file(name: string): string {
    return path.join(this.folder, HOME, `${name}.json`);
  }

  /** Files of audit logs, by process. */
  audits(): { readonly name: string; readonly file: string; readonly config: string }[] {
    return this.#entities.flatMap(({ kind, name, file }) => {
      const { state, audit } = readConfigFile(file) as { state?: string; audit?: string };
      const log = kind === 'kms' && state !== undefined ? path.join(state, 'audit.jsonl') : audit;
      if (log === undefined) return [];
      const at = path.resolve(path.dirname(file), log);
      return existsSync(at) ? [{ name, file: at, config: file }] : [];
    });
  }

  /** Whether one runs just now. */
  runs(name: string): boolean {
    return this.#supervisor.processOf(name) !== null;
  }

  /** @throws Error if it does not in time */
  async untilRuns(name: string, ms = READY_MS): Promise<void> {
    const end = performance.now() + ms;
    while (!this.runs(name)) {
      if (performance.now() > end) throw this.#late(`${name} has not come again in time`, [name]);
      await sleep(LOOK_MS);
    }
  }

  /** SIGKILL. Whether there was something to be killed. */
  kill(name: string): boolean {
    const process = this.#supervisor.processOf(name);
    if (process === null) return false;
    this.#killed.add(name);
    process.signal('SIGKILL');
    return true;
  }

  /** Holds up a process, and those that it has started, until the function that is given is called. */
  hold(name: string): () => void {
    const own = this.#supervisor.processOf(name);
    if (own === null) return nothing;
    const pids = [own.pid, ...childrenOf(own.pid)];
    for (const pid of pids) signal(pid, 'SIGSTOP');
    return () => {
      for (const pid of pids) signal(pid, 'SIGCONT');
    };
  }

  /** Why some of them are not ready. */
  async unready(names: readonly string[] = this.names): Promise<string[]> {
    const engines = this.#engines.filter(({ name }) => names.includes(name));
    const answering = await Promise.all(engines.map((engine) => engine.answers()));
    const silent = engines.filter((_, at) => answering[at] !== true).map(({ name }) => `${name}: no answer`);
    const said = await readinessOf(this.#entities.filter(({ name }) => names.includes(name)));
    const unready = said.filter(({ ready }) => !ready);
    return [...silent, ...unready.map(({ name, reasons }) => `${name}: ${reasons.join('; ')}`)];
  }

  /** Whether an intake says within so many milliseconds that it cannot store what it is given. */
  async refusing(ms: number): Promise<boolean> {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await sleep(LOOK_MS);
      const reasons = await this.unready(this.having('intake'));
      if (reasons.some((reason) => reason.includes('PDUs cannot be stored'))) return true;
    }
    return false;
  }

  /** @throws Error if they are not in time */
  async untilReady(names: readonly string[] = this.names, ms = READY_MS): Promise<void> {
    const end = performance.now() + ms;
    for (;;) {
      const unready = await this.unready(names);
      if (unready.length === 0) return;
      if (performance.now() > end)
        throw this.#late(
          `not ready in time: ${unready.join(', ')}`,
          names.filter((name) => unready.some((text) => text.startsWith(`${name}: `))),
        );
      await sleep(LOOK_MS);
    }
  }

  /** All of them; what does not end in time at once. */
  async stop(): Promise<void> {
    await this.#supervisor.stop();
    this.#supervisor.kill();
    this.#log.close();
  }

  /** Who was killed is not told of; of whoever ended by itself, how, and the last that it said. */
  #tellRestart(text: string, tell: (line: string) => void): void {
    const name = text.slice(0, text.indexOf(' '));
    if (text.startsWith(`${name} ended`) && this.#killed.delete(name)) return;
    const [first = '', ...others] = text.split('\n').map((line) => line.trim());
    tell(others.length === 0 ? first : [first, ...others.slice(-2)].join(' | '));
  }

  #late(what: string, names: readonly string[]): Error {
    const last = names.flatMap((name) => this.#log.lastOf(name).map((line) => `  ${name} ${line}`));
    return new Error([what, ...last].join('\n'));
  }
}

/* ---------------------------------------------------------------- helpers */

function nothing(): void {
  // There was nobody to be held.
}

function change(file: string, settings: ((config: Record<string, unknown>) => object) | undefined): void {
  if (settings === undefined) return;
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  for (const [name, value] of Object.entries(settings(config)))
    config[name] = { ...(config[name] as object | undefined), ...(value as object) };
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** To a process that may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
