/**
 * Recordings as spectrograms below each other, on the axis of time that their waveforms have: how strong each pitch is at
 * each time, in steps of 10 dB.
 *
 *     X(k) = Σ w(n) x(n) exp(−2πi kn/N)        N = 256, w(n) = sin²(πn/N) (Hann): 31 Hz and 32 ms at 8,000 samples a second
 *     level = 10 log10(|X|² / full scale²)     of the strongest of the windows and pitches that one place stands for
 *
 * Each step is one path of what is at least as strong, translucent, so that steps lie upon each other.
 */
import { markup } from './markup.ts';
import type { Markup } from './markup.ts';
import { axisTicks, playhead, tenth } from './time-axis.ts';
import { axisLength } from './waveform.ts';
import type { Samples, Waveform, WaveformLane } from './waveform.ts';

/** Samples of a window: a power of 2. */
const WINDOW = 256;
/** Places of the drawing, in time and in pitch. */
const COLUMNS = 360;
const ROWS = 64;
/** Windows that are looked at for one place in time: of a long recording not all of it is. */
const MOST_WINDOWS = 4;
/** Below full scale, dB. */
const STEPS_DB = [-80, -70, -60, -50, -40, -30];
const LANE = { label: 1.7, height: 6.4, below: 0.8 };
const AXIS = 1.9;
const FULL_SCALE = 32_768;

export function spectrogramDrawing({ title, lanes, rate }: Waveform): Markup {
  const length = axisLength(lanes);
  const seconds = length / rate;
  const each = LANE.label + LANE.height + LANE.below;
  const height = lanes.length * each + AXIS;
  const drawn = lanes.map((lane, at) => laneDrawing(lane, at * each, at, length, rate));
  const ticks = axisTicks(seconds, LANE.label, height - AXIS + 0.3, height - 0.4);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="spectrogram" width="100%" height="${tenth(height)}em" font-family="system-ui, sans-serif" font-size="12" role="img" data-seconds="${seconds}"><title>${title}</title>
${ticks}${drawn}
${playhead(LANE.label, height - AXIS + 0.3)}</svg>`;
}

function laneDrawing(
  { label, samples, from = 0 }: WaveformLane,
  y: number,
  index: number,
  length: number,
  rate: number,
): Markup {
  const levels = levelsOf(samples, from, length);
  const steps = STEPS_DB.map((_, step) => pathOf(levels, step + 1));
  const paths = steps.map((path, step) =>
    path === '' ? null : markup`<path class="step-${step}" d="${path}" fill="#27415e" fill-opacity="0.28"/>`,
  );
  const top = tenth(y + LANE.label);
  return markup`<g class="lane lane-${index}"><text class="lane-label" x="0" y="${tenth(y + 1.2)}em" fill="#333333">${label}</text><svg x="0" y="${top}em" width="100%" height="${LANE.height}em" viewBox="0 0 ${COLUMNS} ${ROWS}" preserveAspectRatio="none">${paths.filter((path) => path !== null)}</svg><text class="pitch-label" x="100%" y="${tenth(top + 1)}em" text-anchor="end" fill="#666666">${rate / 2000} kHz</text></g>\n`;
}

/** By row from the highest pitch, column by column: how many steps it reaches. */
export function levelsOf(samples: Samples, from: number, length: number): Uint8Array {
  const levels = new Uint8Array(COLUMNS * ROWS);
  const each = length / COLUMNS;
  for (let column = 0; column < COLUMNS; column++) {
    const strongest = new Float64Array(ROWS);
    const windows = Math.min(MOST_WINDOWS, Math.max(1, Math.ceil(each / WINDOW)));
    for (let nth = 0; nth < windows; nth++) {
      const middle = Math.round((column + (nth + 0.5) / windows) * each) - from;
      const begins = middle - WINDOW / 2;
      if (begins + WINDOW <= 0 || begins >= samples.length) continue;
      const powers = powersOf(samples, begins);
      for (let row = 0; row < ROWS; row++) {
        const at = (ROWS - 1 - row) * 2;
        const power = Math.max(powers[at] ?? 0, powers[at + 1] ?? 0);
        if (power > (strongest[row] ?? 0)) strongest[row] = power;
      }
    }
    for (let row = 0; row < ROWS; row++) {
      const level = 10 * Math.log10(strongest[row] ?? 0);
      levels[row * COLUMNS + column] = STEPS_DB.filter((step) => level >= step).length;
    }
  }
  return levels;
}

const HANN = Float64Array.from({ length: WINDOW }, (_, n) => Math.sin((Math.PI * n) / WINDOW) ** 2);
/** A tone of full scale has the power 1: half the sum of the window, squared. */
const SCALE = 1 / ((WINDOW / 4) * FULL_SCALE) ** 2;

/** Of half a window's pitches, the lowest first, relative to a tone of full scale. */
function powersOf(samples: Samples, begins: number): Float64Array {
  const [re, im] = [new Float64Array(WINDOW), new Float64Array(WINDOW)];
  const from = Math.max(0, begins);
  const within = samples.subarray(from, Math.min(samples.length, begins + WINDOW));
  for (let n = 0; n < WINDOW; n++) re[reversed(n)] = (within[begins + n - from] ?? 0) * (HANN[n] ?? 0);
  transform(re, im);
  const powers = new Float64Array(WINDOW / 2);
  for (let k = 0; k < powers.length; k++) powers[k] = ((re[k] ?? 0) ** 2 + (im[k] ?? 0) ** 2) * SCALE;
  return powers;
}

/** The bits of a place in a window in the opposite order. */
function reversed(n: number): number {
  let out = 0;
  for (let bit = 1; bit < WINDOW; bit <<= 1) out = (out << 1) | ((n & bit) === 0 ? 0 : 1);
  return out;
}

/** The fast Fourier transform of what stands in the order of reversed bits, in its place (Cooley and Tukey, radix 2). */
function transform(re: Float64Array, im: Float64Array): void {
  for (let half = 1; half < WINDOW; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [Math.cos((Math.PI * k) / half), -Math.sin((Math.PI * k) / half)];
      for (let at = k; at < WINDOW; at += 2 * half) {
        const [a, b] = [re[at + half] ?? 0, im[at + half] ?? 0];
        const [x, y] = [a * cos - b * sin, a * sin + b * cos];
        const [u, v] = [re[at] ?? 0, im[at] ?? 0];
        re[at] = u + x;
        im[at] = v + y;
        re[at + half] = u - x;
        im[at + half] = v - y;
      }
    }
  }
}

/** Rectangles of one row each, along what reaches a step. */
function pathOf(levels: Uint8Array, step: number): string {
  const parts: string[] = [];
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const begins = column;
      while (column < COLUMNS && (levels[row * COLUMNS + column] ?? 0) >= step) column++;
      if (column > begins) parts.push(`M${begins} ${row}h${column - begins}v1H${begins}z`);
    }
  }
  return parts.join('');
}
