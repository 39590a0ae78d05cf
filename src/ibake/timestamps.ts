/**
 * T, type 0 (NTP-UTC), as a value that can be compared, and a source of them for a sender: strictly increasing over all
 * its messages (profile, section 3). Two messages within one tick of the clock differ by 2⁻³² s.
 */
import type { Clock } from '../bytes/ports.ts';
import { fromBigInt, toBigInt } from '../bytes/octets.ts';
import { ntpFromUnixMs, unixSecondsFromNtp } from '../mikey/ntp.ts';

export interface Timestamp {
  /** 8 octets of NTP-UTC. */
  readonly octets: Uint8Array;
  /** Whole Unix seconds. */
  readonly seconds: number;
  /** Grows with time, also from NTP era 0 to 1. */
  readonly order: bigint;
}

const ERA = 1n << 64n;
const ERA_0_FROM = 1n << 63n;

export function readTimestamp(octets: Uint8Array): Timestamp {
  const value = toBigInt(octets);
  const { seconds } = unixSecondsFromNtp(octets);
  return { octets, seconds, order: value < ERA_0_FROM ? value + ERA : value };
}

export class TimestampSource {
  readonly #clock: Clock;
  #last = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Now, or just after the latest of what was given out and `after`. */
  next(after: Timestamp | null = null): Timestamp {
    const now = readTimestamp(ntpFromUnixMs(this.#clock.now())).order;
    const floor = after === null || after.order < this.#last ? this.#last : after.order;
    this.#last = now > floor ? now : floor + 1n;
    return readTimestamp(fromBigInt(this.#last % ERA, 8));
  }
}
