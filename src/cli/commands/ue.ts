/** `claviger ue`: a phone on the command line, that calls or waits to be called. */
import { messageOf } from '../../bytes/errors.ts';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readSecretFile } from '../../host/config.ts';
import { pinoLogger } from '../../host/log.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { videoPattern } from '../../endpoint/video-stream.ts';
import type { RunningUe } from '../../entities/ue/start.ts';
import type { UserEquipment } from '../../entities/ue/user-equipment.ts';
import { decodeWav, encodeWav } from '../../media/wav.ts';
import type { PhoneCall } from '../../entities/ue/call.ts';
import { readWhole, writeWhole } from '../../storage/files.ts';
import { CliError } from '../failure.ts';
import { untilTold } from './run.ts';
import { COMMAND_WORDS, obey } from './ue-commands.ts';
import type { Logger } from '../../bytes/ports.ts';

interface UeFlags {
  readonly config: string;
  readonly call?: string;
  readonly play?: string;
  readonly record?: string;
  readonly playVideo?: string;
  readonly recordVideo?: string;
  readonly press?: string;
  readonly audio?: true;
  readonly offerless?: true;
  readonly commands?: true;
}

/** What is done in each call. */
interface Doing {
  readonly ue: UserEquipment;
  readonly samples: Int16Array;
  readonly record: string | undefined;
  /** `null`: a pattern of its own, as long as the recording. */
  readonly video: Uint8Array | null;
  readonly recordVideo: string | undefined;
  readonly press: string | undefined;
  readonly commands: boolean;
}

/** Octets of the pattern that is shown in a second. */
const PATTERN_RATE = 50_000;

export function ueCommand(): Command {
  return new Command('ue')
    .description('user equipment: a phone with MIKEY-IBAKE and SRTP')
    .addCommand(
      new Command('run')
        .description('register; call somebody, or answer calls until told to stop')
        .requiredOption('--config <file>', 'JSON configuration (docs/configuration.md)')
        .option('--call <uri>', 'call this SIP URI or number, play, hang up and end')
        .option('--play <wav>', 'what to play to the other end: 16-bit linear, mono, 8 kHz')
        .option('--record <wav>', 'where what was heard goes')
        .option('--play-video <file>', 'what to show where there is video: any octets (default: a pattern)')
        .option('--record-video <file>', 'where the payloads of what was shown go, one after the other')
        .option('--press <keys>', 'keys to press when the call is up: 0 to 9, *, #, A to D', pressable)
        .option('--audio', 'with --call: begin without video, which the line "video" may add')
        .option(
          '--offerless',
          'with --call: let whoever is called offer the media and begin the key exchange',
        )
        .option('--commands', `do in the call what lines on standard input say: ${COMMAND_WORDS}`)
        .addHelpText('after', EXAMPLES)
        .action(run),
    );
}

const EXAMPLES = `
A phone that waits for calls reads its authorities and revocation lists again on SIGHUP; whoever
they name is cut off. What cannot be read changes nothing, and the log says so.

Examples:
  $ claviger ue run --config bob.json --play bob.wav --record heard.wav
  $ claviger ue run --config alice.json --call sip:bob@home2.example --play alice.wav
  $ claviger ue run --config alice.json --call tel:+15552001
  $ claviger ue run --config alice.json --call sip:bob@home2.example --press '1234#'
  $ claviger ue run --config alice.json --call sip:bob@home2.example --play-video in.bin --record-video out.bin
  $ printf 'rekey\\nhold\\nresume\\n' |
      claviger ue run --config alice.json --call sip:bob@home2.example --commands
  $ echo 'transfer sip:carol@home2.example' |
      claviger ue run --config alice.json --call sip:bob@home2.example --commands
  $ printf 'consult sip:carol@home2.example\\ncomplete\\n' |
      claviger ue run --config alice.json --call sip:bob@home2.example --commands

"transfer" has the other end call somebody instead (blind transfer); "consult" holds it and calls
somebody, then "complete" has the two speak with each other (attended transfer), or "back" hangs up on
who was consulted. The line that answers says what became of it; a transfer that fails leaves the call
as it was. A phone that is transferred calls, plays and records anew: heard.wav, then heard-2.wav.

Suite, PRF, curve, video and RTCP are settings: "suite", "prf", "curve", "video", "rtcp"; "rekey" says
when keys are replaced by themselves.`;

/** @throws InvalidArgumentError */
function pressable(keys: string): string {
  if (/^[0-9*#A-Da-d]{1,64}$/.test(keys)) return keys;
  throw new InvalidArgumentError('1 to 64 keys: 0 to 9, *, #, A to D');
}

async function run(flags: UeFlags): Promise<void> {
  const { ueConfig } = await import('../../entities/ue/config.ts');
  const { startUe } = await import('../../entities/ue/start.ts');
  if (flags.call === undefined && (flags.offerless === true || flags.audio === true))
    throw new CliError('usage', '--offerless and --audio go with --call');
  if (flags.offerless === true && flags.audio === true)
    throw new CliError('usage', '--audio says what is offered, and with --offerless the other end offers');
  const runtime = { clock: systemClock(), random: systemRandom(), logger: pinoLogger('info', 'ue') };
  const told: Omit<Doing, 'ue'> = {
    samples: flags.play === undefined ? new Int16Array(8000) : readRecording(flags.play),
    record: flags.record,
    video: flags.playVideo === undefined ? null : readOctets(flags.playVideo),
    recordVideo: flags.recordVideo,
    press: flags.press,
    commands: flags.commands === true,
  };
  const phone = await startUe(ueConfig(readSecretFile(flags.config), flags.config), runtime);
  const doing: Doing = { ...told, ue: phone.ue };
  try {
    await phone.ue.register();
    if (flags.call === undefined) await answerCalls(phone, runtime.logger, doing);
    else await talk(await call(phone, flags.call, flags), doing, true);
  } finally {
    await phone.stop();
  }
}

function call({ ue }: RunningUe, target: string, { offerless, audio }: UeFlags): Promise<PhoneCall> {
  return offerless === true ? ue.callForOffer(target) : ue.call(target, { video: audio !== true });
}

async function answerCalls(phone: RunningUe, logger: Logger, doing: Doing): Promise<void> {
  phone.ue.onIncoming((call) => {
    talk(call, doing, false).catch(told);
  });
  process.stdout.write('registered; waiting for calls (Ctrl-C ends)\n');
  await untilTold(logger, () => Promise.resolve().then(() => phone.reload()));
}

/** What the call is, and with whom. */
function whatItIs(call: PhoneCall): string {
  const { peer, author, isLeft, isRetargeted, called, sas, referredBy, replaced } = call;
  const other = peer ?? 'unknown';
  if (author !== null) return `message of ${author}, by way of ${other}, on whose word its author is`;
  if (isLeft) return `leaving a message with ${other}`;
  const instead = isRetargeted ? `, who answers instead of ${called ?? 'nobody'}` : '';
  const referred = referredBy === null ? '' : `, to whom ${referredBy} referred this phone`;
  const place = replaced === null ? '' : `, in the place of ${replaced.peer ?? 'who was called'}`;
  return `call with ${other}${instead}${referred}${place}, read aloud: ${sas ?? 'none'}`;
}

/** All that is played, shown and pressed. */
async function present(call: PhoneCall, { ue, samples, video, press, commands }: Doing): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const shown = video ?? videoPattern(Math.ceil((samples.length * PATTERN_RATE) / 8000));
  if (video !== null && !call.hasVideo) process.stderr.write('the call has no video: nothing is shown\n');
  await Promise.all([
    call.play(samples),
    ...(call.hasVideo ? [call.show(shown)] : []),
    ...(press === undefined ? [] : [pressKeys(call, press)]),
    ...(commands ? [obey(ue, call, process.stdin, say)] : []),
  ]);
}

/** Plays to the end; the caller hangs up, the callee waits for it. */
async function talk(call: PhoneCall, doing: Doing, hangUp: boolean): Promise<void> {
  const following: Promise<void>[] = [];
  let sas = call.sas;
  const next = { ...doing, commands: false, ...furtherFiles(doing) };
  call.onEvent((event) => {
    if (event.kind === 'refused')
      process.stderr.write(`the other end sends MIKEY error ${event.errorNo}, ${event.name}\n`);
    if (event.kind === 'secured') sas = event.sas;
    if (event.kind === 'rekeyed' && event.sas !== sas) {
      sas = event.sas;
      process.stdout.write(`new keys, read aloud: ${sas}\n`);
    }
    if (event.kind === 'transferred') {
      process.stdout.write(`transferred to ${event.to}\n`);
      following.push(talk(event.call, next, true).catch(told));
    }
  });
  await call.established.catch((cause: unknown) => {
    throw new CliError('failed', `the call was not established: ${messageOf(cause)}`, hintFor(cause), {
      cause,
    });
  });
  process.stdout.write(`${whatItIs(call)}\n`);
  if (call.author === null) await present(call, doing);
  if (hangUp) await call.hangUp();
  await call.ended;
  const heard = call.heard();
  const { record, recordVideo } = doing;
  if (record !== undefined) writeWhole(record, encodeWav(heard));
  const seen = call.seen();
  if (recordVideo !== undefined) writeWhole(recordVideo, seen?.octets ?? new Uint8Array());
  process.stdout.write(`call ended, ${(heard.length / 8000).toFixed(2)} s heard${remarksOn(call)}\n`);
  await Promise.all(following);
}

/** A call that fails costs others nothing. */
function told(error: unknown): void {
  process.stderr.write(`call failed: ${messageOf(error)}\n`);
}

/** Where a call goes that follows from this one: `heard.wav`, `heard-2.wav`, `heard-3.wav`. */
function furtherFiles({ record, recordVideo }: Doing): Pick<Doing, 'record' | 'recordVideo'> {
  const further = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    const { dir, name, ext } = path.parse(file);
    const [, stem = name, count = '1'] = /^(.*)-([0-9]{1,4})$/.exec(name) ?? [];
    return path.join(dir, `${stem}-${Number(count) + 1}${ext}`);
  };
  return { record: further(record), recordVideo: further(recordVideo) };
}

/** Keys that cannot be pressed end no call. */
async function pressKeys(call: PhoneCall, keys: string): Promise<void> {
  try {
    await call.press(keys);
  } catch (cause) {
    if (!(cause instanceof EndpointError)) throw cause;
    process.stderr.write(`keys were not pressed: ${cause.message}\n`);
  }
}

function remarksOn(call: PhoneCall): string {
  const seen = call.seen();
  const { suite = '' } = call.statistics.sessions[0] ?? {};
  return [
    ...(suite === '' ? [] : [`under ${suite}`]),
    ...(call.digits === '' ? [] : [`keys ${call.digits}`]),
    ...(seen === null || seen.packets === 0
      ? []
      : [`video ${seen.octets.length} octets in ${seen.packets} packets, ${seen.missing} missing`]),
  ]
    .map((remark) => `, ${remark}`)
    .join('');
}

function hintFor(cause: unknown): string {
  if (cause instanceof EndpointError && cause.code === 'policy')
    return 'The other end does not support the suite that is asked for: set another in "suite".';
  return 'Is the other end registered?';
}

function readRecording(file: string): Int16Array {
  return decodeWav(readOctets(file));
}

function readOctets(file: string): Uint8Array {
  return new Uint8Array(readWhole(file, 'the recording'));
}
