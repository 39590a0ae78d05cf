/** Several recordings as one: their samples added where they were spoken at the same time, block by block. */
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { WAV_MOST_SAMPLES, WAV_SAMPLE_RATE, wavHeader } from '../../media/wav.ts';

/** A recording, in one file or several that follow each other. */
export interface MixedRecording {
  readonly files: readonly string[];
  /** Unix milliseconds of its first sample. */
  readonly from: number;
}

const HEADER = 44;
const BLOCK = 1 << 15;

/** @param file that is written; what it cannot hold is left out. Gives the samples. @throws a system error */
export function mixWav(file: string, recordings: readonly MixedRecording[]): number {
  const origin = Math.min(...recordings.map(({ from }) => from));
  const parts = recordings.flatMap(({ files, from }) => {
    let first = Math.round(((from - origin) * WAV_SAMPLE_RATE) / 1000);
    return files.map((each) => {
      const samples = Math.floor((statSync(each).size - HEADER) / 2);
      first += samples;
      return { file: each, first: first - samples, samples };
    });
  });
  const length = Math.min(
    WAV_MOST_SAMPLES,
    Math.max(0, ...parts.map(({ first, samples }) => first + samples)),
  );
  const out = openSync(file, 'w', 0o600);
  const opened = parts.map((part) => ({ ...part, descriptor: openSync(part.file, 'r') }));
  try {
    writeAll(out, wavHeader(length));
    for (let at = 0; at < length; at += BLOCK) writeAll(out, mixed(opened, at, Math.min(BLOCK, length - at)));
  } finally {
    for (const { descriptor } of opened) closeSync(descriptor);
    closeSync(out);
  }
  return length;
}

interface OpenPart {
  readonly descriptor: number;
  readonly first: number;
  readonly samples: number;
}

function mixed(parts: readonly OpenPart[], at: number, count: number): Uint8Array {
  const sums = new Int32Array(count);
  for (const { descriptor, first, samples } of parts) {
    const [from, to] = [Math.max(at, first), Math.min(at + count, first + samples)];
    if (from >= to) continue;
    const octets = new Uint8Array(2 * (to - from));
    readSync(descriptor, octets, 0, octets.length, HEADER + 2 * (from - first));
    const view = new DataView(octets.buffer);
    for (let i = 0; i < to - from; i++)
      sums[from - at + i] = (sums[from - at + i] ?? 0) + view.getInt16(2 * i, true);
  }
  const octets = new Uint8Array(2 * count);
  const view = new DataView(octets.buffer);
  sums.forEach((sum, i) => view.setInt16(2 * i, Math.max(-32_768, Math.min(32_767, sum)), true));
  return octets;
}

function writeAll(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length;) at += writeSync(descriptor, octets, at);
}
