/** Completion for zsh, made of the tree of commands: a function for a folder of `fpath`, or a script to be sourced. */
import { nextCases, walkingCases } from './completion-cases.ts';
import type { CommandOutline } from './outline.ts';

export function zshCompletion(tree: CommandOutline): string {
  const [program = ''] = tree.path;
  return `#compdef ${program}
# Completion of ${program} in zsh: source this after compinit, or put it as _${program} into a folder of $fpath.
_${program}() {
  local current=\${words[CURRENT]} route= option= word at values= files=
  for ((at = 2; at < CURRENT; at++)); do
    word=\${words[at]}
    if [[ -n $option ]]; then
      option=
      continue
    fi
${walkingCases(tree)}
  done
  if [[ -z $option && $current == --*=* ]]; then
    option="$route \${current%%=*}"
    compset -P '*='
  fi
${nextCases(tree)}
  if [[ -n $files ]]; then _files; else compadd -- \${=values}; fi
}
if [[ \${funcstack[1]-} == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}
