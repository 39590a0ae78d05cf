/** From packets in the clear to samples and keys pressed; what cannot be decoded is kept as it is, and accounted for. */
import { decodeG711 } from '../../media/g711.ts';
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

export interface DecodedAudio {
  readonly audio: RecordedAudio | null;
  /** Those that are undecoded, video among them. */
  readonly kept: KeptPackets | null;
  /** Keys pressed, in order. */
  readonly digits: string;
  /** The first ten thousand. */
  readonly events: readonly TelephoneEvent[];
  /** How many there are beyond those. */
  readonly furtherEvents: number;
  readonly undecoded: number;
  readonly undecodedTypes: readonly UndecodedType[];
  /** The first places where silence was shortened, and their number. */
  readonly shortened: readonly ShortenedSilence[];
  readonly shortenings: number;
}

/** Payload types and codecs that are told apart. */
const MAX_UNDECODED = 1024;

export function decodeRuns(runs: readonly Run[], codecOf: CodecOf, writers: StreamWriters): DecodedAudio {
  const packets = runs.reduce((sum, { size }) => sum + size, 0);
  const recording = new Recording(writers.audio, packets);
  const events = new EventList();
  const undecoded = new Map<string, UndecodedType>();
  let undecodedInAll = 0;
  for (const [at, run] of runs.entries()) {
    if (aheadOf(runs[at - 1], run) === null) recording.beginAnew();
    for (const { rtp, octets, time } of run.packets()) {
      const { payloadType, timestamp, payload } = rtp;
      // Without payload: it keeps a path open (RFC 6263), and says nothing.
      if (payload.length === 0) continue;
      const codec = codecOf(payloadType, time);
      const law = g711Law(codec ?? '');
      if (law !== null) {
        recording.append(timestamp, time, decodeG711(payload, law));
      } else if (codec === null || !isTelephoneEvent(codec) || !events.add(timestamp, payload)) {
        undecodedInAll++;
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
    events: events.events,
    furtherEvents: events.passedOver,
    undecoded: undecodedInAll,
    undecodedTypes: [...undecoded.values()],
    shortened: recording.shortened,
    shortenings: recording.shortenings,
  };
}
