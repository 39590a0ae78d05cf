/**
 * A home whose KMS and DF are several processes (`claviger init --scale`), with database and streams, ADMF and LEMF, each a
 * process of its own that can be killed or held up. CSCF and gateway are not among them: in their place are points of
 * interception in this process (`points.ts`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OfficerApi } from '../../src/cli/officer/api.ts';
import { readinessOf } from '../../src/cli/readiness.ts';
import { officersOf } from '../../src/cli/selftest-network.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { readConfigFile } from '../../src/host/config.ts';
import { enginesOf } from '../../src/lab/engines/engines.ts';
import type { LabEngine } from '../../src/lab/engines/engines.ts';
import { LabFolder } from '../../src/lab/folder/lab-folder.ts';
import type { EntityFile } from '../../src/lab/folder/lab-folder.ts';
import { Supervisor } from '../../src/lab/processes/supervisor.ts';
import { cli } from '../support/cli.ts';

export const HOME = 'home1';
/** Of those that nobody rings. */
const ABSENT: readonly string[] = ['cscf', 'gateway', 'mailbox'];
/** Whoever is killed comes again soon, however often. */
const RESTARTS = { most: 200, firstPauseMs: 200, longestPauseMs: 2_000, calmMs: 2_000 };
/** Milliseconds without a word after which another may mediate. */
export const LEASE_MS = 2_000;
/** The smallest that a stream of content may be, so that it can be filled. */
export const STREAM_OCTETS = 4 << 20;
const READY_MS = 90_000;
const LOOK_MS = 100;
const WARRANT_MS = 86_400_000;

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
  readonly #log: string[] = [];
  readonly broken: Promise<Error>;

  private constructor(lab: LabFolder, tell: (line: string) => void) {
    this.folder = lab.folder;
    this.lab = lab;
    this.#entities = lab.entities().filter(({ kind }) => !ABSENT.includes(kind));
    this.#engines = enginesOf(lab);
    this.#supervisor = new Supervisor({
      ...{ script: cli, restarts: RESTARTS, note: null },
      onLine: (name, line) => {
        this.#log.push(`${name} ${line}`);
      },
      onRestart: (text) => tell(text.split('\n')[0] ?? ''),
    });
    this.broken = this.#supervisor.firstFailure();
  }

  /** Makes a laboratory in a folder and starts it. @param tell of what happens by itself */
  static async start(folder: string, tell: (line: string) => void): Promise<ScaledSystem> {
    const made = spawnSync(process.execPath, [cli, 'init', folder, '--scale', '--homes', HOME], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(made.stderr);
    const lab = LabFolder.open(folder);
    for (const { kind, file } of lab.entities()) change(file, SETTINGS[kind]);
    const system = new ScaledSystem(lab, tell);
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
      if (performance.now() > end) throw new Error(`${name} has not come again in time`);
      await sleep(LOOK_MS);
    }
  }

  /** SIGKILL. Whether there was something to be killed. */
  kill(name: string): boolean {
    const process = this.#supervisor.processOf(name);
    process?.signal('SIGKILL');
    return process !== null;
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
      if (performance.now() > end) throw new Error(`not ready in time: ${unready.join(', ')}`);
      await sleep(LOOK_MS);
    }
  }

  /** Enters a warrant on a SIP identity, and waits until it is active. */
  async warrant(liid: string, target: string): Promise<void> {
    const config = (person: string) => officerConfig(this.config(person), this.file(person));
    const [first, second] = [config('officer-1'), config('officer-2')];
    const { lemf } = first;
    if (lemf?.hi3 === undefined) throw new Error('the officer has no LEMF');
    const apis = [new OfficerApi(first), new OfficerApi(second)] as const;
    try {
      const officers = officersOf(apis[0], apis[1], { hi2: lemf.hi2, hi3: lemf.hi3 });
      await officers.enter({ liid, target, until: Date.now() + WARRANT_MS });
      const end = performance.now() + READY_MS;
      for (;;) {
        const state = await officers.state(liid);
        if (state === 'active') return;
        if (performance.now() > end) throw new Error(`the warrant ${liid} is ${state}`);
        await sleep(LOOK_MS);
      }
    } finally {
      await Promise.all(apis.map((api) => api.close()));
    }
  }

  /** The last that was logged. */
  lastLines(count: number): string[] {
    return this.#log.slice(-count);
  }

  writeLog(file: string): void {
    writeFileSync(file, this.#log.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  /** At once. */
  end(): void {
    this.#supervisor.kill();
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
