/** Whose a configuration is that was given to a command of somebody else. */
import { ConfigError, readConfigFile } from '../host/config.ts';
import { CliError } from './failure.ts';

/**
 * What to say of a configuration that cannot be used: whose it is, where it looks like another's, and else what it is.
 * @param entity whose it was taken for, e.g. `kms`
 */
export async function misplacedOr(error: unknown, entity: string, file: string): Promise<unknown> {
  if (!(error instanceof ConfigError)) return error;
  // All kinds of configurations are looked at: not before something is wrong.
  const { kindByShape } = await import('../lab/check/configurations.ts');
  try {
    const kind = kindByShape(readConfigFile(file));
    if (kind === null || kind === entity) return error;
    const text = `${file} has the settings of ${kind}, not of ${entity}`;
    return new CliError('input', text, `Name the configuration of the ${entity}.`);
  } catch {
    return error;
  }
}
