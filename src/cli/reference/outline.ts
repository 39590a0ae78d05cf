/** The tree of commands as data, for what is made of it: manual pages and completion in shells. */
import type { Argument, Command, Option } from 'commander';

export interface OptionOutline {
  /** `-q, --quiet`, `--out <folder>` */
  readonly flags: string;
  /** `-q`, `--quiet` */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly mandatory: boolean;
  /** As help prints it; `null`: none. */
  readonly byDefault: string | null;
}

export interface ArgumentOutline {
  /** `<folder>`, `[files...]` */
  readonly term: string;
  readonly description: string;
  readonly choices: readonly string[];
}

export interface CommandOutline {
  /** `claviger`, `kms`, `run` */
  readonly path: readonly string[];
  readonly description: string;
  readonly arguments: readonly ArgumentOutline[];
  readonly options: readonly OptionOutline[];
  readonly commands: readonly CommandOutline[];
  /** What its help says below the lists, examples too. */
  readonly notes: string;
}

/** The outline of a command and of all below it. */
export function outlineOf(command: Command, above: readonly string[] = []): CommandOutline {
  const help = command.createHelp();
  const path = [...above, command.name()];
  const below = help.visibleCommands(command).filter((each) => command.commands.includes(each));
  return {
    path,
    description: command.description(),
    arguments: command.registeredArguments.map(argumentOutline),
    options: help.visibleOptions(command).map(optionOutline),
    commands: below.map((each) => outlineOf(each, path)),
    notes: notesOf(command),
  };
}

/** All commands of a tree, each before those below it. */
export function everyOutline(outline: CommandOutline): CommandOutline[] {
  return [outline, ...outline.commands.flatMap(everyOutline)];
}

function argumentOutline(argument: Argument): ArgumentOutline {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return {
    term: argument.required ? `<${name}>` : `[${name}]`,
    description: argument.description,
    choices: argument.argChoices ?? [],
  };
}

function optionOutline(option: Option): OptionOutline {
  const value: unknown = option.defaultValue;
  const isSaid = value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  return {
    flags: option.flags,
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
    mandatory: option.mandatory,
    byDefault: isSaid ? (option.defaultValueDescription ?? JSON.stringify(value)) : null,
  };
}

/** Commander tells it only by printing help as a whole. */
function notesOf(command: Command): string {
  let printed = '';
  const output = command.configureOutput();
  const own = { ...output };
  command.configureOutput({ writeOut: (text) => (printed += text) });
  command.outputHelp();
  command.configureOutput(own);
  return printed.slice(command.helpInformation().length).trim();
}
