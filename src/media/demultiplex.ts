/**
 * What comes on the ports of a medium, by its first octets (RFC 7983, RFC 6189 section 5): there are more than RTP packets.
 *
 *     first octet  0–3   STUN, or ZRTP where octets 4–7 are 5a525450
 *                 20–63  DTLS
 *                128–191 RTP and RTCP
 */
import { isRtcp } from './rtp.ts';

/** `handshake`: parties that agree upon keys on the media's own way; `noise`: none of all that. */
export type PacketKind = 'rtp' | 'rtcp' | 'stun' | 'handshake' | 'noise';

const ZRTP_COOKIE = 0x5a525450;

/** What is none of the others is taken for RTP: whether it is, its reader says. */
export function mediaKindOf(octets: Uint8Array): PacketKind {
  const first = octets[0] ?? 0xff;
  if (first < 64 && octets.length >= 8) {
    const cookie = new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(4);
    if (cookie === ZRTP_COOKIE || first >= 20) return 'handshake';
    return first < 4 ? 'stun' : 'noise';
  }
  return isRtcp(octets) && first >> 6 === 2 ? 'rtcp' : 'rtp';
}
