/** From packets in the clear to samples and keys pressed; what cannot be decoded is kept as it is, and accounted for. */
import { decodeG711 } from '../../media/g711.ts';
import { WAV_SAMPLE_RATE } from '../../media/wav.ts';
import type { CodecOf } from './codecs.ts';
import { EventList } from '../../media/telephone-events.ts';
import type { TelephoneEvent } from '../../media/telephone-events.ts';
import { Recording } from './recording.ts';
import type { SampleSink, ShortenedSilence } from './recording.ts';
import { aheadOf } from './runs.ts';
import type { Run } from './runs.ts';
import { g711Law, isTelephoneEvent } from './sdp.ts';

/** Packets of one payload type that are not decoded here. */
export interface UndecodedType {
  readonly payloadType: number;
  /** In the SDP's words; `null`: nothing tells what it is. */
  readonly codec: string | null;
  readonly packets: number;
}

/** Audio that was recorded, in pieces where it is longer than one can be. */
export interface RecordedAudio {
  readonly samples: number;
  /** At least one. */
  readonly pieces: number;
  /** Gives the pieces their names, in order. */
  keep(names: readonly string[]): void;
  discard(): void;
}

/** Takes the samples of one stream. */
export interface AudioWriter extends SampleSink {
  /** `null`: there were none. */
  end(): RecordedAudio | null;
}

/** RTP packets that were kept as they are. */
export interface KeptPackets {
  readonly packets: number;
  keep(name: string): void;
  discard(): void;
}

/** Takes packets of one stream that cannot be decoded. */
export interface PacketWriter {
  /** @param time of interception, Unix milliseconds */
  write(packet: Uint8Array, time: number | null): void;
  /** `null`: there were none. */
  end(): KeptPackets | null;
}

/** Where what comes of a stream goes. */
export interface StreamWriters {
  readonly audio: AudioWriter;
  readonly packets: PacketWriter;
}

/** Where nothing was recorded though there were packets, or should have been. */
export interface SilentStretch {
  /** `gap`: packets that never came; `undecoded`: packets in a codec that is not decoded here. */
  readonly kind: 'gap' | 'undecoded';
  /** Seconds from the beginning of the recording. */
  readonly at: number;
  /** Seconds of silence that stand for it. */
  readonly seconds: number;
  readonly packets: number;
}

/** A key pressed. */
export interface RecordedEvent extends TelephoneEvent {
  /** Seconds from the beginning of the recording. */
  readonly at: number;
}

export interface DecodedAudio {
  readonly audio: RecordedAudio | null;
  /** Those that are undecoded, video among them. */
  readonly kept: KeptPackets | null;
  /** Keys pressed, in order. */
  readonly digits: string;
  /** The first ten thousand. */
  readonly events: readonly RecordedEvent[];
  /** How many there are beyond those. */
  readonly furtherEvents: number;
  readonly undecoded: number;
  readonly undecodedTypes: readonly UndecodedType[];
  /** The first places where silence was shortened, and their number. */
  readonly shortened: readonly ShortenedSilence[];
  readonly shortenings: number;
  /** When the first packet that was recorded came, Unix milliseconds; `null`: nobody says. */
  readonly begins: number | null;
  /** The first thousand. */
  readonly stretches: readonly SilentStretch[];
  /** How many there are beyond those. */
  readonly furtherStretches: number;
}

/** Payload types and codecs that are told apart. */
const MAX_UNDECODED = 1024;

/** @param onPacket is told of each packet, where in the recording it comes, seconds */
export function decodeRuns(
  runs: readonly Run[],
  codecOf: CodecOf,
  writers: StreamWriters,
  onPacket: (index: number, at: number) => void = () => undefined,
): DecodedAudio {
  const packets = runs.reduce((sum, { size }) => sum + size, 0);
  const recording = new Recording(writers.audio, packets);
  const events = new EventList();
  const eventPlaces: number[] = [];
  const stretches = new Stretches(recording);
  const undecoded = new Map<string, UndecodedType>();
  let undecodedInAll = 0;
  for (const [at, run] of runs.entries()) {
    if (aheadOf(runs[at - 1], run) === null) recording.beginAnew();
    stretches.beginAnew();
    for (const { rtp, octets, time, index } of run.packets()) {
      stretches.pass(index);
      const { payloadType, timestamp, payload } = rtp;
      const codec = payload.length === 0 ? null : codecOf(payloadType, time);
      const law = g711Law(codec ?? '');
      const samples = law === null ? null : decodeG711(payload, law);
      if (samples !== null) recording.append(timestamp, time, samples);
      // What is recorded comes after the silence that stands before it.
      onPacket(index, (recording.length - (samples?.length ?? 0)) / WAV_SAMPLE_RATE);
      // Without payload: it keeps a path open (RFC 6263), and says nothing.
      if (payload.length === 0) continue;
      if (samples !== null) stretches.recorded(samples.length);
      else if (codec !== null && isTelephoneEvent(codec) && events.add(timestamp, payload)) {
        for (const { timestamp: start } of events.events.slice(eventPlaces.length))
          eventPlaces.push(recording.placeOf(start));
      } else {
        undecodedInAll++;
        stretches.undecoded();
        writers.packets.write(octets, time);
        const key = `${payloadType} ${codec ?? ''}`;
        const known = undecoded.get(key)?.packets ?? 0;
        if (known > 0 || undecoded.size < MAX_UNDECODED) {
          undecoded.set(key, { payloadType, codec, packets: known + 1 });
        }
      }
    }
  }
  return {
    audio: writers.audio.end(),
    kept: writers.packets.end(),
    digits: events.digits,
    events: events.events.map((event, at) => ({ ...event, at: eventPlaces[at] ?? 0 })),
    furtherEvents: events.passedOver,
    undecoded: undecodedInAll,
    undecodedTypes: [...undecoded.values()],
    shortened: recording.shortened,
    shortenings: recording.shortenings,
    begins: recording.begins,
    ...stretches.end(),
  };
}

/** Stretches that are listed; all are counted. */
const MAX_STRETCHES = 1000;

/** Follows a recording, and notes where packets lack in it or were not decoded. */
class Stretches {
  readonly #recording: Recording;
  readonly #found: SilentStretch[] = [];
  #further = 0;
  /** Of the packet before. */
  #index: number | null = null;
  /** Seconds recorded up to the last packet that was. */
  #from = 0;
  readonly #open = { gap: 0, undecoded: 0 };

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** What comes next has numbers of its own. */
  beginAnew(): void {
    this.#index = null;
  }

  /** A packet, whatever becomes of it. */
  pass(index: number): void {
    if (this.#index !== null && index > this.#index + 1) this.#open.gap += index - this.#index - 1;
    this.#index = index;
  }

  undecoded(): void {
    this.#open.undecoded++;
  }

  /** A packet was recorded, and the silence before it. */
  recorded(samples: number): void {
    const { seconds } = this.#recording;
    this.#close(Math.max(0, seconds - samples / WAV_SAMPLE_RATE - this.#from));
    this.#from = seconds;
  }

  end(): { readonly stretches: readonly SilentStretch[]; readonly furtherStretches: number } {
    this.#close(0);
    return { stretches: this.#found, furtherStretches: this.#further };
  }

  #close(seconds: number): void {
    for (const kind of ['gap', 'undecoded'] as const) {
      const packets = this.#open[kind];
      if (packets === 0) continue;
      this.#open[kind] = 0;
      if (this.#found.length < MAX_STRETCHES) this.#found.push({ kind, at: this.#from, seconds, packets });
      else this.#further++;
    }
  }
}
