/**
 * Who talks to whom in one home, over which reference point, and how much: an operator's elements between its phones and
 * the agency that its warrants come from. Two homes are two drawings, the second mirrored, that fit together at their
 * inner edges where there is room beside each other.
 *
 *     phones                 ┌ operator ───────────────────────────┐
 *        │ REQUEST_KEY   Gm  │  KMS ◄─X1─┬─X1─► CSCF ──Mw──►        │
 *        └──────────►        │   ▲ Xk    │ X2     │ Iq              │
 *                            │  DF  ◄─X3─┼──── gateway ──media──►   │
 *                            │   │       └──── ADMF                 │
 *                            └───┼──────────────▲───────────────────┘
 *                        HI2, HI3▼              │ HI1
 *                              LEMF         authority
 */
import { cut, markup, visible } from './markup.ts';
import type { Markup } from './markup.ts';

/** The reference points that are drawn; `phones`: media of the phones, `homes`: media from gateway to gateway. */
export type TopologyWire =
  'Gm' | 'Mw' | 'Iq' | 'phones' | 'homes' | 'keys' | 'X1' | 'X2' | 'X3' | 'Xk' | 'HI1' | 'HI2' | 'HI3';

export interface TopologyEnd {
  readonly name: string;
  /** What it is, in a word or two: `phone`, `target`. */
  readonly note: string;
  readonly isMarked: boolean;
}

export interface HomeTopology {
  readonly name: string;
  /** Where the other home is. */
  readonly inner: 'left' | 'right';
  readonly ends: readonly TopologyEnd[];
  /** Messages or packets by reference point; 0: nothing went there, `null`: nobody counted. */
  readonly figures: Readonly<Record<TopologyWire, number | null>>;
  /** Words on the drawing. */
  readonly words: TopologyWords;
}

export interface TopologyWords {
  /** What a screen reader says of it. */
  readonly title: string;
  /** Name of a reference point, and what an element is. */
  readonly wires: Readonly<Record<TopologyWire, string>>;
  readonly elements: Readonly<Record<TopologyElement, { readonly name: string; readonly note: string }>>;
  readonly agency: string;
  /** Of ends that are not drawn. */
  readonly further: (count: number) => string;
}

export type TopologyElement = 'kms' | 'cscf' | 'gateway' | 'df' | 'admf' | 'lemf' | 'authority';

const WIDTH = 520;
const HEIGHT = 628;
const OUTER = 112;
const INNER = 376;
const BOX = { width: 124, height: 50 };
/** Of the elements' centres. */
const ROW = { ends: 38, signalling: 160, media: 296, administration: 432, agency: 574 };
const MOST_ENDS = 3;
const END = { width: 124, step: 142 };
/** Phones and the gateway stand further in, so that media pass the CSCF on a straight way. */
const ASIDE = 28;
/** From the middle of a phone: where its lines begin. */
const PORT = { keys: -52, signalling: -ASIDE, media: 52 };
const BUS_X = 214;
/** The middle between what is outer and what is inner. */
const BETWEEN = 244;

interface Place {
  readonly x: number;
  readonly y: number;
}

const PLACES: Readonly<Record<TopologyElement, Place>> = {
  kms: { x: OUTER, y: ROW.signalling },
  cscf: { x: INNER, y: ROW.signalling },
  df: { x: OUTER, y: ROW.media },
  gateway: { x: INNER + ASIDE, y: ROW.media },
  admf: { x: INNER, y: ROW.administration },
  lemf: { x: OUTER, y: ROW.agency },
  authority: { x: INNER, y: ROW.agency },
};

/** Of a wire: its corners, where its name stands, and which of the families that are drawn alike it is of. */
interface Route {
  readonly wire: TopologyWire;
  readonly kind: 'signalling' | 'media' | 'keys' | 'administration' | 'interception';
  readonly corners: readonly (readonly [number, number])[];
  /** `null`: another of the same wire has it. */
  readonly name: readonly [number, number] | null;
  /** Whether its last corner is where something goes; else it goes both ways. */
  readonly isOneWay?: boolean;
}

const half = { width: BOX.width / 2, height: BOX.height / 2 };
const top = ({ y }: Place): number => y - half.height;
const bottom = ({ y }: Place): number => y + half.height;
const { kms, cscf, gateway, df, admf, lemf, authority } = PLACES;

const INSIDE: readonly Route[] = [
  {
    wire: 'X1',
    kind: 'administration',
    corners: [
      [admf.x - half.width, admf.y],
      [BUS_X, admf.y],
      [BUS_X, kms.y - 12],
      [kms.x + half.width, kms.y - 12],
    ],
    name: [BUS_X, 374],
  },
  ...(
    [
      [BUS_X, cscf.y - 12, cscf.x - half.width],
      [BUS_X, df.y + 16, df.x + half.width],
      [BUS_X, gateway.y + 16, gateway.x - half.width],
    ] as const
  ).map(([x, y, to]): Route => ({
    wire: 'X1',
    kind: 'administration',
    corners: [
      [x, y],
      [to, y],
    ],
    name: null,
  })),
  {
    wire: 'Iq',
    kind: 'signalling',
    corners: [
      [cscf.x, bottom(cscf)],
      [cscf.x, top(gateway)],
    ],
    name: [cscf.x, 228],
  },
  {
    wire: 'X2',
    kind: 'interception',
    corners: [
      [cscf.x - half.width, cscf.y + 12],
      [274, cscf.y + 12],
      [274, df.y - 16],
      [df.x + half.width, df.y - 16],
    ],
    name: [274, 228],
    isOneWay: true,
  },
  {
    wire: 'X3',
    kind: 'interception',
    corners: [
      [gateway.x - half.width, gateway.y],
      [df.x + half.width, df.y],
    ],
    name: [278, df.y],
    isOneWay: true,
  },
  {
    wire: 'Xk',
    kind: 'interception',
    corners: [
      [df.x, top(df)],
      [kms.x, bottom(kms)],
    ],
    name: [df.x, 228],
  },
  {
    wire: 'HI2',
    kind: 'interception',
    corners: [
      [df.x - 32, bottom(df)],
      [lemf.x - 32, top(lemf)],
    ],
    name: [df.x - 32, 432],
    isOneWay: true,
  },
  {
    wire: 'HI3',
    kind: 'interception',
    corners: [
      [df.x + 32, bottom(df)],
      [lemf.x + 32, top(lemf)],
    ],
    name: [df.x + 32, 466],
    isOneWay: true,
  },
  {
    wire: 'HI1',
    kind: 'administration',
    corners: [
      [authority.x, top(authority)],
      [admf.x, bottom(admf)],
    ],
    name: [admf.x, 503],
  },
  {
    wire: 'Mw',
    kind: 'signalling',
    corners: [
      [cscf.x + half.width, cscf.y],
      [WIDTH, cscf.y],
    ],
    name: [486, cscf.y - 13],
  },
  {
    wire: 'homes',
    kind: 'media',
    corners: [
      [gateway.x + half.width, gateway.y],
      [WIDTH, gateway.y],
    ],
    name: [489, gateway.y - 15],
  },
];

/** Presentation attributes: whoever puts the drawing into a page may have classes say otherwise. */
const STROKES: Readonly<
  Record<Route['kind'], { readonly colour: string; readonly width: number; readonly dashes: string }>
> = {
  signalling: { colour: '#27415e', width: 1.5, dashes: 'none' },
  media: { colour: '#27415e', width: 3.5, dashes: 'none' },
  keys: { colour: '#1b6e3c', width: 1.5, dashes: '1 4' },
  administration: { colour: '#777777', width: 1.25, dashes: '4 4' },
  interception: { colour: '#6b3fa0', width: 1.75, dashes: 'none' },
};

export function topologyDrawing(home: HomeTopology): Markup {
  const { name, inner, words } = home;
  const isMirrored = inner === 'left';
  const at = (x: number): number => (isMirrored ? WIDTH - x : x);
  const routes = [...INSIDE, ...routesOfEnds(home)];
  const elements = (Object.keys(PLACES) as TopologyElement[]).map((element) => {
    const { x, y } = PLACES[element];
    const { name: label, note } = words.elements[element];
    return boxDrawing({ x: at(x), y, label, note, kind: `element ${element}` });
  });
  const ends = shownEnds(home).map(({ end, x }) =>
    boxDrawing({
      x: at(x),
      y: ROW.ends,
      label: end.name,
      note: end.note,
      kind: end.isMarked ? 'end marked' : 'end',
    }),
  );
  const panel = (from: number, to: number): Markup =>
    markup`<rect class="panel" x="10" y="${from}" width="${WIDTH - 20}" height="${to - from}" rx="14" fill="#f4f5f7"/>`;
  const label = (text: string, x: number, y: number, anchor: string): Markup =>
    markup`<text class="panel-label" x="${at(x)}" y="${y}" text-anchor="${anchor}" fill="#555555" font-weight="600">${cut(visible(text), 20)}</text>`;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="topology" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" role="img"><title>${words.title}</title>
${panel(104, 478)}${panel(526, HEIGHT - 2)}${label(name, 30, 125, isMirrored ? 'end' : 'start')}${label(words.agency, BETWEEN, ROW.agency + 5, 'middle')}
${routes.map((route) => wireDrawing(route, home, at))}${elements}${ends}${routes.map((route) => nameDrawing(route, home, at))}</svg>`;
}

/** From the phones down: keys outwards, signalling to the CSCF, media past it. */
function routesOfEnds(home: HomeTopology): Route[] {
  const under = ROW.ends + half.height;
  return shownEnds(home).flatMap(({ x }, index): Route[] => {
    const isFirst = index === 0;
    const bend = under + 12;
    return [
      {
        wire: 'keys',
        kind: 'keys',
        corners: [
          [x + PORT.keys, under],
          [x + PORT.keys, bend + 12],
          [kms.x, bend + 12],
          [kms.x, top(kms)],
        ],
        name: isFirst ? [250, bend + 12] : null,
      },
      {
        wire: 'Gm',
        kind: 'signalling',
        corners: [
          [x + PORT.signalling, under],
          [x + PORT.signalling, bend],
          [cscf.x, bend],
          [cscf.x, top(cscf)],
        ],
        name: isFirst ? [cscf.x, 119] : null,
      },
      ...(isFirst
        ? [
            {
              wire: 'phones' as const,
              kind: 'media' as const,
              corners: [
                [x + PORT.media, under],
                [x + PORT.media, top(gateway)],
              ] as const,
              name: [x + PORT.media, 228] as const,
            },
          ]
        : []),
    ];
  });
}

function shownEnds({ ends, words }: HomeTopology): { readonly end: TopologyEnd; readonly x: number }[] {
  const most = ends.length > MOST_ENDS ? MOST_ENDS - 1 : MOST_ENDS;
  const shown = ends.slice(0, most);
  const rest = ends.length - shown.length;
  const all = rest === 0 ? shown : [...shown, { name: words.further(rest), note: '', isMarked: false }];
  return all.map((end, index) => ({ end, x: INNER + ASIDE - index * END.step }));
}

function boxDrawing(box: { x: number; y: number; label: string; note: string; kind: string }): Markup {
  const { x, y, label, note, kind } = box;
  const place = note === '' ? y + 5 : y - 2;
  return markup`<g class="box ${kind}"><rect x="${x - half.width}" y="${y - half.height}" width="${BOX.width}" height="${BOX.height}" rx="9" fill="#ffffff" stroke="#8a8f98"/><text class="box-name" x="${x}" y="${place}" text-anchor="middle" font-weight="600" fill="#222222">${cut(visible(label), 15)}<title>${cut(visible(label), 200)}</title></text><text class="box-note" x="${x}" y="${y + 15}" text-anchor="middle" font-size="11" fill="#555555">${cut(visible(note), 20)}</text></g>\n`;
}

function wireDrawing(
  { wire, kind, corners, isOneWay }: Route,
  home: HomeTopology,
  at: (x: number) => number,
): Markup {
  const { colour, width, dashes } = STROKES[kind];
  const points = corners.map(([x, y]): [number, number] => [at(x), y]);
  const idle = home.figures[wire] === 0 ? ' idle' : '';
  const [before, last] = points.slice(-2);
  const head = isOneWay === true && before && last ? headDrawing(before, last, colour) : null;
  return markup`<g class="wire ${kind}${idle}"${idle === '' ? null : markup` opacity="0.35"`}><path d="${pathThrough(points)}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dashes}"/>${head}</g>\n`;
}

function headDrawing([x0, y0]: [number, number], [x, y]: [number, number], colour: string): Markup {
  const [dx, dy] = [Math.sign(x - x0), Math.sign(y - y0)];
  const [backX, backY] = [x - 9 * dx, y - 9 * dy];
  return markup`<path class="head" d="M${x} ${y} L${backX + 4.5 * dy} ${backY + 4.5 * dx} L${backX - 4.5 * dy} ${backY - 4.5 * dx} z" fill="${colour}"/>`;
}

/** With round corners. */
function pathThrough(points: readonly (readonly [number, number])[]): string {
  const RADIUS = 9;
  const parts = points.map(([x, y], index) => {
    const [before, after] = [points[index - 1], points[index + 1]];
    if (before === undefined) return `M${x} ${y}`;
    if (after === undefined) return `L${x} ${y}`;
    const towards = ([x1, y1]: readonly [number, number]): string => {
      const length = Math.abs(x1 - x) + Math.abs(y1 - y);
      const by = Math.min(RADIUS, length / 2);
      return `${x + Math.sign(x1 - x) * by} ${y + Math.sign(y1 - y) * by}`;
    };
    return `L${towards(before)} Q${x} ${y} ${towards(after)}`;
  });
  return parts.join(' ');
}

/** Name and figure of a wire, on paper of its own, so that nothing crosses them. */
function nameDrawing({ wire, kind, name }: Route, home: HomeTopology, at: (x: number) => number): Markup {
  if (name === null) return markup``;
  const figure = home.figures[wire];
  const label = home.words.wires[wire];
  const text = figure === null ? label : `${label} ${figure}`;
  const width = text.length * 6.8 + 10;
  const [x, y] = [at(name[0]), name[1]];
  return markup`<g class="wire-name ${kind}${figure === 0 ? ' idle' : ''}"><rect class="paper" x="${x - width / 2}" y="${y - 9}" width="${width}" height="18" rx="5" fill="#f4f5f7"/><text x="${x}" y="${y + 4.5}" text-anchor="middle" font-size="12" fill="${STROKES[kind].colour}"><tspan font-weight="600">${label}</tspan>${figure === null ? null : markup` <tspan class="figure">${figure}</tspan>`}</text></g>\n`;
}
