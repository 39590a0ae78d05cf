/**
 * The recordings of a call as waveforms and as spectrograms, below each other on the time of the call: SVG that needs
 * nothing beside it. Recordings are read piece by piece, whatever their length.
 */
import path from 'node:path';
import type { StreamReport } from '../../entities/lemf/recover.ts';
import { WAV_SAMPLE_RATE } from '../../media/wav.ts';
import { writeWhole } from '../../storage/files.ts';
import { spectrogramDrawing } from '../../views/spectrogram.ts';
import { streamMarks } from '../../views/stream-marks.ts';
import { waveformDrawing } from '../../views/waveform.ts';
import type { MixedRecording } from './mix-wav.ts';
import { WavSamples } from './wav-samples.ts';

export interface DrawnRecording extends MixedRecording {
  readonly stream: StreamReport;
}

const DRAWINGS = [
  ['waveform.svg', 'Waveforms', waveformDrawing],
  ['spectrogram.svg', 'Spectrograms', spectrogramDrawing],
] as const;

export const AUDIO_DRAWINGS: readonly string[] = DRAWINGS.map(([name]) => name);

/** Recordings below each other; a call may have many. */
const MOST_LANES = 16;

/** Writes them, mode 0600. @throws a system error */
export function drawAudio(folder: string, recordings: readonly DrawnRecording[]): void {
  const drawn = recordings.slice(0, MOST_LANES);
  const origin = Math.min(...drawn.map(({ from }) => from));
  const opened: WavSamples[] = [];
  try {
    const lanes = drawn.map(({ stream, files, from }) => {
      const samples = new WavSamples(files);
      opened.push(samples);
      const seconds = (from - origin) / 1000;
      return {
        ...{ label: labelOf(stream), samples, from: Math.round(seconds * WAV_SAMPLE_RATE) },
        marks: streamMarks(stream, seconds),
      };
    });
    const further = recordings.length - drawn.length;
    const beyond = further === 0 ? '' : ` (and ${further} more that are not drawn)`;
    for (const [name, title, draw] of DRAWINGS) {
      const drawing = draw({ title: `${title} of the call${beyond}`, lanes, rate: WAV_SAMPLE_RATE });
      writeWhole(path.join(folder, name), `${drawing.toString()}\n`, { mode: 0o600 });
    }
  } finally {
    for (const samples of opened) samples.close();
  }
}

const DIRECTIONS: Readonly<Record<StreamReport['direction'], string>> = {
  fromTarget: 'from the target',
  toTarget: 'to the target',
  unknown: 'direction unknown',
};

function labelOf({ direction, ssrc, file }: StreamReport): string {
  return `${DIRECTIONS[direction]}, SSRC ${ssrc.toString(16).padStart(8, '0')}: ${file ?? ''}`;
}
