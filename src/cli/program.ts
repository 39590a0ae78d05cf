/** The tree of commands. What a command needs is loaded when it runs, so that `--help` comes at once. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { demoCommand } from './commands/demo.ts';
import { getKeysCommand } from './commands/get-keys.ts';
import { ibeCommand } from './commands/ibe.ts';
import { lemfRecoverCommand } from './commands/lemf.ts';
import { mikeyCommand } from './commands/mikey.ts';
import { runCommand } from './commands/run.ts';
import type { Starter } from './commands/run.ts';
import { ueCommand } from './commands/ue.ts';

/** The functional entities that run as processes of their own. */
const ENTITIES: readonly { readonly name: string; readonly description: string; readonly start: Starter }[] =
  [
    {
      name: 'kms',
      description: 'key management service: parameters, REQUEST_KEY, Xk, X1',
      start: async (config, runtime, file) => {
        const { kmsConfig } = await import('../entities/kms/config.ts');
        const { startKms } = await import('../entities/kms/start.ts');
        return startKms(kmsConfig(config, file), runtime);
      },
    },
    {
      name: 'cscf',
      description: 'registrar and proxy with its point of interception',
      start: async (config, runtime, file) => {
        const { cscfConfig } = await import('../entities/cscf/config.ts');
        const { startCscf } = await import('../entities/cscf/start.ts');
        return startCscf(cscfConfig(config, file), runtime);
      },
    },
    {
      name: 'gateway',
      description: 'media gateway with its point of interception',
      start: async (config, runtime, file) => {
        const { gatewayConfig } = await import('../entities/gateway/config.ts');
        const { startGateway } = await import('../entities/gateway/start.ts');
        return startGateway(gatewayConfig(config, file), runtime);
      },
    },
    {
      name: 'admf',
      description: 'administration function: warrants in, X1 out',
      start: async (config, runtime, file) => {
        const { admfConfig } = await import('../entities/admf/config.ts');
        const { startAdmf } = await import('../entities/admf/start.ts');
        return startAdmf(admfConfig(config, file), runtime);
      },
    },
    {
      name: 'df',
      description: 'delivery functions DF2/MF and DF3: X2 and X3 in, Xk, HI2 and HI3 out',
      start: async (config, runtime, file) => {
        const { dfConfig } = await import('../entities/df/config.ts');
        const { startDf } = await import('../entities/df/start.ts');
        return startDf(dfConfig(config, file), runtime);
      },
    },
    {
      name: 'lemf',
      description: 'law enforcement monitoring facility: receives, stores, decrypts',
      start: async (config, runtime, file) => {
        const { lemfConfig } = await import('../entities/lemf/config.ts');
        const { startLemf } = await import('../entities/lemf/start.ts');
        return startLemf(lemfConfig(config, file), runtime);
      },
    },
  ];

/** The version in package.json. */
function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof json === 'object' && json !== null && 'version' in json && typeof json.version === 'string')
    return json.version;
  throw new Error(`${file.pathname} has no version`);
}

export function createProgram(): Command {
  const program = new Command('claviger')
    .description('MIKEY-IBAKE key management for IMS media security, with accountable lawful interception')
    .version(version())
    .addCommand(demoCommand())
    .addCommand(mikeyCommand())
    .addCommand(getKeysCommand())
    .addCommand(ibeCommand())
    .addCommand(auditCommand())
    .addCommand(ueCommand());
  for (const { name, description, start } of ENTITIES) {
    const command = new Command(name).description(description).addCommand(runCommand(name, start));
    if (name === 'lemf') command.addCommand(lemfRecoverCommand());
    program.addCommand(command);
  }
  for (const command of everyCommand(program))
    command.showHelpAfterError('(add --help for usage and examples)').exitOverride();
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
