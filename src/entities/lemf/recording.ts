/**
 * What one stream says, from its first packet to its last: packets in the order of their numbers, silence of its length
 * where the timestamps leave room between two of them. The timestamps are the sender's, who may not be a friend of the
 * recording: a few packets must not make hours of audio. So silence is bounded:
 *
 *     by the clock of interception   with it, a recording is not longer than the time that has passed, and SLACK
 *     in each gap                    10 minutes
 *     in all                         a second for each packet of the stream, which is 50 times what a packet says
 *
 * What exceeds the first is not silence, but a clock that was set: the packet follows directly. What exceeds the others is
 * shortened. Either is told, with its place. A timestamp that falls leaves no room; nothing that was delivered is written
 * over.
 */

/** Samples in a second. */
const RATE = 8000;

const RANGE = 2 ** 32;

/** What sender, network and interception may differ by. */
const SLACK = 60 * RATE;

/** The longest gap that is written as it is. */
const LONGEST_GAP = 600 * RATE;

/** Places that are listed; all are counted. */
const MAX_LISTED = 100;

/** Where samples go. */
export interface SampleSink {
  write(samples: Int16Array): void;
  /** So many samples of 0. */
  silence(samples: number): void;
}

/** A place where less silence was written than the timestamps ask for. */
export interface ShortenedSilence {
  /** Seconds from the beginning of the recording. */
  readonly at: number;
  /** Seconds that the timestamps say. */
  readonly asked: number;
  /** Seconds that were written. */
  readonly written: number;
}

export class Recording {
  readonly #sink: SampleSink;
  readonly #shortened: ShortenedSilence[] = [];
  #shortenings = 0;
  #silenceLeft: number;
  #length = 0;
  /** Timestamp of the sample after the last. */
  #next: number | null = null;
  #firstTime: number | null = null;
  #lastTime = -Infinity;

  /** @param packets packets of the stream */
  constructor(sink: SampleSink, packets: number) {
    this.#sink = sink;
    this.#silenceLeft = packets * RATE;
  }

  /** Samples so far. */
  get length(): number {
    return this.#length;
  }

  /** Seconds so far. */
  get seconds(): number {
    return this.#length / RATE;
  }

  /** When the first packet of it came, Unix milliseconds; `null`: nobody says. */
  get begins(): number | null {
    return this.#firstTime;
  }

  /** Where a timestamp stands, seconds from the beginning: that of what was not recorded, too, near what was. */
  placeOf(timestamp: number): number {
    const ahead =
      this.#next === null ? 0 : ((timestamp - this.#next + RANGE + RANGE / 2) % RANGE) - RANGE / 2;
    const isNear = Math.abs(ahead) <= SLACK;
    return Math.max(0, this.#length + (isNear ? ahead : 0)) / RATE;
  }

  /** The first places where silence was shortened. */
  get shortened(): readonly ShortenedSilence[] {
    return this.#shortened;
  }

  /** Their number. */
  get shortenings(): number {
    return this.#shortenings;
  }

  /** Adds the samples of the next packet. @param time of interception, Unix milliseconds */
  append(timestamp: number, time: number | null, samples: Int16Array): void {
    if (time !== null) {
      this.#firstTime ??= time;
      this.#lastTime = Math.max(this.#lastTime, time);
    }
    const gap = this.#next === null ? 0 : (timestamp - this.#next + RANGE) % RANGE;
    if (gap > 0 && gap < RANGE / 2) this.#silence(gap);
    this.#sink.write(samples);
    this.#length += samples.length;
    this.#next = (timestamp + samples.length) % RANGE;
  }

  /** What comes next has timestamps of its own: it follows directly. */
  beginAnew(): void {
    this.#next = null;
  }

  #silence(gap: number): void {
    const passed = this.#firstTime === null ? 0 : ((this.#lastTime - this.#firstTime) * RATE) / 1000;
    const isCredible = this.#length + gap <= passed + SLACK;
    const written = isCredible ? Math.min(gap, LONGEST_GAP, this.#silenceLeft) : 0;
    if (written < gap) this.#tell(gap, written);
    if (written === 0) return;
    this.#silenceLeft -= written;
    this.#sink.silence(written);
    this.#length += written;
  }

  #tell(asked: number, written: number): void {
    this.#shortenings++;
    if (this.#shortened.length >= MAX_LISTED) return;
    this.#shortened.push({ at: this.#length / RATE, asked: asked / RATE, written: written / RATE });
  }
}
