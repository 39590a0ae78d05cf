/**
 * One m= line's stream at the endpoint: its sockets, SRTP and SRTCP in both directions, its reports. What is in the
 * packets is for `audio-stream.ts` and `video-stream.ts`.
 *
 * Keys come late, after the sockets and before the first packet: nothing is sent before `secure`, and what arrives
 * before is dropped, since nothing could verify it. What does not verify is counted and leaves no other trace.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { BytesError } from '../bytes/errors.ts';
import type { Clock } from '../bytes/ports.ts';
import type { SocketPair } from '../media/datagrams.ts';
import { MediaError } from '../media/errors.ts';
import { decodeRtp, encodeRtp, isRtcp } from '../media/rtp.ts';
import type { RtpPacket } from '../media/rtp.ts';
import { estimateIndex } from '../media/srtp/packet-index.ts';
import { RekeyedStream } from '../media/srtp/rekeyed-stream.ts';
import type { StreamKeys } from '../media/srtp/rekeyed-stream.ts';
import type { RtpOrigin } from './rtp-origin.ts';
import { StreamReports } from './stream-reports.ts';
import type { ReportSettings, ReportStatistics } from './stream-reports.ts';
import type { DescribedLine } from './session-description.ts';

/** What went out and what came in. */
export interface StreamStatistics {
  readonly sent: { readonly ssrc: number; readonly packets: number };
  readonly received: {
    /** 0 before keys. */
    readonly ssrc: number;
    readonly packets: number;
    /** Refused: no key, not ours, altered or replayed. */
    readonly refused: number;
  };
}

export interface SecuredStreamOptions {
  readonly sockets: SocketPair;
  readonly origin: RtpOrigin;
  readonly clock: Clock;
  /** Hertz of the timestamps. */
  readonly rate: number;
  /** RTCP; `null` or absent: none is sent. */
  readonly reports?: ReportSettings | null;
}

/** A packet to be sent, but for what the stream knows. */
export type OwnPacket = Pick<RtpPacket, 'marker' | 'payloadType' | 'payload'> & {
  /** RTP timestamp, from that of the origin. */
  readonly offset: number;
};

/** Takes a packet in the clear, with its index; whether it was understood. */
type PacketTaker = (packet: RtpPacket, index: number) => boolean;

/** Where the other end receives. */
export type RemoteLine = Pick<DescribedLine, 'remote' | 'listens'> &
  Partial<Pick<DescribedLine, 'remoteRtcp' | 'mux'>>;

export class SecuredStream {
  readonly #options: SecuredStreamOptions;
  readonly #reports: StreamReports;
  #remote: RemoteLine | null = null;
  readonly #srtp: RekeyedStream;
  #take: PacketTaker = () => false;
  #told: () => void = () => undefined;
  #isKeyed = false;
  #numbered = 0;
  #sent = 0;
  #received = 0;
  #refused = 0;

  constructor(options: SecuredStreamOptions) {
    this.#options = options;
    const { sockets, clock, rate, reports = null, origin } = options;
    this.#srtp = new RekeyedStream(clock);
    this.#reports = new StreamReports({
      settings: reports,
      clock,
      rate,
      origin,
      send: (packet) => this.#sendReport(packet),
    });
    sockets.rtp.onDatagram((octets) => this.#arrived(octets));
    sockets.rtcp.onDatagram((octets) => this.#arrivedReport(octets));
  }

  get ssrc(): number {
    return this.#options.origin.ssrc;
  }

  /** Where this end receives. */
  get local(): NetworkAddress {
    return this.#options.sockets.rtp.local;
  }

  /** Whether the other end takes this line. */
  get isConnected(): boolean {
    return this.#remote !== null;
  }

  get statistics(): StreamStatistics {
    return {
      sent: { ssrc: this.ssrc, packets: this.#sent },
      received: { ssrc: this.#srtp.remoteSsrc, packets: this.#received, refused: this.#refused },
    };
  }

  get reports(): ReportStatistics {
    return this.#reports.statistics;
  }

  /** What to do with packets in the clear; whether they were understood. */
  onPacket(take: PacketTaker): void {
    this.#take = take;
  }

  /** What the other side's session description says; nothing is sent while it does not listen. */
  connect(line: RemoteLine): void {
    this.#remote = line;
  }

  /** The line was refused, or is off: nothing is sent, and nothing is taken. */
  disconnect(): void {
    this.#remote = null;
  }

  /** Resolves when there are keys to send under: in a call that is up, once the other end has those of an added stream. */
  get ready(): Promise<void> {
    return this.#srtp.ready;
  }

  /** Packets sent under the keys in use. */
  get sentUnderKeys(): number {
    return this.#srtp.sent;
  }

  /** Tells of each packet that is sent. */
  onSent(listener: () => void): void {
    this.#told = listener;
  }

  /** Tells of the first packet under keys that were prepared: the far end has them, for all its streams. */
  onSwitched(listener: () => void): void {
    this.#srtp.onSwitched(listener);
  }

  /** Keys in force at once. */
  secure(keys: StreamKeys): void {
    this.#srtp.secure(keys);
    this.#isKeyed = keys.send !== null;
    this.#reports.begin(keys.receive.ssrc);
  }

  /** New keys, which are sent under from `switchOver` on, or when a packet has come under them. */
  prepare(keys: StreamKeys): void {
    this.#srtp.prepare(keys);
    this.#isKeyed = keys.send !== null;
    this.#reports.begin(keys.receive.ssrc);
  }

  /** Sends under the keys that were prepared. */
  switchOver(): void {
    this.#srtp.switchOver();
  }

  /** Sends a packet, if there are keys and somebody listens; the number is the next. */
  send({ marker, payloadType, payload, offset }: OwnPacket): boolean {
    if (!this.#isKeyed) return false;
    if (this.#remote?.listens !== true) return false;
    const { ssrc, sequenceNumber, timestamp: start } = this.#options.origin;
    const timestamp = (start + offset) % 2 ** 32;
    const packet = encodeRtp({
      marker,
      payloadType,
      sequenceNumber: (sequenceNumber + this.#numbered++) & 0xffff,
      timestamp,
      ssrc,
      csrc: [],
      extension: null,
      payload,
    });
    const octets = this.#srtp.protect(packet);
    if (octets === null) return false;
    this.#options.sockets.rtp.send(octets, this.#remote.remote);
    this.#sent++;
    this.#reports.sent(timestamp, payload.length);
    this.#told();
    return true;
  }

  /** No reports are sent from now on. */
  withoutReports(): void {
    this.#reports.stop();
  }

  close(): void {
    this.#reports.end();
    this.#options.sockets.rtp.close();
    this.#options.sockets.rtcp.close();
  }

  #sendReport(packet: Uint8Array): boolean {
    if (this.#remote === null) return false;
    const { remote, remoteRtcp, mux = false } = this.#remote;
    const { rtp, rtcp } = this.#options.sockets;
    const to = mux ? remote : (remoteRtcp ?? { ...remote, port: remote.port + 1 });
    const octets = to.port > 0xffff ? null : this.#srtp.protectRtcp(packet);
    if (octets === null) return false;
    (mux ? rtp : rtcp).send(octets, to);
    return true;
  }

  #arrived(octets: Uint8Array): void {
    if (isRtcp(octets)) this.#arrivedReport(octets);
    else if (this.#unprotect(octets, 'rtp')) this.#received++;
    else this.#refused++;
  }

  #arrivedReport(octets: Uint8Array): void {
    if (!this.#unprotect(octets, 'rtcp')) this.#reports.refused();
  }

  #unprotect(octets: Uint8Array, kind: 'rtp' | 'rtcp'): boolean {
    try {
      if (kind === 'rtcp') {
        const report = this.#srtp.unprotectRtcp(octets);
        return report !== null && this.#reports.received(report);
      }
      const opened = this.#srtp.unprotect(octets);
      if (opened === null) return false;
      const packet = decodeRtp(opened.packet);
      const index = estimateIndex(opened.highest, packet.sequenceNumber);
      this.#reports.heard(index, packet);
      return this.#take(packet, index);
    } catch (error) {
      if (error instanceof MediaError || error instanceof BytesError) return false;
      throw error;
    }
  }
}
