/** Plays recordings of one call in step with each other, as they are: their own samples, each from where it begins. */
import type { StreamReport } from '../../entities/lemf/recover.ts';
import { WAV_SAMPLE_RATE } from '../../media/wav.ts';
import { CONSOLE_TEXTS } from './texts.ts';

export interface Track {
  readonly name: string;
  readonly file: string;
  /** 16-bit linear, 8,000 a second. */
  readonly samples: Int16Array;
  /** Where it begins, in samples from the beginning of the first. */
  readonly from: number;
}

/** Which are heard: all in the middle, all from left to right, or one. */
export type Hearing = 'mixed' | 'apart' | number;

const FULL_SCALE = 32_768;

export class CallPlayer {
  readonly tracks: readonly Track[];
  readonly seconds: number;
  hearing: Hearing = 'mixed';
  /** Id of the place that shows it. */
  figure = '';
  readonly #changed: () => void;
  #context: AudioContext | null = null;
  #buffers: AudioBuffer[] = [];
  #sources: AudioBufferSourceNode[] = [];
  /** Place when it was last set, and the context's time then. */
  #from = 0;
  #since = 0;
  #isPlaying = false;

  /** @param changed is told when it begins or ends to play */
  constructor(tracks: readonly Track[], changed: () => void) {
    this.tracks = tracks;
    this.#changed = changed;
    const ends = tracks.map(({ from, samples }) => from + samples.length);
    this.seconds = Math.max(0, ...ends) / WAV_SAMPLE_RATE;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** Seconds from the beginning. */
  get place(): number {
    const passed = this.#isPlaying && this.#context !== null ? this.#context.currentTime - this.#since : 0;
    return Math.min(this.seconds, this.#from + Math.max(0, passed));
  }

  async play(): Promise<void> {
    this.#context ??= new AudioContext();
    const context = this.#context;
    if (this.#buffers.length === 0)
      this.#buffers = this.tracks.map(({ samples }) => bufferOf(context, samples));
    await context.resume();
    if (this.place >= this.seconds) this.#from = 0;
    this.#start(context);
    this.#changed();
  }

  pause(): void {
    this.#from = this.place;
    this.#stop();
    this.#changed();
  }

  seek(seconds: number): void {
    this.#from = Math.min(this.seconds, Math.max(0, seconds));
    if (this.#isPlaying && this.#context !== null) this.#start(this.#context);
    else this.#changed();
  }

  hear(hearing: Hearing): void {
    this.#from = this.place;
    this.hearing = hearing;
    if (this.#isPlaying && this.#context !== null) this.#start(this.#context);
    this.#changed();
  }

  close(): void {
    this.#stop();
    void this.#context?.close();
    this.#context = null;
  }

  #start(context: AudioContext): void {
    this.#stop();
    this.#since = context.currentTime;
    this.#isPlaying = true;
    this.#sources = this.tracks.flatMap((track, at) => this.#started(context, track, at));
    // What is not heard ends, too: the longest of all is when it is over.
    let left = this.#sources.length;
    for (const source of this.#sources)
      source.onended = () => {
        if (--left > 0 || !this.#sources.includes(source)) return;
        this.#from = this.seconds;
        this.#stop();
        this.#changed();
      };
  }

  #started(context: AudioContext, { from, samples }: Track, at: number): AudioBufferSourceNode[] {
    const buffer = this.#buffers[at];
    const offset = this.#from - from / WAV_SAMPLE_RATE;
    if (buffer === undefined || offset >= samples.length / WAV_SAMPLE_RATE) return [];
    const source = context.createBufferSource();
    const gain = context.createGain();
    const pan = context.createStereoPanner();
    source.buffer = buffer;
    gain.gain.value = typeof this.hearing === 'number' && this.hearing !== at ? 0 : 1;
    pan.pan.value = this.hearing === 'apart' ? spread(at, this.tracks.length) : 0;
    source.connect(gain).connect(pan).connect(context.destination);
    source.start(context.currentTime + Math.max(0, -offset), Math.max(0, offset));
    return [source];
  }

  #stop(): void {
    this.#isPlaying = false;
    for (const source of this.#sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.#sources = [];
  }
}

/** From -1, left, to 1, right. */
function spread(at: number, of: number): number {
  return of < 2 ? 0 : (2 * at) / (of - 1) - 1;
}

function bufferOf(context: AudioContext, samples: Int16Array): AudioBuffer {
  const buffer = context.createBuffer(1, Math.max(1, samples.length), WAV_SAMPLE_RATE);
  const channel = buffer.getChannelData(0);
  samples.forEach((sample, at) => (channel[at] = sample / FULL_SCALE));
  return buffer;
}

/** What a recording is called: who speaks, and which way. */
export function trackName({ speaker, direction }: Pick<StreamReport, 'speaker' | 'direction'>): string {
  const way = CONSOLE_TEXTS.calls.directions[direction];
  return speaker === null ? way : `${speaker}, ${way}`;
}
