/**
 * What is in a CC payload (TS 102 232-5 clause 5.5): the payload itself, or what is in an UDP or IP packet, depending on
 * the frame type. On the ports of a medium there are more than RTP packets (RFC 7983, RFC 6189 section 5):
 *
 *     first octet  0–3   STUN, or ZRTP where octets 4–7 are 5a525450
 *                 20–63  DTLS
 *                128–191 RTP and RTCP
 *
 *     IPv4 (RFC 791)  version ‖ IHL in 32-bit words … protocol at octet 9, fragment offset in octets 6–7
 *     IPv6 (RFC 8200) 40 octets, next header at octet 6
 *     UDP  (RFC 768)  source port, destination port, length, checksum: 8 octets
 */
import { BytesError } from '../../bytes/errors.ts';
import { uriHost } from '../../bytes/network-address.ts';
import type { CcContents, CcPayload } from '../../wire/hi/ps-pdu.ts';
import { FRAME_TYPE, MMCC_PROTOCOL } from '../../wire/hi/ipmm-cc.ts';
import { ipv6Text } from '../../wire/x2x3/addresses.ts';
import { latin1 } from '../../wire/hi/text.ts';
import { MediaError } from '../../media/errors.ts';
import { decodeRtpHeader, isRtcp } from '../../media/rtp.ts';
import type { RtpHeader } from '../../media/rtp.ts';

export interface RtpContent {
  readonly header: RtpHeader;
  /** The packet as intercepted, from its RTP header on. */
  readonly packet: Uint8Array;
  /** Where it came from and went, as the delivery function says it or the packet does; `null` if neither does. */
  readonly path: string | null;
}

/** Content by what can be done with it. */
export type ContentItem =
  | ({ readonly kind: 'rtp' } & RtpContent)
  /** Reports and connectivity checks: no speech in them. */
  | { readonly kind: 'rtcp' | 'stun' }
  /** Parties that agree upon keys on the media's own way. */
  | { readonly kind: 'handshake' }
  /** Said to be RTP, and is not. */
  | { readonly kind: 'noise' }
  /** In a form that is not read here: another protocol, a fragment, audio without a header. */
  | { readonly kind: 'unsupported' };

const UDP = 17;
const UDP_HEADER = 8;
const IPV6_HEADER = 40;
const ZRTP_COOKIE = 0x5a525450;

interface Unwrapped {
  readonly octets: Uint8Array;
  readonly path: string | null;
}

/** The content of a CC payload. */
export function contentOf({ contents }: CcPayload): ContentItem {
  const unwrapped = packetOf(contents);
  if (unwrapped === null) return { kind: 'unsupported' };
  const { octets } = unwrapped;
  const kind = kindOf(octets);
  if (kind !== 'rtp') return { kind };
  try {
    const path = streamIdentifierOf(contents) ?? unwrapped.path;
    return { kind, header: decodeRtpHeader(octets).header, packet: octets, path };
  } catch (error) {
    if (error instanceof BytesError || error instanceof MediaError) return { kind: 'noise' };
    throw error;
  }
}

/** The RTP packet in a CC payload; `null` if it holds something else. */
export function rtpOf(payload: CcPayload): RtpContent | null {
  const content = contentOf(payload);
  return content.kind === 'rtp' ? content : null;
}

function kindOf(octets: Uint8Array): ContentItem['kind'] {
  const first = octets[0] ?? 0xff;
  if (first < 64 && octets.length >= 8) {
    const cookie = new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(4);
    if (cookie === ZRTP_COOKIE || first >= 20) return 'handshake';
    return first < 4 ? 'stun' : 'noise';
  }
  return isRtcp(octets) && first >> 6 === 2 ? 'rtcp' : 'rtp';
}

function packetOf(contents: CcContents): Unwrapped | null {
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

function streamIdentifierOf(contents: CcContents): string | null {
  const id = contents.kind === 'ipmm' ? contents.cc.streamIdentifier : undefined;
  return id === undefined ? null : latin1(id);
}

function unwrapped(packet: Uint8Array, frameType: number): Unwrapped | null {
  switch (frameType) {
    case FRAME_TYPE.rtpFrame:
    case FRAME_TYPE.artificialRtpFrame:
      return { octets: packet, path: null };
    case FRAME_TYPE.udpFrame:
      return udpPayload(packet, '', '');
    case FRAME_TYPE.ipFrame:
      return ipPayload(packet);
    default:
      return null;
  }
}

/** What is in the UDP datagram of an IP packet; `null` if there is none, or only part of one. */
export function ipPayload(packet: Uint8Array): Unwrapped | null {
  const lead = packet[0] ?? 0;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const address = (at: number, length: number) => Buffer.from(packet.subarray(at, at + length));
  if (lead >> 4 === 4 && packet.length >= 20) {
    const headerLength = 4 * (lead & 0x0f);
    const fragment = (view.getUint16(6) & 0x3fff) !== 0;
    if (packet[9] !== UDP || fragment || headerLength < 20) return null;
    const datagram = packet.subarray(headerLength, view.getUint16(2));
    return udpPayload(datagram, [...address(12, 4)].join('.'), [...address(16, 4)].join('.'));
  }
  if (lead >> 4 === 6 && packet.length >= IPV6_HEADER && packet[6] === UDP) {
    const datagram = packet.subarray(IPV6_HEADER, IPV6_HEADER + view.getUint16(4));
    return udpPayload(datagram, ipv6Text(address(8, 16)), ipv6Text(address(24, 16)));
  }
  return null;
}

function udpPayload(datagram: Uint8Array, source: string, destination: string): Unwrapped | null {
  if (datagram.length < UDP_HEADER) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const length = view.getUint16(4);
  if (length < UDP_HEADER || length > datagram.length) return null;
  const path = `${uriHost(source)}:${view.getUint16(0)}>${uriHost(destination)}:${view.getUint16(2)}`;
  return { octets: datagram.subarray(UDP_HEADER, length), path };
}
