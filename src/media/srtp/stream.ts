/**
 * The two ends of one SRTP stream (one SSRC under one master key; RFC 3711 section 3.2.3): indices, roll-over counter,
 * replay protection and MKI around `SrtpTransform`. SRTCP of the same SSRC goes through the same objects.
 */
import { equalOctets } from '../../bytes/octets.ts';
import { Reader } from '../../bytes/reader.ts';
import { MediaError } from '../errors.ts';
import { decodeRtpHeader } from '../rtp.ts';
import { INDEX_LIMIT, ReplayWindow, estimateIndex, packetIndex, rocOf } from './packet-index.ts';
import type { SrtpKeying } from './suites.ts';
import { SrtpTransform, mkiOf } from './transform.ts';

/** Number of SRTCP indices (section 9.2). */
const RTCP_INDEX_LIMIT = 2 ** 31;

export interface SrtpStreamOptions extends SrtpKeying {
  readonly ssrc: number;
  /** Follows the payload in every packet; none if empty. */
  readonly mki: Uint8Array;
  /** Roll-over counter at the start of the stream; 0 unless signalled. */
  readonly roc?: number;
}

export class SrtpSender {
  readonly #transform: SrtpTransform;
  readonly #options: SrtpStreamOptions;
  #highest: number | null;
  #lastRtcp = -1;

  /** @param after the index of the last packet under the key before this one: indices go on, whatever the key */
  constructor(options: SrtpStreamOptions, after: number | null = null) {
    this.#options = options;
    this.#highest = after;
    this.#transform = SrtpTransform.of(options);
  }

  /** The index of the packet sent last; `null` before the first. */
  get highest(): number | null {
    return this.#highest;
  }

  /** The roll-over counter of the packet sent last, or that of the start. */
  get roc(): number {
    return this.#highest === null ? (this.#options.roc ?? 0) : rocOf(this.#highest);
  }

  /**
   * Protects a plain RTP packet. Sequence numbers must ascend, so that no index is ever used twice (RFC 7714 8.4).
   * @throws MediaError `malformed` for another SSRC, `replay` for a number that does not ascend, `exhausted`
   */
  protect(packet: Uint8Array): Uint8Array {
    const { header } = decodeRtpHeader(packet);
    this.#own(header.ssrc);
    const index = this.#next(header.sequenceNumber);
    if (index >= INDEX_LIMIT) throw new MediaError('exhausted', 'the master key has protected 2^48 packets');
    this.#highest = index;
    return this.#transform.protectRtp(packet, rocOf(index), this.#options.mki);
  }

  /** Protects a plain compound RTCP packet of this SSRC. @throws MediaError */
  protectRtcp(packet: Uint8Array): Uint8Array {
    this.#own(new Reader(packet, 4).u32('SSRC'));
    if (this.#lastRtcp + 1 >= RTCP_INDEX_LIMIT) {
      throw new MediaError('exhausted', 'the master key has protected 2^31 RTCP packets');
    }
    return this.#transform.protectRtcp(packet, ++this.#lastRtcp, this.#options.mki);
  }

  #next(sequenceNumber: number): number {
    if (this.#highest === null) return packetIndex(this.#options.roc ?? 0, sequenceNumber);
    const index = estimateIndex(this.#highest, sequenceNumber);
    if (index <= this.#highest) throw new MediaError('replay', 'the sequence number does not ascend');
    return index;
  }

  #own(ssrc: number): void {
    if (ssrc !== this.#options.ssrc) throw new MediaError('malformed', `SSRC ${ssrc} is not of this stream`);
  }
}

/** How far a stream has come. */
export interface StreamPosition {
  /** The highest packet index accepted under any of its keys; `null` before the first. */
  highest: number | null;
}

export class SrtpReceiver {
  readonly #transform: SrtpTransform;
  readonly #options: SrtpStreamOptions;
  readonly #window = new ReplayWindow();
  readonly #rtcpWindow = new ReplayWindow();
  readonly #position: StreamPosition;

  /** @param position one for all keys of the stream: indices go on, whatever the key */
  constructor(options: SrtpStreamOptions, position: StreamPosition = { highest: null }) {
    this.#options = options;
    this.#position = position;
    this.#transform = SrtpTransform.of(options);
  }

  get ssrc(): number {
    return this.#options.ssrc;
  }

  /** The highest index accepted, under this key or another of the stream; `null` before the first. */
  get highest(): number | null {
    return this.#position.highest;
  }

  /** The roll-over counter of the highest packet accepted, or that of the start. */
  get roc(): number {
    return this.highest === null ? (this.#options.roc ?? 0) : rocOf(this.highest);
  }

  /**
   * The plain RTP packet, or `null` if it is of another SSRC or another master key (MKI).
   * @throws BytesError, MediaError `malformed`, `replay`, `authentication`; the state is then unchanged
   */
  unprotect(packet: Uint8Array): Uint8Array | null {
    const { header } = decodeRtpHeader(packet);
    if (header.ssrc !== this.#options.ssrc || !this.#mine(packet)) return null;
    const index = this.#estimate(header.sequenceNumber);
    if (!this.#window.fresh(index)) throw new MediaError('replay', 'packet index seen before or too old');
    const plain = this.#transform.unprotectRtp(packet, rocOf(index), this.#options.mki.length);
    if (plain === null) throw new MediaError('authentication', 'SRTP tag does not verify');
    this.#window.accept(index);
    this.#position.highest = Math.max(this.#position.highest ?? 0, index);
    return plain;
  }

  /**
   * The plain compound RTCP packet, or `null` if it is of another SSRC or another master key.
   * @throws BytesError, MediaError as `unprotect`
   */
  unprotectRtcp(packet: Uint8Array): Uint8Array | null {
    const ssrc = new Reader(packet, 4).u32('SSRC');
    if (ssrc !== this.#options.ssrc || !this.#mine(packet)) return null;
    const opened = this.#transform.unprotectRtcp(packet, this.#options.mki.length);
    if (opened === null) throw new MediaError('authentication', 'SRTCP tag does not verify');
    if (!this.#rtcpWindow.fresh(opened.index)) throw new MediaError('replay', 'SRTCP index seen before');
    this.#rtcpWindow.accept(opened.index);
    return opened.packet;
  }

  #estimate(sequenceNumber: number): number {
    return this.highest === null
      ? packetIndex(this.#options.roc ?? 0, sequenceNumber)
      : estimateIndex(this.highest, sequenceNumber);
  }

  #mine(packet: Uint8Array): boolean {
    return equalOctets(mkiOf(packet, this.#options.suite, this.#options.mki.length), this.#options.mki);
  }
}
