/** The tree of commands. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { lemfConfig, startLemf } from '../app/lemf.ts';
import { auditCommand } from './commands/audit.ts';
import { demoCommand } from './commands/demo.ts';
import { ibeCommand } from './commands/ibe.ts';
import { lemfRecoverCommand } from './commands/lemf.ts';
import { mikeyCommand } from './commands/mikey.ts';
import { runCommand } from './commands/run.ts';

/** The version in package.json. */
function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function createProgram(): Command {
  return new Command('claviger')
    .description('MIKEY-IBAKE key management for IMS media security, with accountable lawful interception')
    .version(version())
    .showHelpAfterError('(add --help for usage and examples)')
    .addCommand(demoCommand())
    .addCommand(mikeyCommand())
    .addCommand(ibeCommand())
    .addCommand(
      new Command('lemf')
        .description('law enforcement monitoring facility')
        .addCommand(runCommand('lemf', (config, runtime) => startLemf(lemfConfig(config), runtime)))
        .addCommand(lemfRecoverCommand()),
    )
    .addCommand(auditCommand());
}
