/**
 * The media streams of a call, one an SSRC: decrypted, decoded, put in order of time. Every stream of every m= line is
 * taken, not the first only.
 */
import { decodeG711 } from '../../media/g711.ts';
import { MediaError } from '../../media/errors.ts';
import { BytesError } from '../../bytes/errors.ts';
import { decodeRtp } from '../../media/rtp.ts';
import type { RtpPacket } from '../../media/rtp.ts';
import { DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { CallMaterial, DeliveredPacket } from './calls.ts';
import { keysOf } from './calls.ts';
import type { CandidateKey } from './decryptor.ts';
import { StreamDecryptor } from './decryptor.ts';
import { suitesFor } from './policy.ts';
import { Recording } from './recording.ts';
import { g711Law, STATIC_CODECS } from './sdp.ts';
import type { CryptoSession, Signalling } from './signalling.ts';

/** Why a stream yields no audio. */
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
  /** Decrypted, but in a codec that cannot be decoded here. */
  | 'unsupported-codec';

export interface RecoveredStream {
  readonly ssrc: number;
  readonly csId: number | null;
  /** URI of the party that speaks, where signalling tells. */
  readonly speaker: string | null;
  readonly direction: 'fromTarget' | 'toTarget' | 'unknown';
  readonly encrypted: boolean;
  readonly packets: number;
  readonly authenticated: number;
  readonly duplicates: number;
  /** Packets that no key opens. */
  readonly rejected: number;
  /** Packets that lack between the first and the last, by their index. */
  readonly missing: number;
  /** Decrypted packets of a payload type that is not G.711. */
  readonly undecoded: number;
  readonly firstIndex: number | null;
  readonly keys: readonly {
    readonly csId: number;
    readonly suite: string;
    readonly mki: string;
    readonly packets: number;
  }[];
  readonly samples: Int16Array | null;
  readonly reason: StreamReason | null;
}

interface Plain {
  readonly packet: RtpPacket;
  /** Of the packet, or where nothing is encrypted its place in the stream. */
  readonly index: number;
}

/** All streams of a call, by crypto session and first appearance. */
export function recoverStreams(call: CallMaterial, signalling: Signalling): RecoveredStream[] {
  const bySsrc = new Map<number, DeliveredPacket[]>();
  for (const packet of call.packets) {
    const { ssrc } = packet.header;
    const stream = bySsrc.get(ssrc);
    if (stream === undefined) bySsrc.set(ssrc, [packet]);
    else stream.push(packet);
  }
  const clear = keysOf(call).length === 0 && offersNoEncryption(signalling);
  const streams = [...bySsrc].map(([ssrc, packets]) =>
    clear ? clearStream(ssrc, packets, call, signalling) : encryptedStream(ssrc, packets, call, signalling),
  );
  return streams.sort((a, b) => (a.csId ?? 256) - (b.csId ?? 256));
}

/** What is described, as RTP/AVP and without key management. Where nothing is described, nothing is known. */
function offersNoEncryption({ media, mikeyMessages }: Signalling): boolean {
  const isPlain = media.some(({ protocol }) => /^RTP\/AVPF?$/i.test(protocol));
  return mikeyMessages === 0 && isPlain && !media.some(({ protocol }) => /SAVP/i.test(protocol));
}

function encryptedStream(
  ssrc: number,
  packets: readonly DeliveredPacket[],
  call: CallMaterial,
  signalling: Signalling,
): RecoveredStream {
  const sessions = signalling.cryptoSessions.filter((session) => session.ssrc === ssrc);
  const { keys, reason } = candidatesFor(sessions, call);
  const decryptor = new StreamDecryptor(keys);
  const plain = packets.flatMap(({ packet, header }): Plain[] => {
    const opened = decryptor.open(packet, header.sequenceNumber);
    const rtp = opened === null ? null : readRtp(opened.packet);
    return opened === null || rtp === null ? [] : [{ packet: rtp, index: opened.index }];
  });
  const csId = decryptor.used[0]?.csId ?? sessions[0]?.csId ?? null;
  const base = {
    ssrc,
    csId,
    speaker: speakerOf(
      sessions.find((session) => session.csId === csId),
      packets,
      call,
      signalling,
    ),
    direction: directionOf(packets),
    encrypted: true,
    packets: packets.length,
    authenticated: packets.length - decryptor.rejected - decryptor.duplicates,
    duplicates: decryptor.duplicates,
    rejected: decryptor.rejected,
    keys: decryptor.used.map(({ suite, ...use }) => ({ ...use, suite: suite.name })),
  };
  if (plain.length === 0) {
    const unopened = sessions.length > 0 ? 'key-does-not-verify' : 'foreign-stream';
    const unknown = reason === 'no-key' && signalling.media.length === 0 ? 'no-signalling' : null;
    return { ...base, ...NOTHING, reason: unknown ?? reason ?? unopened };
  }
  return { ...base, ...decoded(plain, csId, signalling) };
}

/** A call whose signalling offers no encryption, as any other (R-20: as for unencrypted communications). */
function clearStream(
  ssrc: number,
  packets: readonly DeliveredPacket[],
  call: CallMaterial,
  signalling: Signalling,
): RecoveredStream {
  const plain = packets.flatMap(({ packet, header }): Plain[] => {
    const rtp = readRtp(packet);
    return rtp === null ? [] : [{ packet: rtp, index: header.sequenceNumber }];
  });
  const base = {
    ssrc,
    csId: null,
    speaker: partyBy(directionOf(packets), call, signalling),
    direction: directionOf(packets),
    encrypted: false,
    packets: packets.length,
    authenticated: 0,
    duplicates: 0,
    rejected: packets.length - plain.length,
    keys: [],
  };
  return { ...base, ...decoded(plain, null, signalling) };
}

const NOTHING = { missing: 0, undecoded: 0, firstIndex: null, samples: null } as const;

/** The keys to try for a stream, or why there is none. */
function candidatesFor(
  sessions: readonly CryptoSession[],
  call: CallMaterial,
): { keys: CandidateKey[]; reason: StreamReason | null } {
  const keys: CandidateKey[] = [];
  let delivered = 0;
  for (const { csId, key, salt } of keysOf(call)) {
    const number = csId[0] ?? 0;
    const own = sessions.filter((session) => session.csId === number);
    if (sessions.length > 0 && own.length === 0) continue;
    delivered++;
    if (salt === undefined) continue;
    const places = own.length > 0 ? own : UNKNOWN_PLACE;
    for (const { suite, roc } of places) {
      const suites = suite === null ? suitesFor(key.length, salt.length) : [suite];
      for (const candidate of suites) {
        if (candidate.keyLength !== key.length || candidate.saltLength !== salt.length) continue;
        keys.push({ csId: number, suite: candidate, key, salt, roc });
      }
    }
  }
  if (delivered === 0) return { keys, reason: 'no-key' };
  return { keys, reason: keys.length === 0 ? 'unsupported-cipher' : null };
}

/** The SSRC is in no map. */
const UNKNOWN_PLACE = [{ suite: null, roc: 0 }] as const;

function decoded(
  plain: readonly Plain[],
  csId: number | null,
  signalling: Signalling,
): Pick<RecoveredStream, 'missing' | 'undecoded' | 'firstIndex' | 'samples' | 'reason'> {
  const codecOf = codecs(csId, signalling);
  // G.711: an octet is a sample.
  const recording = new Recording(plain.reduce((sum, { packet }) => sum + packet.payload.length, 0));
  let undecoded = 0;
  for (const { packet } of plain) {
    const law = g711Law(codecOf(packet.payloadType) ?? '');
    if (law === null) undecoded++;
    else recording.place(packet.timestamp, decodeG711(packet.payload, law));
  }
  const indices = plain.map(({ index }) => index);
  const first = indices.reduce((least, index) => Math.min(least, index), Infinity);
  const last = indices.reduce((most, index) => Math.max(most, index), -Infinity);
  const samples = recording.samples();
  return {
    missing: plain.length === 0 ? 0 : last - first + 1 - new Set(indices).size,
    undecoded,
    firstIndex: plain.length === 0 ? null : first,
    samples,
    reason: samples === null ? 'unsupported-codec' : null,
  };
}

/** Codec by payload type: that of the stream's own m= line, else of any, else the static one. */
function codecs(csId: number | null, { media }: Signalling): (payloadType: number) => string | null {
  const own = csId === null ? undefined : media[Math.ceil(csId / 2) - 1];
  return (payloadType) =>
    own?.codecs.get(payloadType) ??
    media.find((line) => line.codecs.has(payloadType))?.codecs.get(payloadType) ??
    STATIC_CODECS.get(payloadType) ??
    null;
}

/** The identity in the key exchange; without one, target or other party by the direction of the packets. */
function speakerOf(
  session: CryptoSession | undefined,
  packets: readonly DeliveredPacket[],
  call: CallMaterial,
  signalling: Signalling,
): string | null {
  if (session !== undefined && session.speaker !== '') return session.speaker;
  return partyBy(directionOf(packets), call, signalling);
}

function partyBy(
  direction: RecoveredStream['direction'],
  call: CallMaterial,
  { from, to }: Signalling,
): string | null {
  const targets = call.records.flatMap((record) => record.parties);
  const isTarget = (uri: string | null) =>
    uri !== null && targets.some(({ sipUri, telUri }) => uri === sipUri || uri === telUri);
  if (direction === 'unknown' || isTarget(from) === isTarget(to)) return null;
  return isTarget(from) === (direction === 'fromTarget') ? from : to;
}

function directionOf(packets: readonly DeliveredPacket[]): RecoveredStream['direction'] {
  if (packets.every(({ direction }) => direction === DIRECTION.fromTarget)) return 'fromTarget';
  if (packets.every(({ direction }) => direction === DIRECTION.toTarget)) return 'toTarget';
  return 'unknown';
}

function readRtp(octets: Uint8Array): RtpPacket | null {
  try {
    return decodeRtp(octets);
  } catch (error) {
    if (error instanceof MediaError || error instanceof BytesError) return null;
    throw error;
  }
}
