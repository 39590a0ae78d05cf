/**
 * RTP data packets (RFC 3550 section 5.1, 5.3.1) and the static payload types of RFC 3551 that are in use here.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                           timestamp                           |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |           synchronization source (SSRC) identifier            |
 *     +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *     |            contributing source (CSRC) identifiers             |
 *     |                             ....                              |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      defined by profile       |  length in 32-bit words (X=1) |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The header alone is read where the rest is ciphertext: padding, which SRTP encrypts, can be judged afterwards only.
 */
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { MediaError } from './errors.ts';

export interface RtpHeader {
  readonly marker: boolean;
  /** 7 bits. */
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequenceNumber: number;
  /** 32 bits. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  /** At most 15. */
  readonly csrc: readonly number[];
  readonly extension: { readonly profile: number; readonly data: Uint8Array } | null;
}

export interface RtpPacket extends RtpHeader {
  readonly payload: Uint8Array;
}

/** RFC 3551 table 4: static audio payload types. */
export const AUDIO_TYPE = { pcmu: 0, pcma: 8 } as const;

/** RTP clock of G.711, in hertz. */
export const G711_CLOCK_RATE = 8000;

const FIXED_HEADER = 12;

/** Encodes without padding: nothing here needs it. */
export function encodeRtp(packet: RtpPacket): Uint8Array {
  const { extension, csrc } = packet;
  if (csrc.length > 15) throw new MediaError('malformed', 'more than 15 CSRC identifiers');
  if (packet.payloadType > 0x7f) throw new MediaError('malformed', 'payload type does not fit 7 bits');
  const writer = new Writer(FIXED_HEADER + 4 * csrc.length + packet.payload.length)
    .u8(0x80 | (extension === null ? 0 : 0x10) | csrc.length)
    .u8((packet.marker ? 0x80 : 0) | packet.payloadType)
    .u16(packet.sequenceNumber)
    .u32(packet.timestamp)
    .u32(packet.ssrc);
  for (const source of csrc) writer.u32(source);
  if (extension !== null) {
    if (extension.data.length % 4 !== 0) throw new MediaError('malformed', 'extension not in 32-bit words');
    writer
      .u16(extension.profile)
      .u16(extension.data.length / 4)
      .bytes(extension.data);
  }
  return writer.bytes(packet.payload).finish();
}

/**
 * Decodes a plain RTP packet; padding is taken off.
 * @throws BytesError, MediaError `malformed`
 */
export function decodeRtp(octets: Uint8Array): RtpPacket {
  const { header, length } = decodeRtpHeader(octets);
  const padding = paddingOf(octets, length);
  return { ...header, payload: octets.slice(length, octets.length - padding) };
}

/**
 * The header of an RTP or SRTP packet and its length in octets, CSRC and extension included.
 * @throws BytesError, MediaError `malformed`
 */
export function decodeRtpHeader(octets: Uint8Array): { readonly header: RtpHeader; readonly length: number } {
  const reader = new Reader(octets);
  const first = reader.u8('version');
  if (first >> 6 !== 2) throw new MediaError('malformed', `RTP version ${first >> 6}`);
  const second = reader.u8('marker and payload type');
  const sequenceNumber = reader.u16('sequence number');
  const timestamp = reader.u32('timestamp');
  const ssrc = reader.u32('SSRC');
  const csrc = Array.from({ length: first & 0x0f }, () => reader.u32('CSRC'));
  let extension: RtpHeader['extension'] = null;
  if ((first & 0x10) !== 0) {
    const profile = reader.u16('extension profile');
    extension = { profile, data: reader.bytes(4 * reader.u16('extension length'), 'extension') };
  }
  return {
    header: {
      marker: (second & 0x80) !== 0,
      payloadType: second & 0x7f,
      sequenceNumber,
      timestamp,
      ssrc,
      csrc,
      extension,
    },
    length: reader.offset,
  };
}

/**
 * Whether a datagram on a port that carries both is RTCP (RFC 5761 section 4: packet types 192 to 223 in the octet
 * that holds marker and payload type).
 */
export function isRtcp(octets: Uint8Array): boolean {
  const type = octets[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** Section 5.1: the last octet of the padding counts the padding, itself included. */
function paddingOf(octets: Uint8Array, headerLength: number): number {
  if (((octets[0] ?? 0) & 0x20) === 0) return 0;
  const padding = octets[octets.length - 1] ?? 0;
  if (padding === 0 || padding > octets.length - headerLength) {
    throw new MediaError('malformed', `padding of ${padding} octets`);
  }
  return padding;
}
