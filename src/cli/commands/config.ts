/** `claviger config check`: everything wrong with configurations at once, before anything is started. */
import { counted } from '../../lab/scenarios/checks/check.ts';
import { statSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../../host/runtime.ts';
import type { GivenFile } from '../../lab/check/configurations.ts';
import { CliError } from '../failure.ts';

export function configCommand(): Command {
  return new Command('config')
    .description('configurations of entities')
    .addCommand(
      new Command('check')
        .description('say all that is wrong with configurations, each by itself and all together')
        .argument('<files...>', 'configurations, or the folder of a laboratory; ENTITY=FILE says whose it is')
        .option('--json', 'print it as JSON')
        .addHelpText('after', EXAMPLES)
        .action(check),
    );
}

const EXAMPLES = `
Checked are forms; certificates, keys, names and roles, and what ends within 30 days; ports and state
that two have; and whether each name leads to the one that is meant, who bears it, admits the asker
and knows it: an ADMF's elements, their ADMF, DF and KMS, CSCFs and their gateways and peers, phones,
mailboxes and their subscribers, officers and their ADMF.
Whose a file is is told from its name (kms.json, home1-df.yaml), else from its settings. Nothing is
started, and no connection made. Ends with 1 if there is an error; a warning alone does not count.

Examples:
  $ claviger config check lab
  $ claviger config check kms.json df.yaml admf=home1.json`;

async function check(given: readonly string[], { json }: { readonly json?: true }): Promise<void> {
  const { checkConfigurations } = await import('../../lab/check/check.ts');
  const { KINDS } = await import('../../lab/check/configurations.ts');
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const files: GivenFile[] = [];
  let complete = false;
  for (const text of given) {
    if (statSync(text, { throwIfNoEntry: false })?.isDirectory() === true) {
      const lab = LabFolder.open(text);
      files.push(...lab.entities(), ...lab.phones(), ...lab.people());
      complete = true;
      continue;
    }
    const [, name = '', file = ''] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
    const kind = KINDS.find((each) => each === name);
    files.push(kind === undefined ? { file: text } : { file, kind });
  }
  const report = checkConfigurations(files, complete, systemClock().now());
  const { findings, errors, warnings } = report;
  if (json === true) process.stdout.write(JSON.stringify(report, null, 2) + '\n');
  else {
    for (const { file, severity, text } of findings) process.stdout.write(`${file}: ${severity}: ${text}\n`);
    process.stdout.write(
      `${counted(files.length, 'configuration')}, ${counted(errors, 'error')}, ${counted(warnings, 'warning')}\n`,
    );
  }
  if (errors > 0)
    throw new CliError(
      'failed',
      `${counted(errors, 'error')} in configurations`,
      'docs/configuration.md says what each setting is.',
    );
}
