/**
 * One audio stream of a call at the endpoint: its sockets, SRTP in both directions, what is played and what is heard.
 *
 * Keys come late, after the sockets and before the first packet: nothing is sent before `secure`, and what arrives
 * before is dropped, since nothing could verify it. What does not verify is counted and leaves no other trace.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { BytesError } from '../bytes/errors.ts';
import type { Clock, Random } from '../bytes/ports.ts';
import { Reader } from '../bytes/reader.ts';
import type { SocketPair } from '../media/datagrams.ts';
import { MediaError } from '../media/errors.ts';
import type { Companding } from '../media/g711.ts';
import { decodeG711 } from '../media/g711.ts';
import { AUDIO_TYPE, decodeRtp, isRtcp } from '../media/rtp.ts';
import { SrtpReceiver, SrtpSender } from '../media/srtp/stream.ts';
import type { SrtpStreamOptions } from '../media/srtp/stream.ts';
import { SampleTimeline } from '../media/timeline.ts';
import { Player, packetise } from './player.ts';
import type { RtpOrigin } from './player.ts';
import type { AudioDescription } from './session-description.ts';

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

export interface AudioStreamOptions {
  readonly sockets: SocketPair;
  readonly origin: RtpOrigin;
  readonly clock: Clock;
}

export class AudioStream {
  readonly #options: AudioStreamOptions;
  readonly #timeline = new SampleTimeline();
  #remote: NetworkAddress | null = null;
  #law: Companding = 'pcma';
  #listened = true;
  #sender: SrtpSender | null = null;
  #receiver: { readonly srtp: SrtpReceiver; readonly ssrc: number } | null = null;
  #player: Player | null = null;
  #sent = 0;
  #received = 0;
  #refused = 0;

  constructor(options: AudioStreamOptions) {
    this.#options = options;
    options.sockets.rtp.onDatagram((octets) => this.#hear(octets));
  }

  get ssrc(): number {
    return this.#options.origin.ssrc;
  }

  /** Where this end receives. */
  get local(): NetworkAddress {
    return this.#options.sockets.rtp.local;
  }

  /** What the other side's session description says; nothing is sent while it does not listen. */
  connect({ remote, listens }: Pick<AudioDescription, 'remote' | 'listens'>, law: Companding): void {
    this.#remote = remote;
    this.#listened = listens;
    this.#law = law;
  }

  /** The keys of both directions. A change of keys keeps the recording and the player. */
  secure(keys: { readonly send: SrtpStreamOptions; readonly receive: SrtpStreamOptions }): void {
    this.#sender = new SrtpSender(keys.send);
    this.#receiver = { srtp: new SrtpReceiver(keys.receive), ssrc: keys.receive.ssrc };
  }

  /** Plays a recording to its end, in real time. Resolves when its last packet has been sent, or on `close`. */
  play(samples: Int16Array): Promise<void> {
    this.#player ??= new Player(
      this.#options.clock,
      packetise(samples, this.#law, this.#options.origin),
      (packet) => this.#send(packet),
    );
    this.#player.start();
    return this.#player.finished;
  }

  /** What has been heard so far, gaps as silence. */
  heard(): Int16Array {
    return this.#timeline.samples();
  }

  get statistics(): StreamStatistics {
    return {
      sent: { ssrc: this.ssrc, packets: this.#sent },
      received: { ssrc: this.#receiver?.ssrc ?? 0, packets: this.#received, refused: this.#refused },
    };
  }

  close(): void {
    this.#player?.stop();
    this.#options.sockets.rtp.close();
    this.#options.sockets.rtcp.close();
  }

  #send(packet: Uint8Array): void {
    if (this.#sender === null || this.#remote === null) return;
    // Also protected while held: the sender's rollover counter goes on with the numbers of the packets.
    const octets = this.#sender.protect(packet);
    if (!this.#listened) return;
    this.#options.sockets.rtp.send(octets, this.#remote);
    this.#sent++;
  }

  #hear(octets: Uint8Array): void {
    if (this.#receiver === null || isRtcp(octets) || !this.#take(this.#receiver.srtp, octets))
      this.#refused++;
    else this.#received++;
  }

  #take(receiver: SrtpReceiver, octets: Uint8Array): boolean {
    try {
      const plain = receiver.unprotect(octets);
      if (plain === null) return false;
      const { payloadType, timestamp, payload } = decodeRtp(plain);
      const law = lawOf(payloadType);
      if (law === null) return false;
      this.#timeline.place(timestamp, decodeG711(payload, law));
      return true;
    } catch (error) {
      if (error instanceof MediaError || error instanceof BytesError) return false;
      throw error;
    }
  }
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

function lawOf(payloadType: number): Companding | null {
  if (payloadType === AUDIO_TYPE.pcma) return 'pcma';
  return payloadType === AUDIO_TYPE.pcmu ? 'pcmu' : null;
}
