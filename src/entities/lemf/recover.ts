/**
 * From what was handed over to audio: `Recovery` takes the two files and nothing else, so that a new process years later
 * gives what the running LEMF gave, octet for octet. Nothing that grows with the files is in memory: PDUs are read where
 * they stand in the files, in the order that the workspace gives them.
 *
 *     scan          PDUs → communications by LIID and CIN, packets by direction and SSRC
 *     records       IRI → messages, keys
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
import { WAV_SAMPLE_RATE } from '../../media/wav.ts';
import type { KeptPackets, RecordedAudio, StreamWriters } from './audio.ts';
import type { CallMaterial, CallSource } from './calls.ts';
import { callsOf } from './calls.ts';
import type { ObservedKey, ObservedPacket, RecoveredStream } from './group.ts';
import type { Gap } from './marks.ts';
import { askedKeys } from './key-questions.ts';
import type { AskedKeys, KeyAnswers, KeyQuestion } from './key-questions.ts';
import { AudioNames } from './names.ts';
import { isoTimeOrNull, liidText } from './notices.ts';
import type { NoticeReport } from './notices.ts';
import type { HandoverKind } from './ports.ts';
import { messagesOf, readRecords, recordsOf } from './records.ts';
import type { CallRecords, PlacedRecord } from './records.ts';
import { Scan } from './scan.ts';
import type { FileSummary, HandoverFile } from './scan.ts';
import { readSignalling } from './signalling.ts';
import type { Signalling } from './signalling.ts';
import { clearTally } from './sessions.ts';
import type { SourceMark } from './sources.ts';
import { recoverStreams } from './streams.ts';
import type { RecoveredStreams } from './streams.ts';
import { explain, reasonFor } from './verdict.ts';
import type { CallReason, PassedOver } from './verdict.ts';
import type { Workspace } from './workspace.ts';

export interface RecoverOptions {
  /** Write the streams that verify, whatever is wrong with the others. */
  readonly partial?: boolean;
  /** Is told of each call while it is recovered. */
  readonly observer?: RecoveryObserver;
}

/** Watches a recovery, one call after the other: for what is made of a call beside its audio. */
export interface RecoveryObserver {
  begins(call: CallMaterial, records: Iterable<PlacedRecord>, signalling: Signalling): void;
  /** What of it may be shown is known at the end only: a call may be withheld. */
  packet(packet: ObservedPacket): void;
  /** A key that opened packets, after these; of it, too, what may be shown is known at the end. */
  key?(key: ObservedKey): void;
  ends(report: CallReport): void;
}

export interface StreamReport extends Omit<RecoveredStream, 'audio' | 'kept' | 'reason'> {
  /** Name of the WAV file, if one was written. */
  readonly file: string | null;
  /** Those of what is more than a WAV file can hold, in order. */
  readonly furtherFiles: readonly { readonly file: string }[];
  /** The packets that are not decoded here, in the clear, such as video; `null`: there are none, or nothing is written. */
  readonly rtp: { readonly file: string; readonly packets: number } | null;
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
  /** Keys that the LEMF has asked the KMS for itself; absent: none. */
  readonly keysAsked?: number;
  /** RTP packets. */
  readonly packets: number;
  /** CC payloads that are not RTP, and by what they are. */
  readonly otherContent: number;
  readonly other: CallMaterial['other'];
  /** Sequence numbers that never came: the first thousand gaps of each source. */
  readonly missing: Readonly<Record<HandoverKind, readonly Gap[]>>;
  /** How many numbers that are. */
  readonly absent: number;
  /** SIP messages that could not be read. */
  readonly unreadable: number;
  /** Values of PDUs that could not be read, by sequence number, path and cause: the first thousand. */
  readonly unread: readonly string[];
  readonly unreadInAll: number;
  /** What was not looked at, since there was too much of it. */
  readonly passedOver: PassedOver;
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
  /** What was told of warrants themselves (HI1). */
  readonly notifications: readonly NoticeReport[];
}

/** What a communication yields. */
export type RecoveryResult =
  | {
      readonly kind: 'call';
      readonly report: CallReport;
      /** Keys that the LEMF may ask the KMS for itself; none where it asks for none. */
      readonly questions: readonly KeyQuestion[];
    }
  | { readonly kind: 'other'; readonly report: SessionReport };

/** What is read. */
export interface RecoverySource {
  readonly file: HandoverFile;
  /** Who sent what, where that is known. */
  readonly sources: Iterable<SourceMark>;
  /** Octets to read; all if absent. */
  readonly to?: number;
}

export interface RecoverySettings {
  readonly workspace: Workspace;
  /** For what comes of a stream. @param path as delivered */
  readonly newWriters: (path: string | null) => StreamWriters;
  readonly options: RecoverOptions;
  /** What the KMS has answered the LEMF itself; `null`: it does not ask. */
  readonly answers: KeyAnswers | null;
}

/** Everything that two files of PS-PDUs yield. Never throws for what is in them. */
export class Recovery {
  readonly #settings: RecoverySettings;
  readonly #scan: Scan;

  constructor(settings: RecoverySettings) {
    this.#settings = settings;
    this.#scan = new Scan(settings.workspace);
  }

  get files(): Readonly<Record<HandoverKind, FileSummary>> {
    return this.#scan.files;
  }

  /** Reads what is new in the files. Gives the ids of the communications that have something new. */
  read({ hi2, hi3 }: Readonly<Record<HandoverKind, RecoverySource>>): Set<number> {
    this.#scan.read('hi2', hi2.file, hi2.sources, hi2.to);
    this.#scan.read('hi3', hi3.file, hi3.sources, hi3.to);
    return this.#scan.takeChanged();
  }

  /** The calls of a communication. */
  materials(key: string): CallMaterial[] {
    return callsOf(this.#scan.session(key), this.#settings.workspace);
  }

  /** PDUs of a communication. */
  sizeOf(key: string): number {
    const { hi2, hi3 } = this.#scan.session(key).lines;
    return [...hi2, ...hi3].reduce((sum, { tally }) => sum + tally.pdus, 0);
  }

  /** Forgets what a source has sent of a communication; `false`: nothing. What is in the workspace stays. */
  forget(key: string, source: string): boolean {
    const { hi2, hi3 } = this.#scan.session(key).lines;
    const lines = [...hi2, ...hi3].filter((line) => line.source === source && line.tally.pdus > 0);
    for (const { tally } of lines) clearTally(tally);
    return lines.length > 0;
  }

  /** What a communication yields now; its audio takes the place of what it had before. */
  recover(key: string): RecoveryResult[] {
    const { workspace } = this.#settings;
    const session = this.#scan.session(key);
    const names = new AudioNames((name) => workspace.takeName(session.id, name));
    const results = callsOf(session, workspace).map((call) => this.#recoverCall(call, names));
    const of = (kind: RecoveryResult['kind']) =>
      results
        .filter((result) => result.kind === kind)
        .map(({ report }) => JSON.stringify(report, null, 2))
        .join(',\n');
    const withContent = results.flatMap(({ kind, report }) =>
      kind === 'call' && report.packets > 0 ? [report] : [],
    );
    workspace.keepResult(session.id, {
      calls: of('call'),
      otherSessions: of('other'),
      withContent: withContent.length,
      recovered: withContent.filter(({ recovered }) => recovered).length,
    });
    return results;
  }

  #recoverCall(call: CallMaterial, names: AudioNames): RecoveryResult {
    const { workspace, newWriters, options, answers } = this.#settings;
    const records = readRecords(call, workspace);
    const signalling = readSignalling(messagesOf(call, workspace), records.targetUris);
    if (!isCall(call, records, signalling)) {
      const { methods } = signalling;
      const report = { liid: liidText(call.liid), cin: call.cin, methods, records: records.all };
      return { kind: 'other', report };
    }
    const { observer } = options;
    observer?.begins(call, recordsOf(call, workspace), signalling);
    const onPacket = (packet: ObservedPacket): void => observer?.packet(packet);
    const onKey = (key: ObservedKey): void => observer?.key?.(key);
    const asked =
      answers === null ? NOT_ASKED : askedKeys(call, messagesOf(call, workspace), records, answers);
    const keys = [...records.keys, ...asked.keys];
    const sources = { call, keys, signalling, workspace, newWriters, onPacket, onKey };
    const recovered = recoverStreams(sources);
    const withheld = options.partial !== true && recovered.streams.some(({ doubtful }) => doubtful);
    const streams = recovered.streams.map(({ audio, kept, ...rest }): StreamReport => {
      if (withheld && (audio !== null || kept !== null)) return withheldStream(audio, kept, rest);
      const rtp = kept === null ? null : keptAs(kept, names.nextPackets(call, rest.speaker));
      const told = { ...rest, rtp };
      if (audio === null) return { ...told, file: null, furtherFiles: [], seconds: 0 };
      const [file = null, ...further] = named(audio, () => names.next(call, told.speaker));
      return {
        ...told,
        file,
        furtherFiles: further.map((each) => ({ file: each })),
        seconds: secondsOf(audio),
      };
    });
    const told = reportOf(call, records, signalling, streams, recovered);
    const report = asked.keys.length === 0 ? told : { ...told, keysAsked: asked.keys.length };
    observer?.ends(report);
    return { kind: 'call', report, questions: asked.open };
  }
}

const NOT_ASKED: AskedKeys = { keys: [], open: [] };

function withheldStream(
  audio: RecordedAudio | null,
  kept: KeptPackets | null,
  told: Omit<RecoveredStream, 'audio' | 'kept'>,
): StreamReport {
  audio?.discard();
  kept?.discard();
  const seconds = audio === null ? 0 : secondsOf(audio);
  return { ...told, file: null, furtherFiles: [], rtp: null, seconds, reason: 'withheld' };
}

function keptAs(kept: KeptPackets, file: string): StreamReport['rtp'] {
  kept.keep(file);
  return { file, packets: kept.packets };
}

function secondsOf({ samples }: RecordedAudio): number {
  return samples / WAV_SAMPLE_RATE;
}

function named(audio: RecordedAudio, next: () => string): string[] {
  const names = Array.from({ length: audio.pieces }, next);
  audio.keep(names);
  return names;
}

/** What has content, keys or an INVITE; where nothing can be read that says otherwise, it is taken for a call. */
export function isCall(call: CallMaterial, { keysInAll }: CallRecords, { methods }: Signalling): boolean {
  if (contentOf(call) > 0 || keysInAll > 0 || methods.length === 0) return true;
  return methods.some((method) => CALL_METHODS.has(method));
}

const CALL_METHODS: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE']);

/** CC payloads. */
function contentOf({ packets, other }: CallMaterial): number {
  return Object.values(other).reduce((sum, count) => sum + count, packets);
}

function reportOf(
  call: CallMaterial,
  records: CallRecords,
  signalling: Signalling,
  streams: readonly StreamReport[],
  { passedOver }: RecoveredStreams,
): CallReport {
  const about = {
    ...call,
    passedOver: {
      ...passedOver,
      signalling: signalling.passedOver,
      keys: records.keysInAll - records.keys.length,
    },
  };
  const reason = reasonFor(about, streams, records.keyFailures);
  return {
    liid: liidText(call.liid),
    cin: call.cin,
    source: call.source,
    sources: call.sources,
    conflicts: call.conflicts,
    correlation: records.correlation,
    callIds: signalling.callIds,
    targets: records.targets,
    from: signalling.from,
    to: signalling.to,
    ended: signalling.ended,
    firstTime: isoTimeOrNull(call.firstTime),
    lastTime: isoTimeOrNull(call.lastTime),
    records: {
      all: records.all,
      sip: records.sip,
      keys: records.keysInAll,
      keyFailures: records.keyFailures,
    },
    packets: call.packets,
    otherContent: contentOf(call) - call.packets,
    other: call.other,
    missing: call.missing,
    absent: call.absent,
    unreadable: signalling.unreadable,
    unread: call.unread,
    unreadInAll: call.unreadInAll,
    passedOver: about.passedOver,
    streams,
    recovered: reason === null,
    reason,
    explanation: explain(about, streams, reason),
  };
}
