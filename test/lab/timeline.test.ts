/** The live timeline as a terminal of 80 columns shows it. */
import { describe, expect, it } from 'vitest';
import { COLUMNS, renderEntry, renderLines, Timeline, wrapped } from '../../src/lab/timeline.ts';
import type { TimelineEntry } from '../../src/lab/timeline.ts';
import { claviger } from '../cli/in-process.ts';

const entry = (what: string, reference: TimelineEntry['reference'] = 'Gm'): TimelineEntry => ({
  ...{ at: 123_456.7, from: 'gateway.home1', to: 'gateway.home2', reference, what },
});

describe('a line of the timeline', () => {
  it('R-93: fits 80 columns whatever it tells; what does not fit beside its head goes below it', () => {
    const words = (count: number): string => Array.from({ length: count }, (_, at) => `word${at}`).join(' ');
    const texts = [words(3), words(9), words(60), 'x'.repeat(33), 'x'.repeat(34), 'x'.repeat(500), ''];
    for (const reference of ['Gm', 'REQUEST_KEY'] as const) {
      const lines = texts.flatMap((what) => renderLines(entry(what, reference)));
      expect(lines.filter((line) => line.length > COLUMNS)).toEqual([]);
    }
    expect(renderLines(entry('x'.repeat(33)))).toEqual([renderEntry(entry('x'.repeat(33)))]);
    expect(renderLines(entry('x'.repeat(34)))[1]).toBe(`             ${'x'.repeat(34)}`);
    expect(
      wrapped(words(30), '  ')
        .map((line) => line.trim())
        .join(' '),
    ).toBe(words(30));
  });

  it('is told of, and not kept, where it is too much for a report', () => {
    const seen: string[] = [];
    const all: string[] = [];
    const timeline = new Timeline(
      () => 0,
      ({ what }) => seen.push(what),
      ({ what }) => all.push(what),
    );
    timeline.add('X2', 'a', 'b', 'kept');
    timeline.tell('X3', 'a', 'b', 'told');
    expect([seen, all, timeline.entries.map(({ what }) => what)]).toEqual([['kept'], ['told'], ['kept']]);
  });

  it('R-93: is counted by reference point and ends, whether it is kept or told alone', () => {
    const timeline = new Timeline(() => 0);
    timeline.add('X2', 'a', 'b', 'kept');
    for (let at = 0; at < 3; at++) timeline.tell('X3', 'a', 'b', 'told');
    timeline.add('X2', 'b', 'a', 'the other way');
    timeline.add('X2', 'a', 'b', 'kept again');
    expect(timeline.tallies).toEqual([
      { reference: 'X2', from: 'a', to: 'b', count: 2 },
      { reference: 'X3', from: 'a', to: 'b', count: 3 },
      { reference: 'X2', from: 'b', to: 'a', count: 1 },
    ]);
  });
});

describe('claviger demo', () => {
  it.each([
    ['--quiet', '--verbose'],
    ['--json', '--verbose'],
    ['--json', '--quiet'],
  ])('R-93: %s and %s exclude each other', async (...flags) => {
    const { status, out, err } = await claviger('demo', '--out', '/nowhere/at/all', ...flags);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/cannot be used with/);
  });
});
