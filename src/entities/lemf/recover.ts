/**
 * From what was handed over to audio: `recover` takes the two files and nothing else, so that a new process years later
 * gives what the running LEMF gave, octet for octet.
 *
 *     gather        PDUs → calls by LIID and CIN
 *     signalling    SIP, SDP, MIKEY → who, which SSRC, which cipher
 *     streams       key records, a=crypto + SRTP → samples, keys pressed
 *     verdict       whether that is all, and what it is not
 *
 * What can be decoded is written, and what cannot is told beside it. A call is recovered if every packet of it was
 * decoded, save those that nobody of the call sent, as far as can be told (`refused.ts`). A call is withheld as a whole
 * when a key was handed over for one of its streams, and nothing of a stream that advances as a medium does authenticates
 * under it: then the files are not what the network sent, and half a conversation from doubtful material is not evidence.
 * The report tells what would have verified; `partial` lifts the rule for an analyst who knows. Some packets under a
 * known SSRC, which anybody can send, withhold nothing.
 */
import { toHex } from '../../bytes/octets.ts';
import { fromLatin1 } from '../../wire/hi/text.ts';
import { encodeWav, WAV_SAMPLE_RATE } from '../../media/wav.ts';
import type { CallMaterial, CallSource, FileSummary } from './calls.ts';
import { correlationOf, gather, keysOf } from './calls.ts';
import type { Gap } from './marks.ts';
import type { HandoverKind } from './ports.ts';
import { AudioNames } from './names.ts';
import { readSignalling } from './signalling.ts';
import type { Signalling } from './signalling.ts';
import type { SourceMark } from './sources.ts';
import { recoverStreams } from './streams.ts';
import type { RecoveredStream } from './streams.ts';
import { explain, reasonFor } from './verdict.ts';
import type { CallReason } from './verdict.ts';

export interface RecoverOptions {
  /** Write the streams that verify, whatever is wrong with the others. */
  readonly partial?: boolean;
  /** Who sent what, where that is known. */
  readonly sources?: Readonly<Record<HandoverKind, readonly SourceMark[]>>;
}

export interface StreamReport extends Omit<RecoveredStream, 'samples' | 'reason'> {
  /** Name of the WAV file, if one was written. */
  readonly file: string | null;
  readonly seconds: number;
  readonly reason: CallReason | null;
}

export interface CallReport {
  /** In hex where it is not text. */
  readonly liid: string;
  readonly cin: number;
  /** Where two sources have this LIID and CIN for different calls: whose this is. */
  readonly source: string | null;
  /** Who sent its PDUs; the count goes up where numbers begin again. */
  readonly sources: readonly CallSource[];
  readonly conflicts: number;
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
  /** RTP packets. */
  readonly packets: number;
  /** CC payloads that are not RTP, and by what they are. */
  readonly otherContent: number;
  readonly other: CallMaterial['other'];
  /** Sequence numbers that never came. */
  readonly missing: Readonly<Record<HandoverKind, readonly Gap[]>>;
  /** SIP messages that could not be read. */
  readonly unreadable: number;
  /** Values of PDUs that could not be read, by sequence number, path and cause. */
  readonly unread: readonly string[];
  readonly streams: readonly StreamReport[];
  /** Whether every packet of the call was decoded, save what nobody of the call sent. */
  readonly recovered: boolean;
  /** Why not, for machines and for people. */
  readonly reason: CallReason | null;
  readonly explanation: string;
}

/** Signalling with an LIID and a CIN that belongs to no call: a registration, a message. */
export interface SessionReport {
  readonly liid: string;
  readonly cin: number;
  readonly methods: readonly string[];
  readonly records: number;
}

export interface RecoveryReport {
  readonly files: Readonly<Record<HandoverKind, FileSummary>>;
  readonly calls: readonly CallReport[];
  readonly otherSessions: readonly SessionReport[];
}

export interface Recovery {
  readonly report: RecoveryReport;
  /** Names and contents of the WAV files. */
  readonly audio: readonly { readonly name: string; readonly octets: Uint8Array }[];
}

/** Everything that two files of PS-PDUs yield. Never throws for what is in them. */
export function recover(hi2: Uint8Array, hi3: Uint8Array, options: RecoverOptions = {}): Recovery {
  const { sources } = options;
  const { calls, files } = gather(
    { octets: hi2, sources: sources?.hi2 ?? [] },
    { octets: hi3, sources: sources?.hi3 ?? [] },
  );
  const names = new AudioNames();
  const audio: { name: string; octets: Uint8Array }[] = [];
  const reports: CallReport[] = [];
  const otherSessions: SessionReport[] = [];
  for (const call of calls) {
    const signalling = readSignalling(call);
    if (!isCall(call, signalling)) {
      const { methods } = signalling;
      otherSessions.push({ liid: liidText(call.liid), cin: call.cin, methods, records: call.recordCount });
      continue;
    }
    const recovered = recoverStreams(call, signalling);
    const withheld = options.partial !== true && recovered.some(({ doubtful }) => doubtful);
    const streams = recovered.map(({ samples, ...told }): StreamReport => {
      if (samples === null) return { ...told, file: null, seconds: 0 };
      const seconds = samples.length / WAV_SAMPLE_RATE;
      if (withheld) return { ...told, file: null, seconds, reason: 'withheld' };
      const name = names.next(call, told.speaker);
      audio.push({ name, octets: encodeWav(samples) });
      return { ...told, file: name, seconds };
    });
    reports.push(reportOf(call, signalling, streams));
  }
  return { report: { files, calls: reports, otherSessions }, audio };
}

/** What has content, keys or an INVITE; where nothing can be read that says otherwise, it is taken for a call. */
function isCall(call: CallMaterial, { methods }: Signalling): boolean {
  const content = call.packets.length + Object.values(call.other).reduce((sum, count) => sum + count, 0);
  if (content > 0 || keysOf(call).length > 0 || methods.length === 0) return true;
  return methods.some((method) => CALL_METHODS.has(method));
}

const CALL_METHODS: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE']);

function reportOf(call: CallMaterial, signalling: Signalling, streams: readonly StreamReport[]): CallReport {
  const keyFailures = call.records.filter(({ mediaSecFailure }) => mediaSecFailure !== undefined).length;
  const reason = reasonFor(call, streams, keyFailures);
  return {
    liid: liidText(call.liid),
    cin: call.cin,
    source: call.source,
    sources: call.sources,
    conflicts: call.conflicts,
    correlation: correlationOf(call),
    callIds: signalling.callIds,
    targets: targetsOf(call),
    from: signalling.from,
    to: signalling.to,
    ended: signalling.ended,
    firstTime: isoTime(call.firstTime),
    lastTime: isoTime(call.lastTime),
    records: {
      all: call.recordCount,
      sip: call.messages.filter(({ octets }) => octets.length > 0).length,
      keys: keysOf(call).length,
      keyFailures,
    },
    packets: call.packets.length,
    otherContent: Object.values(call.other).reduce((sum, count) => sum + count, 0),
    other: call.other,
    missing: call.missing,
    unreadable: signalling.unreadable,
    unread: call.unread,
    streams,
    recovered: reason === null,
    reason,
    explanation: explain(call, streams, reason),
  };
}

/** An LIID that is not text, in hex, as X1 has it: it goes to a terminal, too. */
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
