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

export class Timeline {
  readonly #started: number;
  readonly #now: () => number;
  readonly #watch: (entry: TimelineEntry) => void;
  readonly entries: TimelineEntry[] = [];

  /** @param now milliseconds of a clock that runs, also where the entities' own stands still */
  constructor(now: () => number, watch: (entry: TimelineEntry) => void = () => undefined) {
    this.#now = now;
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
    this.#watch(entry);
  }
}

const WIDTH = { from: 13, to: 13, reference: 11 };

/** One line of the live timeline: `  1.234 s  alice         → cscf.home1     Gm          INVITE …`. */
export function renderEntry({ at, from, to, reference, what }: TimelineEntry): string {
  const time = `${(at / 1000).toFixed(3).padStart(7)} s`;
  const ends =
    to === ''
      ? from.padEnd(WIDTH.from + WIDTH.to + 3)
      : `${from.padEnd(WIDTH.from)} → ${to.padEnd(WIDTH.to)}`;
  return `${time}  ${ends} ${reference.padEnd(WIDTH.reference)} ${what}`;
}
