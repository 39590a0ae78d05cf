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
import { decodePsPdu, DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { CcPayload, IriContents, IriPayload, PsPdu } from '../../wire/hi/ps-pdu.ts';
import { T_PDU_DIRECTION } from '../../wire/hi/voip-cc.ts';
import { contentOf, ipPayload } from './content.ts';
import type { ContentItem, RtpContent } from './content.ts';
import { MarkTable } from './marks.ts';
import type { Gap } from './marks.ts';
import type { HandoverKind } from './ports.ts';

/** A packet as delivered. */
export interface DeliveredPacket extends RtpContent {
  /** `fromTarget` or `toTarget` of `DIRECTION`; `null`: it says neither. */
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
  /** `DIRECTION` of the record. */
  readonly direction: number | null;
  /** Unix milliseconds. */
  readonly time: number | null;
  readonly place: number;
}

/** Kinds of content that are not RTP. */
export type OtherContent = Exclude<ContentItem['kind'], 'rtp'>;

/** All that was delivered about one call under one LIID. */
export interface CallMaterial {
  readonly liid: string;
  readonly cin: number;
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
  /** Octets at the end that are no complete PDU. */
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

interface Gathering {
  readonly liid: string;
  readonly cin: number;
  /** With the place in the order: how often numbering began again, then the sequence number. */
  readonly pdus: Record<HandoverKind, { epoch: number; pdu: PsPdu }[]>;
  readonly gaps: Record<HandoverKind, Gap[]>;
  epoch: number;
}

/** Sorts the PDUs of both files by call, calls in the order in which they first appear. */
export function gather(hi2: Uint8Array, hi3: Uint8Array): Delivered {
  const calls = new Map<string, Gathering>();
  const files = { hi2: collect('hi2', hi2, calls), hi3: collect('hi3', hi3, calls) };
  return { calls: [...calls.values()].map(materialOf), files };
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

function collect(kind: HandoverKind, octets: Uint8Array, calls: Map<string, Gathering>): FileSummary {
  const marks = new MarkTable();
  const undecodable: number[] = [];
  let transport = 0;
  let duplicates = 0;
  const { pdus, rest, damage } = splitPsPdus(octets);
  const seen = new Set<Gathering>();
  for (const [place, pdu] of pdus.map(decoded).entries()) {
    if (pdu?.payload.kind === 'tri') {
      transport++;
      const known = calls.get(keyOf(pdu.header));
      if (pdu.payload.message.type === 'cinReset' && known !== undefined) beginAgain(kind, known, marks);
      continue;
    }
    if (pdu?.header.cin === undefined) {
      undecodable.push(place);
      continue;
    }
    const { liid, cin, sequenceNumber } = pdu.header;
    const call = callOf(calls, liid, cin);
    seen.add(call);
    const stream = marks.of(kind, liid, cin);
    if (stream.has(sequenceNumber)) duplicates++;
    else call.pdus[kind].push({ epoch: call.epoch, pdu });
    stream.mark(sequenceNumber);
  }
  for (const call of seen) noteGaps(kind, call, marks);
  return {
    pdus: pdus.length,
    transport,
    duplicates,
    truncatedOctets: rest.length,
    undecodable,
    damage: damage?.message ?? null,
  };
}

function noteGaps(kind: HandoverKind, call: Gathering, marks: MarkTable): void {
  call.gaps[kind] = call.gaps[kind].concat(marks.of(kind, call.liid, call.cin).gaps());
}

function beginAgain(kind: HandoverKind, call: Gathering, marks: MarkTable): void {
  noteGaps(kind, call, marks);
  marks.reset(kind, call.liid, call.cin);
  call.epoch++;
}

function keyOf({ liid, cin }: Pick<PsHeader, 'liid' | 'cin'>): string {
  return `${cin ?? ''} ${liid}`;
}

function callOf(calls: Map<string, Gathering>, liid: string, cin: number): Gathering {
  const key = keyOf({ liid, cin });
  const known = calls.get(key);
  if (known !== undefined) return known;
  const call: Gathering = { liid, cin, pdus: { hi2: [], hi3: [] }, gaps: { hi2: [], hi3: [] }, epoch: 0 };
  calls.set(key, call);
  return call;
}

function materialOf({ liid, cin, pdus, gaps }: Gathering): CallMaterial {
  const iri = inOrder(pdus.hi2);
  const records = iri.flatMap(({ payload }) => (payload.kind === 'iri' ? payload.records : []));
  const times = [...pdus.hi2, ...pdus.hi3].flatMap(({ pdu: { header } }) =>
    header.time === undefined ? [] : [unixMsOf(header.time)],
  );
  return {
    liid,
    cin,
    recordCount: records.length,
    records: records.flatMap(epsOf),
    messages: iri.flatMap(messagesOf),
    ...contentOfCall(inOrder(pdus.hi3)),
    missing: gaps,
    firstTime: times.reduce<number | null>((least, time) => Math.min(least ?? time, time), null),
    lastTime: times.reduce<number | null>((most, time) => Math.max(most ?? time, time), null),
  };
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
  const { fromTarget, toTarget } = DIRECTION;
  if (direction === fromTarget || direction === toTarget) return direction;
  if (contents.kind !== 'voip') return null;
  if (contents.cc.direction === T_PDU_DIRECTION.fromTarget) return fromTarget;
  return contents.cc.direction === T_PDU_DIRECTION.toTarget ? toTarget : null;
}

function inOrder(pdus: readonly { epoch: number; pdu: PsPdu }[]): PsPdu[] {
  return [...pdus]
    .sort((a, b) => a.epoch - b.epoch || a.pdu.header.sequenceNumber - b.pdu.header.sequenceNumber)
    .map(({ pdu }) => pdu);
}

function decoded(octets: Uint8Array): PsPdu | null {
  try {
    return decodePsPdu(octets);
  } catch (error) {
    if (error instanceof HiError) return null;
    throw error;
  }
}
