/**
 * The media streams of a call: decrypted, decoded, put in order. Streams are told apart by direction, by source and by
 * the key that opens them, and never by SSRC alone: both ends may have chosen one (RFC 3550 section 8.2). Every stream of
 * every m= line is taken, not the first only.
 *
 *     by direction and SSRC ─┬─ a key opens it     by crypto session (a change of keys goes on in one stream)
 *                            ├─ sent in the clear  by source
 *                            └─ neither            refused: beside the stream of that direction and SSRC, or alone
 */
import { BytesError } from '../../bytes/errors.ts';
import { MediaError } from '../../media/errors.ts';
import { decodeRtp } from '../../media/rtp.ts';
import type { RtpPacket } from '../../media/rtp.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { decodeRuns } from './audio.ts';
import type { DecodedAudio } from './audio.ts';
import type { CallMaterial, DeliveredPacket } from './calls.ts';
import { codecLookup } from './codecs.ts';
import type { KeyUse } from './decryptor.ts';
import { StreamDecryptor } from './decryptor.ts';
import type { Keyring } from './keyring.ts';
import { keyringFor } from './keyring.ts';
import type { TargetSide } from './negotiation.ts';
import { looksProtected, Protection } from './protection.ts';
import { advances, judgeRefused } from './refused.ts';
import type { RefusedPacket } from './refused.ts';
import { missingIn, RunSorter } from './runs.ts';
import type { Run } from './runs.ts';
import type { AgreedStream, Signalling } from './signalling.ts';
import { targetSideOf } from './signalling.ts';

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
  readonly keys: readonly {
    readonly csId: number | null;
    readonly suite: string;
    readonly mki: string;
    readonly packets: number;
  }[];
  /** Packets of somebody else, as far as can be told: they do not count against the call. */
  readonly disregarded: boolean;
  /** A medium, all of it refused under the key that was handed over for it: the files are not what the network sent. */
  readonly doubtful: boolean;
  readonly reason: StreamReason | null;
}

/** Refused packets that are listed; all are counted. */
const MAX_LISTED = 100;

/** Packets in a row that make a stream: half a second. */
const LIKE_MEDIA = 25;

/** A stream, and what is needed of it to judge the others. */
interface Draft {
  readonly stream: RecoveredStream;
  readonly runs: readonly Run[];
  readonly refused: readonly DeliveredPacket[];
}

/** Packets of one direction and SSRC. */
interface Group {
  readonly ssrc: number;
  readonly direction: number | null;
  readonly packets: readonly DeliveredPacket[];
}

/** All streams of a call, by crypto session and first appearance. */
export function recoverStreams(call: CallMaterial, signalling: Signalling): RecoveredStream[] {
  const protection = new Protection(call, signalling);
  const drafts = groupsOf(call.packets).flatMap((group) =>
    new GroupRecovery(group, call, signalling, protection).drafts(),
  );
  const streams = drafts.map((draft) => judged(draft, drafts));
  return streams.sort((a, b) => (a.csId ?? 256) - (b.csId ?? 256));
}

function groupsOf(packets: readonly DeliveredPacket[]): Group[] {
  const groups = new Map<string, { ssrc: number; direction: number | null; packets: DeliveredPacket[] }>();
  for (const packet of packets) {
    const { direction } = packet;
    const { ssrc } = packet.header;
    const key = `${direction ?? ''} ${ssrc}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ssrc, direction, packets: [packet] });
    else group.packets.push(packet);
  }
  return [...groups.values()];
}

/**
 * A stream that no key opens does not count where the same end's stream was opened beside it, unless it advances as a
 * medium does: without that it is something that somebody threw in. One that does and has a key of its own counts in any
 * case, one of no crypto session only if the other did not go on all the while.
 */
function judged({ stream, refused }: Draft, drafts: readonly Draft[]): RecoveredStream {
  if (stream.reason !== 'foreign-stream' && stream.reason !== 'key-does-not-verify') return stream;
  const beside = drafts.filter(
    (other) => other.stream.authenticated > 0 && other.stream.direction === stream.direction,
  );
  if (beside.length === 0) return stream;
  const [first = Infinity, last = -Infinity] = [refused[0]?.place, refused.at(-1)?.place];
  const covered = beside.some(({ runs }) => runs.some((run) => run.first <= first && run.last >= last));
  const isMedia = advances(refused, LIKE_MEDIA);
  if (isMedia && (!covered || stream.reason === 'key-does-not-verify')) return stream;
  return { ...stream, disregarded: true };
}

class GroupRecovery {
  readonly #group: Group;
  readonly #signalling: Signalling;
  readonly #protection: Protection;
  readonly #sessions: readonly AgreedStream[];
  readonly #speaker: TargetSide | null;
  readonly #keyring: Keyring;
  readonly #decryptor: StreamDecryptor;
  /** By crypto session. */
  readonly #opened = new Map<number | null, RunSorter>();
  /** By source. */
  readonly #clear = new Map<string | null, RunSorter>();
  readonly #refused: DeliveredPacket[] = [];
  /** Sent in the clear, and malformed. */
  readonly #malformed: DeliveredPacket[] = [];

  constructor(group: Group, call: CallMaterial, signalling: Signalling, protection: Protection) {
    this.#group = group;
    this.#signalling = signalling;
    this.#protection = protection;
    this.#sessions = signalling.cryptoSessions.filter(({ ssrc }) => ssrc === group.ssrc);
    this.#speaker = SPEAKERS.get(group.direction ?? -1) ?? null;
    this.#keyring = keyringFor(this.#sessions, this.#speaker, call, signalling);
    this.#decryptor = new StreamDecryptor(this.#keyring.keys);
  }

  drafts(): Draft[] {
    for (const packet of this.#group.packets) this.#take(packet);
    const opened = [...this.#opened].flatMap(([csId, sorter]) => this.#openedStreams(csId, sorter));
    const clear = [...this.#clear].flatMap(([path, sorter]) => this.#clearStreams(path, sorter));
    const alone = this.#refused.concat(clear.length === 0 ? this.#malformed : []);
    const refused = opened.length === 0 && alone.length > 0 ? [this.#refusedStream(alone)] : [];
    return [...opened, ...clear, ...refused];
  }

  #take(packet: DeliveredPacket): void {
    const { time, place, path } = packet;
    const { sequenceNumber } = packet.header;
    const opened =
      this.#keyring.keys.length === 0 ? null : this.#decryptor.open(packet.packet, sequenceNumber);
    const isClear = opened === null && this.#protection.of(packet) === 'clear';
    const octets = opened?.packet ?? packet.packet;
    const rtp = opened !== null || isClear ? readRtp(octets) : null;
    if (rtp === null) (isClear ? this.#malformed : this.#refused).push(packet);
    else if (opened === null) sorterOf(this.#clear, path).add({ rtp, octets, place, time });
    else sorterOf(this.#opened, opened.key.csId).addAt({ rtp, octets, place, time }, opened.index);
  }

  #openedStreams(csId: number | null, sorter: RunSorter): Draft[] {
    const all = [...this.#opened.values()].flatMap(({ runs }) => runs);
    const isFirst = this.#opened.values().next().value === sorter;
    return sorter.streams().map((runs, at): Draft => {
      // What was refused stands beside the first stream of its direction and SSRC.
      const refused = isFirst && at === 0 ? judgeRefused(this.#refused, all) : [];
      const audio = decodeRuns(runs, this.#codecOf(csId));
      const stream: RecoveredStream = {
        ...this.#base(csId, runs),
        ...audio,
        ...countsOf(runs, at === 0 ? sorter.copies : 0, refused),
        encrypted: true,
        authenticated: sizeOf(runs),
        keys: this.#keysOf(csId),
        reason: reasonOf(audio, refused),
      };
      return { stream, runs, refused: [] };
    });
  }

  /** A call whose signalling offers no encryption, as any other (R-20: as for unencrypted communications). */
  #clearStreams(path: string | null, sorter: RunSorter): Draft[] {
    const all = [...this.#clear.values()].flatMap(({ runs }) => runs);
    const isFirst = this.#clear.values().next().value === sorter;
    return sorter.streams().map((runs, at): Draft => {
      const refused = isFirst && at === 0 ? judgeRefused(this.#malformed, all) : [];
      const codecOf = this.#codecOf(null);
      const hidden = runs.some((run) => looksProtected(run.packets(), codecOf));
      const audio = hidden ? SILENT : decodeRuns(runs, codecOf);
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
      return { stream, runs, refused: [] };
    });
  }

  #refusedStream(refused: readonly DeliveredPacket[]): Draft {
    const reason = this.#refusal();
    const stream: RecoveredStream = {
      ...this.#base(this.#sessions[0]?.csId ?? null, []),
      ...SILENT,
      encrypted: true,
      packets: refused.length,
      authenticated: 0,
      duplicates: 0,
      rejected: refused.length,
      refused: judgeRefused(refused.slice(0, MAX_LISTED), []),
      keys: [],
      doubtful:
        reason === 'key-does-not-verify' && this.#sessions.length > 0 && advances(refused, LIKE_MEDIA),
      reason,
    };
    return { stream, runs: [], refused };
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
    'ssrc' | 'csId' | 'speaker' | 'direction' | 'path' | 'missing' | 'firstIndex' | 'disregarded' | 'doubtful'
  > {
    const { ssrc, direction, packets } = this.#group;
    return {
      ssrc,
      csId,
      speaker: this.#speakerOf(csId),
      direction: DIRECTION_NAMES.get(direction ?? -1) ?? 'unknown',
      path: packets[0]?.path ?? null,
      missing: missingIn(runs),
      firstIndex:
        runs.length === 0 ? null : runs.reduce((least, run) => Math.min(least, run.lowest), Infinity),
      disregarded: false,
      doubtful: false,
    };
  }

  #codecOf(csId: number | null) {
    const speaker = this.#speaker ?? targetSideOf(this.#speakerOf(csId), this.#signalling.targets);
    const receiver = speaker === null ? null : speaker === 'target' ? 'other' : 'target';
    const path = this.#group.packets[0]?.path ?? null;
    return codecLookup(this.#signalling.descriptions, { receiver, csId, path });
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

  #keysOf(csId: number | null): RecoveredStream['keys'] {
    const used = this.#decryptor.used.filter((use: KeyUse) => use.csId === csId);
    return used.map(({ suite, ...use }) => ({ ...use, suite: suite.name }));
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
  samples: null,
  digits: '',
  events: [],
  undecoded: 0,
  undecodedTypes: [],
  shortened: [],
  shortenings: 0,
};

function reasonOf(
  { samples, digits, undecoded }: DecodedAudio,
  refused: readonly RefusedPacket[],
): StreamReason | null {
  if (undecoded > 0) return samples === null && digits === '' ? 'unsupported-codec' : 'partly-undecoded';
  return refused.some(({ standing }) => standing === 'unaccounted') ? 'packets-refused' : null;
}

function countsOf(
  runs: readonly Run[],
  duplicates: number,
  refused: readonly RefusedPacket[],
): Pick<RecoveredStream, 'packets' | 'duplicates' | 'rejected' | 'refused'> {
  return {
    packets: sizeOf(runs) + duplicates + refused.length,
    duplicates,
    rejected: refused.length,
    refused: refused.slice(0, MAX_LISTED),
  };
}

function sizeOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { size }) => sum + size, 0);
}

function sorterOf<Key>(sorters: Map<Key, RunSorter>, key: Key): RunSorter {
  const known = sorters.get(key);
  if (known !== undefined) return known;
  const sorter = new RunSorter();
  sorters.set(key, sorter);
  return sorter;
}

function readRtp(octets: Uint8Array): RtpPacket | null {
  try {
    return decodeRtp(octets);
  } catch (error) {
    if (error instanceof MediaError || error instanceof BytesError) return null;
    throw error;
  }
}
