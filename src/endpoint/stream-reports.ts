/**
 * RTCP of one stream (RFC 3550 section 6): a report every so often, sooner and later by chance (6.3.1), and BYE at the
 * end. Each compound packet is
 *
 *     SR if packets were sent since the last, else RR        with a block about the other end, once something came
 *     SDES with CNAME                                        the same for all streams of a call
 *     BYE                                                    in the last
 *
 * What the other end tells is kept: what it lost of this end's packets, and the round trip.
 */
import type { Clock, Random, Timer } from '../bytes/ports.ts';
import { toBigInt } from '../bytes/octets.ts';
import { Reader } from '../bytes/reader.ts';
import { ntpFromUnixMs } from '../mikey/ntp.ts';
import { Reception, roundTrip } from '../media/reception.ts';
import { decodeRtcp, encodeRtcp, sourceDescription } from '../media/rtcp.ts';
import type { ReportBlock, RtcpPacket } from '../media/rtcp.ts';
import type { RtpPacket } from '../media/rtp.ts';
import type { RtpOrigin } from './rtp-origin.ts';

/** Section 6.3.1: what the interval is divided by to make up for reconsideration. */
const COMPENSATION = Math.E - 1.5;

export interface ReportSettings {
  /** Mean of the interval, milliseconds. */
  readonly intervalMs: number;
  /** CNAME of this end. */
  readonly name: string;
  readonly random: Random;
}

export interface ReportStatistics {
  readonly sent: number;
  readonly received: number;
  /** Those that did not verify, or could not be read. */
  readonly refused: number;
  /** Packets of the other end that never came, as far as it can be told. */
  readonly lost: number;
  /** What the other end says of this end's packets; `null`: nothing so far. */
  readonly told: {
    readonly lost: number;
    readonly jitter: number;
    /** Milliseconds; `null`: not known yet. */
    readonly roundTrip: number | null;
  } | null;
  /** The other end has said BYE. */
  readonly left: boolean;
}

export interface StreamReportsOptions {
  readonly settings: ReportSettings | null;
  readonly clock: Clock;
  readonly rate: number;
  readonly origin: RtpOrigin;
  /** Whether it could be sent. */
  readonly send: (packet: Uint8Array) => boolean;
}

export class StreamReports {
  readonly #options: StreamReportsOptions;
  #reception: Reception | null = null;
  #source = 0;
  #timer: Timer | null = null;
  #isStopped = false;
  #packets = 0;
  #octets = 0;
  #packetsBefore = 0;
  /** Timestamp of the packet sent last, and when that was. */
  #last: { readonly timestamp: number; readonly at: number } | null = null;
  #sent = 0;
  #received = 0;
  #refused = 0;
  #told: ReportStatistics['told'] = null;
  #left = false;

  constructor(options: StreamReportsOptions) {
    this.#options = options;
    this.#isStopped = options.settings === null;
  }

  get statistics(): ReportStatistics {
    return {
      sent: this.#sent,
      received: this.#received,
      refused: this.#refused,
      lost: this.#reception?.lost ?? 0,
      told: this.#told,
      left: this.#left,
    };
  }

  /** There are keys, and the other end sends with this SSRC. */
  begin(ssrc: number): void {
    if (this.#reception === null || ssrc !== this.#source) {
      this.#source = ssrc;
      this.#reception = new Reception(ssrc, this.#options.rate);
    }
    // The first comes after half the time (6.2).
    if (this.#timer === null) this.#schedule(0.5);
  }

  /** A packet was sent. */
  sent(timestamp: number, octets: number): void {
    this.#packets++;
    this.#octets += octets;
    this.#last = { timestamp, at: this.#options.clock.now() };
  }

  /** A packet has come. */
  heard(index: number, { timestamp }: RtpPacket): void {
    this.#reception?.packet(index, timestamp, this.#options.clock.now());
  }

  /** A compound packet in the clear. @throws BytesError, MediaError `malformed` */
  received(octets: Uint8Array): boolean {
    const packets = decodeRtcp(octets);
    this.#received++;
    for (const packet of packets) this.#read(packet);
    return true;
  }

  refused(): void {
    this.#refused++;
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** The end: BYE. */
  end(): void {
    if (!this.#isStopped && this.#reception !== null)
      this.#send([{ kind: 'bye', sources: [this.#options.origin.ssrc], reason: null }]);
    this.stop();
  }

  #schedule(part: number): void {
    const { settings, clock } = this.#options;
    if (settings === null || this.#isStopped) return;
    const chance = 0.5 + new Reader(settings.random.bytes(2)).u16('chance') / 0xffff;
    const wait = (part * settings.intervalMs * chance) / COMPENSATION;
    this.#timer = clock.after(wait, () => {
      this.#send([]);
      this.#schedule(1);
    });
  }

  #send(more: readonly RtcpPacket[]): void {
    const { settings, origin, send } = this.#options;
    if (settings === null) return;
    const packets = [this.#report(), sourceDescription(origin.ssrc, settings.name), ...more];
    if (send(encodeRtcp(packets))) this.#sent++;
    this.#packetsBefore = this.#packets;
  }

  #report(): RtcpPacket {
    const { clock, rate, origin } = this.#options;
    const now = clock.now();
    const block = this.#reception?.report(now) ?? null;
    const reports = block === null ? [] : [block];
    const { ssrc } = origin;
    if (this.#last === null || this.#packets === this.#packetsBefore) return { kind: 'rr', ssrc, reports };
    const passed = Math.round(((now - this.#last.at) * rate) / 1000);
    return {
      kind: 'sr',
      ssrc,
      ntp: toBigInt(ntpFromUnixMs(now)),
      rtpTimestamp: (this.#last.timestamp + passed) % 2 ** 32,
      packetCount: this.#packets % 2 ** 32,
      octetCount: this.#octets % 2 ** 32,
      reports,
    };
  }

  #read(packet: RtcpPacket): void {
    const now = this.#options.clock.now();
    if (packet.kind === 'bye') this.#left ||= packet.sources.includes(this.#source);
    if (packet.kind !== 'sr' && packet.kind !== 'rr') return;
    if (packet.kind === 'sr' && packet.ssrc === this.#source) this.#reception?.senderReport(packet.ntp, now);
    const own = packet.reports.find(({ ssrc }) => ssrc === this.#options.origin.ssrc);
    if (own !== undefined) this.#told = toldIn(own, now);
  }
}

function toldIn(block: ReportBlock, now: number): ReportStatistics['told'] {
  const { cumulativeLost: lost, jitter } = block;
  return { lost, jitter, roundTrip: roundTrip(block, toBigInt(ntpFromUnixMs(now))) };
}
