/**
 * The ladder of a call: its parties as columns, what goes from one to another as arrows in the order of the records, and
 * what was handed over beside them (keys, failures) at its place. As text, or as SVG. All names and labels are a
 * stranger's: they are text, never markup, and nothing in them speaks to a terminal.
 */
import { cut, markup, visible } from './markup.ts';
import type { Markup } from './markup.ts';

export interface LadderStep {
  /** Unix milliseconds, or milliseconds of whatever clock all steps have; `null`: it is not known. */
  readonly at: number | null;
  readonly kind: 'message' | 'interception' | 'key' | 'failure' | 'note';
  /** Columns from 0; the same twice, or of a note: it stands across. */
  readonly from: number;
  readonly to: number;
  readonly label: string;
  /** What a message carries, such as MIKEY messages by name. */
  readonly marks: readonly string[];
  /** Names what the step is of, for whoever shows more of it: `data-step` of its drawing. */
  readonly step?: string;
}

/** Parties beside each other that belong together. */
export interface LadderBand {
  readonly label: string;
  /** Columns from 0, both of them in it. */
  readonly from: number;
  readonly to: number;
}

export interface Ladder {
  readonly parties: readonly string[];
  readonly bands?: readonly LadderBand[];
  readonly steps: readonly LadderStep[];
  /** Steps that there are beside these. */
  readonly further: number;
}

/** Columns of text from one party to the next. */
const GAP = 46;
const TIME = 14;

export function ladderText({ parties, steps, further }: Ladder): string {
  const centre = (column: number): number => TIME + 2 + column * GAP;
  const width = centre(Math.max(1, parties.length - 1)) + 2;
  const lifelines = (): string[] => {
    const row = Array<string>(width).fill(' ');
    parties.forEach((_, column) => (row[centre(column)] = '|'));
    return row;
  };
  const put = (row: string[], at: number, text: string): string => {
    Array.from(text).forEach((character, offset) => (row[at + offset] = character));
    return row.join('').trimEnd();
  };
  const heads = parties.map((party, column) => {
    const row = Array<string>(width).fill(' ');
    return put(row, centre(column), `${column + 1} ${cut(visible(party), 100)}`);
  });
  const origin = originOf(steps);
  const lines = steps.flatMap((step) => {
    const time = timeText(step.at, origin).padStart(TIME - 2);
    const { label, marks } = step;
    const about = visible(marks.length === 0 ? label : `${label} [${marks.join(', ')}]`);
    if (!isArrow(step)) return [put(lifelines(), 0, `${time} * ${about}`)];
    const [left, right] = [Math.min(step.from, step.to), Math.max(step.from, step.to)];
    const length = (right - left) * GAP - 1;
    const shaft = step.from < step.to ? `${'-'.repeat(length - 1)}>` : `<${'-'.repeat(length - 1)}`;
    const text = cut(about, length - 2);
    const above = put(put(lifelines(), 0, time).padEnd(width).split(''), centre(left) + 2, text);
    return [above, put(lifelines(), centre(left) + 1, shaft)];
  });
  const end = further === 0 ? [] : [`${' '.repeat(TIME)} … ${further} further steps are not drawn`];
  return [...heads, ...lines, ...end].join('\n') + '\n';
}

/** Of the drawing, in units of SVG. */
const LEFT = 80;
const ASIDE = 72;
const HEAD = { top: 30, height: 30, character: 7.4 };
const ROW = { arrow: 44, across: 28 };
/** From one party to the next: as much as what stands between them takes, within bounds. */
const COLUMN = { least: 132, most: 420, character: 6.2, margin: 24 };
const LONGEST = { label: 60, party: 48, title: 200 };
/** From so many steps on the parties stand below the ladder again. */
const LONG = 12;

/** Presentation attributes: whoever puts the drawing into a page may have classes say otherwise. */
const COLOURS: Readonly<Record<LadderStep['kind'], string>> = {
  message: '#27415e',
  interception: '#6b3fa0',
  key: '#1b6e3c',
  failure: '#a61b1b',
  note: '#555555',
};
const DASHES: Readonly<Partial<Record<LadderStep['kind'], string>>> = { interception: '5 4', failure: '2 3' };

/** An image by itself: no script, no reference to anything outside. */
export function ladderSvg(ladder: Ladder): string {
  const drawing = ladderDrawing(ladder, 'Ladder of the call', (units) => String(units));
  return `${drawing.toString()}\n`;
}

/**
 * The same, to be put into a page: as large as the page's text.
 * @param title what a screen reader says of it @param sizeOf width and height of so many units
 */
export function ladderDrawing(
  ladder: Ladder,
  title: string,
  sizeOf: (units: number) => string = (units) => `${units / 16}rem`,
): Markup {
  const { parties, bands = [], steps, further } = ladder;
  const gap = gapOf(ladder);
  const x = (column: number): number => LEFT + ASIDE + column * gap;
  const top = HEAD.top + (bands.length > 0 ? 24 : 0);
  const places = rowsFrom(top + HEAD.height + 14, steps);
  const body = places.at(-1) ?? top + HEAD.height + 20;
  const bottom = body + 26 + (further > 0 ? 24 : 0);
  const isLong = steps.length > LONG;
  const width = x(Math.max(1, parties.length - 1)) + gap / 2 + 4;
  const height = bottom + (isLong ? HEAD.height + 16 : 12);
  const origin = originOf(steps);
  const draw = (step: LadderStep, row: number): Markup => {
    const y = places[row] ?? 0;
    const time = markup`<text class="time" x="${LEFT - 12}" y="${y + 4}" text-anchor="end" fill="#666666">${timeText(step.at, origin)}</text>`;
    return markup`<g class="step ${step.kind}${step.marks.length > 0 ? ' marked' : ''}" data-step="${step.step ?? ''}">${time}${stepDrawing(step, x, y)}</g>\n`;
  };
  const heads = (y: number): Markup[] =>
    parties.map((party, column) => headDrawing(party, x(column), y, gap - 12));
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="ladder" width="${sizeOf(width)}" height="${sizeOf(height)}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img"><title>${title}</title>
<rect class="paper" width="${width}" height="${height}" fill="#ffffff"/>
${bands.map((band) => bandDrawing(band, x, gap, height))}${parties.map((_, column) => markup`<line class="lifeline" x1="${x(column)}" y1="${top + HEAD.height}" x2="${x(column)}" y2="${bottom}" stroke="#b8b8b8"/>\n`)}${heads(top)}${steps.map(draw)}${further > 0 ? markup`<text class="further" x="${x(0) + 10}" y="${body + 30}" fill="#555555">… ${further} further steps are not drawn</text>\n` : null}${isLong ? heads(bottom) : null}</svg>`;
}

function bandDrawing(
  { label, from, to }: LadderBand,
  x: (column: number) => number,
  gap: number,
  height: number,
): Markup {
  const left = x(from) - gap / 2 + 3;
  const width = x(to) - x(from) + gap - 6;
  return markup`<rect class="band" x="${left}" y="4" width="${width}" height="${height - 8}" rx="10" fill="#f4f5f7"/><text class="band-label" x="${left + 12}" y="24" fill="#555555" font-weight="600">${cut(label, LONGEST.party)}</text>\n`;
}

function headDrawing(party: string, x: number, y: number, most: number): Markup {
  const name = cut(visible(party), Math.min(LONGEST.party, Math.floor((most - 14) / HEAD.character)));
  const width = Math.max(56, Array.from(name).length * HEAD.character + 18);
  return markup`<rect class="party" x="${x - width / 2}" y="${y}" width="${width}" height="${HEAD.height}" rx="7" fill="#ffffff" stroke="#8a8f98"/><text class="party-name" x="${x}" y="${y + 19.5}" text-anchor="middle" font-weight="600" fill="#222222">${name}<title>${cut(visible(party), LONGEST.title)}</title></text>\n`;
}

function stepDrawing(step: LadderStep, x: (column: number) => number, y: number): Markup {
  const { kind, from, to, marks } = step;
  const colour = COLOURS[kind];
  const label = cut(visible(step.label), LONGEST.label);
  if (!isArrow(step)) {
    const whole = [label, ...marks].join('  ');
    return markup`<circle cx="${x(from)}" cy="${y}" r="4" fill="${colour}"/><text class="label" x="${x(from) + 12}" y="${y + 4}" fill="${colour}">${whole}<title>${cut(visible(step.label), LONGEST.title)}</title></text>`;
  }
  const [start, end] = [x(from), x(to)];
  const head = end > start ? -9 : 9;
  const middle = (start + end) / 2;
  const carried = markup`<text class="mark" x="${middle}" y="${y + 14}" text-anchor="middle" font-weight="600" font-size="11" fill="${colour}">${cut(visible(marks.join(', ')), LONGEST.label)}</text>`;
  return markup`<line x1="${start}" y1="${y}" x2="${end + head / 2}" y2="${y}" stroke="${colour}" stroke-width="${marks.length > 0 ? 2 : 1.25}" stroke-dasharray="${DASHES[kind] ?? 'none'}"/><path d="M${end} ${y} l${head} -4.5 v9 z" fill="${colour}"/><text class="label" x="${middle}" y="${y - 6}" text-anchor="middle" fill="${colour}">${label}<title>${cut(visible(step.label), LONGEST.title)}</title></text>${marks.length > 0 ? carried : null}`;
}

/** Heights of steps, below each other. */
function rowsFrom(top: number, steps: readonly LadderStep[]): number[] {
  let y = top;
  return steps.map((step, row) => {
    const own = isArrow(step) ? ROW.arrow : ROW.across;
    const before = steps[row - 1];
    y += row === 0 ? 22 : (own + (before !== undefined && isArrow(before) ? ROW.arrow : ROW.across)) / 2;
    return y;
  });
}

/** What the widest label between two parties beside each other takes. */
function gapOf({ parties, steps }: Ladder): number {
  const wide = steps.filter(isArrow).map(({ from, to, label, marks }) => {
    const characters = Math.max(
      Math.min(LONGEST.label, label.length),
      Math.min(LONGEST.label, marks.join(', ').length),
    );
    return (characters * COLUMN.character + COLUMN.margin) / Math.abs(to - from);
  });
  const names = parties.map((party) => Math.min(LONGEST.party, party.length) * HEAD.character + 30);
  return Math.ceil(Math.min(COLUMN.most, Math.max(COLUMN.least, ...wide, ...names)));
}

function isArrow({ kind, from, to }: LadderStep): boolean {
  return kind !== 'note' && from !== to;
}

function originOf(steps: readonly LadderStep[]): number | null {
  return steps.find(({ at }) => at !== null)?.at ?? null;
}

/** Seconds since the first step. */
function timeText(at: number | null, origin: number | null): string {
  return at === null || origin === null ? '' : `${((at - origin) / 1000).toFixed(3)} s`;
}
