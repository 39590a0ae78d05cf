/**
 * The periods of a warrant at the KMS, by what the ADMF tells of its task and when:
 *
 *     told                                         the periods
 *     a task that is new, or has lapsed or ended   one more, from max(its start, now)
 *     the same again                               stay
 *     another end                                  the present one ends then
 *     other targets, another who may ask, or a
 *     start yet to come                            the present one ends now; one more, from max(its start, now)
 *     an end that has passed                       nothing is covered from then on, also where the last one has lapsed
 *     deactivated                                  the present one ends now
 *
 * So a time that lay outside the warrant is never covered afterwards: a start in the past counts from now, an end that is
 * moved after it has passed begins anew, and a period that has begun keeps its start and its targets.
 */
import type { AskingLemf, WarrantPeriod } from './ports.ts';

/** A task as the ADMF tells it. Unix seconds. */
export interface ToldTask {
  readonly targets: readonly string[];
  /** Absent: delivery functions may ask. */
  readonly lemf?: AskingLemf | undefined;
  /** `null`: from activation. */
  readonly start: number | null;
  /** Exclusive; `Infinity`: until deactivation. */
  readonly end: number;
}

type Periods = readonly WarrantPeriod[];

/** The periods after the task is told at `now`; the same list if nothing changes. */
export function periodsAfterTask(periods: Periods, told: ToldTask, now: number): Periods {
  const { targets, lemf, end } = told;
  if (end <= now) return periodsUntil(periods, end);
  let start = told.start ?? now;
  if (start < now) start = now;
  const next = { targets, start, end, ...(lemf === undefined ? {} : { lemf }) };
  const last = periods.at(-1);
  const before = periods.slice(0, -1);
  if (last === undefined) return nonEmpty([next]);
  if (last.end <= now) return nonEmpty([...periods, next]);
  if (now < last.start) return isSame(last, next) ? periods : nonEmpty([...before, next]);
  const over = { ...last, end: now };
  if (start > now) return nonEmpty([...before, over, next]);
  if (!isOfSame(last, next)) return nonEmpty([...before, over, next]);
  return last.end === end ? periods : nonEmpty([...before, { ...last, end }]);
}

/** The periods after the task is deactivated at `now`. */
export function periodsAfterEnd(periods: Periods, now: number): Periods {
  return periodsUntil(periods, now);
}

/** The periods, the last of which does not begin before its task was activated. */
export function periodsSince(periods: Periods, activated: number): Periods {
  const last = periods.at(-1);
  if (last === undefined || activated <= last.start || last.end <= activated) return periods;
  return [...periods.slice(0, -1), { ...last, start: activated }];
}

/** What of them lies before `end`; the same list if all does. */
function periodsUntil(periods: Periods, end: number): Periods {
  if (periods.every((period) => period.end <= end)) return periods;
  return nonEmpty(periods.map((period) => (period.end <= end ? period : { ...period, end })));
}

function isSame(one: WarrantPeriod, other: WarrantPeriod): boolean {
  return one.start === other.start && one.end === other.end && isOfSame(one, other);
}

/** Whether both have the same targets, for the same to ask about. */
function isOfSame(one: WarrantPeriod, other: WarrantPeriod): boolean {
  const isAlike = one.lemf?.name === other.lemf?.name && one.lemf?.liid === other.lemf?.liid;
  return isAlike && haveSameNames(one.targets, other.targets);
}

function haveSameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}

function nonEmpty(periods: Periods): Periods {
  return periods.filter(({ start, end }) => start < end);
}
