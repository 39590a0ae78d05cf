/**
 * The RTP packet in a CC payload (TS 102 232-5 clause 5.5): the payload itself, or what is in an UDP or IP packet,
 * depending on the frame type. RTCP, and what is no RTP at all, gives `null`.
 *
 *     IPv4 (RFC 791)  version ‖ IHL in 32-bit words … protocol at octet 9, fragment offset in octets 6–7
 *     IPv6 (RFC 8200) 40 octets, next header at octet 6
 *     UDP  (RFC 768)  source port, destination port, length, checksum: 8 octets
 */
import { BytesError } from '../../bytes/errors.ts';
import type { CcContents, CcPayload } from '../../wire/hi/ps-pdu.ts';
import { FRAME_TYPE, MMCC_PROTOCOL } from '../../wire/hi/ipmm-cc.ts';
import { MediaError } from '../../media/errors.ts';
import { decodeRtpHeader, isRtcp } from '../../media/rtp.ts';
import type { RtpHeader } from '../../media/rtp.ts';

export interface RtpContent {
  readonly header: RtpHeader;
  /** The packet as intercepted, from its RTP header on. */
  readonly packet: Uint8Array;
}

const UDP = 17;
const UDP_HEADER = 8;
const IPV6_HEADER = 40;

export function rtpOf({ contents }: CcPayload): RtpContent | null {
  const rtp = packetOf(contents);
  if (rtp === null || isRtcp(rtp)) return null;
  try {
    return { header: decodeRtpHeader(rtp).header, packet: rtp };
  } catch (error) {
    if (error instanceof BytesError || error instanceof MediaError) return null;
    throw error;
  }
}

function packetOf(contents: CcContents): Uint8Array | null {
  if (contents.kind === 'voip') {
    // TS 33.108 names no frame type: IP version 4 or 6 and RTP version 2 differ in their first bits.
    const { payload } = contents.cc;
    return unwrapped(payload, (payload[0] ?? 0) >> 6 === 2 ? FRAME_TYPE.rtpFrame : FRAME_TYPE.ipFrame);
  }
  if (contents.kind !== 'ipmm') return null;
  const { packet, frameType, protocol } = contents.cc;
  if (protocol !== undefined && protocol !== MMCC_PROTOCOL.rTP) return null;
  return unwrapped(packet, frameType ?? FRAME_TYPE.rtpFrame);
}

function unwrapped(packet: Uint8Array, frameType: number): Uint8Array | null {
  switch (frameType) {
    case FRAME_TYPE.rtpFrame:
      return packet;
    case FRAME_TYPE.udpFrame:
      return udpPayload(packet);
    case FRAME_TYPE.ipFrame: {
      const datagram = ipPayload(packet);
      return datagram === null ? null : udpPayload(datagram);
    }
    default:
      return null;
  }
}

function ipPayload(packet: Uint8Array): Uint8Array | null {
  const lead = packet[0] ?? 0;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (lead >> 4 === 4 && packet.length >= 20) {
    const headerLength = 4 * (lead & 0x0f);
    const fragment = (view.getUint16(6) & 0x3fff) !== 0;
    if (packet[9] !== UDP || fragment || headerLength < 20) return null;
    return packet.subarray(headerLength, view.getUint16(2));
  }
  if (lead >> 4 === 6 && packet.length >= IPV6_HEADER && packet[6] === UDP) {
    return packet.subarray(IPV6_HEADER, IPV6_HEADER + view.getUint16(4));
  }
  return null;
}

function udpPayload(datagram: Uint8Array): Uint8Array | null {
  if (datagram.length < UDP_HEADER) return null;
  const length = new DataView(datagram.buffer, datagram.byteOffset, datagram.length).getUint16(4);
  return length < UDP_HEADER || length > datagram.length ? null : datagram.subarray(UDP_HEADER, length);
}
