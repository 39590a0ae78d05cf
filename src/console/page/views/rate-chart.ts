/** A line for each entity over the last minutes, drawn by uPlot; the newest value of each stands below it as text (`network.ts`). */
import { html } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import uPlot from 'uplot';
import type { RateSeries } from '../network-watch.ts';

const HEIGHT = 220;
/** Colours that differ in lightness, too, on light and on dark ground (style.css). */
const COLOURS = 7;
const DASHES = [[], [8, 4], [2, 3]] as const;

interface Drawn {
  readonly plot: uPlot;
  /** What it was drawn for: with other lines it is made anew. */
  readonly names: string;
  readonly theme: string;
}

const DRAWN = new WeakMap<Element, Drawn>();

/** @param label for those who do not see it */
export function rateChart(label: string, series: RateSeries): TemplateResult {
  return html`<div class="chart" role="img" aria-label=${label} ${ref((at) => draw(at, series))}></div>`;
}

function draw(at: Element | undefined, series: RateSeries): void {
  if (at === undefined || series.times.length < 2) return;
  const names = series.lines.map(({ name }) => name).join(' ');
  const theme = `${document.documentElement.dataset['theme'] ?? ''} ${matchMedia('(prefers-color-scheme: dark)').matches}`;
  const data: uPlot.AlignedData = [[...series.times], ...series.lines.map(({ values }) => [...values])];
  const known = DRAWN.get(at);
  if (known?.names === names && known.theme === theme) {
    const width = at.clientWidth;
    if (width > 0 && width !== known.plot.width) known.plot.setSize({ width, height: HEIGHT });
    known.plot.setData(data);
    return;
  }
  known?.plot.destroy();
  DRAWN.delete(at);
  // An element that is not in the page yet has no width.
  requestAnimationFrame(() => {
    if (!at.isConnected || DRAWN.has(at)) return;
    DRAWN.set(at, { plot: plotOf(at as HTMLElement, series, data), names, theme });
  });
}

function plotOf(at: HTMLElement, { lines }: RateSeries, data: uPlot.AlignedData): uPlot {
  // A canvas takes no var(), and no light-dark(): only what a style comes to.
  const colour = (name: string): string => {
    at.style.color = `var(${name})`;
    const { color } = getComputedStyle(at);
    at.style.color = '';
    return color;
  };
  const axis: uPlot.Axis = {
    ...{ stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 } },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  return new uPlot(
    {
      ...{ width: Math.max(at.clientWidth, 200), height: HEIGHT },
      ...{ legend: { show: false }, cursor: { show: false } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [axis, axis],
      series: [
        {},
        ...lines.map(({ name }, nth) => ({
          ...{ label: name, width: 2, spanGaps: false, points: { show: false } },
          stroke: colour(`--line-${(nth % COLOURS) + 1}`),
          dash: [...(DASHES[Math.floor(nth / COLOURS) % DASHES.length] ?? [])],
        })),
      ],
    },
    data,
    at,
  );
}
