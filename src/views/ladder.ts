/**
 * The ladder of a call: its parties as columns, what goes from one to another as arrows in the order of the records, and
 * what was handed over beside them (keys, failures) at its place. As text, or as SVG. All names and labels are a
 * stranger's: they are text, never markup, and nothing in them speaks to a terminal.
 */

export interface LadderStep {
  /** Unix milliseconds; `null`: it is not known. */
  readonly at: number | null;
  readonly kind: 'message' | 'key' | 'failure' | 'note';
  /** Columns from 0; the same twice, or of what is not a message: it stands across. */
  readonly from: number;
  readonly to: number;
  readonly label: string;
  /** What a message carries, such as MIKEY messages by name. */
  readonly marks: readonly string[];
}

export interface Ladder {
  readonly parties: readonly string[];
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
  const origin = steps.find(({ at }) => at !== null)?.at ?? null;
  const lines = steps.flatMap((step) => {
    const time = timeText(step.at, origin);
    const about = labelOf(step);
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

const [SVG_GAP, SVG_ROW, SVG_LEFT, SVG_TOP] = [420, 34, 190, 70];
const COLOURS: Readonly<Record<LadderStep['kind'], string>> = {
  message: '#1f4e79',
  key: '#1b6e3c',
  failure: '#a61b1b',
  note: '#555555',
};

/** An image by itself: no script, no reference to anything outside. */
export function ladderSvg({ parties, steps, further }: Ladder): string {
  const x = (column: number): number => SVG_LEFT + column * SVG_GAP;
  const rows = steps.length + (further > 0 ? 1 : 0);
  const width = x(Math.max(1, parties.length - 1)) + 190;
  const height = SVG_TOP + (rows + 1) * SVG_ROW;
  const origin = steps.find(({ at }) => at !== null)?.at ?? null;
  const text = (at: number, y: number, words: string, more = ''): string =>
    `<text x="${at}" y="${y}"${more}>${markup(words)}</text>`;
  const columns = parties.flatMap((party, column) => [
    `<line x1="${x(column)}" y1="${SVG_TOP - 20}" x2="${x(column)}" y2="${height - 10}" stroke="#999999"/>`,
    text(x(column), SVG_TOP - 30, cut(visible(party), 48), ' text-anchor="middle" font-weight="bold"'),
  ]);
  const drawn = steps.flatMap((step, row) => {
    const y = SVG_TOP + (row + 1) * SVG_ROW;
    const time = text(8, y, timeText(step.at, origin), ' fill="#555555"');
    const about = cut(labelOf(step), 64);
    const colour = COLOURS[step.kind];
    if (!isArrow(step)) return [time, text(x(0) + 12, y, `● ${about}`, ` fill="${colour}"`)];
    const [from, to] = [x(step.from), x(step.to)];
    const head = to > from ? -8 : 8;
    return [
      time,
      text((from + to) / 2, y - 5, about, ` text-anchor="middle" fill="${colour}"`),
      `<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke="${colour}"/>`,
      `<path d="M${to} ${y} l${head} -4 v8 z" fill="${colour}"/>`,
    ];
  });
  const end =
    further === 0 ? [] : [text(x(0) + 12, height - SVG_ROW / 2, `… ${further} further steps are not drawn`)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    '<title>Ladder of the call</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...columns,
    ...drawn,
    ...end,
    '</svg>\n',
  ].join('\n');
}

function isArrow({ kind, from, to }: LadderStep): boolean {
  return kind === 'message' && from !== to;
}

function labelOf({ label, marks }: LadderStep): string {
  return visible(marks.length === 0 ? label : `${label} [${marks.join(', ')}]`);
}

/** Seconds since the first step. */
function timeText(at: number | null, origin: number | null): string {
  if (at === null || origin === null) return ''.padEnd(TIME - 2);
  return `${((at - origin) / 1000).toFixed(3)} s`.padStart(TIME - 2);
}

/** Text in one line, with nothing in it that is not printed. */
function visible(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, '\ufffd');
}

function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
