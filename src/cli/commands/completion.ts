/** `claviger completion`: what a shell needs to complete command lines. */
import { Argument, Command } from 'commander';
import { bashCompletion } from '../reference/bash-completion.ts';
import { fishCompletion } from '../reference/fish-completion.ts';
import { outlineOf } from '../reference/outline.ts';
import type { CommandOutline } from '../reference/outline.ts';
import { zshCompletion } from '../reference/zsh-completion.ts';

/** What makes the script of a shell. */
const SHELLS: Readonly<Record<string, (tree: CommandOutline) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** @param tree the whole tree of commands */
export function completionCommand(tree: () => Promise<Command>): Command {
  return new Command('completion')
    .description('print a script by which a shell completes commands, options and their values')
    .addArgument(new Argument('<shell>', 'whose').choices(Object.keys(SHELLS)))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: string) => {
      process.stdout.write(SHELLS[shell]?.(outlineOf(await tree())) ?? '');
    });
}

const EXAMPLES = `
The Debian package installs those of bash, zsh and fish.

Examples:
  $ source <(claviger completion bash)
  $ claviger completion bash > ~/.local/share/bash-completion/completions/claviger
  $ claviger completion zsh > ~/.zfunc/_claviger
  $ claviger completion fish > ~/.config/fish/completions/claviger.fish`;
