/** Completion for bash, made of the tree of commands: a script to be sourced. */
import { everyOutline } from './outline.ts';
import type { CommandOutline, OptionOutline } from './outline.ts';

/** What commands have though no outline lists it. */
const HELP = { command: 'help', options: ['--help'] };

/** A command by the words after the program's name, each behind a blank: ` kms run`; of the program itself, nothing. */
function routeOf({ path }: CommandOutline): string {
  return path
    .slice(1)
    .map((word) => ` ${word}`)
    .join('');
}

export function bashCompletion(tree: CommandOutline): string {
  const all = everyOutline(tree);
  const [program = ''] = tree.path;
  const taking = all.flatMap((outline) =>
    outline.options
      .filter(({ takesValue }) => takesValue)
      .map((option) => ({ option, routes: option.names.map((name) => `${routeOf(outline)} ${name}`) })),
  );
  return `# Completion of ${program} in bash: source this, or put it where bash-completion finds it.
_${program}() {
  local current=\${COMP_WORDS[COMP_CWORD]} route= option= word at values= files=
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ -n $option ]]; then
      [[ $word == '=' ]] || option=
      continue
    fi
    case "$route $word" in
${alternatives(taking.flatMap(({ routes }) => routes))}) option="$route $word" ;;
${alternatives(all.map(routeOf).filter((route) => route !== ''))}) route="$route $word" ;;
    esac
  done
  [[ $current != '=' ]] || current=
  if [[ -n $option ]]; then
    case "$option" in
${taking.flatMap(choiceLines).join('\n')}
      *) files=yes ;;
    esac
  elif [[ $current == -* ]]; then
    case "$route" in
${all.map((outline) => `      ${quote(routeOf(outline))}) values=${quote(optionsOf(outline).join(' '))} ;;`).join('\n')}
    esac
  else
    case "$route" in
${all.map(wordLine).join('\n')}
    esac
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  fi
}
complete -F _${program} ${program}
`;
}

function alternatives(routes: readonly string[]): string {
  return `      ${routes.map(quote).join(' | ')}`;
}

function choiceLines({
  option,
  routes,
}: {
  readonly option: OptionOutline;
  readonly routes: string[];
}): string[] {
  if (option.choices.length === 0) return [];
  return [`${alternatives(routes)}) values=${quote(option.choices.join(' '))} ;;`];
}

function optionsOf({ options }: CommandOutline): string[] {
  return [...new Set([...options.flatMap(({ names }) => names), ...HELP.options])];
}

/** What comes next: a command, one of a choice, a file, or only an option. */
function wordLine(outline: CommandOutline): string {
  const route = quote(routeOf(outline));
  const { commands, arguments: args } = outline;
  if (commands.length > 0) {
    const names = [...commands.map(({ path }) => path.at(-1) ?? ''), HELP.command];
    return `      ${route}) values=${quote(names.join(' '))} ;;`;
  }
  const choices = args.flatMap((argument) => argument.choices);
  if (choices.length > 0) return `      ${route}) values=${quote(choices.join(' '))} ;;`;
  if (args.length > 0) return `      ${route}) files=yes ;;`;
  return `      ${route}) values=${quote(optionsOf(outline).join(' '))} ;;`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
