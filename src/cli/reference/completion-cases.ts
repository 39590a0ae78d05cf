/** What completion in every shell goes by: the words of a command line so far, and what may come next. */
import { everyOutline } from './outline.ts';
import type { CommandOutline, OptionOutline } from './outline.ts';

/** What commands have though no outline lists it. */
const HELP = { command: 'help', options: ['--help'] };

/** What comes next on a command line. */
export type NextWord =
  { readonly kind: 'words'; readonly words: readonly string[] } | { readonly kind: 'files' };

/** An option that takes a value, with each way to say it: ` kms run --config`. */
export interface TakingOption {
  readonly option: OptionOutline;
  readonly routes: readonly string[];
}

/** A command by the words after the program's name, each behind a blank: ` kms run`; of the program itself, nothing. */
export function routeOf({ path }: CommandOutline): string {
  return path
    .slice(1)
    .map((word) => ` ${word}`)
    .join('');
}

export function takingOptions(tree: CommandOutline): TakingOption[] {
  return everyOutline(tree).flatMap((outline) =>
    outline.options
      .filter(({ takesValue }) => takesValue)
      .map((option) => ({ option, routes: option.names.map((name) => `${routeOf(outline)} ${name}`) })),
  );
}

export function optionNames({ options }: CommandOutline): string[] {
  return [...new Set([...options.flatMap(({ names }) => names), ...HELP.options])];
}

/** A command, one of a choice, a file, or only an option. */
export function nextWord(outline: CommandOutline): NextWord {
  const { commands, arguments: args } = outline;
  if (commands.length > 0) {
    const names = commands.map(({ path }) => path.at(-1) ?? '');
    return { kind: 'words', words: [...names, HELP.command] };
  }
  const choices = args.flatMap((argument) => argument.choices);
  if (choices.length > 0) return { kind: 'words', words: choices };
  if (args.length > 0) return { kind: 'files' };
  return { kind: 'words', words: optionNames(outline) };
}

/** The `case` of bash and zsh that goes from word to word, to the command and the option that a value is under way for. */
export function walkingCases(tree: CommandOutline): string {
  const routes = everyOutline(tree)
    .map(routeOf)
    .filter((route) => route !== '');
  return `    case "$route $word" in
${alternatives(takingOptions(tree).flatMap((each) => each.routes))}) option="$route $word" ;;
${alternatives(routes)}) route="$route $word" ;;
    esac`;
}

/** The same for what comes next, as `values` or `files`, by `option`, `current` and `route`. */
export function nextCases(tree: CommandOutline): string {
  const all = everyOutline(tree);
  return `  if [[ -n $option ]]; then
    case "$option" in
${takingOptions(tree).flatMap(choiceLines).join('\n')}
      *) files=yes ;;
    esac
  elif [[ $current == -* ]]; then
    case "$route" in
${all.map((outline) => `      ${quote(routeOf(outline))}) values=${quote(optionNames(outline).join(' '))} ;;`).join('\n')}
    esac
  else
    case "$route" in
${all.map(wordLine).join('\n')}
    esac
  fi`;
}

function alternatives(routes: readonly string[]): string {
  return `      ${routes.map(quote).join(' | ')}`;
}

function choiceLines({ option, routes }: TakingOption): string[] {
  if (option.choices.length === 0) return [];
  return [`${alternatives(routes)}) values=${quote(option.choices.join(' '))} ;;`];
}

function wordLine(outline: CommandOutline): string {
  const next = nextWord(outline);
  const what = next.kind === 'files' ? 'files=yes' : `values=${quote(next.words.join(' '))}`;
  return `      ${quote(routeOf(outline))}) ${what} ;;`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
