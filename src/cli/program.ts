/** The tree of commands. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { mikeyCommand } from './commands/mikey.ts';

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
    .addCommand(mikeyCommand());
}
