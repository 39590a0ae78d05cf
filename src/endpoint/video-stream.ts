/**
 * The video of a call at the endpoint: opaque. What goes out is octets cut into packets, frame by frame; what comes in
 * is kept, packet by packet. What a codec makes of them is nothing to the phone.
 *
 *     a frame every 40 ms, of PACKETS_OF_FRAME packets of PACKET_OCTETS; the marker is on the last of each (RFC 3550 5.1)
 */
import { createHash } from 'node:crypto';
import { concat, utf8 } from '../bytes/octets.ts';
import { Writer } from '../bytes/writer.ts';
import type { RtpPacket } from '../media/rtp.ts';
import { Player } from './player.ts';
import { SecuredStream } from './secured-stream.ts';
import type { RemoteLine, SecuredStreamOptions } from './secured-stream.ts';

/** Clock of video formats (RFC 3551 section 5). */
const VIDEO_RATE = 90_000;
const FRAME_MS = 40;
const PACKET_OCTETS = 1000;
const PACKETS_OF_FRAME = 2;

/** Octets that are kept of one call; what exceeds them is counted. */
const MOST_KEPT = 64 * 1024 * 1024;

type Frame = readonly Uint8Array[];

/** What has come in. */
export interface KeptVideo {
  /** The payloads in the order of their numbers, one after the other. */
  readonly octets: Uint8Array;
  readonly packets: number;
  /** Numbers between the first and the last that never came. */
  readonly missing: number;
  /** Packets that came beyond what is kept. */
  readonly passedOver: number;
}

export interface VideoStreamOptions extends Omit<SecuredStreamOptions, 'rate'> {
  /** Octets that are kept; for tests. */
  readonly mostKept?: number;
}

export class VideoStream {
  readonly stream: SecuredStream;
  readonly #options: VideoStreamOptions;
  readonly #payloads = new Map<number, Uint8Array>();
  #payloadType = 96;
  #kept = 0;
  #passedOver = 0;
  #player: Player<Frame> | null = null;
  #offset = 0;
  #closed = false;

  constructor(options: VideoStreamOptions) {
    this.#options = options;
    this.stream = new SecuredStream({ ...options, rate: VIDEO_RATE });
    this.stream.onPacket((packet, index) => this.#take(packet, index));
  }

  /** What the other side's session description says, and the payload type that it has the codec under. */
  connect(line: RemoteLine, payloadType: number): void {
    this.stream.connect(line);
    this.#payloadType = payloadType;
  }

  /** Whether the other end takes the video. */
  get isConnected(): boolean {
    return this.stream.isConnected;
  }

  /** Shows octets to the other end, frame by frame, in real time. Resolves when the last was sent, or on `close`. */
  async show(octets: Uint8Array): Promise<void> {
    await this.#player?.finished;
    if (this.#closed) return;
    this.#player = new Player(this.#options.clock, framesOf(octets), (frame) => this.#send(frame), FRAME_MS);
    this.#player.start();
    await this.#player.finished;
  }

  /** What has come in so far. */
  get kept(): KeptVideo {
    const indices = [...this.#payloads.keys()].sort((a, b) => a - b);
    const [first = 0] = indices;
    const last = indices.at(-1) ?? first - 1;
    return {
      octets: concat(...indices.map((index) => this.#payloads.get(index) ?? new Uint8Array())),
      packets: indices.length,
      missing: last - first + 1 - indices.length,
      passedOver: this.#passedOver,
    };
  }

  close(): void {
    this.#closed = true;
    this.#player?.stop();
    this.stream.close();
  }

  #send(frame: Frame): void {
    for (const [at, payload] of frame.entries()) {
      const marker = at === frame.length - 1;
      this.stream.send({ marker, payloadType: this.#payloadType, payload, offset: this.#offset });
    }
    this.#offset += (VIDEO_RATE * FRAME_MS) / 1000;
  }

  #take({ payload }: RtpPacket, index: number): boolean {
    const { mostKept = MOST_KEPT } = this.#options;
    if (this.#kept + payload.length > mostKept) this.#passedOver++;
    else {
      this.#payloads.set(index, payload);
      this.#kept += payload.length;
    }
    return true;
  }
}

/** Octets for who has no file at hand: SHA-256 of a counter, over and over, so that no packet is like another. */
export function videoPattern(length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, n) =>
    createHash('sha256').update(utf8('video')).update(new Writer(4).u32(n).finish()).digest(),
  );
  return concat(...blocks).slice(0, length);
}

/* ---------------------------------------------------------------- helpers */

function framesOf(octets: Uint8Array): Frame[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += PACKET_OCTETS)
    packets.push(octets.subarray(at, at + PACKET_OCTETS));
  const frames: Frame[] = [];
  for (let at = 0; at < packets.length; at += PACKETS_OF_FRAME)
    frames.push(packets.slice(at, at + PACKETS_OF_FRAME));
  return frames;
}
