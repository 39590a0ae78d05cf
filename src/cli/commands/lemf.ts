/** `claviger lemf recover`: audio from what was handed over, from two files alone. */
import { Command } from 'commander';
import type { FileSummary } from '../../entities/lemf/calls.ts';
import type { CallReport, SessionReport } from '../../entities/lemf/recover.ts';
import { CliError } from '../failure.ts';

interface RecoverFlags {
  readonly hi2: string;
  readonly hi3: string;
  readonly out: string;
  readonly partial?: true;
  readonly json?: true;
}

export function lemfRecoverCommand(): Command {
  return new Command('recover')
    .description('decrypt the calls in files of HI2 and HI3 and write them as WAV')
    .requiredOption('--hi2 <file>', 'PS-PDUs received on HI2')
    .requiredOption('--hi3 <file>', 'PS-PDUs received on HI3')
    .requiredOption('--out <folder>', 'where WAV files and recover.json go')
    .option('--partial', 'write what verifies even if another stream of the same call does not')
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
  const { recoverFiles } = await import('../../entities/lemf/start.ts');
  const report = await recoverFiles(
    flags.hi2,
    flags.hi3,
    flags.out,
    flags.partial === true ? { partial: true } : {},
  );
  if (flags.json === true) process.stdout.write(JSON.stringify(report, null, 2) + '\n');
  else {
    for (const call of report.calls) process.stdout.write(describe(call));
    for (const session of report.otherSessions) process.stdout.write(describeOther(session));
  }
  for (const kind of ['hi2', 'hi3'] as const) warnOf(flags[kind], report.files[kind]);
  const withContent = report.calls.filter(({ packets, otherContent }) => packets + otherContent > 0);
  const failed = withContent.filter(({ recovered }) => !recovered).length;
  if (withContent.length === 0)
    throw new CliError(
      'failed',
      'the files hold no call with content',
      'Are they of one LEMF, and the right way round?',
    );
  if (failed > 0) {
    throw new CliError(
      'failed',
      `${failed} of ${withContent.length} calls not recovered`,
      'recover.json has the reasons.',
    );
  }
  const unread = Object.values(report.files).filter(
    ({ undecodable, truncatedOctets, damage }) =>
      undecodable.length > 0 || truncatedOctets > 0 || damage !== null,
  );
  if (unread.length > 0) {
    throw new CliError(
      'failed',
      'not all that was delivered could be read',
      'recover.json says where; a call may lack what stands there.',
    );
  }
}

/** What is wrong with a file, on standard error. */
function warnOf(file: string, { pdus, truncatedOctets, undecodable, damage }: FileSummary): void {
  const faults = [
    ...(undecodable.length > 0 ? [`${undecodable.length} of them cannot be decoded`] : []),
    ...(truncatedOctets > 0 ? [`the last ${truncatedOctets} octets were not read`] : []),
    ...(damage === null ? [] : [damage]),
  ];
  if (faults.length > 0) process.stderr.write(`${file}: ${pdus} PDUs; ${faults.join('; ')}\n`);
}

function describe(call: CallReport): string {
  const streams = call.streams.map((stream) => {
    const file = stream.file ?? `(${stream.reason ?? 'nothing to hear'})`;
    const keys = stream.digits === '' ? '' : `  keys pressed: ${stream.digits}`;
    return `  ${file}  ${stream.seconds.toFixed(2)} s${keys}`;
  });
  const head = `LIID ${call.liid}, CIN ${call.cin}: ${call.from ?? '?'} → ${call.to ?? '?'}, ${call.packets} packets`;
  return [harmless(head), `  ${call.explanation}`, ...streams].join('\n') + '\n';
}

function describeOther({ liid, cin, methods, records }: SessionReport): string {
  return harmless(`LIID ${liid}, CIN ${cin}: no call (${methods.join(', ')}), ${records} records`) + '\n';
}

/** Names come from the SIP of whoever was on the line, and must not speak to the terminal. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}
