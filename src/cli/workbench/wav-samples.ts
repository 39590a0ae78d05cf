/** The samples of a recording in one WAV file or several that follow each other, read as they are asked for. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { wavHeader } from '../../media/wav.ts';

const HEADER = wavHeader(0).length;
const SAMPLE = Int16Array.BYTES_PER_ELEMENT;

interface Part {
  readonly descriptor: number;
  /** Of the recording. */
  readonly first: number;
  readonly samples: number;
}

export class WavSamples {
  readonly length: number;
  readonly #parts: Part[] = [];

  /** @param files as this program writes them @throws a system error */
  constructor(files: readonly string[]) {
    let first = 0;
    try {
      for (const file of files) {
        const samples = Math.max(0, Math.floor((statSync(file).size - HEADER) / SAMPLE));
        this.#parts.push({ descriptor: openSync(file, 'r'), first, samples });
        first += samples;
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.length = first;
  }

  /** A copy of the samples from one to before another. @throws a system error */
  subarray(from = 0, to = this.length): Int16Array<ArrayBuffer> {
    const samples = new Int16Array(Math.max(0, to - from));
    const view = new DataView(samples.buffer);
    for (const part of this.#parts) {
      const [begin, end] = [Math.max(from, part.first), Math.min(to, part.first + part.samples)];
      if (begin >= end) continue;
      const octets = new Uint8Array(samples.buffer, SAMPLE * (begin - from), SAMPLE * (end - begin));
      readSync(part.descriptor, octets, 0, octets.length, HEADER + SAMPLE * (begin - part.first));
    }
    for (let at = 0; at < samples.length; at++) samples[at] = view.getInt16(SAMPLE * at, true);
    return samples;
  }

  close(): void {
    for (const { descriptor } of this.#parts.splice(0)) closeSync(descriptor);
  }
}
