/**
 * How the gateway recognises that packets from a new address are the same stream going on: RTP by its SSRC and
 * sequence numbers, which are in the clear in SRTP too; RTCP by the SSRC of its sender, from where RTP comes by now.
 * Both can be known to who sees the packets, who could forge their source as well; not to who guesses ports.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { isRtcp } from '../../media/rtp.ts';

export interface Continuity {
  /** Milliseconds below which two packets are in a row. */
  readonly gapMs: number;
  /** A packet of the party. */
  note(octets: Uint8Array): void;
  /** Whether a packet from somewhere else goes on where the party's left off. */
  continues(octets: Uint8Array, from: NetworkAddress): boolean;
}

/** RFC 3550 appendix A.1, MAX_DROPOUT: packets that may be missing in between. */
const MAX_DROPOUT = 3000;

export class RtpContinuity implements Continuity {
  readonly gapMs = 1000;
  #ssrc: number | null = null;
  #sequence = 0;

  note(octets: Uint8Array): void {
    if (!isRtp(octets)) return;
    const ssrc = ssrcAt(octets, SSRC);
    const sequence = sequenceOf(octets);
    const ahead = (sequence - this.#sequence) & 0xffff;
    if (ssrc === this.#ssrc && ahead >= 0x8000) return;
    this.#ssrc = ssrc;
    this.#sequence = sequence;
  }

  continues(octets: Uint8Array): boolean {
    if (!isRtp(octets) || ssrcAt(octets, SSRC) !== this.#ssrc) return false;
    const ahead = (sequenceOf(octets) - this.#sequence) & 0xffff;
    return ahead > 0 && ahead <= MAX_DROPOUT;
  }
}

export class RtcpContinuity implements Continuity {
  readonly gapMs = 30_000;
  readonly #rtpSource: () => NetworkAddress | null;
  #ssrc: number | null = null;

  /** @param rtpSource where the RTP of the same party comes from */
  constructor(rtpSource: () => NetworkAddress | null) {
    this.#rtpSource = rtpSource;
  }

  note(octets: Uint8Array): void {
    this.#ssrc = rtcpSenderOf(octets) ?? this.#ssrc;
  }

  continues(octets: Uint8Array, from: NetworkAddress): boolean {
    const ssrc = rtcpSenderOf(octets);
    return ssrc !== null && ssrc === this.#ssrc && this.#rtpSource()?.address === from.address;
  }
}

/** RFC 3550 section 5.1: octets 2 and 3, 8 to 11. */
const SEQUENCE = 2;
const SSRC = 8;
/** RFC 3550 section 6.4: octets 4 to 7 of a report. */
const REPORT_SSRC = 4;

function isRtp(octets: Uint8Array): boolean {
  return octets.length >= 12 && (octets[0] ?? 0) >> 6 === 2 && !isRtcp(octets);
}

function rtcpSenderOf(octets: Uint8Array): number | null {
  if (octets.length < 8 || (octets[0] ?? 0) >> 6 !== 2 || !isRtcp(octets)) return null;
  return ssrcAt(octets, REPORT_SSRC);
}

/** Of each packet that is relayed, so without a view or a header made for it, and small enough to need no memory of its own. */
function sequenceOf(octets: Uint8Array): number {
  return ((octets[SEQUENCE] ?? 0) << 8) | (octets[SEQUENCE + 1] ?? 0);
}

/** An SSRC, to be compared with others: its 32 bits as a signed number. */
function ssrcAt(octets: Uint8Array, at: number): number {
  const high = ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
  return (high << 16) | ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0);
}
