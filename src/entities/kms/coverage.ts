/**
 * Whether a warrant lets a question be answered, and for which of the target's addresses (Xk; `api/xk.openapi.yaml`). Each
 * message of the question has its time T, and each T that counts (`xk.ts`) must fit by itself:
 *
 *     in time        T lies in a period of the warrant that has begun, and retention has not passed since its end
 *     before start   the warrant is in force, the question says `midCall`, and T lies at most the session memory before
 *                    the present period; recorded as such
 *
 * Periods that follow each other without a gap count as one for a target that all of them name. What a name stands for is
 * decided as of T, too, and before the start as of the start as well: a number belongs to the warrant only as of the time
 * at which the subscriber held it. A tel: alias stands for all addresses of record that its holder has at that time.
 */
import type { Holding, KnownTask } from './ports.ts';

export interface WarrantTimes {
  /** Seconds before a task's start that an ongoing session may have begun. */
  readonly sessionMemory: number;
  /** Seconds after a task's end that questions about its time are answered. */
  readonly retention: number;
}

/** A question, as far as names and times go. Unix seconds. */
export interface CoverageQuestion {
  readonly now: number;
  /** Names of the target, by which it may be known. */
  readonly names: readonly string[];
  /** T of each message. */
  readonly times: readonly number[];
  readonly midCall: boolean;
}

export interface TargetCoverage {
  readonly subscriber: string;
  /** Addresses of record that the question names and the warrant covers. */
  readonly covered: ReadonlySet<string>;
  /** A T lay before the warrant's start, and `midCall` allowed it. */
  readonly beforeStart: boolean;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A name that the warrant covers at some T; `at`: when who holds it counts. */
interface CoveredName {
  readonly name: string;
  readonly at: readonly number[];
  readonly beforeStart: boolean;
}

/** @param holdings of all who have held one of the question's names */
export function coverageOf(
  warrant: KnownTask,
  question: CoverageQuestion,
  holdings: readonly Holding[],
  settings: WarrantTimes,
): TargetCoverage | 'outside-validity' | 'target-not-covered' {
  const names = [...new Set(warrant.periods.flatMap(({ targets }) => targets))];
  const spans = names.map((name) => ({ name, spans: spansOf(warrant, name) }));
  const moments = question.times.map((time) =>
    spans.flatMap((each) => coveredName(each, time, question, settings)),
  );
  if (moments.some((covered) => covered.length === 0)) return 'outside-validity';
  for (const name of question.names) {
    for (const subscriber of new Set(holdings.map((holding) => holding.subscriber))) {
      const own = holdings.filter((holding) => holding.subscriber === subscriber);
      const coverage = coverageFor(own, name, moments);
      if (coverage.covered.size > 0) return { subscriber, ...coverage };
    }
  }
  return 'target-not-covered';
}

/** The times at which a warrant covers a name, joined where one follows the other. */
function spansOf({ periods }: KnownTask, name: string): Span[] {
  const spans: Span[] = [];
  for (const { targets, start, end } of periods) {
    if (!targets.includes(name)) continue;
    const last = spans.at(-1);
    if (last?.end === start) spans.splice(-1, 1, { start: last.start, end });
    else spans.push({ start, end });
  }
  return spans;
}

/** The name, if the warrant covers it at T. */
function coveredName(
  { name, spans }: { readonly name: string; readonly spans: readonly Span[] },
  time: number,
  { now, midCall }: CoverageQuestion,
  { retention, sessionMemory }: WarrantTimes,
): CoveredName[] {
  const begun = spans.filter(({ start }) => start <= now);
  const inTime = begun.some(({ start, end }) => start <= time && time < end && now <= end + retention);
  if (inTime) return [{ name, at: [time], beforeStart: false }];
  const present = begun.find(({ end }) => now < end);
  if (present === undefined || !midCall || time >= present.start) return [];
  if (present.start - time > sessionMemory) return [];
  return [{ name, at: [time, present.start], beforeStart: true }];
}

/** The addresses of one subscriber that fit at every moment. */
function coverageFor(
  own: readonly Holding[],
  name: string,
  moments: readonly (readonly CoveredName[])[],
): Omit<TargetCoverage, 'subscriber'> {
  const found = moments.map((covered) =>
    covered.flatMap((each) => {
      const named = addressesOf(own, name, each.at);
      return addressesOf(own, each.name, each.at)
        .filter((address) => named.includes(address))
        .map((address) => ({ address, beforeStart: each.beforeStart }));
    }),
  );
  const [first = [], ...others] = found;
  const isEverywhere = (address: string): boolean =>
    others.every((moment) => moment.some((each) => each.address === address));
  const covered = new Set(first.map(({ address }) => address).filter(isEverywhere));
  const beforeStart = found.some((moment) =>
    [...covered].some((address) =>
      moment.filter((each) => each.address === address).every((each) => each.beforeStart),
    ),
  );
  return { covered, beforeStart };
}

/** The addresses of record that a name stands for at all of these times. */
function addressesOf(own: readonly Holding[], name: string, at: readonly number[]): string[] {
  const held = own.filter((holding) => at.every((time) => holding.from <= time && time < holding.until));
  const isAliased = held.some(({ kind, uri }) => kind === 'alias' && uri === name);
  return held
    .filter(({ kind, uri }) => kind === 'public' && (isAliased || uri === name))
    .map(({ uri }) => uri);
}
