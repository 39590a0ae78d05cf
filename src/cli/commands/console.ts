/** `claviger console`: the pages of officers for a laboratory, on loopback, until SIGINT or SIGTERM. */
import { Command } from 'commander';
import { officerConfig } from '../../entities/admf/config-officer.ts';
import { readConfigFile } from '../../host/config.ts';
import { pinoLogger } from '../../host/log.ts';
import { openConsole } from '../console-link.ts';
import { CliError } from '../failure.ts';
import { untilTold } from './run.ts';

interface ConsoleFlags {
  readonly as: string;
  readonly officer?: string;
  readonly port: number;
  readonly json?: true;
}

export function consoleCommand(): Command {
  return new Command('console')
    .description(
      'show warrants, elements, alarms, audit logs and the network, or calls, in a browser, as one person of a laboratory',
    )
    .argument('[lab]', 'a laboratory that `claviger init` made and `claviger up` runs')
    .option(
      '--as <name>',
      'which officer, auditor, operator or analyst, of the first home or as NAME.HOME',
      'officer-1',
    )
    .option('--officer <file>', 'configuration of the officer or analyst, in place of a laboratory')
    .option('--port <port>', 'port on 127.0.0.1 (default: one that is free)', port, 0)
    .option('--json', 'print the link as JSON')
    .addHelpText('after', EXAMPLES)
    .action(showConsole);
}

const EXAMPLES = `
Prints a link that works once, in one browser of this machine. What is done there is done with the
certificate of the officer, and is on the audit log of the ADMF as theirs. It ends with the command.
As the analyst, it is the calls that the LEMF has, and on the LEMF's audit log.
Whoever is to approve what one has entered is another officer: start it a second time, in a second
browser or a private window. An auditor sees the audit logs of all entities, verified, and each
release of keys beside its warrant; an auditor or operator sees how the entities are.

ADMFs and LEMFs in service have the same pages at their doors for people, for their own browsers
and certificates: settings officers.console, analysts.console (docs/console.md). --officer takes
the configuration of an auditor or operator, too, whose setting entities names the admin listeners
to ask.

Examples:
  $ claviger console lab
  $ claviger console lab --as officer-2
  $ claviger console lab --as analyst
  $ claviger console lab --as auditor.home2`;

async function showConsole(lab: string | undefined, flags: ConsoleFlags): Promise<void> {
  const file = await personFile(lab, flags);
  // An analyst's settings are an officer's, too.
  const officer = officerConfig(readConfigFile(file), file);
  const logger = pinoLogger('warn', 'console');
  const stopped = untilTold(logger);
  const bridge = await openConsole(officer, { logger, port: flags.port });
  const { link } = bridge;
  const told = `The console is at this link, which works once, until this command ends (Ctrl-C):\n\n  ${link}\n`;
  process.stdout.write(flags.json === true ? JSON.stringify({ link }) + '\n' : told);
  await stopped;
  await bridge.close();
}

async function personFile(lab: string | undefined, { as, officer }: ConsoleFlags): Promise<string> {
  if (officer !== undefined) {
    if (lab === undefined) return officer;
    throw new CliError('usage', 'a laboratory, and --officer', 'Give one of them.');
  }
  if (lab === undefined)
    throw new CliError(
      'usage',
      'which laboratory? None is named',
      'claviger init lab makes one; --officer FILE takes the configuration of an officer instead.',
    );
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const folder = LabFolder.open(lab);
  const people = folder.people().filter(({ kind }) => kind === 'officer' || kind === 'analyst');
  const [home] = folder.homes;
  const found = people.find(({ name }) => name === as || name === `${as}.${home?.name ?? ''}`);
  if (found !== undefined) return found.file;
  const names = people.map(({ name }) => name).join(', ');
  throw new CliError(
    'usage',
    `there is no ${as} in ${lab}`,
    `There are: ${names}. claviger pki issue makes another's certificate; docs/console.md says who admits them.`,
  );
}

function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (value >= 0 && value <= 65_535) return value;
  throw new CliError('usage', `--port ${text} is not a port`, undefined);
}
