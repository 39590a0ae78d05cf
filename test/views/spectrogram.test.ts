/** Spectrograms: a tone stands at its pitch and time, with its strength, and nothing else does. */
import { describe, expect, it } from 'vitest';
import { levelsOf, spectrogramDrawing } from '../../src/views/spectrogram.ts';

const [COLUMNS, ROWS] = [360, 64];
const tone = (samples: number, hertz: number, peak: number): Int16Array =>
  Int16Array.from({ length: samples }, (_, n) => peak * Math.sin((2 * Math.PI * hertz * n) / 8000));

/** The strongest level of a column, and the rows that have it. */
function strongest(levels: Uint8Array, column: number): { level: number; rows: number[] } {
  const own = Array.from({ length: ROWS }, (_, row) => levels[row * COLUMNS + column] ?? 0);
  const level = Math.max(...own);
  return { level, rows: own.flatMap((each, row) => (each === level ? [row] : [])) };
}

describe('a spectrogram', () => {
  it.each([500, 1000, 3000])('R-93: has a tone of %d Hz at its pitch, a row being 62.5 Hz', (hertz) => {
    const levels = levelsOf(tone(16_000, hertz, 32_000), 0, 16_000);
    const { level, rows } = strongest(levels, 180);
    expect(level).toBe(6);
    const row = ROWS - 1 - Math.floor(hertz / 62.5);
    for (const each of rows) expect(Math.abs(each - row)).toBeLessThanOrEqual(2);
  });

  // A peak of 1,000 is 20 log10(1,000 / 32,768) = −30.3 dB: the steps from −80 to −40 dB, five.
  it.each([
    [32_767, 6],
    [1_000, 5],
    [300, 4],
    [30, 2],
    [4, 1],
    [0, 0],
  ])('says how strong it is: a peak of %d is level %d', (peak, level) => {
    expect(strongest(levelsOf(tone(8_000, 1000, peak), 0, 8_000), 100).level).toBe(level);
  });

  it('has nothing where there is nothing: before a recording begins, and after its end', () => {
    const levels = levelsOf(tone(4_000, 1000, 20_000), 8_000, 16_000);
    expect([10, 170, 290, 350].map((column) => strongest(levels, column).level)).toEqual([0, 0, 0, 0]);
    expect(strongest(levels, 225).level).toBe(6);
  });

  it('is drawn on the axis of time that the waveforms have, and its labels are text', () => {
    const lanes = [{ label: '<b>alice</b>', samples: tone(8_000, 800, 9_000) }];
    const drawing = spectrogramDrawing({ title: '<i>', lanes, rate: 8000 }).toString();
    expect(drawing).toContain('data-seconds="1"');
    expect(drawing).toContain('&lt;b&gt;alice&lt;/b&gt;');
    expect(drawing).not.toMatch(/<b>|<i>| style=/);
    expect(drawing.length).toBeLessThan(200_000);
  });
});
