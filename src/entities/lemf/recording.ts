/**
 * What one stream says, from its first packet to its last: samples at their RTP timestamps, silence of its length where
 * packets lack. The timestamps are the sender's, who may be no friend of the recording: silence is bounded in all, and
 * a packet whose timestamp asks for more (a jump, a clock set anew) follows directly upon what is there.
 */
import { MediaError } from '../../media/errors.ts';
import { SampleTimeline } from '../../media/timeline.ts';

/** An hour at 8 kHz. */
const MOST_SILENCE = 3600 * 8000;

export class Recording {
  /** Samples at most, silence included. */
  readonly #limit: number;
  readonly #pieces: SampleTimeline[] = [];
  /** Samples in all pieces but the last. */
  #closed = 0;

  /** @param samples in all packets together */
  constructor(samples: number, silence = MOST_SILENCE) {
    this.#limit = samples + silence;
  }

  place(timestamp: number, samples: Int16Array): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && fits(last, timestamp, samples)) return;
    this.#closed += last?.length ?? 0;
    const piece = new SampleTimeline(this.#limit - this.#closed);
    piece.place(timestamp, samples);
    this.#pieces.push(piece);
  }

  /** All samples; `null` if there are none. */
  samples(): Int16Array | null {
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length === 0) return null;
    const all = new Int16Array(length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece.samples(), at);
      at += piece.length;
    }
    return all;
  }
}

function fits(piece: SampleTimeline, timestamp: number, samples: Int16Array): boolean {
  try {
    piece.place(timestamp, samples);
    return true;
  } catch (error) {
    if (error instanceof MediaError && error.code === 'too-large') return false;
    throw error;
  }
}
