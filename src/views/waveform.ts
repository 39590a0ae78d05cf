/**
 * Recordings as waveforms below each other, on one axis of time: for each pixel or so the lowest and the highest sample.
 * The drawing is as wide as the place that it is put into; its text is not scaled with it.
 */
import { markup } from './markup.ts';
import type { Markup } from './markup.ts';

export interface WaveformLane {
  readonly label: string;
  /** 16-bit linear. */
  readonly samples: Int16Array;
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
/** Marks on the axis. */
const MOST_TICKS = 10;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
const FULL_SCALE = 32_768;

export function waveformDrawing({ title, lanes, rate }: Waveform): Markup {
  const length = Math.max(1, ...lanes.map(({ samples }) => samples.length));
  const each = LANE.label + LANE.height + LANE.below;
  const height = lanes.length * each + AXIS;
  const loudest = Math.max(1, ...lanes.map(({ samples }) => loudestOf(samples)));
  const drawn = lanes.map((lane, at) => laneDrawing(lane, at * each, at, length, loudest));
  const seconds = length / rate;
  const ticks = ticksOf(seconds).map((second) => {
    const place = `${percent(second / seconds)}%`;
    const anchor = second === 0 ? 'start' : 'middle';
    return markup`<line class="tick" x1="${place}" y1="${LANE.label}em" x2="${place}" y2="${round(height - AXIS + 0.3)}em" stroke="#d0d0d0"/><text class="tick-label" x="${place}" y="${round(height - 0.4)}em" text-anchor="${anchor}" fill="#666666">${tickText(second)}</text>`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="waveform" width="100%" height="${round(height)}em" font-family="system-ui, sans-serif" font-size="12" role="img" data-seconds="${seconds}"><title>${title}</title>
${ticks}${drawn}
<line class="playhead" x1="0%" y1="${LANE.label}em" x2="0%" y2="${round(height - AXIS + 0.3)}em" stroke="#c0392b" visibility="hidden"/></svg>`;
}

function laneDrawing(
  { label, samples }: WaveformLane,
  y: number,
  index: number,
  length: number,
  loudest: number,
): Markup {
  const middle = UNITS / 2;
  return markup`<g class="lane lane-${index}"><text class="lane-label" x="0" y="${round(y + 1.2)}em" fill="#333333">${label}</text><svg x="0" y="${round(y + LANE.label)}em" width="100%" height="${LANE.height}em" viewBox="0 0 ${BINS} ${UNITS}" preserveAspectRatio="none"><line class="zero" x1="0" y1="${middle}" x2="${BINS}" y2="${middle}" stroke="#b8b8b8" vector-effect="non-scaling-stroke"/><path d="${outlineOf(samples, length, loudest)}" fill="#27415e"/></svg></g>\n`;
}

/** Along the highest samples and back along the lowest; empty where there is nothing. */
function outlineOf(samples: Int16Array, length: number, loudest: number): string {
  if (samples.length === 0) return '';
  const middle = UNITS / 2;
  const bins = Math.max(1, Math.ceil((samples.length / length) * BINS));
  const scale = (middle - 2) / Math.max(loudest, FULL_SCALE / 16);
  const [above, below]: [string[], string[]] = [[], []];
  for (let bin = 0; bin < bins; bin++) {
    const from = Math.floor((bin * length) / BINS);
    const to = Math.min(samples.length, Math.max(from + 1, Math.floor(((bin + 1) * length) / BINS)));
    let [low, high] = [0, 0];
    for (let at = from; at < to; at++) {
      const sample = samples[at] ?? 0;
      if (sample < low) low = sample;
      if (sample > high) high = sample;
    }
    above.push(`${bin} ${round(middle - high * scale - 0.4)}`);
    below.push(`${bin} ${round(middle - low * scale + 0.4)}`);
  }
  return `M${above.join('L')}L${below.toReversed().join('L')}z`;
}

function loudestOf(samples: Int16Array): number {
  let loudest = 0;
  for (const sample of samples) if (Math.abs(sample) > loudest) loudest = Math.abs(sample);
  return loudest;
}

/** Seconds that are marked: from 0, a round number apart, ten at most. */
function ticksOf(seconds: number): number[] {
  const step = STEPS.find((candidate) => seconds / candidate <= MOST_TICKS) ?? seconds;
  const last = Math.floor(seconds / step + 1e-9);
  // A mark so near the end that its text would be cut stays away.
  const count = last * step > seconds * 0.97 ? last : last + 1;
  return Array.from({ length: count }, (_, at) => at * step);
}

function tickText(second: number): string {
  if (second < 60) return `${Number(second.toFixed(1))} s`;
  const rest = second % 60;
  return `${Math.floor(second / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}

function percent(part: number): number {
  return Math.round(part * 100_000) / 1000;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
