/**
 * From what was handed over to audio: `recover` takes the two files and nothing else, so that a new process years later
 * gives what the running LEMF gave, octet for octet.
 *
 *     gather        PDUs → calls by LIID and CIN
 *     signalling    SIP, SDP, MIKEY → who, which SSRC, which cipher
 *     streams       key records + SRTP → samples
 *     judge         what may be written, and why not
 *
 * A call is withheld as a whole when keys were delivered for one of its streams and not one packet of that stream
 * authenticates under them: then the files are not what the network sent, and half a conversation from doubtful material
 * is no evidence. The report tells what would have verified; `partial` lifts the rule for an analyst who knows.
 */
import { toHex } from '../../bytes/octets.ts';
import { fromLatin1 } from '../../wire/hi/text.ts';
import { encodeWav, WAV_SAMPLE_RATE } from '../../media/wav.ts';
import type { CallMaterial, FileSummary } from './calls.ts';
import { correlationOf, gather, keysOf } from './calls.ts';
import type { Gap } from './marks.ts';
import type { HandoverKind } from './ports.ts';
import { readSignalling } from './signalling.ts';
import type { Signalling } from './signalling.ts';
import { recoverStreams } from './streams.ts';
import type { RecoveredStream, StreamReason } from './streams.ts';

export interface RecoverOptions {
  /** Write the streams that verify, whatever is wrong with the others. */
  readonly partial?: boolean;
}

export type CallReason =
  | StreamReason
  /** The delivery function reports that the keys could not be retrieved. */
  | 'key-retrieval-failed'
  /** No packet of the call was delivered. */
  | 'no-content'
  /** Another stream of the call has a key that does not verify. */
  | 'withheld';

export interface StreamReport extends Omit<RecoveredStream, 'samples' | 'reason'> {
  /** Name of the WAV file, if one was written. */
  readonly file: string | null;
  readonly seconds: number;
  readonly reason: CallReason | null;
}

export interface CallReport {
  /** In hex where it is no text. */
  readonly liid: string;
  readonly cin: number;
  readonly correlation: string | null;
  readonly callIds: readonly string[];
  /** Observed target identities. */
  readonly targets: readonly string[];
  readonly from: string | null;
  readonly to: string | null;
  readonly ended: boolean;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly records: {
    readonly all: number;
    readonly sip: number;
    readonly keys: number;
    readonly keyFailures: number;
  };
  readonly packets: number;
  readonly otherContent: number;
  /** Sequence numbers that never came. */
  readonly missing: Readonly<Record<HandoverKind, readonly Gap[]>>;
  readonly unreadable: number;
  readonly streams: readonly StreamReport[];
  /** Whether every stream of the call was written. */
  readonly recovered: boolean;
  /** Why not, for machines and for people. */
  readonly reason: CallReason | null;
  readonly explanation: string;
}

export interface RecoveryReport {
  readonly files: Readonly<Record<HandoverKind, FileSummary>>;
  readonly calls: readonly CallReport[];
}

export interface Recovery {
  readonly report: RecoveryReport;
  /** Names and contents of the WAV files. */
  readonly audio: readonly { readonly name: string; readonly octets: Uint8Array }[];
}

/** Everything that two files of PS-PDUs yield. Never throws for what is in them. */
export function recover(hi2: Uint8Array, hi3: Uint8Array, options: RecoverOptions = {}): Recovery {
  const { calls, files } = gather(hi2, hi3);
  const names = new FileNames();
  const audio: { name: string; octets: Uint8Array }[] = [];
  const reports = calls.map((call) => {
    const signalling = readSignalling(call);
    const streams = recoverStreams(call, signalling);
    const doubtful = streams.some(({ reason }) => reason === 'key-does-not-verify');
    const withheld = doubtful && options.partial !== true;
    const written = streams.map((stream): StreamReport => {
      const { samples, ...told } = stream;
      if (samples === null) return { ...told, file: null, seconds: 0 };
      const seconds = samples.length / WAV_SAMPLE_RATE;
      if (withheld) return { ...told, file: null, seconds, reason: 'withheld' };
      const name = names.next(stream.speaker);
      audio.push({ name, octets: encodeWav(samples) });
      return { ...told, file: name, seconds };
    });
    return reportOf(call, signalling, written);
  });
  return { report: { files, calls: reports }, audio };
}

function reportOf(call: CallMaterial, signalling: Signalling, streams: readonly StreamReport[]): CallReport {
  const failures = call.records.filter(({ mediaSecFailure }) => mediaSecFailure !== undefined).length;
  const reason = callReason(streams, failures);
  return {
    liid: liidText(call.liid),
    cin: call.cin,
    correlation: correlationOf(call),
    callIds: signalling.callIds,
    targets: targetsOf(call),
    from: signalling.from,
    to: signalling.to,
    ended: signalling.ended,
    firstTime: isoTime(call.firstTime),
    lastTime: isoTime(call.lastTime),
    records: {
      all: call.records.length,
      sip: call.records.filter(({ sipMessage }) => sipMessage !== undefined).length,
      keys: keysOf(call).length,
      keyFailures: failures,
    },
    packets: call.packets.length,
    otherContent: call.otherContent,
    missing: call.missing,
    unreadable: signalling.unreadable,
    streams,
    recovered: reason === null,
    reason,
    explanation: EXPLANATIONS[reason ?? 'recovered'],
  };
}

function callReason(streams: readonly StreamReport[], failures: number): CallReason | null {
  // Anybody can send packets to a media gateway: those that are not of the call do not count against it.
  const own = streams.filter(({ reason }) => reason !== 'foreign-stream');
  if (own.length === 0) return 'no-content';
  const reasons = new Set(own.map(({ reason }) => reason));
  if (reasons.has('key-does-not-verify')) return 'key-does-not-verify';
  if (reasons.has('no-key')) return failures > 0 ? 'key-retrieval-failed' : 'no-key';
  return own.find(({ reason }) => reason !== null)?.reason ?? null;
}

const EXPLANATIONS: Readonly<Record<CallReason | 'recovered', string>> = {
  recovered: 'Every stream of the call was decrypted and decoded.',
  'no-key': 'No key was delivered for a stream of this call.',
  'no-signalling':
    'No session description of this call was delivered: nothing says how its content is protected. Is it the HI2 file ' +
    'that goes with the HI3 file?',
  'key-does-not-verify':
    'Keys were delivered, but no packet of a stream authenticates under them: keys or packets are not what the ' +
    'network sent. Nothing of the call was written.',
  'key-retrieval-failed': 'The delivery function reports that the keys of this call could not be retrieved.',
  'foreign-stream': 'Packets of no crypto session of this call; no key of the call opens them.',
  'unsupported-cipher': 'A stream is encrypted in a way that cannot be decrypted here.',
  'unsupported-codec': 'A stream was decrypted, but its codec cannot be decoded here.',
  'no-content': 'No content was delivered for this call.',
  withheld: 'Withheld: a key of another stream of the call does not verify.',
};

/** An LIID that is no text in hex, as X1 has it: it goes to a terminal, too. */
function liidText(liid: string): string {
  return /^[!-~]+$/.test(liid) ? liid : toHex(fromLatin1(liid, 'LIID'));
}

function targetsOf(call: CallMaterial): string[] {
  const parties = call.records.flatMap((record) => record.parties);
  return [
    ...new Set(
      parties.flatMap(
        ({ sipUri, telUri, impi, nai, imei, imsi }) => sipUri ?? telUri ?? impi ?? nai ?? imei ?? imsi ?? [],
      ),
    ),
  ];
}

/** `null` also for a time that a header can say and no calendar has. */
function isoTime(unixMs: number | null): string | null {
  const date = new Date(unixMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** `recovered-alice.wav`, `recovered-alice-2.wav`, …: by the party that speaks, each name once. */
class FileNames {
  readonly #taken = new Set<string>();

  next(speaker: string | null): string {
    const stem = `recovered-${userOf(speaker)}`;
    let name = `${stem}.wav`;
    for (let i = 2; this.#taken.has(name); i++) name = `${stem}-${i}.wav`;
    this.#taken.add(name);
    return name;
  }
}

/** User part of a URI, as far as it is harmless in a file name. */
function userOf(uri: string | null): string {
  const user = /^(?:sips?|tel):\+?([^@;?]*)/i.exec(uri ?? '')?.[1] ?? '';
  const harmless = user.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
  return harmless === '' ? 'unknown' : harmless;
}
