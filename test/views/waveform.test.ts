/** Waveforms: each lane as loud and as long as its samples, on one axis. */
import { describe, expect, it } from 'vitest';
import { waveformDrawing } from '../../src/views/waveform.ts';

const rate = 8000;
const tone = (seconds: number, loudness: number): Int16Array =>
  Int16Array.from({ length: seconds * rate }, (_, at) => (at % 2 === 0 ? loudness : -loudness));

/** Of each lane: places along the axis, and the highest and lowest point. */
function outlines(svg: string): { readonly width: number; readonly top: number; readonly bottom: number }[] {
  return [...svg.matchAll(/<path d="M?([^"]*?)z?" /g)].map(([, d = '']) => {
    const points = d === '' ? [] : d.split('L').map((point) => point.split(' ').map(Number));
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis] ?? NaN));
    return {
      width: Math.max(0, ...xs!) + (xs!.length > 0 ? 1 : 0),
      top: Math.min(...ys!),
      bottom: Math.max(...ys!),
    };
  });
}

describe('a waveform', () => {
  it('R-93: is as long as its samples beside the longest, and as loud beside the loudest', () => {
    const lanes = [
      { label: 'spoken', samples: tone(2, 20_000) },
      { label: 'recovered', samples: tone(1, 10_000) },
    ];
    const [spoken, recovered] = outlines(waveformDrawing({ title: 't', lanes, rate }).toString());
    expect(spoken!.width).toBe(2 * recovered!.width);
    const height = (lane: typeof spoken): number => lane!.bottom - lane!.top - 0.8;
    expect(height(recovered) / height(spoken)).toBeCloseTo(0.5, 2);
  });

  it('shows one sample among many, and silence as a line', () => {
    const samples = new Int16Array(10 * rate);
    samples[54_321] = 30_000;
    const svg = waveformDrawing({ title: 't', lanes: [{ label: 'l', samples }], rate }).toString();
    const [, d = ''] = /<path d="M([^"]*)z"/.exec(svg) ?? [];
    const high = d.split('L').filter((point) => Number(point.split(' ')[1]) < 20);
    expect(high).toHaveLength(1);
    expect(Number(high[0]?.split(' ')[0])).toBe(Math.floor((54_321 / samples.length) * 720));
    expect(
      outlines(
        waveformDrawing({
          title: 't',
          lanes: [{ label: 'l', samples: new Int16Array(rate) }],
          rate,
        }).toString(),
      ),
    ).toEqual([{ width: 720, top: 31.6, bottom: 32.4 }]);
  });

  it('marks the axis with round numbers, ten at most, however long it is', () => {
    const marks = (length: number): string[] => {
      const svg = waveformDrawing({
        title: 't',
        lanes: [{ label: 'l', samples: new Int16Array(length) }],
        rate,
      });
      return [...svg.toString().matchAll(/class="tick-label"[^>]*>([^<]*)</g)].map(([, text = '']) => text);
    };
    expect(marks(2.5 * rate)).toEqual(['0 s', '0.5 s', '1 s', '1.5 s', '2 s']);
    expect(marks(9.6 * rate)).toEqual(['0 s', '1 s', '2 s', '3 s', '4 s', '5 s', '6 s', '7 s', '8 s', '9 s']);
    expect(marks(200 * rate)).toEqual([
      '0 s',
      '20 s',
      '40 s',
      '1 min',
      '1 min 20 s',
      '1 min 40 s',
      '2 min',
      '2 min 20 s',
      '2 min 40 s',
      '3 min',
    ]);
    expect(marks(0)).toEqual(['0 s']);
  });

  it('is drawn of nothing, and takes names as text', () => {
    const svg = waveformDrawing({
      title: '<script>"\u202e',
      lanes: [{ label: `"><script>'`, samples: new Int16Array() }],
      rate,
    });
    expect(svg.toString()).not.toMatch(/<script|\u202e|"">|'/);
    expect(waveformDrawing({ title: 't', lanes: [], rate }).toString()).toMatch(/^<svg [^]*<\/svg>$/);
  });
});
