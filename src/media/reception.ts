/**
 * What a receiver tells of one source (RFC 3550 sections 6.4.1, A.3, A.8): packets that came and that did not, and how
 * unevenly they came.
 *
 *     expected = highest − first + 1      lost = expected − received
 *     D(i−1, i) = (Rᵢ − Rᵢ₋₁) − (Sᵢ − Sᵢ₋₁)          J ← J + (|D| − J) / 16       in units of the timestamp
 *
 * Only what has been authenticated is told of, so that there is no probation (A.1).
 */
import type { ReportBlock } from './rtcp.ts';

const RANGE = 2 ** 32;
/** Units of a second in the middle 32 bits of an NTP timestamp. */
const SHORT_NTP = 65536;

export class Reception {
  readonly #ssrc: number;
  readonly #rate: number;
  #first: number | null = null;
  #highest = 0;
  #received = 0;
  #jitter = 0;
  #transit: number | null = null;
  /** What there was at the last report. */
  #before = { expected: 0, received: 0 };
  #lastReport: { readonly ntp: number; readonly at: number } | null = null;

  /** @param rate of the timestamps, in hertz */
  constructor(ssrc: number, rate: number) {
    this.#ssrc = ssrc;
    this.#rate = rate;
  }

  /** Packets that never came, as far as it can be told. */
  get lost(): number {
    return this.#expected - this.#received;
  }

  /** Interarrival jitter, in units of the timestamp. */
  get jitter(): number {
    return Math.floor(this.#jitter);
  }

  /** A packet. @param index with its roll-over counter @param now milliseconds */
  packet(index: number, timestamp: number, now: number): void {
    this.#first = Math.min(this.#first ?? index, index);
    this.#highest = Math.max(this.#highest, index);
    this.#received++;
    const arrival = (now * this.#rate) / 1000;
    const transit = (arrival - timestamp) % RANGE;
    if (this.#transit !== null) {
      const late = signed(transit - this.#transit);
      this.#jitter += (Math.abs(late) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  /** A sender report of the source. @param ntp its 64-bit timestamp */
  senderReport(ntp: bigint, now: number): void {
    this.#lastReport = { ntp: Number((ntp >> 16n) & 0xffffffffn), at: now };
  }

  /** What is told of the source, for the time since the last one; `null` while nothing has come. */
  report(now: number): ReportBlock | null {
    if (this.#first === null) return null;
    const { expected, received } = this.#before;
    this.#before = { expected: this.#expected, received: this.#received };
    const interval = this.#expected - expected;
    const lost = interval - (this.#received - received);
    return {
      ssrc: this.#ssrc,
      fractionLost: interval <= 0 || lost <= 0 ? 0 : Math.floor((256 * lost) / interval) & 0xff,
      cumulativeLost: Math.min(Math.max(this.lost, -0x800000), 0x7fffff),
      highestSequenceNumber: this.#highest % RANGE,
      jitter: this.jitter,
      lastSr: this.#lastReport?.ntp ?? 0,
      delaySinceLastSr:
        this.#lastReport === null ? 0 : Math.round(((now - this.#lastReport.at) * SHORT_NTP) / 1000) % RANGE,
    };
  }

  get #expected(): number {
    return this.#first === null ? 0 : this.#highest - this.#first + 1;
  }
}

/** The round trip that a report of the other end shows (section 6.4.1), in milliseconds; `null` if it shows none. */
export function roundTrip({ lastSr, delaySinceLastSr }: ReportBlock, ntp: bigint): number | null {
  if (lastSr === 0) return null;
  const arrival = Number((ntp >> 16n) & 0xffffffffn);
  const units = (arrival - lastSr - delaySinceLastSr + 2 * RANGE) % RANGE;
  // Clocks are read twice: what seems to have come before it was sent took no time.
  return units > RANGE / 2 ? 0 : (units * 1000) / SHORT_NTP;
}

/** The difference of two timestamps that is closest to 0. */
function signed(difference: number): number {
  const positive = ((difference % RANGE) + RANGE) % RANGE;
  return positive >= RANGE / 2 ? positive - RANGE : positive;
}
