/**
 * The audio of a call at the endpoint: what is played and what is heard, in G.711, and the keys that are pressed at
 * either end (RFC 4733). `secured-stream.ts` protects and carries it.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Companding } from '../media/g711.ts';
import { decodeG711 } from '../media/g711.ts';
import { AUDIO_TYPE, G711_CLOCK_RATE } from '../media/rtp.ts';
import type { RtpPacket } from '../media/rtp.ts';
import type { StreamKeys } from '../media/srtp/rekeyed-stream.ts';
import { encodeTelephoneEvent, EventList, eventOfKey } from '../media/telephone-events.ts';
import { SampleTimeline } from '../media/timeline.ts';
import { EndpointError } from './errors.ts';
import { PACKET_SAMPLES, Player, packetise } from './player.ts';
import type { SpeechPacket } from './player.ts';
import { SecuredStream } from './secured-stream.ts';
import type { RemoteLine, SecuredStreamOptions, StreamStatistics } from './secured-stream.ts';
import type { DescribedLine } from './session-description.ts';

export type AudioStreamOptions = Omit<SecuredStreamOptions, 'rate'>;

/** A key is held for 100 ms, and 60 ms lie between two. */
const KEY_PACKETS = 5;
const PAUSE_PACKETS = 3;
/** RFC 4733 section 2.5.1.4: the last packet of an event is sent three times. */
const LAST_TIMES = 3;
/** Keys that one call of `press` takes. */
const MAX_KEYS = 64;

interface EventPacket {
  readonly event: number;
  readonly duration: number;
  readonly isEnd: boolean;
}

export class AudioStream {
  readonly stream: SecuredStream;
  readonly #clock: SecuredStreamOptions['clock'];
  readonly #timeline = new SampleTimeline();
  readonly #pressed = new EventList();
  #law: Companding = 'pcma';
  #eventType: number | null = null;
  #player: Player<SpeechPacket> | null = null;
  #queue: (() => void)[] = [];
  #start: number | null = null;
  /** Samples that have been said, silence between recordings included. */
  #position = 0;
  #keys: Player<EventPacket | null> | null = null;
  #closed = false;

  constructor(options: AudioStreamOptions) {
    this.#clock = options.clock;
    this.stream = new SecuredStream({ ...options, rate: G711_CLOCK_RATE });
    this.stream.onPacket((packet) => this.#take(packet));
  }

  get ssrc(): number {
    return this.stream.ssrc;
  }

  /** Where this end receives. */
  get local(): NetworkAddress {
    return this.stream.local;
  }

  get statistics(): StreamStatistics {
    return this.stream.statistics;
  }

  /** What the other side's session description says. */
  connect(line: RemoteLine & Partial<Pick<DescribedLine, 'eventType'>>, law: Companding): void {
    this.stream.connect(line);
    this.#law = law;
    this.#eventType = line.eventType ?? null;
  }

  /** The keys of both directions. A change of keys keeps the recording and the player. */
  secure(keys: StreamKeys): void {
    this.stream.secure(keys);
  }

  /**
   * Plays a recording to its end, in real time, after those that are playing. Resolves when its last packet has been
   * sent, or on `close`.
   */
  play(samples: Int16Array): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push(() => this.#playNow(samples, resolve));
      if (this.#player === null) this.#playNext();
    });
  }

  /**
   * Presses keys one after the other, beside what is being said. Resolves when the last is up, or on `close`.
   * @throws EndpointError `key` for what is not a key, `no-codec` if the other end takes no telephone events, `state`
   */
  async press(keys: string): Promise<void> {
    const events = Array.from(keys, eventOfKey);
    if (events.length === 0 || events.length > MAX_KEYS)
      throw new EndpointError('key', `1 to ${MAX_KEYS} keys are pressed at a time`);
    const known = events.filter((event) => event !== null);
    if (known.length < events.length) throw new EndpointError('key', 'keys are 0 to 9, *, #, and A to D');
    const type = this.#eventType;
    if (type === null)
      throw new EndpointError('no-codec', 'the other end takes no telephone events (RFC 4733)');
    if (this.#keys !== null) throw new EndpointError('state', 'keys are being pressed already');
    if (this.#closed) return;
    await this.#pressKeys(known, type);
  }

  /** What has been heard so far, gaps as silence. */
  heard(): Int16Array {
    return this.#timeline.samples();
  }

  /** The keys that the other end has pressed so far. */
  get digits(): string {
    return this.#pressed.digits;
  }

  close(): void {
    this.#closed = true;
    this.#player?.stop();
    this.#keys?.stop();
    for (const play of this.#queue.splice(0)) play();
    this.stream.close();
  }

  #playNext(): void {
    this.#player = null;
    this.#queue.shift()?.();
  }

  #playNow(samples: Int16Array, done: () => void): void {
    if (this.#closed) {
      done();
      return;
    }
    this.#position = this.#samplesNow();
    const begin = this.#position;
    const packets = packetise(samples, this.#law);
    const payloadType = AUDIO_TYPE[this.#law];
    const player = new Player(this.#clock, packets, ({ offset, payload }) => {
      this.stream.send({ marker: offset === 0, payloadType, payload, offset: begin + offset });
      this.#position = begin + offset + payload.length;
    });
    this.#player = player;
    player.start();
    void player.finished.then(() => {
      done();
      this.#playNext();
    });
  }

  async #pressKeys(events: readonly number[], payloadType: number): Promise<void> {
    const packets = events.flatMap(packetsOf);
    let begin = 0;
    const player = new Player<EventPacket | null>(this.#clock, packets, (packet) => {
      if (packet === null) return;
      const { event, duration, isEnd } = packet;
      const isFirst = duration === PACKET_SAMPLES && !isEnd;
      if (isFirst) begin = this.#samplesNow();
      const payload = encodeTelephoneEvent(event, duration, isEnd);
      this.stream.send({ marker: isFirst, payloadType, payload, offset: begin });
    });
    this.#keys = player;
    player.start();
    await player.finished;
    this.#keys = null;
  }

  /** Where the clock of the timestamps stands. */
  #samplesNow(): number {
    const now = this.#clock.now();
    this.#start ??= now;
    const passed = Math.floor(((now - this.#start) * G711_CLOCK_RATE) / 1000);
    return Math.max(this.#position, passed);
  }

  #take({ payloadType, timestamp, payload }: RtpPacket): boolean {
    const law = lawOf(payloadType);
    if (law !== null) {
      this.#timeline.place(timestamp, decodeG711(payload, law));
      return true;
    }
    return payloadType === this.#eventType && this.#pressed.add(timestamp, payload);
  }
}

/* ---------------------------------------------------------------- helpers */

/** The packets of one key, 20 ms apart, and the pause after it. */
function packetsOf(event: number): (EventPacket | null)[] {
  const packets = Array.from({ length: KEY_PACKETS - 1 }, (_, n) => ({
    event,
    duration: PACKET_SAMPLES * (n + 1),
    isEnd: false,
  }));
  const last = { event, duration: PACKET_SAMPLES * KEY_PACKETS, isEnd: true };
  return [
    ...packets,
    ...new Array<EventPacket>(LAST_TIMES).fill(last),
    ...new Array<null>(PAUSE_PACKETS).fill(null),
  ];
}

function lawOf(payloadType: number): Companding | null {
  if (payloadType === AUDIO_TYPE.pcma) return 'pcma';
  return payloadType === AUDIO_TYPE.pcmu ? 'pcmu' : null;
}
