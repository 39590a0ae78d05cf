/**
 * RTCP compound packets (RFC 3550 section 6): sender and receiver reports and goodbye are understood; source
 * descriptions, feedback and all else survive decoding as octets.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P|  count  |  packet type  |  length in 32-bit words − 1   |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |  SR: SSRC, NTP timestamp (64), RTP timestamp, packet count, octet count, `count` report blocks
 *     |  RR: SSRC, `count` report blocks
 *     |  BYE: `count` SSRCs, optionally length (8) and reason
 *     |  report block: SSRC, fraction lost (8), cumulative lost (24, signed), highest sequence number (32),
 *     |                jitter (32), last SR (32), delay since last SR (32)
 */
import { fromUtf8, utf8 } from '../bytes/octets.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { MediaError } from './errors.ts';

/** RFC 3550 section 12.1. */
export const RTCP_TYPE = { sr: 200, rr: 201, sdes: 202, bye: 203, app: 204 } as const;

export interface ReportBlock {
  readonly ssrc: number;
  readonly fractionLost: number;
  /** 24 bits, signed. */
  readonly cumulativeLost: number;
  readonly highestSequenceNumber: number;
  readonly jitter: number;
  readonly lastSr: number;
  readonly delaySinceLastSr: number;
}

export type RtcpPacket =
  | {
      readonly kind: 'sr';
      readonly ssrc: number;
      /** 64-bit NTP timestamp. */
      readonly ntp: bigint;
      readonly rtpTimestamp: number;
      readonly packetCount: number;
      readonly octetCount: number;
      readonly reports: readonly ReportBlock[];
    }
  | { readonly kind: 'rr'; readonly ssrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly kind: 'bye'; readonly sources: readonly number[]; readonly reason: string | null }
  | { readonly kind: 'unknown'; readonly type: number; readonly count: number; readonly data: Uint8Array };

/** Encodes a compound packet. */
export function encodeRtcp(packets: readonly RtcpPacket[]): Uint8Array {
  const compound = new Writer(64);
  for (const packet of packets) {
    const { type, count, body } = encodeBody(packet);
    if (count > 31) throw new MediaError('malformed', 'more than 31 entries in an RTCP packet');
    if (body.length % 4 !== 0) throw new MediaError('malformed', 'RTCP packet not in 32-bit words');
    compound
      .u8(0x80 | count)
      .u8(type)
      .u16(body.length / 4)
      .bytes(body);
  }
  return compound.finish();
}

/**
 * Decodes a plain compound packet. Profile-specific extensions after the report blocks are passed over.
 * @throws BytesError, MediaError `malformed`
 */
export function decodeRtcp(octets: Uint8Array): RtcpPacket[] {
  const reader = new Reader(octets);
  const packets: RtcpPacket[] = [];
  do {
    const first = reader.u8('version');
    if (first >> 6 !== 2) throw new MediaError('malformed', `RTCP version ${first >> 6}`);
    const type = reader.u8('packet type');
    const body = reader.bytes(4 * reader.u16('length'), 'RTCP packet');
    const padded = (first & 0x20) !== 0;
    if (padded && reader.remaining > 0) throw new MediaError('malformed', 'padding before the last packet');
    packets.push(decodeBody(type, first & 0x1f, padded ? withoutPadding(body) : body));
  } while (reader.remaining > 0);
  return packets;
}

/** The item of a source description that names an end (section 6.5.1). */
const CNAME = 1;

/**
 * A source description with a CNAME alone (section 6.5): SSRC, type, length, text, and zero octets to the next word.
 * @throws MediaError `malformed` for a name of more than 255 octets
 */
export function sourceDescription(ssrc: number, name: string): RtcpPacket {
  const text = utf8(name);
  if (text.length > 255) throw new MediaError('malformed', 'a CNAME of more than 255 octets');
  const data = new Writer(64).u32(ssrc).u8(CNAME).u8(text.length).bytes(text).u8(0);
  while (data.length % 4 !== 0) data.u8(0);
  return { kind: 'unknown', type: RTCP_TYPE.sdes, count: 1, data: data.finish() };
}

/* ---------------------------------------------------------------- helpers */

function encodeBody(packet: RtcpPacket): { type: number; count: number; body: Uint8Array } {
  const writer = new Writer(64);
  switch (packet.kind) {
    case 'sr':
      writer.u32(packet.ssrc).u64(packet.ntp).u32(packet.rtpTimestamp);
      writer.u32(packet.packetCount).u32(packet.octetCount);
      for (const block of packet.reports) writeReport(writer, block);
      return { type: RTCP_TYPE.sr, count: packet.reports.length, body: writer.finish() };
    case 'rr':
      writer.u32(packet.ssrc);
      for (const block of packet.reports) writeReport(writer, block);
      return { type: RTCP_TYPE.rr, count: packet.reports.length, body: writer.finish() };
    case 'bye':
      for (const source of packet.sources) writer.u32(source);
      if (packet.reason !== null) writeReason(writer, packet.reason);
      return { type: RTCP_TYPE.bye, count: packet.sources.length, body: writer.finish() };
    case 'unknown':
      return { type: packet.type, count: packet.count, body: packet.data };
  }
}

function decodeBody(type: number, count: number, body: Uint8Array): RtcpPacket {
  const reader = new Reader(body);
  switch (type) {
    case RTCP_TYPE.sr:
      return {
        kind: 'sr',
        ssrc: reader.u32('SSRC'),
        ntp: reader.u64('NTP timestamp'),
        rtpTimestamp: reader.u32('RTP timestamp'),
        packetCount: reader.u32('packet count'),
        octetCount: reader.u32('octet count'),
        reports: readReports(reader, count),
      };
    case RTCP_TYPE.rr:
      return { kind: 'rr', ssrc: reader.u32('SSRC'), reports: readReports(reader, count) };
    case RTCP_TYPE.bye: {
      const sources = Array.from({ length: count }, () => reader.u32('SSRC'));
      const reason =
        reader.remaining === 0 ? null : fromUtf8(reader.bytes(reader.u8('reason length'), 'reason'));
      return { kind: 'bye', sources, reason };
    }
    default:
      return { kind: 'unknown', type, count, data: body };
  }
}

function writeReport(writer: Writer, block: ReportBlock): void {
  writer
    .u32(block.ssrc)
    .u8(block.fractionLost)
    .uint(block.cumulativeLost & 0xffffff, 3);
  writer.u32(block.highestSequenceNumber).u32(block.jitter).u32(block.lastSr).u32(block.delaySinceLastSr);
}

function readReports(reader: Reader, count: number): ReportBlock[] {
  return Array.from({ length: count }, () => ({
    ssrc: reader.u32('report SSRC'),
    fractionLost: reader.u8('fraction lost'),
    cumulativeLost: (reader.uint(3, 'cumulative lost') << 8) >> 8,
    highestSequenceNumber: reader.u32('highest sequence number'),
    jitter: reader.u32('jitter'),
    lastSr: reader.u32('last SR'),
    delaySinceLastSr: reader.u32('delay since last SR'),
  }));
}

function writeReason(writer: Writer, reason: string): void {
  const octets = utf8(reason);
  writer.u8(octets.length).bytes(octets);
  while (writer.length % 4 !== 0) writer.u8(0);
}

function withoutPadding(body: Uint8Array): Uint8Array {
  const padding = body[body.length - 1] ?? 0;
  if (padding === 0 || padding % 4 !== 0 || padding > body.length) {
    throw new MediaError('malformed', `RTCP padding of ${padding} octets`);
  }
  return body.subarray(0, body.length - padding);
}
