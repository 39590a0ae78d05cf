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
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../wire/hi/ps-pdu.ts';
import { rtpOf } from './content.ts';
import type { RtpContent } from './content.ts';
import { MarkTable } from './marks.ts';
import type { Gap } from './marks.ts';
import type { HandoverKind } from './ports.ts';

/** A packet as delivered. */
export interface DeliveredPacket extends RtpContent {
  /** `DIRECTION` of the CC payload. */
  readonly direction: number | null;
}

/** All that was delivered about one call under one LIID. */
export interface CallMaterial {
  readonly liid: string;
  readonly cin: number;
  /** In order of their sequence numbers. */
  readonly records: readonly EpsIri[];
  readonly packets: readonly DeliveredPacket[];
  /** CC payloads that are no RTP: RTCP, or of a frame type that holds none. */
  readonly otherContent: number;
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
  const iri = inOrder(pdus.hi2).flatMap(({ payload }) => (payload.kind === 'iri' ? payload.records : []));
  const cc = inOrder(pdus.hi3).flatMap(({ payload }) => (payload.kind === 'cc' ? payload.packets : []));
  const packets = cc.flatMap((payload) => {
    const rtp = rtpOf(payload);
    return rtp === null ? [] : [{ ...rtp, direction: payload.direction ?? null }];
  });
  const times = [...pdus.hi2, ...pdus.hi3].flatMap(({ pdu: { header } }) =>
    header.time === undefined ? [] : [unixMsOf(header.time)],
  );
  return {
    liid,
    cin,
    records: iri.flatMap(({ contents }) => (contents.kind === 'eps' ? [contents.record] : [])),
    packets,
    otherContent: cc.length - packets.length,
    missing: gaps,
    firstTime: times.reduce<number | null>((least, time) => Math.min(least ?? time, time), null),
    lastTime: times.reduce<number | null>((most, time) => Math.max(most ?? time, time), null),
  };
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
