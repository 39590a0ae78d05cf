/**
 * An entity as a process that can be operated: its control socket, its admin listener, and what is done there.
 *
 *     configuration file ──► startOperated ──► the entity, under the lock of its state
 *                                          ├─► control socket   status, health, metrics, reload, drain, log level
 *                                          └─► admin listener   health, metrics; with certificates status and audit log
 *
 * Whatever changes how the entity runs (reload, log level, drain) goes on its audit log first: no record, no change.
 */
import { isoTime } from '../bytes/iso-time.ts';
import { ClavigerError, messageOf } from '../bytes/errors.ts';
import { isSystemError } from '../bytes/system-errors.ts';
import { loadTls, requireOwn } from '../net/tls.ts';
import type { TlsFiles } from '../net/tls.ts';
import { AdminListener } from './admin.ts';
import { BackupError, makeBackup } from './backup.ts';
import type { BackupManifest, BackupOrder } from './backup.ts';
import type { AdminSettings } from './admin.ts';
import { controlPathOf, ControlSocket } from './control.ts';
import type { StatePlaces } from './control.ts';
import { EntityStatus } from './entity-status.ts';
import type { LeveledLogger, LogLevel } from './log.ts';
import { meter } from './meters.ts';
import type { Operated } from './operated.ts';
import type { Operation, Reread, Retake } from './operation.ts';
import type { Alarm, Status } from './status.ts';
import { digestsOf, changedSettings } from './reload.ts';
import type { ReloadReport } from './reload.ts';
import type { Running, Runtime, SystemClock } from './runtime.ts';
import { programVersion } from './version.ts';

/** Settings that every entity has (`OPERATION_SETTINGS`). */
export interface OperatedSettings extends StatePlaces {
  readonly tls: TlsFiles;
  readonly admin?: AdminSettings | undefined;
  readonly log?: LogLevel | undefined;
}

/** How an entity is made from its settings. */
export interface OperatedKind<Config extends OperatedSettings> {
  /** @throws ConfigError */
  readonly read: (json: unknown, file: string) => Config;
  readonly start: (
    config: Config,
    runtime: Runtime,
  ) => Promise<Running & { readonly operation: Operation<Config> }>;
}

/** Where its settings come from. */
export interface OperatedSource {
  readonly file: string;
  /** What the file holds now. @throws ConfigError */
  readonly load: () => unknown;
}

export interface OperatedRuntime extends Runtime {
  readonly clock: SystemClock;
  readonly logger: LeveledLogger;
  /** The level of the command line, which goes before that of the settings. */
  readonly level?: LogLevel | undefined;
}

export interface RunningOperated<R extends Running = Running> extends Running {
  readonly running: R;
  readonly operated: Operated;
  /** Path of the control socket; `null`: the state is in memory alone, and there is none. */
  readonly control: string | null;
  /** Where the admin listener is; `null`: none was asked for. */
  readonly admin: { readonly address: string; readonly port: number } | null;
}

/** How long a step of the clock is told of. */
const STEP_TOLD_MS = 3_600_000;

/** Starts an entity and what it is operated by. @throws what starting the entity throws; ConfigError, ControlError */
export async function startOperated<Config extends OperatedSettings>(
  kind: OperatedKind<Config>,
  source: OperatedSource,
  runtime: OperatedRuntime,
): Promise<RunningOperated> {
  const json = source.load();
  const config = kind.read(json, source.file);
  runtime.logger.level = runtime.level ?? config.log ?? 'info';
  const running = await kind.start(config, runtime);
  const operated = new OperatedProcess(kind, source, runtime, running.operation, digestsOf(json));
  const path = controlPathOf(config);
  const open: { stop(): Promise<void> }[] = [running];
  const stop = async (): Promise<void> => {
    for (const each of open.splice(0).reverse()) await each.stop();
  };
  try {
    if (path !== null) open.push(await ControlSocket.open(path, operated, runtime.logger));
    const admin =
      config.admin === undefined ? null : await AdminListener.open(config.admin, operated, runtime.logger);
    if (admin !== null) open.push(admin);
    return { running, operated, control: path, admin: admin?.at ?? null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

class OperatedProcess<Config extends OperatedSettings> implements Operated {
  readonly operation: Operation<Config>;
  readonly #kind: OperatedKind<Config>;
  readonly #source: OperatedSource;
  readonly #runtime: OperatedRuntime;
  readonly #told: EntityStatus;
  #digests: ReadonlyMap<string, string>;
  /** What was wrong with the last reload; `null`: nothing, or there was none. */
  #refused: { readonly since: number; readonly problem: string } | null = null;
  #refusals = 0;
  #reloading: Promise<ReloadReport> | null = null;

  constructor(
    kind: OperatedKind<Config>,
    source: OperatedSource,
    runtime: OperatedRuntime,
    operation: Operation<Config>,
    digests: ReadonlyMap<string, string>,
  ) {
    this.operation = operation;
    this.#kind = kind;
    this.#source = source;
    this.#runtime = runtime;
    this.#digests = digests;
    this.#told = new EntityStatus(operation, runtime.clock, {
      alarms: (now) => this.#alarms(now),
      meters: [
        meter(
          'clock_steps_total',
          'How often the clock was set while the entity ran.',
          () => runtime.clock.steps.count,
        ),
        meter('reloads_refused_total', 'How often new settings could not be taken.', () => this.#refusals),
      ],
    });
  }

  status(): Promise<Status> {
    return this.#told.status();
  }

  metrics(): Promise<string> {
    return this.#told.metrics();
  }

  level(): LogLevel {
    return this.#runtime.logger.level;
  }

  setLevel(level: LogLevel): void {
    this.operation.audit?.record({ kind: 'operator-log-level', level });
    this.#runtime.logger.level = level;
    this.#runtime.logger.info({ to: level }, 'the log level was set');
  }

  backup(order: BackupOrder): Promise<BackupManifest> {
    const { kept, audit, entity, name } = this.operation;
    if (kept === null)
      throw new BackupError('nothing-kept', `what a ${entity} keeps is files that may be copied as they are`);
    const subject = { entity, name, version: programVersion(), now: this.#runtime.clock.now() };
    return makeBackup(kept, audit, subject, order);
  }

  async drain(ms: number): Promise<boolean> {
    this.operation.audit?.record({ kind: 'operator-drain', ms });
    return this.operation.drain(ms);
  }

  /** One at a time; who asks meanwhile gets the same report. */
  reload(): Promise<ReloadReport> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = null;
      this.#told.forget();
    });
    return this.#reloading;
  }

  async #reload(): Promise<ReloadReport> {
    const { logger, clock } = this.#runtime;
    const report = await this.#takeAnew();
    const problem = report.problems.join('; ');
    this.#refused = report.problems.length === 0 ? null : { since: clock.now(), problem };
    if (this.#refused !== null) this.#refusals += 1;
    if (this.#refused === null) logger.info(report, 'settings were read again');
    else logger.error(report, 'settings were read again, and not all could be taken');
    return report;
  }

  /** All is read and checked before anything is taken. */
  async #takeAnew(): Promise<ReloadReport> {
    const { operation } = this;
    const { clock, logger, level } = this.#runtime;
    const refused = (error: unknown): ReloadReport => ({
      taken: [],
      needRestart: [],
      problems: [whyNot(error)],
    });
    let taken;
    try {
      const json = this.#source.load();
      const config = this.#kind.read(json, this.#source.file);
      const material = loadTls(config.tls, clock.now());
      requireOwn(material, operation.name, operation.entity);
      operation.audit?.record({ kind: 'operator-reload' });
      taken = { json, config, material };
    } catch (error) {
      return refused(error);
    }
    const { json, config, material } = taken;
    const report = { taken: [] as string[], needRestart: [] as string[], problems: [] as string[] };
    if (operation.tls.replace(material)) report.taken.push('tls');
    const digests = new Map(digestsOf(json));
    const retakes = new Map<string, Retake<Config> | undefined>(Object.entries(operation.retakes));
    retakes.set('log', () => void (logger.level = level ?? config.log ?? 'info'));
    const rereads: [string, Reread<Config> | undefined][] =
      operation.rereads === undefined ? [] : Object.entries(operation.rereads);
    for (const [name, reread] of rereads) {
      try {
        if (reread?.(config) === true) report.taken.push(name);
      } catch (error) {
        report.problems.push(`${name}: ${whyNot(error)}`);
      }
    }
    for (const name of changedSettings(this.#digests, digests)) {
      if (name === 'tls' || report.taken.includes(name)) continue;
      const retake = retakes.get(name);
      try {
        await retake?.(config);
        if (retake !== undefined) report.taken.push(name);
        else report.needRestart.push(name);
      } catch (error) {
        report.problems.push(`${name}: ${whyNot(error)}`);
      }
      if (!report.taken.includes(name)) restore(digests, name, this.#digests.get(name));
    }
    this.#digests = digests;
    return report;
  }

  /** Those of how the process runs. */
  #alarms(now: number): Alarm[] {
    const alarms: Alarm[] = [];
    const warn = (name: string, text: string, since: string): void =>
      void alarms.push({ name, severity: 'warning', about: '', text, since });
    const step = this.#runtime.clock.steps.last;
    if (step !== null && Math.abs(now - step.at) < STEP_TOLD_MS)
      warn('clock-step', `the clock was set by ${step.ms} ms`, isoTime(step.at));
    if (this.#refused !== null) warn('reload-refused', this.#refused.problem, isoTime(this.#refused.since));
    return alarms;
  }
}

/** What is not in force is as it was: the next reload tells of it again. */
function restore(digests: Map<string, string>, name: string, before: string | undefined): void {
  if (before === undefined) digests.delete(name);
  else digests.set(name, before);
}

/** In our own words; what others say of what they read may quote it. */
function whyNot(error: unknown): string {
  return error instanceof ClavigerError || isSystemError(error)
    ? messageOf(error)
    : `unexpected: ${error instanceof Error ? error.name : 'failure'}`;
}
