/** The tree of commands. Of those that the command line does not name nothing is loaded: many a library takes long. */
import { Command } from 'commander';
import { programVersion } from '../host/version.ts';
import type { OperatedKind, OperatedSettings } from '../host/operate.ts';
import type { PageSource } from '../net/pages.ts';
import type { Starter } from './commands/run.ts';

interface RunsAlone {
  readonly description: string;
  readonly start: Starter;
}

/** What the doors for people have for their browsers. */
const consolePages: PageSource = async () => (await import('../console/built.ts')).builtConsole();

/** The functional entities that run as processes of their own. */
const ENTITIES: Readonly<Record<string, RunsAlone>> = {
  kms: {
    description: 'key management service: parameters, REQUEST_KEY, Xk, X1',
    start: starter(async () => ({
      read: (await import('../entities/kms/config.ts')).kmsConfig,
      start: (await import('../entities/kms/start.ts')).startKms,
    })),
  },
  cscf: {
    description: 'registrar and proxy with its point of interception',
    start: starter(async () => ({
      read: (await import('../entities/cscf/config.ts')).cscfConfig,
      start: (await import('../entities/cscf/start.ts')).startCscf,
    })),
  },
  gateway: {
    description: 'media gateway with its point of interception',
    start: starter(async () => ({
      read: (await import('../entities/gateway/config.ts')).gatewayConfig,
      start: (await import('../entities/gateway/start.ts')).startGateway,
    })),
  },
  admf: {
    description: 'administration function: warrants in, X1 out',
    start: starter(async () => {
      const { startAdmf } = await import('../entities/admf/start.ts');
      return {
        read: (await import('../entities/admf/config.ts')).admfConfig,
        start: (config, runtime) => startAdmf(config, runtime, { consolePages }),
      };
    }),
  },
  df: {
    description: 'delivery functions DF2/MF and DF3: X2 and X3 in, Xk, HI2 and HI3 out',
    start: starter(async () => ({
      read: (await import('../entities/df/config.ts')).dfProcessConfig,
      start: (await import('../entities/df/start-roles.ts')).startRoles,
    })),
  },
  mailbox: {
    description: 'mailbox: keeps messages for those who do not answer, without a key to them',
    start: starter(async () => ({
      read: (await import('../entities/mailbox/config.ts')).mailboxConfig,
      start: (await import('../entities/mailbox/start.ts')).startMailbox,
    })),
  },
  lemf: {
    description: 'law enforcement monitoring facility: receives, stores, decrypts',
    start: starter(async () => {
      const { startLemf } = await import('../entities/lemf/start.ts');
      const { threadExporter: exporter } = await import('./workbench/export-thread.ts');
      return {
        read: (await import('../entities/lemf/config.ts')).lemfConfig,
        start: (config, runtime) => startLemf(config, runtime, undefined, { consolePages, exporter }),
      };
    }),
  },
};

/** What makes the commands that are no entity's, in the order of `--help`. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  warrant: async () => (await import('./commands/warrant.ts')).warrantCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  init: async () => (await import('./commands/init.ts')).initCommand(),
  up: async () => (await import('./commands/up.ts')).upCommand(),
  down: async () => (await import('./commands/up.ts')).downCommand(),
  console: async () => (await import('./commands/console.ts')).consoleCommand(),
  selftest: async () => (await import('./commands/selftest.ts')).selftestCommand(),
  mikey: async () => (await import('./commands/mikey.ts')).mikeyCommand(),
  x2: async () => (await import('./commands/x2.ts')).x2Command(),
  keylog: async () => (await import('./commands/keylog.ts')).keylogCommand(),
  'get-keys': async () => (await import('./commands/get-keys.ts')).getKeysCommand(),
  ibe: async () => (await import('./commands/ibe.ts')).ibeCommand(),
  hi1: async () => (await import('./commands/hi1.ts')).hi1Command(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  'set-aside': async () => (await import('./commands/set-aside.ts')).setAsideCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
  capacity: async () => (await import('./commands/capacity.ts')).capacityCommand(),
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

/** Options that say what a command is about. */
const NAMING: readonly string[] = ['--state <folder>', '--config <file>', '--store <file>'];

/** @param args what follows `claviger`: where the first of it names a command, the tree has this one alone */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('claviger')
    .description('MIKEY-IBAKE key management for IMS media security, with accountable lawful interception')
    .version(programVersion());
  const makers = new Map(Object.entries(COMMANDS));
  for (const [name, entity] of Object.entries(ENTITIES)) makers.set(name, () => entityCommand(name, entity));
  const named = makers.get(args[0] ?? '');
  for (const make of named === undefined ? makers.values() : [named]) program.addCommand(await make());
  for (const command of everyCommand(program))
    command
      .showHelpAfterError('(add --help for usage and examples)')
      .configureOutput({ outputError: (text, write) => write(text + excessHint(command, text)) })
      .exitOverride();
  return program;
}

/** An entity whose parts are loaded when it is started. */
function starter<Config extends OperatedSettings>(load: () => Promise<OperatedKind<Config>>): Starter {
  return async (source, runtime) => {
    const { startOperated } = await import('../host/operate.ts');
    return startOperated(await load(), source, runtime);
  };
}

async function entityCommand(name: string, { description, start }: RunsAlone): Promise<Command> {
  const { runCommand } = await import('./commands/run.ts');
  const command = new Command(name)
    .description(description)
    .addCommand(runCommand(name, start, { roles: name === 'df' }));
  if (name === 'lemf') {
    command.addCommand((await import('./commands/lemf.ts')).lemfRecoverCommand());
    command.addCommand((await import('./commands/lemf-export.ts')).lemfExportCommand());
    command.addCommand((await import('./commands/lemf-inspect.ts')).lemfInspectCommand());
    command.addCommand((await import('./commands/lemf-retention.ts')).lemfRetentionCommand());
  }
  return command;
}

/** Whoever gives a command more than it takes has perhaps named by itself what an option names. */
function excessHint({ options }: Command, error: string): string {
  const naming = options.map(({ flags }) => flags).filter((flags) => NAMING.includes(flags));
  if (naming.length === 0 || !error.startsWith('error: too many arguments')) return '';
  return `  hint: what it is about is named by ${naming.join(' or ')}\n`;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
