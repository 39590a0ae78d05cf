/** `claviger ENTITY run --config FILE`: one functional entity as a process, until SIGINT or SIGTERM. */
import { Command, Option } from 'commander';
import { readConfigFile, readSecretFile } from '../../host/config.ts';
import { pinoLogger, systemClock, systemRandom } from '../../host/runtime.ts';
import type { LogLevel, Running, Runtime } from '../../host/runtime.ts';
import type { Logger } from '../../bytes/ports.ts';

/** How an entity is started from what its configuration's file holds; what it returns tells where it listens. */
export type Starter = (config: unknown, runtime: Runtime, file: string) => Promise<Running>;

/** Whose configurations hold pre-shared keys, passwords or warrants. */
const WITH_SECRETS: readonly string[] = ['kms', 'cscf', 'admf'];

const LEVELS: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

export function runCommand(entity: string, start: Starter): Command {
  return new Command('run')
    .description(`run the ${entity} until it is told to stop (SIGINT, SIGTERM)`)
    .requiredOption('--config <file>', 'configuration, JSON or YAML (docs/configuration.md)')
    .addOption(new Option('--log <level>', 'what to log on standard error').choices(LEVELS).default('info'))
    .addHelpText('after', `\nExample:\n  $ claviger ${entity} run --config ${entity}.json`)
    .action(async (options: { config: string; log: LogLevel }) => {
      const logger = pinoLogger(options.log, entity);
      const runtime = { clock: systemClock(), random: systemRandom(), logger };
      const stopped = untilTold(logger);
      const read = WITH_SECRETS.includes(entity) ? readSecretFile : readConfigFile;
      const running = await start(read(options.config), runtime, options.config);
      process.stdout.write(JSON.stringify({ entity, ...addressesOf(running) }) + '\n');
      await stopped;
      logger.info({}, 'stopping');
      await running.stop();
    });
}

/** Milliseconds from the signal to the end of the process, whatever is open or hangs. */
const LONGEST_STOP_MS = 9_000;

/**
 * Resolves with the first SIGINT or SIGTERM. The process ends with a second one at once, and after `LONGEST_STOP_MS` in
 * any case. SIGHUP, which comes when a terminal is closed and by which some programs read their settings again, is
 * logged and does nothing.
 */
export function untilTold(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const tell = (): void => {
      if (told) process.exit(130);
      told = true;
      const last = setTimeout(() => {
        logger.error({ ms: LONGEST_STOP_MS }, 'not stopped in time; what is left is cut off');
        process.exit(1);
      }, LONGEST_STOP_MS);
      last.unref();
      resolve();
    };
    process.on('SIGINT', tell);
    process.on('SIGTERM', tell);
    process.on('SIGHUP', () => logger.info({}, 'SIGHUP: settings are read at the start alone'));
  });
}

/** Where a running entity listens: one line of JSON, for scripts that start it. */
function addressesOf(running: Running): Record<string, unknown> {
  return Object.fromEntries(Object.entries(running).filter(([, value]) => isAddress(value)));
}

function isAddress(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'address' in value && 'port' in value;
}
