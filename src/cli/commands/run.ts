/** `claviger ENTITY run --config FILE`: one functional entity as a process, until SIGINT or SIGTERM. */
import { Command, Option } from 'commander';
import { readConfigFile, readSecretFile } from '../../host/config.ts';
import { LOG_LEVELS, pinoLogger } from '../../host/log.ts';
import type { LogLevel } from '../../host/log.ts';
import type { OperatedRuntime, OperatedSource, RunningOperated } from '../../host/operate.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import type { Running } from '../../host/runtime.ts';
import type { Logger } from '../../bytes/ports.ts';
import { misplacedOr } from '../config-kind.ts';
import { onStoreUpgraded } from '../../storage/migrations.ts';

/** A functional entity that can be started from what its configuration's file holds. */
export type Starter = (source: OperatedSource, runtime: OperatedRuntime) => Promise<RunningOperated>;

/** Whose configurations hold pre-shared keys, passwords or warrants. */
const WITH_SECRETS: readonly string[] = ['kms', 'cscf', 'admf', 'mailbox'];

/** @param roles whether it may be a part of the entity alone, as its setting `roles` says */
export function runCommand(entity: string, start: Starter, { roles = false } = {}): Command {
  const command = new Command('run')
    .description(
      `run the ${entity} until it is told to stop (SIGINT, SIGTERM); SIGHUP has it read its settings again`,
    )
    .requiredOption('--config <file>', 'configuration, JSON or YAML (docs/configuration.md)')
    .addOption(
      new Option(
        '--log <level>',
        'what to log on standard error (default: what the configuration says, else "info")',
      ).choices(LOG_LEVELS),
    );
  if (roles)
    command.option(
      '--roles <roles>',
      'what it does, with commas between (default: what the configuration says)',
    );
  return command
    .addHelpText('after', `\nExample:\n  $ claviger ${entity} run --config ${entity}.json`)
    .action(async (options: { config: string; log?: LogLevel; roles?: string }) => {
      const { config: file, log: level } = options;
      const logger = pinoLogger(level ?? 'info', entity);
      const runtime = { clock: systemClock(), random: systemRandom(), logger, level };
      const told: { reload: (() => Promise<unknown>) | null } = { reload: null };
      const given = new AbortController();
      const stopped = untilTold(logger, () => told.reload?.(), given.signal);
      const read = WITH_SECRETS.includes(entity) ? readSecretFile : readConfigFile;
      onStoreUpgraded((upgrade) => logger.info(upgrade, 'a store was brought to the present version'));
      const source = { file, load: () => withRoles(read(file), options.roles) };
      const operated = await start(source, runtime).catch(async (error: unknown) => {
        given.abort();
        throw await misplacedOr(error, entity, file);
      });
      told.reload = () => operated.operated.reload();
      const { running, control, admin } = operated;
      const where = { ...addressesOf(running), ...(admin === null ? {} : { admin }) };
      logger.info({ ...where, control }, `${entity} is listening`);
      process.stdout.write(JSON.stringify({ entity, ...where }) + '\n');
      const ended = await Promise.race([stopped, ...(running.over === undefined ? [] : [running.over])]);
      logger.info({}, 'stopping');
      if (ended instanceof Error) endInTime(logger);
      await operated.stop();
      if (ended instanceof Error) throw ended;
    });
}

/** Settings with the roles of the command line in the place of their own. What is no object is left to be refused. */
function withRoles(json: unknown, roles: string | undefined): unknown {
  if (roles === undefined || typeof json !== 'object' || json === null) return json;
  return { ...json, roles: roles.split(',').map((role) => role.trim()) };
}

/** Milliseconds from the signal to the end of the process, whatever is open or hangs. */
const LONGEST_STOP_MS = 9_000;

/**
 * Resolves with the first SIGINT or SIGTERM. The process ends with a second one at once, and after `LONGEST_STOP_MS` in
 * any case. SIGHUP, which comes also when a terminal is closed, has settings read again where there is a way to.
 * @param given if it is aborted, signals do again what they do by default
 */
export function untilTold(
  logger: Logger,
  reload?: () => Promise<unknown> | undefined,
  given?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const tell = (): void => {
      if (told) process.exit(130);
      told = true;
      endInTime(logger);
      resolve();
    };
    const readAgain = (): void => {
      logger.info({}, reload === undefined ? 'SIGHUP: settings are read at the start alone' : 'SIGHUP');
      reload?.()?.catch((error: unknown) => logger.error({ error }, 'settings could not be read again'));
    };
    process.on('SIGINT', tell).on('SIGTERM', tell).on('SIGHUP', readAgain);
    given?.addEventListener('abort', () => {
      process.off('SIGINT', tell).off('SIGTERM', tell).off('SIGHUP', readAgain);
    });
  });
}

/** Ends the process in a while, whatever is open or hangs. */
function endInTime(logger: Logger): void {
  const last = setTimeout(() => {
    logger.error({ ms: LONGEST_STOP_MS }, 'not stopped in time; what is left is cut off');
    process.exit(1);
  }, LONGEST_STOP_MS);
  last.unref();
}

/** Where a running entity listens: one line of JSON, for scripts that start it. */
function addressesOf(running: Running): Record<string, unknown> {
  return Object.fromEntries(Object.entries(running).filter(([, value]) => isAddress(value)));
}

function isAddress(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'address' in value && 'port' in value;
}
