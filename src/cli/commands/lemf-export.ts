/** `claviger lemf export`: each call in a folder, for people and for other programs. */
import { Command } from 'commander';
import type { CallReport } from '../../entities/lemf/recover.ts';
import { harmless } from '../terminal.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';

interface ExportFlags extends JsonFlag {
  readonly hi2: string;
  readonly hi3: string;
  readonly out: string;
  readonly partial?: boolean;
  readonly revealKeys?: boolean;
}

export function lemfExportCommand(): Command {
  return new Command('export')
    .description('write each call in files of HI2 and HI3 as audio, capture, ladder and table')
    .requiredOption('--hi2 <file>', 'PS-PDUs received on HI2')
    .requiredOption('--hi3 <file>', 'PS-PDUs received on HI3')
    .requiredOption('--out <folder>', 'where the folders of the calls go, the WAV files and recover.json')
    .option('--partial', 'export what verifies even if another stream of the same call does not')
    .option('--reveal-keys', 'also write the keys that opened packets, as keys.txt of each call')
    .option('--json', 'print what was exported as JSON, a call a line')
    .addHelpText('after', EXAMPLES)
    .action(exportCalls);
}

const EXAMPLES = `
The folder of a call has
  call.pcapng   SIP, and RTP in the clear, which Wireshark plays; the records do not say where
                SIP went: it is between 192.0.2.1 (the target) and 192.0.2.2
  ladder.txt    who said what to whom, with MIKEY messages and keys at their place; ladder.svg
  records.csv   the records of HI2, one a row
  mixed.wav     all directions in one; the WAV of each direction stands beside the folder
  waveform.svg  each direction drawn over the time of the call, with keys and gaps marked;
                spectrogram.svg
  keys.txt      with --reveal-keys: each key that opened packets, as a line a=crypto (RFC 4568)
A call that is withheld has no RTP, no audio and no keys. Ends with 0 if every call was recovered.

Example:
  $ claviger lemf export --hi2 demo-out/home1/hi2.ber --hi3 demo-out/home1/hi3.ber --out calls`;

async function exportCalls(flags: ExportFlags): Promise<void> {
  const { hi2, hi3, out, partial = false, revealKeys } = flags;
  const { recoverEach } = await import('../../entities/lemf/store/recovery.ts');
  const { CallExport } = await import('../workbench/call-export.ts');
  let [calls, failed] = [0, 0];
  const told = (folder: string, report: CallReport): void => {
    calls++;
    if (!report.recovered) failed++;
    const { liid, cin, from, to, packets, recovered, explanation } = report;
    const head = `${folder}: LIID ${liid}, CIN ${cin}: ${from ?? '?'} → ${to ?? '?'}, ${packets} packets`;
    process.stdout.write(
      flags.json === true
        ? `${harmless(JSON.stringify({ folder, liid, cin, from, to, packets, recovered, explanation }))}\n`
        : `${harmless(head)}\n  ${harmless(explanation)}\n`,
    );
  };
  const observer = new CallExport(out, told, revealKeys === true);
  try {
    recoverEach({ hi2, hi3 }, out, { partial, observer }, () => undefined);
  } finally {
    observer.close();
  }
  if (calls === 0)
    throw new CliError('failed', 'the files hold no call', 'Are they of one LEMF, and the right way round?');
  if (failed > 0)
    throw new CliError(
      'failed',
      `${failed} of ${calls} calls not recovered`,
      'recover.json has the reasons.',
    );
}
