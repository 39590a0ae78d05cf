/** `claviger audit merge`: the logs of several processes as one, each checked before anything of it is passed on. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { Command } from 'commander';
import { endedLinesOf, headPath, parseHead } from '../../evidence/audit-file.ts';
import type { ChainHead } from '../../evidence/log.ts';
import { endsOf, mergedRecords } from '../../evidence/merged-log.ts';
import type { MergedEnd, MergedRecord, MergedSource } from '../../evidence/merged-log.ts';
import { fileError, requireReadable } from '../../storage/files.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';

const EXAMPLES = `
Each log is checked to its end before anything is written. Every record has the name of its log
(NAME=FILE gives it, else it is the path as given); records of one log stay in the order of their
chain, those of several stand by time, so clocks should agree. claviger audit verify --merged
checks every chain in what was merged.

Examples:
  $ claviger audit merge --out merged.jsonl kms-a=a/audit.jsonl kms-b=b/audit.jsonl
  $ claviger audit merge --print a/audit.jsonl b/audit.jsonl`;

interface MergeOptions extends JsonFlag {
  readonly out?: string;
  readonly print?: true;
}

export function auditMergeCommand(): Command {
  return new Command('merge')
    .description('join audit logs of several processes, each verified, by time')
    .argument('<logs...>', 'audit logs; NAME=FILE gives one a name')
    .option('--out <file>', 'write it there, a new file for its owner alone, instead of printing it')
    .option('--print', 'print times, names and events for people, instead of JSON lines')
    .option('--json', 'tell as JSON how far each log goes')
    .addHelpText('after', EXAMPLES)
    .action(merge);
}

/** A line of a record, for people or for scripts. */
export function mergedText(record: MergedRecord, { json }: JsonFlag): string {
  return json === true ? lineOf(record) : textOf(record);
}

/** How far each log goes. */
export function endsText(ends: readonly MergedEnd[], { json }: JsonFlag): string {
  const found = ends.map(({ log, records, hash }) => ({ log, records, unbroken: true, lastHash: hash }));
  if (json === true) return `${JSON.stringify({ logs: found })}\n`;
  return found
    .map(
      ({ log, records, lastHash }) =>
        `${log}: ${records} records, unbroken; last hash ${lastHash ?? 'none'}\n`,
    )
    .join('');
}

/** What is remembered beside a log of its end; `null`: nothing. */
export function headOf(file: string): ChainHead | null {
  return existsSync(headPath(file)) ? parseHead(readFileSync(headPath(file), 'utf8')) : null;
}

function merge(logs: readonly string[], options: MergeOptions): void {
  const sources = sourcesOf(logs);
  const ends = endsOf(sources);
  const records = mergedRecords(sources, ends);
  const form = options.print === true ? textOf : lineOf;
  if (options.out === undefined) for (const record of records) process.stdout.write(form(record));
  else writeNew(options.out, records, form);
  // What is printed may be read on by a program.
  (options.out === undefined ? process.stderr : process.stdout).write(endsText(ends, options));
}

/** Each log once, under a name of its own. */
function sourcesOf(logs: readonly string[]): MergedSource[] {
  const names = new Set<string>();
  const files = new Set<string>();
  return logs.map((text) => {
    const [, name = text, file = text] = /^([\w.-]+)=(.+)$/s.exec(text) ?? [];
    requireReadable(file);
    const real = realpathSync(file);
    if (files.has(real)) throw new CliError('usage', `${file} is given twice`);
    if (names.has(name))
      throw new CliError('usage', `two logs are called ${name}`, 'NAME=FILE gives a name.');
    files.add(real);
    names.add(name);
    // Before the log is read: it may grow meanwhile.
    return { name, lines: () => endedLinesOf(file), known: [headOf(file)] };
  });
}

/** Written to its end, or not there. */
function writeNew(
  file: string,
  records: Iterable<MergedRecord>,
  form: (record: MergedRecord) => string,
): void {
  let to: number;
  try {
    to = openSync(file, 'wx', 0o600);
  } catch (cause) {
    throw fileError(`cannot write ${file}`, cause);
  }
  try {
    for (const record of records) writeSync(to, form(record));
    fsyncSync(to);
  } catch (cause) {
    rmSync(file, { force: true });
    throw cause instanceof Error && 'syscall' in cause ? fileError(`cannot write ${file}`, cause) : cause;
  } finally {
    closeSync(to);
  }
}

function lineOf(record: MergedRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function textOf({ time, log, event }: Pick<MergedRecord, 'time' | 'log' | 'event'>): string {
  return `${time} ${log} ${JSON.stringify(event)}\n`;
}
