/** The axis of time below recordings: where it has marks, and what stretches of it are. */
import { markup } from './markup.ts';
import type { Markup } from './markup.ts';

/** A stretch of a recording that is marked, such as packets that lack; of no length: a place. */
export interface AxisMark {
  /** A word for style sheets: `gap`, `undecoded`, `key`, `event`. */
  readonly kind: string;
  /** Seconds on the axis. */
  readonly from: number;
  readonly to: number;
  /** What a screen reader and the pointer are told. */
  readonly label: string;
  /** What stands at it; absent: nothing does. */
  readonly sign?: string;
}

/** Marks on the axis. */
const MOST_TICKS = 10;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

/** The ticks of a drawing as wide as its place. @param top @param bottom of the lines, in em @param text of the texts' base */
export function axisTicks(seconds: number, top: number, bottom: number, text: number): Markup[] {
  return ticksOf(seconds).map((second) => {
    const place = `${percentOf(second / seconds)}%`;
    const anchor = second === 0 ? 'start' : 'middle';
    return markup`<line class="tick" x1="${place}" y1="${top}em" x2="${place}" y2="${tenth(bottom)}em" stroke="#d0d0d0"/><text class="tick-label" x="${place}" y="${tenth(text)}em" text-anchor="${anchor}" fill="#666666">${tickText(second)}</text>`;
  });
}

/** Stretches and places of one lane. @param top of the lane, in em @param height of it @param seconds of the axis */
export function axisMarks(
  marks: readonly AxisMark[],
  top: number,
  height: number,
  seconds: number,
): Markup[] {
  return marks.map(({ kind, from, to, label, sign }) => {
    const [x, width] = [percentOf(from / seconds), percentOf((to - from) / seconds)];
    const isPlace = to <= from;
    const shape = isPlace
      ? markup`<line x1="${x}%" y1="${tenth(top)}em" x2="${x}%" y2="${tenth(top + height)}em" stroke="#8a5a00"/>`
      : markup`<rect x="${x}%" y="${tenth(top)}em" width="${width}%" height="${height}em" fill="#a61b1b" fill-opacity="0.25"/>`;
    const text =
      sign === undefined
        ? null
        : markup`<text x="${x}%" dx="0.2em" y="${tenth(top + 0.9)}em" fill="#8a5a00">${sign}</text>`;
    return markup`<g class="axis-mark ${kind}" role="img" aria-label="${label}">${shape}${text}<title>${label}</title></g>`;
  });
}

/** The line that a player moves. */
export function playhead(top: number, bottom: number): Markup {
  return markup`<line class="playhead" x1="0%" y1="${top}em" x2="0%" y2="${tenth(bottom)}em" stroke="#c0392b" visibility="hidden"/>`;
}

export function percentOf(part: number): number {
  return Math.round(part * 100_000) / 1000;
}

export function tenth(value: number): number {
  return Math.round(value * 10) / 10;
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
