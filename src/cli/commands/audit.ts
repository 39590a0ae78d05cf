/** `claviger audit`: whether an audit log is the unbroken chain that it claims to be, and what to do if it is not. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { headPath, linesOf, parseHead } from '../../evidence/audit-file.ts';
import { EvidenceError, verifyChain } from '../../evidence/log.ts';
import type { ChainHead } from '../../evidence/log.ts';
import { systemClock } from '../../host/runtime.ts';
import { lockState } from '../../storage/lock.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export function auditCommand(): Command {
  return new Command('audit')
    .description('the tamper-evident audit log')
    .addCommand(
      new Command('verify')
        .description('check the hash chain of an audit log and print its last hash')
        .argument('<file>', 'audit log; - for standard input')
        .option('--print', 'print every record')
        .addHelpText('after', '\nExample:\n  $ claviger audit verify kms1/audit.jsonl')
        .action(verify),
    )
    .addCommand(
      new Command('repair')
        .description(
          'cut an audit log before the first record that does not continue the chain, and say what is cut',
        )
        .argument('<file>', 'audit log of an entity that is not running')
        .addHelpText(
          'after',
          '\nWhat is cut goes to FILE.cut.\n\nExample:\n  $ claviger audit repair kms1/audit.jsonl',
        )
        .action(repair),
    );
}

function verify(file: string, options: { print?: true }): void {
  let count = 0;
  let last = 'none';
  for (const record of verifyChain(linesIn(file), headOf(file))) {
    if (options.print === true) process.stdout.write(`${record.time} ${JSON.stringify(record.event)}\n`);
    last = record.hash;
    count++;
  }
  process.stdout.write(`${count} records, unbroken; last hash ${last}\n`);
}

function repair(file: string): void {
  if (!existsSync(file)) throw new CliError('input', `cannot read ${file}: there is no such file`);
  // As whoever writes it would: beside the file, or for the folder that is all its own.
  const folder = path.dirname(file);
  const folders = existsSync(path.join(folder, 'lock.db')) ? [folder] : [];
  const held = lockState({ entity: 'audit-repair', files: [file], folders }, systemClock().now());
  try {
    repairAlone(file);
  } finally {
    rmSync(`${file}.new`, { force: true });
    held.release();
  }
}

function repairAlone(file: string): void {
  const head = headOf(file);
  const lines = linesOf(file);
  const current: string[] = [];
  const watched = function* (): Generator<string> {
    for (let next = lines.next(); next.done !== true; next = lines.next()) {
      current[0] = next.value;
      yield next.value;
    }
    current.length = 0;
  };
  const kept = openSync(`${file}.new`, 'w', 0o600);
  let good: ChainHead | null = null;
  let why: string | null = null;
  try {
    for (const { sequence, hash } of verifyChain(watched())) {
      writeFileSync(kept, `${current[0] ?? ''}\n`);
      good = { sequence, hash };
    }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    why = error.message;
  }
  fsyncSync(kept);
  closeSync(kept);
  const cut = why === null ? 0 : setAside(file, current, lines);
  renameSync(`${file}.new`, file);
  if (good === null) rmSync(headPath(file), { force: true });
  else writeFileSync(headPath(file), `${JSON.stringify(good)}\n`, { mode: 0o600 });
  process.stdout.write(`${(good?.sequence ?? -1) + 1} records kept; last hash ${good?.hash ?? 'none'}\n`);
  if (why !== null) process.stdout.write(`${why}: ${cut} lines cut, now in ${file}.cut\n`);
  const known = head?.sequence ?? -1;
  const last = good?.sequence ?? -1;
  if (known > last) {
    process.stdout.write(
      `records ${last + 1} to ${known} were written once and are not in the log any more\n`,
    );
  }
}

/** The line that is wrong and all after it. */
function setAside(file: string, current: readonly string[], rest: Iterable<string>): number {
  const descriptor = openSync(`${file}.cut`, 'a', 0o600);
  let count = 0;
  for (const line of current) {
    writeFileSync(descriptor, `${line}\n`);
    count++;
  }
  for (const line of rest) {
    writeFileSync(descriptor, `${line}\n`);
    count++;
  }
  closeSync(descriptor);
  return count;
}

/** Standard input is read whole, a file as far as it is needed. */
function linesIn(file: string): Iterable<string> {
  if (file !== '-' && existsSync(file)) return linesOf(file);
  const text = Buffer.from(readInput(file)).toString('utf8');
  return text.split('\n').filter((line) => line !== '');
}

function headOf(file: string): ChainHead | null {
  return existsSync(headPath(file)) ? parseHead(readFileSync(headPath(file), 'utf8')) : null;
}
