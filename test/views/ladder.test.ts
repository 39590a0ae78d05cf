/** The ladder of a call as text and as SVG: arrows in order, and strangers' names as text alone. */
import { describe, expect, it } from 'vitest';
import { ladderSvg, ladderText } from '../../src/views/ladder.ts';
import type { Ladder } from '../../src/views/ladder.ts';

const AT = Date.UTC(2030, 0, 1);
const ladder: Ladder = {
  parties: ['sip:alice@home1.example (target)', 'sip:bob@home2.example'],
  steps: [
    { at: AT, kind: 'message', from: 0, to: 1, label: 'INVITE', marks: ['I_MESSAGE_1'] },
    { at: AT + 1250, kind: 'message', from: 1, to: 0, label: '183 Session Progress', marks: [] },
    { at: null, kind: 'key', from: 0, to: 0, label: 'key of CS 1', marks: [] },
  ],
  further: 0,
};

describe('a ladder', () => {
  it('has as text a line for each party, and arrows that point from who sends to who gets it, with times', () => {
    const lines = ladderText(ladder).split('\n');
    expect(lines[0]?.trim()).toBe('1 sip:alice@home1.example (target)');
    expect(lines[1]?.trim()).toBe('2 sip:bob@home2.example');
    expect(lines[2]).toMatch(/^ {5}0\.000 s +\| INVITE \[I_MESSAGE_1\] +\|$/);
    expect(lines[3]).toMatch(/^ +\|-+>\|$/);
    expect(lines[4]).toMatch(/^ {5}1\.250 s +\| 183 Session Progress +\|$/);
    expect(lines[5]).toMatch(/^ +\|<-+\|$/);
    expect(lines[6]).toMatch(/^ +\* key of CS 1/);
    const [bar] = [lines[3]!.lastIndexOf('|')];
    expect([2, 4, 5].map((at) => lines[at]!.lastIndexOf('|'))).toEqual([bar, bar, bar]);
  });

  it('has as SVG an arrow for each message at its own height, and refers to nothing outside', () => {
    const svg = ladderSvg(ladder);
    const arrows = [...svg.matchAll(/<path d="M(\d+) (\d+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(arrows).toHaveLength(2);
    expect(arrows[0]![0]).toBeGreaterThan(arrows[1]![0]!);
    expect(arrows[0]![1]).toBeLessThan(arrows[1]![1]!);
    expect(svg).toMatch(/>INVITE<title>INVITE<\/title><\/text><text class="mark"[^>]*>I_MESSAGE_1<\/text>/);
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/href|url\(|http|<script/);
  });

  it('takes what strangers write as text: no markup, nothing that speaks to a terminal, however long', () => {
    const hostile = `"><script>alert('1')</script>&\u001b]0;x\u0007\u009b\u202e\u2028\n${'x'.repeat(5000)}`;
    const strange: Ladder = {
      parties: [hostile, hostile],
      steps: [{ at: 0, kind: 'message', from: 0, to: 1, label: hostile, marks: [hostile] }],
      further: 7,
    };
    const [text, svg] = [ladderText(strange), ladderSvg(strange)];
    for (const drawn of [text, svg]) {
      expect(drawn).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
      expect(drawn).toContain('7 further steps are not drawn');
      expect(Math.max(...drawn.split('\n').map((line) => line.length))).toBeLessThan(1200);
    }
    expect(svg).not.toMatch(/<script|'1'/);
    expect(svg.match(/<[a-z]+/g)?.every((tag) => /^<(?:svg|title|rect|line|text|path|g)$/.test(tag))).toBe(
      true,
    );
    expect(text.split('\n')).toHaveLength(6);
  });

  it('R-93: has room for what stands between two parties, however far they are from each other', () => {
    const placesOf = (label: string): number[] => {
      const steps = [{ ...ladder.steps[0]!, label }];
      const svg = ladderSvg({ ...ladder, steps });
      return [...svg.matchAll(/class="lifeline" x1="(\d+)"/g)].map(([, x]) => Number(x));
    };
    const gapOf = ([first = 0, second = 0]: number[]): number => second - first;
    expect(gapOf(placesOf('x'.repeat(50)))).toBeGreaterThan(50 * 6.5);
    expect(gapOf(placesOf('x'.repeat(500)))).toBeLessThanOrEqual(500);
  });

  it('R-93: draws keys and questions between parties as arrows of their own, notes across, bands behind', () => {
    const arrow = { at: AT, from: 0, to: 1, label: 'l', marks: [] };
    const svg = ladderSvg({
      ...ladder,
      bands: [{ label: 'home1', from: 0, to: 0 }],
      steps: [
        { ...arrow, kind: 'interception', step: 'm001' },
        { ...arrow, kind: 'key' },
        { ...arrow, kind: 'failure' },
        { ...arrow, kind: 'note' },
      ],
    });
    expect(svg.match(/<path d="M/g)).toHaveLength(3);
    const dashes = [...svg.matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, dash]) => dash);
    expect(new Set(dashes).size).toBe(3);
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).toContain('data-step="m001"');
    expect(svg).toMatch(/class="band"[^]*>home1</);
  });

  it('is drawn without steps, without times and with one party too', () => {
    const empty: Ladder = { parties: ['a'], steps: [], further: 0 };
    expect(ladderText(empty).trim()).toBe('1 a');
    expect(ladderSvg(empty)).toMatch(/^<svg [^]*<\/svg>\n$/);
  });
});
