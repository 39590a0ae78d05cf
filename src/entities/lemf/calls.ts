/**
 * What HI2 and HI3 say about each call: PDUs of one LIID and CIN belong together. Files are read as they are: copies are
 * passed over, order is that of the sequence numbers, an end that is cut off or octets that are no PDU are noted.
 */
import { toHex } from '../../bytes/octets.ts';
import { splitPsPdus } from '../../wire/hi/deframer.ts';
import type { CcKeyInfo, EpsIri } from '../../wire/hi/eps-iri.ts';
import { HiError } from '../../wire/hi/errors.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { unixMsOf } from '../../wire/hi/time.ts';
import { decodePsPdu, PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { CcPayload, IriContents, IriPayload, PsPdu, ReceivedPsPdu } from '../../wire/hi/ps-pdu.ts';
import { T_PDU_DIRECTION } from '../../wire/hi/voip-cc.ts';
import { contentOf, ipPayload } from './content.ts';
import type { ContentItem, RtpContent } from './content.ts';
import type { Gap } from './marks.ts';
import { Numbering, sessionKey } from './numbering.ts';
import type { HandoverKind } from './ports.ts';
import { SourceLookup } from './sources.ts';
import type { SourceMark } from './sources.ts';

/** A packet as delivered. */
export interface DeliveredPacket extends RtpContent {
  /** `fromTarget` or `toTarget` of `PAYLOAD_DIRECTION`; `null`: it says neither. */
  readonly direction: number | null;
  /** Unix milliseconds. */
  readonly time: number | null;
  /** In the order of delivery. */
  readonly place: number;
}

/** Signalling as delivered. */
export interface CallMessage {
  /** A SIP message, or its head alone. */
  readonly octets: Uint8Array;
  /** The session description where it came apart from the message. */
  readonly body: Uint8Array | null;
  /** `PAYLOAD_DIRECTION` of the record. */
  readonly direction: number | null;
  /** Unix milliseconds. */
  readonly time: number | null;
  readonly place: number;
}

/** Kinds of content that are not RTP. */
export type OtherContent = Exclude<ContentItem['kind'], 'rtp'>;

/** PDUs of one source and count. */
export interface CallSource {
  /** In the certificate, where that is known; else the network element. */
  readonly name: string;
  readonly kind: HandoverKind;
  readonly count: number;
  readonly pdus: number;
}

/** All that was delivered about one call under one LIID. */
export interface CallMaterial {
  readonly liid: string;
  readonly cin: number;
  /** Which of the sources that have this LIID and CIN for different calls; `null` where nothing tells it. */
  readonly source: string | null;
  readonly sources: readonly CallSource[];
  /** PDUs whose number another has with other content; all are kept. */
  readonly conflicts: number;
  /** Records of any kind. */
  readonly recordCount: number;
  /** In order of their sequence numbers. */
  readonly records: readonly EpsIri[];
  /** In order of their sequence numbers. */
  readonly messages: readonly CallMessage[];
  readonly packets: readonly DeliveredPacket[];
  /** CC payloads that are not RTP. */
  readonly other: Readonly<Record<OtherContent, number>>;
  /** Directions in which the parties agreed upon keys on the media's own way. */
  readonly handshakes: ReadonlySet<number | null>;
  readonly missing: Readonly<Record<HandoverKind, readonly Gap[]>>;
  /** Values of its PDUs that could not be read, by sequence number, path and cause. */
  readonly unread: readonly string[];
  /** Unix milliseconds of the first and last header. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
}

/** What a file consists of. */
export interface FileSummary {
  readonly pdus: number;
  /** Those of the transport itself: options, keep-alives, requests for acknowledgement. */
  readonly transport: number;
  readonly duplicates: number;
  /** PDUs whose number another has with other content; all are kept. */
  readonly conflicts: number;
  /** Octets at the end that are not a complete PDU. */
  readonly truncatedOctets: number;
  /** PDUs that cannot be decoded, by their place from 0. */
  readonly undecodable: readonly number[];
  /** Why reading stopped before the end; `null` if it did not. */
  readonly damage: string | null;
}

export interface Delivered {
  readonly calls: readonly CallMaterial[];
  readonly files: Readonly<Record<HandoverKind, FileSummary>>;
}

/** What is read: a file's octets, and where in it which source begins. */
export interface HandoverFile {
  readonly octets: Uint8Array;
  readonly sources: readonly SourceMark[];
}

interface Kept {
  readonly pdu: ReceivedPsPdu;
  readonly source: string;
  readonly count: number;
}

interface Gathering {
  readonly liid: string;
  readonly cin: number;
  readonly operator: string;
  readonly pdus: Record<HandoverKind, Kept[]>;
  readonly gaps: Record<HandoverKind, Gap[]>;
  /** PDUs whose number another has with other content. */
  conflicts: number;
  /** Whether those were of different sources. */
  divided: boolean;
}

/** Sorts the PDUs of both files by call, calls in the order in which they first appear. */
export function gather(hi2: HandoverFile, hi3: HandoverFile): Delivered {
  const calls = new Map<string, Gathering>();
  const files = { hi2: collect('hi2', hi2, calls), hi3: collect('hi3', hi3, calls) };
  return { calls: [...calls.values()].flatMap(divide).map(materialOf), files };
}

/** The keys of a call, in order of delivery. */
export function keysOf(call: CallMaterial): CcKeyInfo[] {
  return call.records.flatMap((record) => record.keys ?? []);
}

/** The correlation number of a call in hex, `null` if no record has one. */
export function correlationOf(call: CallMaterial): string | null {
  for (const { correlation } of call.records) {
    const number = correlation?.iriToIri ?? correlation?.iriToCc?.cc[0];
    if (number !== undefined) return toHex(number);
  }
  return null;
}

function collect(
  kind: HandoverKind,
  { octets, sources }: HandoverFile,
  calls: Map<string, Gathering>,
): FileSummary {
  const numbering = new Numbering();
  const lookup = new SourceLookup(sources);
  const undecodable: number[] = [];
  const seen = new Set<Gathering>();
  let [transport, duplicates, conflicts, at] = [0, 0, 0, 0];
  const { pdus, rest, damage } = splitPsPdus(octets);
  for (const [place, raw] of pdus.entries()) {
    const pdu = decoded(raw);
    const source = lookup.at(at) ?? pdu?.header.networkElementIdentifier ?? '';
    at += raw.length;
    if (pdu?.payload.kind === 'tri') {
      transport++;
      if (pdu.payload.message.type === 'cinReset') numbering.reset(kind, source, pdu.header);
      continue;
    }
    if (pdu?.header.cin === undefined) {
      undecodable.push(place);
      continue;
    }
    const verdict = numbering.take(kind, source, pdu.header, raw);
    if (verdict.kind === 'copy') {
      duplicates++;
      continue;
    }
    const call = callOf(calls, pdu.header, pdu.header.cin);
    seen.add(call);
    call.pdus[kind].push({ pdu, source, count: verdict.count });
    if (verdict.differsFrom.length > 0) {
      conflicts++;
      call.conflicts++;
    }
    call.divided ||= verdict.differsFrom.some((other) => other !== source);
  }
  for (const call of seen) {
    call.gaps[kind] = numbering.gaps(kind, { ...call, operatorIdentifier: call.operator });
  }
  return {
    pdus: pdus.length,
    transport,
    duplicates,
    conflicts,
    truncatedOctets: rest.length,
    undecodable,
    damage: damage?.message ?? null,
  };
}

function callOf(calls: Map<string, Gathering>, header: PsHeader, cin: number): Gathering {
  const key = sessionKey(header);
  const known = calls.get(key);
  if (known !== undefined) return known;
  const call: Gathering = {
    liid: header.liid,
    cin,
    operator: header.operatorIdentifier,
    pdus: { hi2: [], hi3: [] },
    gaps: { hi2: [], hi3: [] },
    conflicts: 0,
    divided: false,
  };
  calls.set(key, call);
  return call;
}

/**
 * Sources that have one number for different things have different calls under one LIID and CIN: each is one of its own.
 * A source of content alone belongs to one of records alone, in the order in which they appear.
 */
function divide(call: Gathering): (Gathering & { source: string | null })[] {
  if (!call.divided) return [{ ...call, source: null }];
  const namesOf = (kind: HandoverKind) => [...new Set(call.pdus[kind].map(({ source }) => source))];
  const [hi2, hi3] = [namesOf('hi2'), namesOf('hi3')];
  const recordsAlone = hi2.filter((name) => !hi3.includes(name));
  const contentAlone = hi3.filter((name) => !hi2.includes(name));
  const ownerOf = new Map(contentAlone.map((name, at) => [name, recordsAlone[at] ?? name]));
  const owners = [...new Set([...hi2, ...hi3.map((name) => ownerOf.get(name) ?? name)])];
  return owners.map((source) => ({
    ...call,
    source,
    pdus: {
      hi2: call.pdus.hi2.filter((kept) => kept.source === source),
      hi3: call.pdus.hi3.filter((kept) => (ownerOf.get(kept.source) ?? kept.source) === source),
    },
  }));
}

function materialOf(call: Gathering & { source: string | null }): CallMaterial {
  const { liid, cin, source, pdus, gaps, conflicts } = call;
  const iri = inOrder(pdus.hi2);
  const cc = inOrder(pdus.hi3);
  const records = iri.flatMap(({ payload }) => (payload.kind === 'iri' ? payload.records : []));
  const times = [...pdus.hi2, ...pdus.hi3].flatMap(({ pdu: { header } }) =>
    header.time === undefined ? [] : [unixMsOf(header.time)],
  );
  return {
    liid,
    cin,
    source,
    sources: sourcesOf(pdus),
    conflicts,
    recordCount: records.length,
    records: records.flatMap(epsOf),
    messages: iri.flatMap(messagesOf),
    ...contentOfCall(cc),
    missing: gaps,
    unread: [...unreadOf('HI2', iri), ...unreadOf('HI3', cc)],
    firstTime: times.reduce<number | null>((least, time) => Math.min(least ?? time, time), null),
    lastTime: times.reduce<number | null>((most, time) => Math.max(most ?? time, time), null),
  };
}

function sourcesOf(pdus: Gathering['pdus']): CallSource[] {
  const sources = new Map<string, { name: string; kind: HandoverKind; count: number; pdus: number }>();
  for (const kind of ['hi2', 'hi3'] as const) {
    for (const { source, count } of pdus[kind]) {
      const key = `${kind} ${count} ${source}`;
      const known = sources.get(key) ?? { name: source, kind, count, pdus: 0 };
      known.pdus++;
      sources.set(key, known);
    }
  }
  return [...sources.values()];
}

function unreadOf(interfaceName: string, pdus: readonly ReceivedPsPdu[]): string[] {
  return pdus.flatMap(({ header, unread = [] }) =>
    unread.map((note) => `${interfaceName} ${header.sequenceNumber}: ${note}`),
  );
}

function epsOf({ contents }: IriPayload): EpsIri[] {
  return contents.kind === 'eps' ? [contents.record] : [];
}

function messagesOf({ header, payload }: PsPdu, place: number): CallMessage[] {
  if (payload.kind !== 'iri') return [];
  return payload.records.flatMap(({ contents, direction, time }) => {
    const at = time ?? header.time;
    const common = {
      direction: direction ?? null,
      time: at === undefined ? (contents.kind === 'eps' ? contents.record.time : null) : unixMsOf(at),
      place,
    };
    return textsOf(contents).map((text) => ({ ...common, ...text }));
  });
}

/** The SIP messages and session descriptions of a record. */
function textsOf(contents: IriContents): Pick<CallMessage, 'octets' | 'body'>[] {
  if (contents.kind === 'other') return [];
  if (contents.kind === 'eps') {
    const { sipMessage, sdpOffer, sdpAnswer, sipMessageHeaderOffer, sipMessageHeaderAnswer } =
      contents.record;
    const none = new Uint8Array();
    return [
      ...(sipMessage === undefined ? [] : [{ octets: sipMessage, body: null }]),
      ...(sdpOffer === undefined ? [] : [{ octets: sipMessageHeaderOffer ?? none, body: sdpOffer }]),
      ...(sdpAnswer === undefined ? [] : [{ octets: sipMessageHeaderAnswer ?? none, body: sdpAnswer }]),
    ];
  }
  const { message } = contents.iri;
  if (message.kind === 'sip') return [{ octets: message.content, body: null }];
  const datagram = message.kind === 'original' ? ipPayload(message.packet) : null;
  return datagram === null ? [] : [{ octets: datagram.octets, body: null }];
}

function contentOfCall(pdus: readonly PsPdu[]): Pick<CallMaterial, 'packets' | 'other' | 'handshakes'> {
  const packets: DeliveredPacket[] = [];
  const other: Record<OtherContent, number> = { rtcp: 0, stun: 0, handshake: 0, noise: 0, unsupported: 0 };
  const handshakes = new Set<number | null>();
  for (const { header, payload } of pdus) {
    for (const cc of payload.kind === 'cc' ? payload.packets : []) {
      const content = contentOf(cc);
      const direction = directionOf(cc);
      const at = cc.time ?? header.time;
      if (content.kind === 'rtp') {
        const time = at === undefined ? null : unixMsOf(at);
        packets.push({ ...content, direction, time, place: packets.length });
        continue;
      }
      other[content.kind]++;
      if (content.kind === 'handshake') handshakes.add(direction);
    }
  }
  return { packets, other, handshakes };
}

function directionOf({ direction, contents }: CcPayload): number | null {
  const { fromTarget, toTarget } = PAYLOAD_DIRECTION;
  if (direction === fromTarget || direction === toTarget) return direction;
  if (contents.kind !== 'voip') return null;
  if (contents.cc.direction === T_PDU_DIRECTION.fromTarget) return fromTarget;
  return contents.cc.direction === T_PDU_DIRECTION.toTarget ? toTarget : null;
}

function inOrder(kept: readonly Kept[]): ReceivedPsPdu[] {
  return [...kept]
    .sort((a, b) => a.count - b.count || a.pdu.header.sequenceNumber - b.pdu.header.sequenceNumber)
    .map(({ pdu }) => pdu);
}

function decoded(octets: Uint8Array): ReceivedPsPdu | null {
  try {
    return decodePsPdu(octets);
  } catch (error) {
    if (error instanceof HiError) return null;
    throw error;
  }
}
