/** Completion for fish, made of the tree of commands: a script to be sourced. */
import { nextWord, routeOf, takingOptions } from './completion-cases.ts';
import { everyOutline } from './outline.ts';
import type { CommandOutline, OptionOutline } from './outline.ts';

export function fishCompletion(tree: CommandOutline): string {
  const all = everyOutline(tree);
  const [program = ''] = tree.path;
  const routes = all.map(routeOf).filter((route) => route !== '');
  return `# Completion of ${program} in fish: source this, or put it as ${program}.fish where fish finds completions.
function __${program}_is_at
    set -l route ''
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch "$route $word"
            case ${takingOptions(tree)
              .flatMap((each) => each.routes)
              .map(quote)
              .join(' ')}
                set is_value yes
            case ${routes.map(quote).join(' ')}
                set route "$route $word"
        end
    end
    test "$route" = "$argv[1]"
end
complete -c ${program} -f
${all.flatMap((outline) => linesOf(outline, program)).join('\n')}
`;
}

function linesOf(outline: CommandOutline, program: string): string[] {
  const at = `complete -c ${program} -n ${quote(`__${program}_is_at ${quote(routeOf(outline))}`)}`;
  const next = nextWord(outline);
  const described = new Map(outline.commands.map(({ path, description }) => [path.at(-1), description]));
  const words = next.kind === 'files' ? [] : next.words.filter((word) => !word.startsWith('-'));
  return [
    ...(next.kind === 'files' ? [`${at} -F`] : []),
    ...words.map((word) => `${at} -a ${quote(word)}${descriptionOf(described.get(word))}`),
    ...outline.options.map((option) => `${at} ${optionText(option)}`),
    `${at} -l help${descriptionOf('explain it')}`,
  ];
}

function optionText({ names, choices, takesValue, description }: OptionOutline): string {
  const said = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices.length > 0 ? [`-x -a ${quote(choices.join(' '))}`] : takesValue ? ['-r -F'] : [];
  return [...said, ...value].join(' ') + descriptionOf(description);
}

function descriptionOf(text: string | undefined): string {
  return text === undefined || text === '' ? '' : ` -d ${quote(text)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
