/**
 * When stored packets are sent again: as far apart as their time stamps say (RFC 3550), so that how they were delayed on
 * their way to the mailbox is not heard. Time stamps are the sender's, and nothing here can check them: a packet for which
 * they say something else than the time of its coming, by more than `DRIFT_MS`, is sent as it came.
 */
import { Reader } from '../../bytes/reader.ts';
import type { KeptMedium, KeptPacket } from './ports.ts';

const DRIFT_MS = 2_000;
/** Octets of the fixed header of RTP. */
export const RTP_HEADER_OCTETS = 12;

/** What stands in the clear in an SRTP packet of which nothing else can be read. */
export interface ClearHeader {
  readonly timestamp: number;
  readonly ssrc: number;
}

/** `null` for what is too short, or not of version 2. */
export function clearHeader(octets: Uint8Array): ClearHeader | null {
  if (octets.length < RTP_HEADER_OCTETS || (octets[0] ?? 0) >> 6 !== 2) return null;
  const reader = new Reader(octets, 4);
  return { timestamp: reader.u32('timestamp'), ssrc: reader.u32('SSRC') };
}

export interface PacedPacket {
  readonly packet: KeptPacket;
  /** Milliseconds after the first. */
  readonly due: number;
}

/** The packets of a message in the order in which they are sent. */
export function paced(packets: readonly KeptPacket[], media: readonly KeptMedium[]): PacedPacket[] {
  const streams = new Map<number, { readonly first: number; timestamp: number; units: number }>();
  const all = packets.map((packet) => {
    const { index, at, octets } = packet;
    const timestamp = clearHeader(octets)?.timestamp ?? 0;
    const stream = streams.get(index) ?? { first: at, timestamp, units: 0 };
    streams.set(index, stream);
    // Signed: time stamps wrap around, and packets may have overtaken each other.
    stream.units += (timestamp - stream.timestamp) | 0;
    stream.timestamp = timestamp;
    const rate = media.find((medium) => medium.index === index)?.clockRate ?? 8000;
    const due = stream.first + (stream.units * 1000) / rate;
    return { packet, due: Math.abs(due - at) > DRIFT_MS ? at : due };
  });
  return all.sort((a, b) => a.due - b.due);
}
