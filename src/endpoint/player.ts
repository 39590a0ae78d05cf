/**
 * Speech as RTP: G.711 in packets of 20 ms, each sent when it is due, and the last as long as what is left.
 *
 *     packet n is due at start + 20·n ms; the wait for it is 20 ms less what packet n − 1 came late
 *
 * so lateness does not add up. A clock that stands still says that nothing is ever late.
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import type { Companding } from '../media/g711.ts';
import { encodeG711 } from '../media/g711.ts';
import { AUDIO_TYPE, encodeRtp } from '../media/rtp.ts';

/** Milliseconds and samples of a packet. */
export const PACKET_MS = 20;
export const PACKET_SAMPLES = 160;

/** Where a stream of RTP packets starts: all three from the generator of the endpoint. */
export interface RtpOrigin {
  /** Never 0. */
  readonly ssrc: number;
  /** Below 2^15, so that a receiver that misses the first packets does not mistake the roll-over counter. */
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

export class Player {
  readonly #clock: Clock;
  readonly #packets: readonly Uint8Array[];
  readonly #send: (packet: Uint8Array) => void;
  #next = 0;
  #start = 0;
  #timer: Timer | null = null;
  #finish: () => void = () => undefined;
  /** Resolves when the last packet has been sent, or the player was stopped. */
  readonly finished: Promise<void>;

  constructor(clock: Clock, packets: readonly Uint8Array[], send: (packet: Uint8Array) => void) {
    this.#clock = clock;
    this.#packets = packets;
    this.#send = send;
    this.finished = new Promise((resolve) => (this.#finish = resolve));
  }

  start(): void {
    this.#start = this.#clock.now();
    this.#step();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#finish();
  }

  #step(): void {
    const packet = this.#packets[this.#next];
    if (packet === undefined) {
      this.#finish();
      return;
    }
    const due = this.#start + PACKET_MS * this.#next;
    this.#send(packet);
    this.#next++;
    const late = Math.max(0, this.#clock.now() - due);
    this.#timer = this.#clock.after(Math.max(0, PACKET_MS - late), () => this.#step());
  }
}

/** The plain RTP packets of a recording. */
export function packetise(samples: Int16Array, law: Companding, origin: RtpOrigin): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < samples.length; at += PACKET_SAMPLES) {
    packets.push(
      encodeRtp({
        marker: at === 0,
        payloadType: AUDIO_TYPE[law],
        sequenceNumber: (origin.sequenceNumber + packets.length) & 0xffff,
        timestamp: (origin.timestamp + at) % 2 ** 32,
        ssrc: origin.ssrc,
        csrc: [],
        extension: null,
        payload: encodeG711(samples.subarray(at, at + PACKET_SAMPLES), law),
      }),
    );
  }
  return packets;
}
