/**
 * What happened, when, between whom, on which reference point: told live to whoever watches, and kept for the report.
 * Times are milliseconds since the run began.
 */

/** A reference point, or what stands for one in a laboratory. */
export type ReferencePoint =
  | 'Gm'
  | 'Mw'
  | 'Iq'
  | 'X1'
  | 'X2'
  | 'X3'
  | 'Xk'
  | 'HI1'
  | 'HI2'
  | 'HI3'
  | 'PPS'
  | 'REQUEST_KEY'
  | 'media'
  | 'lab';

export interface TimelineEntry {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly reference: ReferencePoint;
  readonly what: string;
}

/** How often something was told of between two, on one reference point. */
export interface TimelineTally {
  readonly reference: ReferencePoint;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export class Timeline {
  readonly #started: number;
  readonly #now: () => number;
  readonly #watch: (entry: TimelineEntry) => void;
  readonly #watchAll: (entry: TimelineEntry) => void;
  readonly entries: TimelineEntry[] = [];
  readonly #tallies = new Map<string, TimelineTally>();

  /**
   * @param now milliseconds of a clock that runs, also where the entities' own stands still
   * @param watchAll is told of what is too much for a report
   */
  constructor(
    now: () => number,
    watch: (entry: TimelineEntry) => void = () => undefined,
    watchAll: (entry: TimelineEntry) => void = () => undefined,
  ) {
    this.#now = now;
    this.#watchAll = watchAll;
    this.#started = now();
    this.#watch = watch;
  }

  /** Milliseconds since the run began, to a tenth. */
  elapsed(): number {
    return Math.round((this.#now() - this.#started) * 10) / 10;
  }

  add(reference: ReferencePoint, from: string, to: string, what: string): void {
    const entry = { at: this.elapsed(), from, to, reference, what };
    this.entries.push(entry);
    this.#count(entry);
    this.#watch(entry);
  }

  /** What the report does not keep. */
  tell(reference: ReferencePoint, from: string, to: string, what: string): void {
    const entry = { at: this.elapsed(), from, to, reference, what };
    this.#count(entry);
    this.#watchAll(entry);
  }

  /** Everything that was added or told of, counted. */
  get tallies(): TimelineTally[] {
    return [...this.#tallies.values()];
  }

  #count({ reference, from, to }: TimelineEntry): void {
    const key = [reference, from, to].join(' ');
    const { count } = this.#tallies.get(key) ?? { count: 0 };
    this.#tallies.set(key, { reference, from, to, count: count + 1 });
  }
}

/** Columns of a terminal that lines are to fit. */
export const COLUMNS = 80;
const WIDTH = { from: 13, to: 13, reference: 5 };
const CONTINUED = ' '.repeat(13);

/** One line of the live timeline: `  1.234 s  alice         → cscf.home1    Gm    INVITE …`. */
export function renderEntry(entry: TimelineEntry): string {
  return `${headOf(entry)} ${entry.what}`;
}

/** The same in lines that fit a terminal: what does not fit beside its head goes below it, whole if it fits there. */
export function renderLines(entry: TimelineEntry): string[] {
  const line = renderEntry(entry);
  if (line.length <= COLUMNS) return [line];
  return [headOf(entry).trimEnd(), ...wrapped(entry.what, CONTINUED)];
}

/** Text in lines that fit a terminal, each behind `indent`; words that do not are cut. */
export function wrapped(text: string, indent: string): string[] {
  const width = COLUMNS - indent.length;
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S)\s+/)) {
    const last = lines.at(-1);
    const fitting = word.length <= width ? word : `${word.slice(0, width - 1)}…`;
    if (last !== undefined && last.length + 1 + fitting.length <= width)
      lines[lines.length - 1] = `${last} ${fitting}`;
    else lines.push(fitting);
  }
  return lines.map((line) => indent + line);
}

function headOf({ at, from, to, reference }: TimelineEntry): string {
  const time = `${(at / 1000).toFixed(3).padStart(7)} s`;
  const ends =
    to === ''
      ? from.padEnd(WIDTH.from + WIDTH.to + 3)
      : `${from.padEnd(WIDTH.from)} → ${to.padEnd(WIDTH.to)}`;
  return `${time}  ${ends} ${reference.padEnd(WIDTH.reference)}`;
}
