/** What all commands of officers share: as whom, in which form they answer, and how they end. */
import { Command } from 'commander';
import { OfficerApi } from './api.ts';
import { readOfficerConfig } from './config.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';

export interface OfficerFlags {
  readonly config?: string;
  readonly json?: true;
}

export const EXIT_CODES = `
Exit codes: 0 done; 1 refused, or not what was waited for; 2 the command line cannot be used. What it prints goes to
standard output, progress and errors to standard error.`;

/** A command with what all have. @param example what follows `claviger warrant` */
export function officerCommand(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--config <file>', 'as whom: url, tls and hosts of an officer; else CLAVIGER_OFFICER names it')
    .option('--json', 'print what the ADMF answers')
    .addHelpText('after', `\nExample:\n  $ claviger warrant ${example}\n${EXIT_CODES}`);
}

export async function withApi(
  flags: OfficerFlags,
  work: (api: OfficerApi, config: OfficerConfig) => Promise<void>,
): Promise<void> {
  const config = readOfficerConfig(flags.config);
  const api = new OfficerApi(config);
  try {
    await work(api, config);
  } finally {
    await api.close();
  }
}
