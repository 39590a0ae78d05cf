/** Audio as it is written: WAV files under names of their own until it is known whether they are kept; packets likewise. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fileError } from '../../../storage/files.ts';
import { wavHeader, WAV_MOST_SAMPLES } from '../../../media/wav.ts';
import type { AudioWriter, RecordedAudio, StreamWriters } from '../audio.ts';
import { PacketFile } from './packets.ts';

/** Samples that wait to be written. */
const BUFFER = 1 << 16;

/** Makes writers into a folder; what they write stays there until it is kept elsewhere. */
export class AudioFolder {
  readonly #folder: string;
  readonly #out: string;
  readonly #mostSamples: number;
  readonly #open = new Set<{ close(): void }>();
  #written = 0;

  /** @param mostSamples of one file; the rest goes to others */
  constructor(folder: string, out: string, mostSamples = WAV_MOST_SAMPLES) {
    this.#folder = folder;
    this.#out = out;
    this.#mostSamples = mostSamples;
  }

  /** @param way `source>destination` of the stream */
  newWriters(way: string | null): StreamWriters {
    const file = path.join(this.#folder, `${this.#written++}.rtpdump`);
    const packets = new PacketFile(file, this.#out, way, () => this.#open.delete(packets));
    this.#open.add(packets);
    return { audio: this.#newAudio(), packets };
  }

  #newAudio(): AudioWriter {
    return new WavWriter(() => this.#newPiece(), this.#out, this.#mostSamples);
  }

  /** Closes what was not written to its end: open, it would hold its room on the disk also when it has gone. */
  close(): void {
    for (const piece of this.#open) piece.close();
  }

  #newPiece(): WavPiece {
    const file = path.join(this.#folder, `${this.#written++}.wav`);
    const piece = new WavPiece(file, () => this.#open.delete(piece));
    this.#open.add(piece);
    return piece;
  }
}

/** Writers for whoever wants to know what there is, and none of it: samples and packets are counted. */
export function unwritten(): StreamWriters {
  let [samples, packets] = [0, 0];
  const nowhere = { keep: () => undefined, discard: () => undefined };
  return {
    audio: {
      write: ({ length }) => void (samples += length),
      silence: (count) => void (samples += count),
      end: () => (samples === 0 ? null : { samples, pieces: 1, ...nowhere }),
    },
    packets: {
      write: () => {
        packets++;
      },
      end: () => (packets === 0 ? null : { packets, ...nowhere }),
    },
  };
}

class WavWriter implements AudioWriter {
  readonly #newPiece: () => WavPiece;
  readonly #out: string;
  readonly #mostSamples: number;
  readonly #pieces: WavPiece[] = [];
  #open: WavPiece | null = null;
  #samples = 0;

  constructor(newPiece: () => WavPiece, out: string, mostSamples: number) {
    this.#newPiece = newPiece;
    this.#out = out;
    this.#mostSamples = mostSamples;
  }

  write(samples: Int16Array): void {
    for (let at = 0; at < samples.length;) {
      const piece = this.#piece();
      const fits = samples.subarray(at, at + this.#mostSamples - piece.samples);
      piece.write(fits);
      at += fits.length;
    }
    this.#samples += samples.length;
  }

  silence(samples: number): void {
    for (let left = samples; left > 0; left -= BUFFER) this.write(SILENCE.subarray(0, left));
  }

  end(): RecordedAudio | null {
    this.#open?.end();
    if (this.#samples === 0) return null;
    return new RecordedWav(
      this.#samples,
      this.#pieces.map(({ file }) => file),
      this.#out,
    );
  }

  #piece(): WavPiece {
    if (this.#open !== null && this.#open.samples < this.#mostSamples) return this.#open;
    this.#open?.end();
    this.#open = this.#newPiece();
    this.#pieces.push(this.#open);
    return this.#open;
  }
}

const SILENCE = new Int16Array(BUFFER);

/** One file; its header is written when its length is known. */
class WavPiece {
  readonly file: string;
  readonly #onClosed: () => void;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(2 * BUFFER);
  readonly #view = new DataView(this.#buffer.buffer);
  #buffered = 0;
  #samples = 0;

  constructor(file: string, onClosed: () => void) {
    this.file = file;
    this.#onClosed = onClosed;
    try {
      this.#descriptor = openSync(file, 'wx', 0o600);
    } catch (cause) {
      throw fileError(`cannot write ${file}`, cause);
    }
  }

  get samples(): number {
    return this.#samples;
  }

  write(samples: Int16Array): void {
    if (this.#samples === 0) this.#put(wavHeader(0));
    for (const sample of samples) {
      if (this.#buffered === this.#buffer.length) this.#flush();
      this.#view.setInt16(this.#buffered, sample, true);
      this.#buffered += 2;
    }
    this.#samples += samples.length;
  }

  end(): void {
    this.#flush();
    this.#put(wavHeader(this.#samples), 0);
    this.close();
  }

  close(): void {
    this.#onClosed();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    this.#put(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #put(octets: Uint8Array, place: number | null = null): void {
    try {
      for (let at = 0; at < octets.length;) {
        at += writeSync(this.#descriptor, octets, at, octets.length - at, place === null ? null : place + at);
      }
    } catch (cause) {
      throw fileError(`cannot write ${this.file}`, cause);
    }
  }
}

class RecordedWav implements RecordedAudio {
  readonly samples: number;
  readonly #files: readonly string[];
  readonly #out: string;

  constructor(samples: number, files: readonly string[], out: string) {
    this.samples = samples;
    this.#files = files;
    this.#out = out;
  }

  get pieces(): number {
    return this.#files.length;
  }

  keep(names: readonly string[]): void {
    for (const [at, file] of this.#files.entries()) {
      const name = path.join(this.#out, names[at] ?? path.basename(file));
      try {
        renameSync(file, name);
      } catch (cause) {
        throw fileError(`cannot write ${name}`, cause);
      }
    }
  }

  discard(): void {
    for (const file of this.#files) rmSync(file, { force: true });
  }
}
