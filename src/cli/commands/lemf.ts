/** `claviger lemf recover`: audio from what was handed over, from two files alone. */
import { Command } from 'commander';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { NoticeReport } from '../../entities/lemf/notices.ts';
import type { CallReport, SessionReport } from '../../entities/lemf/recover.ts';
import type { FileSummary } from '../../entities/lemf/scan.ts';
import type { ResultListener } from '../../entities/lemf/store/recovery.ts';
import { readConfigFile } from '../../host/config.ts';
import { systemClock } from '../../host/runtime.ts';
import { CliError } from '../failure.ts';
import { harmless } from '../terminal.ts';

interface RecoverFlags {
  readonly hi2: string;
  readonly hi3: string;
  readonly out: string;
  readonly partial?: true;
  readonly xk?: string;
  readonly json?: true;
}

export function lemfRecoverCommand(): Command {
  return new Command('recover')
    .description('decrypt the calls in files of HI2 and HI3 and write them as WAV')
    .requiredOption('--hi2 <file>', 'PS-PDUs received on HI2')
    .requiredOption('--hi3 <file>', 'PS-PDUs received on HI3')
    .requiredOption('--out <folder>', 'where WAV files and recover.json go')
    .option('--partial', 'write what verifies even if another stream of the same call does not')
    .option('--xk <config>', 'ask the KMS for keys that did not come, as this configuration of the LEMF says')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(recoverCalls);
}

const EXAMPLES = `
Ends with 0 if every packet of every call was decoded, save those that nobody of the
call sent, and both files could be read to their ends, with 1 otherwise; recover.json
says why.

Example:
  $ claviger lemf recover --hi2 demo-out/home1/hi2.ber --hi3 demo-out/home1/hi3.ber --out audio`;

async function recoverCalls(flags: RecoverFlags): Promise<void> {
  const { recoverEach, RECOVERY_REPORT } = await import('../../entities/lemf/store/recovery.ts');
  const { json = false, partial = false } = flags;
  if (flags.xk !== undefined) await askForKeys(flags, flags.xk);
  let [withContent, failed] = [0, 0];
  const files = recoverEach(flags, flags.out, { partial }, (result) => {
    if (!json) process.stdout.write(describeResult(result));
    if (result.kind !== 'call') return;
    const { report } = result;
    if (report.packets + report.otherContent === 0) return;
    withContent++;
    if (!report.recovered) failed++;
  });
  if (json) {
    await pipeline(createReadStream(path.join(flags.out, RECOVERY_REPORT)), process.stdout, { end: false });
  }
  for (const kind of ['hi2', 'hi3'] as const) warnOf(flags[kind], files[kind]);
  if (withContent === 0)
    throw new CliError(
      'failed',
      'the files hold no call with content',
      'Are they of one LEMF, and the right way round?',
    );
  if (failed > 0) {
    throw new CliError(
      'failed',
      `${failed} of ${withContent} calls not recovered`,
      'recover.json has the reasons.',
    );
  }
  const unread = Object.values(files).filter(
    ({ undecodableInAll, truncatedOctets, damage }) =>
      undecodableInAll > 0 || truncatedOctets > 0 || damage !== null,
  );
  if (unread.length > 0) {
    throw new CliError(
      'failed',
      'not all that was delivered could be read',
      'recover.json says where; a call may lack what stands there.',
    );
  }
}

/** Asks for keys, which recovery finds beside the file of HI2; what came of it goes to standard error. */
async function askForKeys({ hi2, hi3, out }: RecoverFlags, file: string): Promise<void> {
  const { lemfConfig } = await import('../../entities/lemf/config.ts');
  const { askForFiles } = await import('../../entities/lemf/start-file-recovery.ts');
  const tell = (about: object, text: string): void =>
    void process.stderr.write(`${harmless(`${text} ${JSON.stringify(about)}`)}\n`);
  const logger = { debug: () => undefined, info: () => undefined, warn: tell, error: tell };
  const config = lemfConfig(readConfigFile(file), file);
  const counts = await askForFiles(
    config,
    { paths: { hi2, hi3 }, folder: out },
    { clock: systemClock(), logger },
  );
  if (counts === null)
    throw new CliError('usage', `${file} does not say which KMS to ask`, 'Its setting `xk` says it.');
  const { answered, refused, later } = counts;
  process.stderr.write(
    `KMS: ${answered} answered, ${refused} refused for good, ${later} without answer for now\n`,
  );
}

/** What is wrong with a file, on standard error. */
function warnOf(file: string, { pdus, truncatedOctets, undecodableInAll, damage }: FileSummary): void {
  const faults = [
    ...(undecodableInAll > 0 ? [`${undecodableInAll} of them cannot be decoded`] : []),
    ...(truncatedOctets > 0 ? [`the last ${truncatedOctets} octets were not read`] : []),
    ...(damage === null ? [] : [damage]),
  ];
  if (faults.length > 0) process.stderr.write(`${file}: ${pdus} PDUs; ${faults.join('; ')}\n`);
}

function describeResult(result: Parameters<ResultListener>[0]): string {
  if (result.kind === 'notice') return describeNotice(result.report);
  return result.kind === 'call' ? describe(result.report) : describeOther(result.report);
}

function describe(call: CallReport): string {
  const streams = call.streams.map((stream) => {
    const file = stream.file ?? `(${stream.reason ?? 'nothing to hear'})`;
    const keys = stream.digits === '' ? '' : `  keys pressed: ${stream.digits}`;
    const further = stream.furtherFiles.map((each) => `, ${each.file}`).join('');
    const rtp = stream.rtp === null ? '' : `, ${stream.rtp.file}`;
    return `  ${file}${further}${rtp}  ${stream.seconds.toFixed(2)} s${keys}`;
  });
  const head = `LIID ${call.liid}, CIN ${call.cin}: ${call.from ?? '?'} → ${call.to ?? '?'}, ${call.packets} packets`;
  return [harmless(head), `  ${call.explanation}`, ...streams].join('\n') + '\n';
}

function describeOther({ liid, cin, methods, records }: SessionReport): string {
  return harmless(`LIID ${liid}, CIN ${cin}: no call (${methods.join(', ')}), ${records} records`) + '\n';
}

function describeNotice({ liid, operation, time, text }: NoticeReport): string {
  const what =
    operation === 'alarm' ? `alarm: ${text ?? ''}` : `${operation}${text === null ? '' : ` (${text})`}`;
  return harmless(`LIID ${liid}: ${what}, ${time ?? 'at no time'}`) + '\n';
}
