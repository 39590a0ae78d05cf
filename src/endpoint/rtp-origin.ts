/** Where a stream of RTP packets begins (RFC 3550 section 5.1). */
import type { Random } from '../bytes/ports.ts';
import { Reader } from '../bytes/reader.ts';

/** Where a stream of RTP packets starts: all three from the generator of the endpoint. */
export interface RtpOrigin {
  /** Never 0. */
  readonly ssrc: number;
  /** Below 2^15, so that a receiver that misses the first packets does not mistake the roll-over counter. */
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

/** A stream's beginning from the endpoint's generator. */
export function randomOrigin(random: Random): RtpOrigin {
  const reader = new Reader(random.bytes(10));
  const ssrc = reader.u32('SSRC');
  return {
    ssrc: ssrc === 0 ? 1 : ssrc,
    sequenceNumber: reader.u16('sequence number') & 0x7fff,
    timestamp: reader.u32('timestamp'),
  };
}
