/** Which configuration a command that works on warrants goes by. */
import { officerConfig } from '../../entities/admf/config-officer.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';
import { readConfigFile } from '../../host/config.ts';
import { CliError } from '../failure.ts';

/** Names the configuration where `--config` does not. */
const VARIABLE = 'CLAVIGER_OFFICER';

/**
 * The configuration that the command line, or else the environment, names.
 * @throws ConfigError; CliError `usage` where neither does
 */
export function readOfficerConfig(named: string | undefined): OfficerConfig {
  const file = named ?? process.env[VARIABLE];
  if (file === undefined || file === '')
    throw new CliError(
      'usage',
      'as whom? No configuration of an officer is named',
      `Give --config FILE, or set ${VARIABLE}=FILE; docs/configuration.md says what is in it.`,
    );
  return officerConfig(readConfigFile(file), file);
}
