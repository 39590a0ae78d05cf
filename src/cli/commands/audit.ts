/** `claviger audit verify`: whether an audit log is the unbroken chain that it claims to be. */
import { Command } from 'commander';
import { verifyChain } from '../../evidence/log.ts';
import { readInput } from '../input.ts';

export function auditCommand(): Command {
  return new Command('audit').description('the tamper-evident audit log').addCommand(
    new Command('verify')
      .description('check the hash chain of an audit log and print its last hash')
      .argument('<file>', 'audit log; - for standard input')
      .option('--print', 'print every record')
      .addHelpText('after', '\nExample:\n  $ claviger audit verify kms1/audit.jsonl')
      .action((file: string, options: { print?: true }) => {
        const lines = Buffer.from(readInput(file))
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== '');
        let last = 'none';
        for (const record of verifyChain(lines)) {
          if (options.print === true)
            process.stdout.write(`${record.time} ${JSON.stringify(record.event)}\n`);
          last = record.hash;
        }
        process.stdout.write(`${lines.length} records, unbroken; last hash ${last}\n`);
      }),
  );
}
