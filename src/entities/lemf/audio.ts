/** From packets in the clear to samples and keys pressed, with an account of what could not be decoded. */
import { decodeG711 } from '../../media/g711.ts';
import type { CodecOf } from './codecs.ts';
import { EventList } from './events.ts';
import type { TelephoneEvent } from './events.ts';
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

export interface DecodedAudio {
  readonly samples: Int16Array | null;
  /** Keys pressed, in order. */
  readonly digits: string;
  readonly events: readonly TelephoneEvent[];
  readonly undecoded: number;
  readonly undecodedTypes: readonly UndecodedType[];
  /** The first places where silence was shortened, and their number. */
  readonly shortened: readonly ShortenedSilence[];
  readonly shortenings: number;
}

export function decodeRuns(runs: readonly Run[], codecOf: CodecOf): DecodedAudio {
  const heard = new SampleBuffer();
  const packets = runs.reduce((sum, { size }) => sum + size, 0);
  const recording = new Recording(heard, packets);
  const events = new EventList();
  const undecoded = new Map<string, UndecodedType>();
  for (const [at, run] of runs.entries()) {
    if (aheadOf(runs[at - 1], run) === null) recording.beginAnew();
    for (const { rtp, time } of run.packets()) {
      const { payloadType, timestamp, payload } = rtp;
      // Without payload: it keeps a path open (RFC 6263), and says nothing.
      if (payload.length === 0) continue;
      const codec = codecOf(payloadType, time);
      const law = g711Law(codec ?? '');
      if (law !== null) {
        recording.append(timestamp, time, decodeG711(payload, law));
      } else if (codec === null || !isTelephoneEvent(codec) || !events.add(timestamp, payload)) {
        const key = `${payloadType} ${codec ?? ''}`;
        const packets = (undecoded.get(key)?.packets ?? 0) + 1;
        undecoded.set(key, { payloadType, codec, packets });
      }
    }
  }
  const undecodedTypes = [...undecoded.values()];
  return {
    samples: heard.samples(),
    digits: events.digits,
    events: events.events,
    undecoded: undecodedTypes.reduce((sum, { packets }) => sum + packets, 0),
    undecodedTypes,
    shortened: recording.shortened,
    shortenings: recording.shortenings,
  };
}

class SampleBuffer implements SampleSink {
  readonly #pieces: Int16Array[] = [];
  #length = 0;

  write(samples: Int16Array): void {
    this.#pieces.push(samples);
    this.#length += samples.length;
  }

  silence(samples: number): void {
    this.write(new Int16Array(samples));
  }

  /** All samples; `null` if there are none. */
  samples(): Int16Array | null {
    if (this.#length === 0) return null;
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
