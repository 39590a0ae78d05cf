/**
 * Recordings as waveforms below each other, on one axis of time: for each pixel or so the lowest and the highest sample.
 * The drawing is as wide as the place that it is put into; its text is not scaled with it.
 */
import { markup } from './markup.ts';
import type { Markup } from './markup.ts';
import { axisMarks, axisTicks, playhead, tenth } from './time-axis.ts';
import type { AxisMark } from './time-axis.ts';

/** Samples, 16-bit linear: an array of them, or what reads a recording of any length piece by piece. */
export type Samples = Pick<Int16Array, 'length' | 'subarray'>;

export interface WaveformLane {
  readonly label: string;
  readonly samples: Samples;
  /** Where on the axis they begin, in samples; absent: at its beginning. */
  readonly from?: number;
  /** Of the axis's seconds. */
  readonly marks?: readonly AxisMark[];
}

export interface Waveform {
  /** What a screen reader says of it. */
  readonly title: string;
  readonly lanes: readonly WaveformLane[];
  /** Samples a second. */
  readonly rate: number;
}

/** Places on the axis for which the lowest and the highest sample are drawn. */
const BINS = 720;
/** In em, as the page's text has them; a lane is drawn in units of its own. */
const LANE = { label: 1.7, height: 5.4, below: 0.8 };
const UNITS = 64;
const AXIS = 1.9;
const FULL_SCALE = 32_768;

export function waveformDrawing({ title, lanes, rate }: Waveform): Markup {
  const length = axisLength(lanes);
  const each = LANE.label + LANE.height + LANE.below;
  const height = lanes.length * each + AXIS;
  const loudest = Math.max(1, ...lanes.map(({ samples }) => loudestOf(samples)));
  const seconds = length / rate;
  const drawn = lanes.map((lane, at) => {
    const top = at * each + LANE.label;
    const marks = axisMarks(lane.marks ?? [], top, LANE.height, seconds);
    return markup`${laneDrawing(lane, at * each, at, length, loudest)}${marks}`;
  });
  const ticks = axisTicks(seconds, LANE.label, height - AXIS + 0.3, height - 0.4);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="waveform" width="100%" height="${tenth(height)}em" font-family="system-ui, sans-serif" font-size="12" role="img" data-seconds="${seconds}"><title>${title}</title>
${ticks}${drawn}
${playhead(LANE.label, height - AXIS + 0.3)}</svg>`;
}

/** Samples from the beginning of the first to the end of the last. */
export function axisLength(lanes: readonly Pick<WaveformLane, 'samples' | 'from'>[]): number {
  return Math.max(1, ...lanes.map(({ samples, from = 0 }) => from + samples.length));
}

function laneDrawing(
  { label, samples, from = 0 }: WaveformLane,
  y: number,
  index: number,
  length: number,
  loudest: number,
): Markup {
  const middle = UNITS / 2;
  return markup`<g class="lane lane-${index}"><text class="lane-label" x="0" y="${tenth(y + 1.2)}em" fill="#333333">${label}</text><svg x="0" y="${tenth(y + LANE.label)}em" width="100%" height="${LANE.height}em" viewBox="0 0 ${BINS} ${UNITS}" preserveAspectRatio="none"><line class="zero" x1="0" y1="${middle}" x2="${BINS}" y2="${middle}" stroke="#b8b8b8" vector-effect="non-scaling-stroke"/><path d="${outlineOf(samples, from, length, loudest)}" fill="#27415e"/></svg></g>\n`;
}

/** Along the highest samples and back along the lowest; empty where there is nothing. */
function outlineOf(samples: Samples, begins: number, length: number, loudest: number): string {
  if (samples.length === 0) return '';
  const middle = UNITS / 2;
  const first = Math.floor((begins / length) * BINS);
  const end = Math.max(first + 1, Math.ceil(((begins + samples.length) / length) * BINS));
  const scale = (middle - 2) / Math.max(loudest, FULL_SCALE / 16);
  const [above, below]: [string[], string[]] = [[], []];
  for (let bin = first; bin < end; bin++) {
    const from = Math.max(0, Math.floor((bin * length) / BINS) - begins);
    const to = Math.min(samples.length, Math.max(from + 1, Math.floor(((bin + 1) * length) / BINS) - begins));
    const { low, high } = extremesOf(samples, from, to);
    above.push(`${bin} ${tenth(middle - high * scale - 0.4)}`);
    below.push(`${bin} ${tenth(middle - low * scale + 0.4)}`);
  }
  return `M${above.join('L')}L${below.toReversed().join('L')}z`;
}

function loudestOf(samples: Samples): number {
  const { low, high } = extremesOf(samples, 0, samples.length);
  return Math.max(-low, high);
}

/** Samples that are looked at in one piece. */
const PIECE = 1 << 16;

/** The lowest and the highest of some samples, 0 between them. */
function extremesOf(
  samples: Samples,
  from: number,
  to: number,
): { readonly low: number; readonly high: number } {
  let [low, high] = [0, 0];
  for (let at = from; at < to; at += PIECE) {
    for (const sample of samples.subarray(at, Math.min(to, at + PIECE))) {
      if (sample < low) low = sample;
      if (sample > high) high = sample;
    }
  }
  return { low, high };
}
