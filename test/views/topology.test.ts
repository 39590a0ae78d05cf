/** The drawing of a home: every wire with its figure, what is idle told apart without colour, names as text. */
import { describe, expect, it } from 'vitest';
import { topologyDrawing } from '../../src/views/topology.ts';
import type { HomeTopology, TopologyWire } from '../../src/views/topology.ts';
import { ELEMENT_NAMES, WIRE_NAMES } from '../../src/lab/report/texts.ts';

const figures: Readonly<Record<TopologyWire, number | null>> = {
  ...{ Gm: 11, Mw: 12, Iq: null, phones: 13, homes: null, keys: 14, X1: 15, X2: 16, X3: 0 },
  ...{ Xk: 18, HI1: 19, HI2: 20, HI3: 0 },
};

const home = (more: Partial<HomeTopology> = {}): HomeTopology => ({
  name: 'home1',
  inner: 'right',
  ends: [{ name: 'alice', note: 'target', isMarked: true }],
  figures,
  words: {
    title: 'home1 drawn',
    wires: WIRE_NAMES,
    elements: ELEMENT_NAMES,
    agency: 'agency',
    further: (count) => `${count} others`,
  },
  ...more,
});

/** Names on the drawing with their figures. */
function namesIn(svg: string): string[] {
  return [...svg.matchAll(/<g class="wire-name[^"]*">(.*?)<\/g>/g)].map(([, body = '']) =>
    body.replace(/<[^>]*>/g, ''),
  );
}

describe('the drawing of a home', () => {
  const svg = topologyDrawing(home()).toString();

  it('R-93: names each reference point once, with how much went over it; what nobody counted has no figure', () => {
    expect(namesIn(svg).sort()).toEqual(
      [
        'Gm 11',
        'HI1 19',
        'HI2 20',
        'HI3 0',
        'Iq',
        'Mw 12',
        'REQUEST_KEY 14',
        'SRTP',
        'SRTP 13',
        'X1 15',
        'X2 16',
        'X3 0',
        'Xk 18',
      ].sort(),
    );
  });

  it('tells what had nothing to carry by how it is drawn, and by its figure', () => {
    const faint = [...svg.matchAll(/<g class="wire [^"]*idle" opacity="0.35">/g)];
    expect(faint).toHaveLength(2);
  });

  it('is the same mirrored for the other home: no place is outside, and nothing stands where another does', () => {
    const mirrored = topologyDrawing(home({ inner: 'left' })).toString();
    const places = (text: string): number[] =>
      [...text.matchAll(/class="box-name" x="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(places(mirrored)).toEqual(places(svg).map((x) => 520 - x));
    for (const drawn of [svg, mirrored]) {
      const boxes = [...drawn.matchAll(/<rect x="([\d.-]+)" y="([\d.-]+)" width="124" height="50"/g)].map(
        ([, x, y]) => [Number(x), Number(y)] as const,
      );
      expect(boxes).toHaveLength(8);
      for (const [x, y] of boxes) expect(x >= 0 && x + 124 <= 520 && y >= 0 && y + 50 <= 628).toBe(true);
      const overlapping = boxes.flatMap(([x, y], at) =>
        boxes.slice(at + 1).filter(([x2, y2]) => Math.abs(x - x2) < 124 && Math.abs(y - y2) < 50),
      );
      expect(overlapping).toEqual([]);
    }
  });

  it('has room for three phones, and counts the others', () => {
    const named = (count: number): string[] => {
      const ends = Array.from({ length: count }, (_, at) => ({
        name: `p${at}`,
        note: 'phone',
        isMarked: false,
      }));
      const drawn = topologyDrawing(home({ ends })).toString();
      return [...drawn.matchAll(/<g class="box end">.*?class="box-name"[^>]*>([^<]*)/g)].map(
        ([, name = '']) => name,
      );
    };
    expect(named(3)).toEqual(['p0', 'p1', 'p2']);
    expect(named(5)).toEqual(['p0', 'p1', '3 others']);
    expect(named(0)).toEqual([]);
  });

  it('R-93: takes names as text, refers to nothing outside and has no script', () => {
    const hostile = `"><script>alert('1')</script>&\u001b\u202e${'x'.repeat(3000)}`;
    const strange = topologyDrawing(
      home({ name: hostile, ends: [{ name: hostile, note: hostile, isMarked: false }] }),
    ).toString();
    expect(strange).not.toMatch(/<script|'1'|[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(strange.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/href|url\(|http|style=/);
    expect(strange.length).toBeLessThan(20_000);
  });
});
