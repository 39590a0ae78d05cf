/** The tree of commands. Of those that the command line does not name nothing is loaded: many a library takes long. */
import { Command } from 'commander';
import { programVersion } from '../host/version.ts';
import type { OperatedKind, OperatedSettings } from '../host/operate.ts';
import type { Starter } from './commands/run.ts';

/** The functional entities that run as processes of their own. */
const ENTITIES: readonly { readonly name: string; readonly description: string; readonly start: Starter }[] =
  [
    {
      name: 'kms',
      description: 'key management service: parameters, REQUEST_KEY, Xk, X1',
      start: starter(async () => {
        const { kmsConfig } = await import('../entities/kms/config.ts');
        const { startKms } = await import('../entities/kms/start.ts');
        return { read: kmsConfig, start: startKms };
      }),
    },
    {
      name: 'cscf',
      description: 'registrar and proxy with its point of interception',
      start: starter(async () => {
        const { cscfConfig } = await import('../entities/cscf/config.ts');
        const { startCscf } = await import('../entities/cscf/start.ts');
        return { read: cscfConfig, start: startCscf };
      }),
    },
    {
      name: 'gateway',
      description: 'media gateway with its point of interception',
      start: starter(async () => {
        const { gatewayConfig } = await import('../entities/gateway/config.ts');
        const { startGateway } = await import('../entities/gateway/start.ts');
        return { read: gatewayConfig, start: startGateway };
      }),
    },
    {
      name: 'admf',
      description: 'administration function: warrants in, X1 out',
      start: starter(async () => {
        const { admfConfig } = await import('../entities/admf/config.ts');
        const { startAdmf } = await import('../entities/admf/start.ts');
        return { read: admfConfig, start: startAdmf };
      }),
    },
    {
      name: 'df',
      description: 'delivery functions DF2/MF and DF3: X2 and X3 in, Xk, HI2 and HI3 out',
      start: starter(async () => {
        const { dfConfig } = await import('../entities/df/config.ts');
        const { startDf } = await import('../entities/df/start.ts');
        return { read: dfConfig, start: startDf };
      }),
    },
    {
      name: 'lemf',
      description: 'law enforcement monitoring facility: receives, stores, decrypts',
      start: starter(async () => {
        const { lemfConfig } = await import('../entities/lemf/config.ts');
        const { startLemf } = await import('../entities/lemf/start.ts');
        return { read: lemfConfig, start: startLemf };
      }),
    },
  ];

/** What makes the commands that are no entity's, in the order of `--help`. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  warrant: async () => (await import('./commands/warrant.ts')).warrantCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  init: async () => (await import('./commands/init.ts')).initCommand(),
  up: async () => (await import('./commands/up.ts')).upCommand(),
  down: async () => (await import('./commands/up.ts')).downCommand(),
  selftest: async () => (await import('./commands/selftest.ts')).selftestCommand(),
  mikey: async () => (await import('./commands/mikey.ts')).mikeyCommand(),
  'get-keys': async () => (await import('./commands/get-keys.ts')).getKeysCommand(),
  ibe: async () => (await import('./commands/ibe.ts')).ibeCommand(),
  hi1: async () => (await import('./commands/hi1.ts')).hi1Command(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  'set-aside': async () => (await import('./commands/set-aside.ts')).setAsideCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
  pki: async () => (await import('./commands/pki.ts')).pkiCommand(),
  status: async () => (await import('./commands/operate.ts')).statusCommand(),
  alarms: async () => (await import('./commands/operate.ts')).alarmsCommand(),
  metrics: async () => (await import('./commands/operate.ts')).metricsCommand(),
  reload: async () => (await import('./commands/operate.ts')).reloadCommand(),
  drain: async () => (await import('./commands/operate.ts')).drainCommand(),
  'log-level': async () => (await import('./commands/operate.ts')).logLevelCommand(),
  backup: async () => (await import('./commands/backup.ts')).backupCommand(),
  restore: async () => (await import('./commands/backup.ts')).restoreCommand(),
  ue: async () => (await import('./commands/ue.ts')).ueCommand(),
  completion: async () =>
    (await import('./commands/completion.ts')).completionCommand(() => createProgram([])),
};

/** @param args what follows `claviger`: where the first of it names a command, the tree has this one alone */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('claviger')
    .description('MIKEY-IBAKE key management for IMS media security, with accountable lawful interception')
    .version(programVersion());
  const makers = new Map(Object.entries(COMMANDS));
  for (const entity of ENTITIES) makers.set(entity.name, () => entityCommand(entity));
  const named = makers.get(args[0] ?? '');
  for (const make of named === undefined ? makers.values() : [named]) program.addCommand(await make());
  for (const command of everyCommand(program))
    command.showHelpAfterError('(add --help for usage and examples)').exitOverride();
  return program;
}

/** An entity whose parts are loaded when it is started. */
function starter<Config extends OperatedSettings>(load: () => Promise<OperatedKind<Config>>): Starter {
  return async (source, runtime) => {
    const { startOperated } = await import('../host/operate.ts');
    return startOperated(await load(), source, runtime);
  };
}

async function entityCommand({ name, description, start }: (typeof ENTITIES)[number]): Promise<Command> {
  const { runCommand } = await import('./commands/run.ts');
  const command = new Command(name).description(description).addCommand(runCommand(name, start));
  if (name === 'lemf') {
    command.addCommand((await import('./commands/lemf.ts')).lemfRecoverCommand());
    command.addCommand((await import('./commands/lemf-retention.ts')).lemfRetentionCommand());
  }
  return command;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
