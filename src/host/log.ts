/**
 * The log of a process: JSON lines on standard error, each with an ISO time, its level by name, who speaks, and what is
 * said. Fields that an entity gives keep clear of these four: no line has a name twice.
 *
 *     {"level":"info","time":"2026-01-02T03:04:05.678Z","name":"kms","users":…,"msg":"kms is listening"}
 */
import { pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../bytes/ports.ts';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log whose level may be changed while it is written. */
export interface LeveledLogger extends Logger {
  level: LogLevel;
}

/** What every line has; a field of that name is written as `its_NAME`. */
const OWN: readonly string[] = ['level', 'time', 'name', 'msg'];

/** JSON lines on standard error, or into `to`. */
export function pinoLogger(
  level: LogLevel,
  name: string,
  to: { write(line: string): void } = pino.destination({ dest: 2, sync: true }),
): LeveledLogger {
  const logger = pino(
    {
      level,
      base: { name },
      serializers: { error: loggedError, err: loggedError },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: apart },
    },
    to,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    get level() {
      return LOG_LEVELS.find((each) => each === logger.level) ?? 'info';
    },
    set level(next) {
      logger.level = next;
    },
  };
}

/**
 * What the log says of an error and its causes. A parser's message quotes what it read, which may be secret: of that the
 * name alone. A stack is for what nobody foresaw.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof SyntaxError) return { name: error.name };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  return {
    name,
    ...(code === undefined ? { stack } : { code }),
    message,
    ...(cause === undefined ? {} : { cause: loggedError(cause) }),
  };
}

function apart(fields: Record<string, unknown>): Record<string, unknown> {
  if (!OWN.some((name) => name in fields)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN.includes(name) ? `its_${name}` : name, value]),
  );
}
