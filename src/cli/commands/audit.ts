/** `claviger audit`: whether an audit log is the unbroken chain that it claims to be, and what to do if it is not. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { endedLinesOf, endsWithinLine, headPath, linesOf } from '../../evidence/audit-file.ts';
import { verifyMerged } from '../../evidence/merged-log.ts';
import type { MergedRecord } from '../../evidence/merged-log.ts';
import { EvidenceError, nextRecord, verifyChain } from '../../evidence/log.ts';
import type { AuditEvent, AuditRecord, ChainHead } from '../../evidence/log.ts';
import { systemClock } from '../../host/runtime.ts';
import { requireReadable } from '../../storage/files.ts';
import { lockState } from '../../storage/lock.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';
import { rememberedEnd } from './audit-memory.ts';
import type { RememberedEnd } from './audit-memory.ts';
import { auditMergeCommand, endsText, headOf, mergedText } from './audit-merge.ts';

const STORE =
  'the store that remembers the log: of the ADMF, of an element’s tasks, a LEMF’s warrants.db, or the configuration that names the database';

export function auditCommand(): Command {
  return new Command('audit')
    .description('the tamper-evident audit log')
    .addCommand(
      new Command('verify')
        .description('check the hash chain of an audit log and print its last hash')
        .argument('<file>', 'audit log; - for standard input')
        .option('--print', 'print every record')
        .option('--store <file>', STORE)
        .option('--merged', 'the file is of audit merge: check each of the logs in it')
        .option('--json', 'print JSON, one object a line: with --print each record, and what was found')
        .addHelpText('after', '\nExample:\n  $ claviger audit verify kms1/audit.jsonl')
        .action(verify),
    )
    .addCommand(auditMergeCommand())
    .addCommand(
      new Command('repair')
        .description(
          'cut an audit log before the first record that does not continue the chain, and say what is cut',
        )
        .argument('<file>', 'audit log of an entity that is not running')
        .option('--store <file>', STORE)
        .option('--begin-anew', 'if nothing is left of the log: begin one that says what is gone')
        .option('--json', 'print what was found and done as JSON')
        .addHelpText(
          'after',
          '\nWhat is cut goes to FILE.cut; the log has a record of it, and the store remembers the log as it then is.\n\nExample:\n  $ claviger audit repair --store kms1/tasks.db kms1/audit.jsonl',
        )
        .action(repair),
    );
}

interface VerifyOptions extends JsonFlag {
  readonly print?: true;
  readonly merged?: true;
  readonly store?: string;
}

interface RepairOptions extends JsonFlag {
  readonly store?: string;
  readonly beginAnew?: true;
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  if (options.merged === true) {
    if (options.store !== undefined)
      throw new CliError('usage', '--store is of one log, --merged of several');
    const print = (record: MergedRecord): void => {
      if (options.print === true) process.stdout.write(mergedText(record, options));
    };
    process.stdout.write(endsText(verifyMerged(linesIn(file), print), options));
    return;
  }
  // Before the log is read: it may grow meanwhile.
  const known = [headOf(file), await storedHeadOf(options.store)];
  // Of a log that was removed its end is known, and that is what is wrong: not that there is no such file.
  const isGone = known.some((head) => head !== null) && !existsSync(file);
  const lines = isGone ? [] : linesIn(file);
  const unfinishedLine = file !== '-' && !isGone && endsWithinLine(file);
  let count = 0;
  let last = 'none';
  for (const record of verifyChain(unfinishedLine ? endedLinesOf(file) : lines, ...known)) {
    if (options.print === true) process.stdout.write(`${printed(record, options)}\n`);
    last = record.hash;
    count++;
  }
  const found = { records: count, unbroken: true, lastHash: count === 0 ? null : last, unfinishedLine };
  const more = unfinishedLine ? UNFINISHED : '';
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(found)}\n`
      : `${count} records, unbroken; last hash ${last}\n${more}`,
  );
}

const UNFINISHED =
  'the last line has no end: it was never acknowledged, and goes when the entity is started\n';

function printed(record: AuditRecord, { json }: JsonFlag): string {
  return json === true ? JSON.stringify(record) : `${record.time} ${JSON.stringify(record.event)}`;
}

async function repair(file: string, options: RepairOptions): Promise<void> {
  const { store } = options;
  if (existsSync(file) || (!existsSync(headPath(file)) && store === undefined)) requireReadable(file);
  // As whoever writes it would: beside the file, or for the folder that is all its own.
  const folder = path.dirname(file);
  const folders = existsSync(path.join(folder, 'lock.db')) ? [folder] : [];
  const memory = store === undefined ? null : await rememberedEnd(store, true);
  try {
    const files = store === undefined || memory?.isFile === false ? [file] : [file, store];
    const held = lockState({ entity: 'audit-repair', files, folders }, systemClock().now());
    try {
      await repairAlone(file, options, memory);
    } finally {
      rmSync(`${file}.new`, { force: true });
      held.release();
    }
  } finally {
    await memory?.close();
  }
}

async function repairAlone(
  file: string,
  options: RepairOptions,
  memory: RememberedEnd | null,
): Promise<void> {
  const { store, beginAnew } = options;
  const stored = memory === null ? null : await memory.load();
  const known = [headOf(file), stored].filter((head) => head !== null);
  const lines = existsSync(file) ? linesOf(file) : [].values();
  const kept = openSync(`${file}.new`, 'w', 0o600);
  const { good, held, current, why } = keepGood(lines, kept, known);
  const missing = known.filter((head) => !held.has(head)).sort((a, b) => b.sequence - a.sequence);
  if (good === null && (why !== null || missing.length > 0) && beginAnew !== true) {
    const last =
      missing[0] === undefined ? (why ?? '') : `record ${missing[0].sequence} is known to have been written`;
    const hint = `Put back a copy; or begin anew, with what is gone on record: claviger audit repair --begin-anew --store ${store ?? 'STORE'} ${file}`;
    throw new CliError('input', `nothing is left of the audit log ${file}: ${last}`, hint);
  }
  const cut = why === null ? 0 : setAside(file, current, lines);
  let head = good;
  if (cut > 0 || missing.length > 0) {
    const record = nextRecord(good, systemClock().now(), repairEvent(good, missing, cut, why));
    writeFileSync(kept, `${JSON.stringify(record)}\n`);
    head = { sequence: record.sequence, hash: record.hash };
  }
  fsyncSync(kept);
  closeSync(kept);
  renameSync(`${file}.new`, file);
  if (head === null) rmSync(headPath(file), { force: true });
  else await rememberHead(file, memory, head);
  const recordedAs = head !== null && head !== good ? head.sequence : null;
  const told = [
    `${(good?.sequence ?? -1) + 1} records kept; last hash ${good?.hash ?? 'none'}`,
    why === null ? null : `${why}: ${cut} lines cut, now in ${file}.cut`,
    missing[0] === undefined ? null : missingText(missing[0], good),
    recordedAs === null ? null : `on record as record ${recordedAs} of the log`,
    store === undefined
      ? 'what the store of the entity remembers of it was not looked at: --store STORE'
      : null,
  ].filter((line) => line !== null);
  const done = {
    ...{ recordsKept: (good?.sequence ?? -1) + 1, lastHash: good?.hash ?? null, why, linesCut: cut },
    ...{ cutTo: cut > 0 ? `${file}.cut` : null, missing: missing[0] ?? null, recordedAs },
  };
  tellDone(done, `${told.join('\n')}\n`, options);
}

interface GoodPart {
  /** The last record of it. */
  readonly good: ChainHead | null;
  /** Which of those that are known are in it. */
  readonly held: ReadonlySet<ChainHead>;
  /** The line that is wrong, if one is. */
  readonly current: readonly string[];
  readonly why: string | null;
}

/** Copies what continues the chain. */
function keepGood(lines: Iterator<string>, to: number, known: readonly ChainHead[]): GoodPart {
  const current: string[] = [];
  const watched = function* (): Generator<string> {
    for (let next = lines.next(); next.done !== true; next = lines.next()) {
      current[0] = next.value;
      yield next.value;
    }
    current.length = 0;
  };
  const held = new Set<ChainHead>();
  let good: ChainHead | null = null;
  try {
    for (const { sequence, hash } of verifyChain(watched())) {
      writeFileSync(to, `${current[0] ?? ''}\n`);
      good = { sequence, hash };
      for (const head of known) if (head.sequence === sequence && head.hash === hash) held.add(head);
    }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { good, held, current, why: error.message };
  }
  return { good, held, current, why: null };
}

/** What the log itself says of its repair: nobody begins anew without that. */
function repairEvent(
  good: ChainHead | null,
  [missing]: readonly ChainHead[],
  cut: number,
  why: string | null,
): AuditEvent {
  return {
    kind: good === null ? 'audit-log-begun-anew' : 'audit-log-repaired',
    linesCut: cut,
    reason: why,
    missingSequence: missing?.sequence ?? null,
    missingHash: missing?.hash ?? null,
  };
}

/** @param missing the last record that is known and not in the log */
function missingText(missing: ChainHead, good: ChainHead | null): string {
  const last = good?.sequence ?? -1;
  return missing.sequence > last
    ? `records ${last + 1} to ${missing.sequence} were written once and are not in the log any more`
    : `record ${missing.sequence} is not the one that was written: the log is not to be trusted`;
}

async function rememberHead(file: string, memory: RememberedEnd | null, head: ChainHead): Promise<void> {
  writeFileSync(headPath(file), `${JSON.stringify(head)}\n`, { mode: 0o600 });
  await memory?.save(head);
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
  // Before the log without them takes its place.
  fsyncSync(descriptor);
  closeSync(descriptor);
  return count;
}

/** Standard input is read whole, a file as far as it is needed. */
function linesIn(file: string): Iterable<string> {
  if (file !== '-' && existsSync(file)) {
    requireReadable(file);
    return linesOf(file);
  }
  const text = Buffer.from(readInput(file)).toString('utf8');
  return text.split('\n').filter((line) => line !== '');
}

async function storedHeadOf(store: string | undefined): Promise<ChainHead | null> {
  if (store === undefined) return null;
  const memory = await rememberedEnd(store, false);
  try {
    return await memory.load();
  } finally {
    await memory.close();
  }
}
