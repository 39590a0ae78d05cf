/** `claviger ue`: a phone on the command line, that calls or waits to be called. */
import { messageOf } from '../../bytes/errors.ts';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { readSecretFile } from '../../host/config.ts';
import { pinoLogger } from '../../host/log.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import type { RunningUe } from '../../entities/ue/start.ts';
import { decodeWav, encodeWav } from '../../media/wav.ts';
import type { PhoneCall } from '../../entities/ue/call.ts';
import { writeWhole } from '../../storage/files.ts';
import { CliError } from '../failure.ts';
import { untilTold } from './run.ts';
import type { Logger } from '../../bytes/ports.ts';

interface UeFlags {
  readonly config: string;
  readonly call?: string;
  readonly play?: string;
  readonly record?: string;
}

export function ueCommand(): Command {
  return new Command('ue')
    .description('user equipment: a phone with MIKEY-IBAKE and SRTP')
    .addCommand(
      new Command('run')
        .description('register; call somebody, or answer calls until told to stop')
        .requiredOption('--config <file>', 'JSON configuration (docs/configuration.md)')
        .option('--call <uri>', 'call this SIP URI, play, hang up and end')
        .option('--play <wav>', 'what to play to the other end: 16-bit linear, mono, 8 kHz')
        .option('--record <wav>', 'where what was heard goes')
        .addHelpText('after', EXAMPLES)
        .action(run),
    );
}

const EXAMPLES = `
A phone that waits for calls reads its authorities and revocation lists again on SIGHUP; whoever
they name is cut off. What cannot be read changes nothing, and the log says so.

Examples:
  $ claviger ue run --config bob.json --play bob.wav --record heard.wav
  $ claviger ue run --config alice.json --call sip:bob@home2.example --play alice.wav`;

async function run(flags: UeFlags): Promise<void> {
  const { ueConfig } = await import('../../entities/ue/config.ts');
  const { startUe } = await import('../../entities/ue/start.ts');
  const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('info', 'ue') };
  const samples = flags.play === undefined ? new Int16Array(8000) : readRecording(flags.play);
  const phone = await startUe(ueConfig(readSecretFile(flags.config), flags.config), runtime);
  try {
    await phone.ue.register();
    if (flags.call === undefined) await answerCalls(phone, runtime.logger, samples, flags.record);
    else await talk(await phone.ue.call(flags.call), samples, flags.record, true);
  } finally {
    await phone.stop();
  }
}

async function answerCalls(
  phone: RunningUe,
  logger: Logger,
  samples: Int16Array,
  record: string | undefined,
): Promise<void> {
  phone.ue.onIncoming((call) => {
    talk(call, samples, record, false).catch((error: unknown) => {
      process.stderr.write(`call failed: ${messageOf(error)}\n`);
    });
  });
  process.stdout.write('registered; waiting for calls (Ctrl-C ends)\n');
  await untilTold(logger, () => Promise.resolve().then(() => phone.reload()));
}

/** Plays to the end; the caller hangs up, the callee waits for it. */
async function talk(
  call: PhoneCall,
  samples: Int16Array,
  record: string | undefined,
  hangUp: boolean,
): Promise<void> {
  await call.established.catch((cause: unknown) => {
    throw new CliError('failed', 'the call was not established', 'Is the other end registered?', { cause });
  });
  process.stdout.write(`call with ${call.peer ?? 'unknown'}, read aloud: ${call.sas ?? 'none'}\n`);
  await call.play(samples);
  if (hangUp) await call.hangUp();
  await call.ended;
  const heard = call.heard();
  if (record !== undefined) writeWhole(record, encodeWav(heard));
  process.stdout.write(`call ended, ${(heard.length / 8000).toFixed(2)} s heard\n`);
}

function readRecording(file: string): Int16Array {
  return decodeWav(new Uint8Array(readFileSync(file)));
}
