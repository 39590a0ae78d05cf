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

/** Milliseconds and samples of a packet. */
export const PACKET_MS = 20;
export const PACKET_SAMPLES = 160;

/** What a packet of a recording is before it is sent. */
export interface SpeechPacket {
  /** RTP timestamp, from the beginning of the recording. */
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** Sends one thing after the other, each when it is due. */
export class Player<Packet> {
  readonly #clock: Clock;
  readonly #packets: readonly Packet[];
  readonly #interval: number;
  readonly #send: (packet: Packet) => void;
  #next = 0;
  #start = 0;
  #timer: Timer | null = null;
  #finish: () => void = () => undefined;
  /** Resolves when the last packet has been sent, or the player was stopped. */
  readonly finished: Promise<void>;

  /** @param interval milliseconds from one to the next */
  constructor(
    clock: Clock,
    packets: readonly Packet[],
    send: (packet: Packet) => void,
    interval: number = PACKET_MS,
  ) {
    this.#clock = clock;
    this.#interval = interval;
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
    const due = this.#start + this.#interval * this.#next;
    this.#send(packet);
    this.#next++;
    const late = Math.max(0, this.#clock.now() - due);
    this.#timer = this.#clock.after(Math.max(0, this.#interval - late), () => this.#step());
  }
}

/** A recording in packets. */
export function packetise(samples: Int16Array, law: Companding): SpeechPacket[] {
  const packets: SpeechPacket[] = [];
  for (let offset = 0; offset < samples.length; offset += PACKET_SAMPLES)
    packets.push({ offset, payload: encodeG711(samples.subarray(offset, offset + PACKET_SAMPLES), law) });
  return packets;
}
