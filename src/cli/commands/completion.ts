/** `claviger completion`: what a shell needs to complete command lines. */
import { Argument, Command } from 'commander';
import { bashCompletion } from '../reference/bash-completion.ts';
import { outlineOf } from '../reference/outline.ts';

/** @param tree the whole tree of commands */
export function completionCommand(tree: () => Promise<Command>): Command {
  return new Command('completion')
    .description('print a script by which a shell completes commands, options and their values')
    .addArgument(new Argument('<shell>', 'whose').choices(['bash']))
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      process.stdout.write(bashCompletion(outlineOf(await tree())));
    });
}

const EXAMPLES = `
The Debian package installs it.

Examples:
  $ source <(claviger completion bash)
  $ claviger completion bash > ~/.local/share/bash-completion/completions/claviger`;
