/** How a command ends when it cannot do what it was asked. */
import { CommanderError } from 'commander';
import { ClavigerError } from '../bytes/errors.ts';

export type CliErrorCode =
  /** The options contradict each other, or a value cannot be used. */
  | 'usage'
  /** What was given to read cannot be read, or what was to be written is there already. */
  | 'input'
  /** The command did its work, and the outcome is not what was hoped for. */
  | 'failed';

/** An error with a hint of what to do. */
export class CliError extends ClavigerError<CliErrorCode> {
  readonly hint: string | undefined;

  constructor(code: CliErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(code, message, options);
    this.hint = hint;
  }
}

/** What to do about errors that come from below, by class and code. */
const HINTS: Readonly<Record<string, string>> = {
  'ConfigError configuration': 'Each command takes --help; docs/configuration.md lists every setting.',
  'TlsError tls-configuration': 'Nothing was started: there is no fallback to an unprotected connection.',
  'BytesError truncated': 'The input ends too early: is the file complete?',
  'BytesError trailing': 'The input goes on after its end: is it one single object?',
  'BytesError encoding': 'Is it the right file, in the right encoding?',
};

/** Prints `error` for people; a stack only for what nobody foresaw. Returns the exit code. */
export function reportFailure(error: unknown, to: NodeJS.WritableStream): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof ClavigerError) {
    const hint = error instanceof CliError ? error.hint : HINTS[`${error.name} ${String(error.code)}`];
    to.write(`claviger: ${error.message}\n`);
    if (hint !== undefined) to.write(`  hint: ${hint}\n`);
    return error instanceof CliError && error.code === 'usage' ? 2 : 1;
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error) {
    to.write(`claviger: ${error.message}\n`);
    return 1;
  }
  to.write(
    `claviger: unexpected failure\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 70;
}
