/** Packets of one direction and SSRC: opened, taken as they are, or refused; and the streams that they make. */
import type { CcKeyInfo } from '../../wire/hi/eps-iri.ts';
import { BytesError } from '../../bytes/errors.ts';
import { MediaError } from '../../media/errors.ts';
import { decodeRtp } from '../../media/rtp.ts';
import type { RtpPacket } from '../../media/rtp.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { decodeRuns } from './audio.ts';
import type { DecodedAudio, StreamWriters } from './audio.ts';
import type { CallMaterial } from './calls.ts';
import { codecLookup } from './codecs.ts';
import type { KeyUse } from '../../media/srtp/stream-decryptor.ts';
import { StreamDecryptor } from '../../media/srtp/stream-decryptor.ts';
import type { Keyring } from './keyring.ts';
import { keyringFor } from './keyring.ts';
import type { TargetSide } from './negotiation.ts';
import { looksProtected } from './protection.ts';
import type { Protection } from './protection.ts';
import { KeyPlaces } from './key-places.ts';
import type { PlacedKey } from './key-places.ts';
import { NONE_REFUSED, RefusedList } from './refused.ts';
import type { RefusedPacket, Refusals } from './refused.ts';
import { receiverText } from './sdp.ts';
import { missingIn, RunSorter } from './runs.ts';
import type { DeliveredPacket, PlainPacket, Run } from './runs.ts';
import type { AgreedStream, Signalling } from './signalling.ts';
import { targetSideOf } from './signalling.ts';
import type { PacketGroup, Workspace } from './workspace.ts';

/** All that recovery of the streams of a call goes by. */
export interface StreamSources {
  readonly call: CallMaterial;
  /** Handed over, in order. */
  readonly keys: readonly CcKeyInfo[];
  readonly signalling: Signalling;
  readonly workspace: Workspace;
  /** For what comes of a stream. @param path as delivered */
  readonly newWriters: (path: string | null) => StreamWriters;
  /** Is told of each packet in the clear, decrypted or never encrypted, in the order of delivery of its source. */
  readonly onPacket?: (packet: ObservedPacket) => void;
  /** Is told of each key that opened packets, after the packets. */
  readonly onKey?: (key: ObservedKey) => void;
}

/** A key that opened packets of one source. */
export interface ObservedKey {
  readonly ssrc: number;
  readonly direction: 'fromTarget' | 'toTarget' | 'unknown';
  /** `source>destination` as delivered; of the first packet. */
  readonly path: string | null;
  readonly use: KeyUse;
}

/** A packet in the clear, as it was in the network but for its protection. */
export interface ObservedPacket extends Pick<PlainPacket, 'octets' | 'time'> {
  readonly ssrc: number;
  readonly direction: RecoveredStream['direction'];
  readonly path: string | null;
}

/** Why a stream yields no audio, or not all of it. */
export type StreamReason =
  /** No key was delivered for its crypto session. */
  | 'no-key'
  /** No session description was delivered, so that nothing says whether and how it is encrypted. */
  | 'no-signalling'
  /** Keys were delivered, and no packet authenticates under any of them. */
  | 'key-does-not-verify'
  /** Its SSRC is in no map, and no key of the call opens it: not of this call, as far as can be told. */
  | 'foreign-stream'
  /** Its policy is one that cannot be decrypted here, or the key has another length than the policy asks for. */
  | 'unsupported-cipher'
  /** In the clear by its signalling, and its packets have a tag behind their samples. */
  | 'encrypted-unannounced'
  /** In the clear, but in a codec that cannot be decoded here. */
  | 'unsupported-codec'
  /** Written; some of its packets are of a codec that cannot be decoded here. */
  | 'partly-undecoded'
  /** Written; packets that may belong to it open under no key. */
  | 'packets-refused';

export interface RecoveredStream extends DecodedAudio {
  readonly ssrc: number;
  readonly csId: number | null;
  /** URI of the party that speaks, where signalling tells. */
  readonly speaker: string | null;
  readonly direction: 'fromTarget' | 'toTarget' | 'unknown';
  /** `source>destination`, as delivered; of the first packet. */
  readonly path: string | null;
  readonly encrypted: boolean;
  /** The network has decrypted it, and its delivery function says so; nothing is authenticated here then. */
  readonly decryptedInNetwork: boolean;
  readonly packets: number;
  readonly authenticated: number;
  /** Packets that came twice, octet for octet. */
  readonly duplicates: number;
  /** Packets that no key opens, or that are malformed inside. */
  readonly rejected: number;
  /** The first of them. */
  readonly refused: readonly RefusedPacket[];
  /** Packets that lack between the first and the last, by their index. */
  readonly missing: number;
  readonly firstIndex: number | null;
  readonly keys: readonly PlacedKey[];
  /** Packets of somebody else, as far as can be told: they do not count against the call. */
  readonly disregarded: boolean;
  /** A medium, all of it refused under the key that was handed over for it: the files are not what the network sent. */
  readonly doubtful: boolean;
  readonly reason: StreamReason | null;
}

/** Packets in a row that make a stream: half a second. */
const LIKE_MEDIA = 25;

/** Ways that packets in the clear of one SSRC come, beside those that the signalling names. */
const MAX_PATHS = 256;

/** Places of the first and the last packet. */
interface Span {
  readonly first: number;
  readonly last: number;
}

/** A stream, and what is needed of it to judge the others. */
export interface Draft {
  readonly stream: RecoveredStream;
  /** Of its runs. */
  readonly spans: readonly Span[];
  /** Of what was refused, where that is all. */
  readonly refused: (Span & { readonly isMedium: boolean }) | null;
}

/** Lists on the bench. */
const REFUSED = 0;
/** Sent in the clear, and malformed. */
const MALFORMED = 1;

export class GroupRecovery {
  readonly #group: PacketGroup;
  readonly #sources: StreamSources;
  readonly #signalling: Signalling;
  readonly #protection: Protection;
  readonly #sessions: readonly AgreedStream[];
  readonly #speaker: TargetSide | null;
  readonly #keyring: Keyring;
  readonly #decryptor: StreamDecryptor;
  /** By crypto session. */
  readonly #opened = new Map<number | null, RunSorter>();
  /** What the network has decrypted, by crypto session; 0: none is said. */
  readonly #decrypted = new Map<number, RunSorter>();
  /** By source. */
  readonly #clear = new Map<string | null, RunSorter>();
  readonly #counts: [refused: number, malformed: number] = [0, 0];
  /** Path of the first packet. */
  #path: string | null = null;
  #taken = 0;
  #passedOver = 0;

  constructor(group: PacketGroup, sources: StreamSources, protection: Protection) {
    const { signalling, keys } = sources;
    this.#group = group;
    this.#sources = sources;
    this.#signalling = signalling;
    this.#protection = protection;
    this.#sessions = signalling.cryptoSessions.filter(({ ssrc }) => ssrc === group.ssrc);
    this.#speaker = SPEAKERS.get(group.direction) ?? null;
    this.#keyring = keyringFor(this.#sessions, this.#speaker, keys, signalling);
    this.#decryptor = new StreamDecryptor(this.#keyring.keys);
  }

  /** Packets that were not looked at, since they came in too many ways. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** After all packets were taken. */
  drafts(): Draft[] {
    const opened = [
      ...[...this.#opened].flatMap(([csId, sorter]) => this.#openedStreams(csId, sorter, false)),
      ...[...this.#decrypted].flatMap(([csId, sorter]) => this.#openedStreams(csId || null, sorter, true)),
    ];
    const clear = [...this.#clear].flatMap(([path, sorter]) => this.#clearStreams(path, sorter));
    this.#tellKeys();
    const lists = clear.length === 0 ? [REFUSED, MALFORMED] : [REFUSED];
    const alone = lists.reduce((sum, list) => sum + (this.#counts[list] ?? 0), 0);
    const refused = opened.length === 0 && alone > 0 ? [this.#refusedStream(lists, alone)] : [];
    return [...opened, ...clear, ...refused];
  }

  take(packet: DeliveredPacket): void {
    const { time, place, path, location } = packet;
    if (this.#taken++ === 0) this.#path = path;
    if (packet.decrypted !== null) {
      this.#takeDecrypted(packet, packet.decrypted);
      return;
    }
    const { sequenceNumber } = packet.header;
    const opened =
      this.#keyring.keys.length === 0 ? null : this.#decryptor.open(packet.packet, sequenceNumber);
    const isClear = opened === null && this.#protection.of(packet) === 'clear';
    const octets = opened?.packet ?? packet.packet;
    const rtp = opened !== null || isClear ? readRtp(octets) : null;
    if (rtp === null) this.#refuse(isClear ? MALFORMED : REFUSED, packet);
    else if (opened !== null) {
      this.#tell(octets, packet);
      this.#sorterOf(this.#opened, opened.key.csId).addAt({ rtp, octets, place, time }, opened.index);
    } else if (this.#clear.has(path) || this.#clear.size < MAX_PATHS || this.#isNamed(path)) {
      this.#tell(octets, packet);
      this.#sorterOf(this.#clear, path).add({ rtp, octets, location, place, time });
    } else this.#passedOver++;
  }

  /** What is said of it is the delivery function's word, whose certificate was seen. */
  #takeDecrypted(packet: DeliveredPacket, csId: number): void {
    const { packet: octets, location, place, time } = packet;
    const rtp = readRtp(octets);
    if (rtp !== null) this.#tell(octets, packet);
    if (rtp === null) this.#refuse(MALFORMED, packet);
    else this.#sorterOf(this.#decrypted, csId).add({ rtp, octets, location, place, time });
  }

  #tell(octets: Uint8Array, { time, path }: DeliveredPacket): void {
    const direction = DIRECTION_NAMES.get(this.#group.direction) ?? 'unknown';
    this.#sources.onPacket?.({ octets, time, path, direction, ssrc: this.#group.ssrc });
  }

  #tellKeys(): void {
    const direction = DIRECTION_NAMES.get(this.#group.direction) ?? 'unknown';
    for (const use of this.#decryptor.used)
      this.#sources.onKey?.({ ssrc: this.#group.ssrc, direction, path: this.#path, use });
  }

  #refuse(list: typeof REFUSED | typeof MALFORMED, { header, place, path }: DeliveredPacket): void {
    const { sequenceNumber, timestamp } = header;
    this.#counts[list]++;
    this.#sources.workspace.bench.refuse(list, { place, sequenceNumber, timestamp, path });
  }

  /** Whether a description says that somebody receives there; who does, sends from there. */
  #isNamed(path: string | null): boolean {
    const source = path?.split('>')[0];
    return this.#signalling.descriptions.some(({ media }) =>
      media.some((medium) => receiverText(medium) === source),
    );
  }

  #sorterOf<Key>(sorters: Map<Key, RunSorter>, key: Key): RunSorter {
    const known = sorters.get(key);
    if (known !== undefined) return known;
    const sorter = new RunSorter(this.#sources.workspace);
    sorters.set(key, sorter);
    return sorter;
  }

  #judge(list: typeof REFUSED | typeof MALFORMED, runs: readonly Run[]): Refusals {
    return new RefusedList(this.#sources.workspace.bench, [list], this.#counts[list]).judge(runs);
  }

  #openedStreams(csId: number | null, sorter: RunSorter, decryptedInNetwork: boolean): Draft[] {
    const sorters = [...this.#opened.values(), ...this.#decrypted.values()];
    const all = sorters.flatMap(({ runs }) => runs);
    const isFirst = sorters[0] === sorter;
    return sorter.streams().map((runs, at): Draft => {
      // What was refused stands beside the first stream of its direction and SSRC.
      const refused = isFirst && at === 0 ? this.#judge(REFUSED, all) : NONE_REFUSED;
      const keys = new KeyPlaces(decryptedInNetwork ? [] : this.#decryptor.used, csId);
      const writers = this.#sources.newWriters(this.#path);
      const audio = decodeRuns(runs, this.#codecOf(csId), writers, (index, at) => keys.pass(index, at));
      const stream: RecoveredStream = {
        ...this.#base(csId, runs),
        ...audio,
        ...countsOf(runs, at === 0 ? sorter.copies : 0, refused),
        encrypted: true,
        decryptedInNetwork,
        authenticated: decryptedInNetwork ? 0 : sizeOf(runs),
        keys: keys.list(),
        reason: reasonOf(audio, refused),
      };
      return { stream, spans: spansOf(runs), refused: null };
    });
  }

  /** A call whose signalling offers no encryption, as any other (R-20: as for unencrypted communications). */
  #clearStreams(path: string | null, sorter: RunSorter): Draft[] {
    const all = [...this.#clear.values()].flatMap(({ runs }) => runs);
    const isFirst = this.#clear.values().next().value === sorter;
    return sorter.streams().map((runs, at): Draft => {
      const refused = isFirst && at === 0 ? this.#judge(MALFORMED, all) : NONE_REFUSED;
      const codecOf = this.#codecOf(null);
      const hidden = runs.some((run) => looksProtected(run.packets(), codecOf));
      const audio = hidden ? SILENT : decodeRuns(runs, codecOf, this.#sources.newWriters(path));
      const stream: RecoveredStream = {
        ...this.#base(null, runs),
        ...audio,
        ...countsOf(runs, at === 0 ? sorter.copies : 0, refused),
        path,
        encrypted: hidden,
        authenticated: 0,
        keys: [],
        reason: hidden ? 'encrypted-unannounced' : reasonOf(audio, refused),
      };
      return { stream, spans: spansOf(runs), refused: null };
    });
  }

  #refusedStream(lists: readonly number[], count: number): Draft {
    const list = new RefusedList(this.#sources.workspace.bench, lists, count);
    const isMedium = list.advances(LIKE_MEDIA);
    const reason = this.#refusal();
    const stream: RecoveredStream = {
      ...this.#base(this.#sessions[0]?.csId ?? null, []),
      ...SILENT,
      encrypted: true,
      packets: count,
      authenticated: 0,
      duplicates: 0,
      rejected: count,
      refused: list.judge([]).listed,
      keys: [],
      doubtful: reason === 'key-does-not-verify' && this.#sessions.length > 0 && isMedium,
      reason,
    };
    return { stream, spans: [], refused: { ...list.span(), isMedium } };
  }

  #refusal(): StreamReason {
    const { known, keys } = this.#keyring;
    if (known === 0) return this.#signalling.descriptions.length === 0 ? 'no-signalling' : 'no-key';
    if (keys.length === 0) return 'unsupported-cipher';
    const isOurs = this.#sessions.length > 0 || keys.some(({ csId }) => csId === null);
    return isOurs ? 'key-does-not-verify' : 'foreign-stream';
  }

  #base(
    csId: number | null,
    runs: readonly Run[],
  ): Pick<
    RecoveredStream,
    | 'ssrc'
    | 'csId'
    | 'speaker'
    | 'direction'
    | 'path'
    | 'missing'
    | 'firstIndex'
    | 'disregarded'
    | 'doubtful'
    | 'decryptedInNetwork'
  > {
    const { ssrc, direction } = this.#group;
    return {
      ssrc,
      csId,
      speaker: this.#speakerOf(csId),
      direction: DIRECTION_NAMES.get(direction) ?? 'unknown',
      path: this.#path,
      missing: missingIn(runs),
      firstIndex:
        runs.length === 0 ? null : runs.reduce((least, run) => Math.min(least, run.lowest), Infinity),
      disregarded: false,
      doubtful: false,
      decryptedInNetwork: false,
    };
  }

  #codecOf(csId: number | null) {
    const speaker = this.#speaker ?? targetSideOf(this.#speakerOf(csId), this.#signalling.targets);
    const receiver = speaker === null ? null : speaker === 'target' ? 'other' : 'target';
    return codecLookup(this.#signalling.descriptions, { receiver, csId, path: this.#path });
  }

  /** The identity in the key exchange; without one, target or other party by the direction of the packets. */
  #speakerOf(csId: number | null): string | null {
    const session = csId === null ? undefined : this.#sessions.find((each) => each.csId === csId);
    if (session !== undefined && session.speaker !== '') return session.speaker;
    const { from, to, targets } = this.#signalling;
    const [fromSide, toSide] = [targetSideOf(from, targets), targetSideOf(to, targets)];
    if (this.#speaker === null || fromSide === toSide) return null;
    return fromSide === this.#speaker ? from : to;
  }
}

const SPEAKERS: ReadonlyMap<number, TargetSide> = new Map<number, TargetSide>([
  [PAYLOAD_DIRECTION.fromTarget, 'target'],
  [PAYLOAD_DIRECTION.toTarget, 'other'],
]);

const DIRECTION_NAMES: ReadonlyMap<number, 'fromTarget' | 'toTarget'> = new Map([
  [PAYLOAD_DIRECTION.fromTarget, 'fromTarget'],
  [PAYLOAD_DIRECTION.toTarget, 'toTarget'],
]);

const SILENT: DecodedAudio = {
  audio: null,
  kept: null,
  digits: '',
  events: [],
  furtherEvents: 0,
  undecoded: 0,
  undecodedTypes: [],
  shortened: [],
  shortenings: 0,
  begins: null,
  stretches: [],
  furtherStretches: 0,
};

function reasonOf(
  { audio, digits, undecoded }: DecodedAudio,
  { isUnaccounted }: Refusals,
): StreamReason | null {
  if (undecoded > 0) return audio === null && digits === '' ? 'unsupported-codec' : 'partly-undecoded';
  return isUnaccounted ? 'packets-refused' : null;
}

function countsOf(
  runs: readonly Run[],
  duplicates: number,
  refused: Refusals,
): Pick<RecoveredStream, 'packets' | 'duplicates' | 'rejected' | 'refused'> {
  return {
    packets: sizeOf(runs) + duplicates + refused.count,
    duplicates,
    rejected: refused.count,
    refused: refused.listed,
  };
}

function spansOf(runs: readonly Run[]): Span[] {
  return runs.map(({ first, last }) => ({ first, last }));
}

function sizeOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { size }) => sum + size, 0);
}

function readRtp(octets: Uint8Array): RtpPacket | null {
  try {
    return decodeRtp(octets);
  } catch (error) {
    if (error instanceof MediaError || error instanceof BytesError) return null;
    throw error;
  }
}
