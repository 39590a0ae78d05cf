/** Completion for bash, made of the tree of commands: a script to be sourced. */
import { nextCases, walkingCases } from './completion-cases.ts';
import type { CommandOutline } from './outline.ts';

export function bashCompletion(tree: CommandOutline): string {
  const [program = ''] = tree.path;
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
${walkingCases(tree)}
  done
  [[ $current != '=' ]] || current=
${nextCases(tree)}
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
