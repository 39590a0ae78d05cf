/** The entities that are watched: what each says of itself, and what it has counted in the last minutes. */
import type { Static } from 'typebox';
import type { STATUS } from '../../host/status.ts';
import type { WatchedEntityName } from '../../host/watched.ts';
import { AskRefusal } from './ask-refusal.ts';
import { exposedMetrics } from './exposition.ts';
import type { ExposedMetric } from './exposition.ts';

export type StatusJson = Static<typeof STATUS>;

/** Readings that are kept: ten minutes at one in five seconds. */
const READINGS = 120;

export interface CountedReading {
  /** Unix milliseconds, by the reader's clock. */
  readonly at: number;
  readonly metrics: ReadonlyMap<string, ExposedMetric>;
}

export interface WatchedNow extends WatchedEntityName {
  /** What it said last; `null`: it has not been asked yet, or does not answer. */
  readonly status: StatusJson | null;
  /** Why there is none; empty: there is one, or it has not been asked. */
  readonly why: string;
  /** The newest last. */
  readonly readings: readonly CountedReading[];
}

/** Points of one line for each entity; `null`: nothing is known there. */
export interface RateSeries {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** Where entities are asked, by name. Both throw AskRefusal. */
export interface EntitySource {
  status(name: string): Promise<StatusJson>;
  /** As Prometheus reads them. */
  metrics(name: string): Promise<string>;
}

export class NetworkWatch {
  readonly #source: EntitySource;
  entities: readonly WatchedNow[];

  constructor(entities: readonly WatchedEntityName[], source: EntitySource) {
    this.#source = source;
    this.entities = entities.map((entity) => ({ ...entity, status: null, why: '', readings: [] }));
  }

  /** Asks all of them. @param now Unix milliseconds */
  async update(now: number): Promise<void> {
    this.entities = await Promise.all(this.entities.map((entity) => this.#asked(entity, now)));
  }

  async #asked(entity: WatchedNow, at: number): Promise<WatchedNow> {
    try {
      const [status, text] = await Promise.all([
        this.#source.status(entity.name),
        this.#source.metrics(entity.name),
      ]);
      const readings = [...entity.readings, { at, metrics: exposedMetrics(text) }].slice(-READINGS);
      return { ...entity, status, why: '', readings };
    } catch (error) {
      if (!(error instanceof AskRefusal)) throw error;
      return { ...entity, status: null, why: error.message };
    }
  }
}

/** The counters that one of the entities has, by name, with what they count. */
export function countersOf(entities: readonly WatchedNow[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { readings } of entities)
    for (const [name, { type, help }] of readings.at(-1)?.metrics ?? [])
      if (type === 'counter') found.set(name, help);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** How often a second a counter has gone up, from one reading to the next. */
export function ratesOf(entities: readonly WatchedNow[], counter: string): RateSeries {
  return seriesOf(entities, counter, (reading, before) => {
    const [now, then] = [reading, before].map((each) => each?.metrics.get(counter)?.value);
    if (now === undefined || then === undefined || before === undefined) return null;
    // An entity that was started again counts from nothing.
    return now < then ? null : ((now - then) * 1000) / (reading.at - before.at);
  });
}

/** What a gauge said. */
export function gaugesOf(entities: readonly WatchedNow[], gauge: string): RateSeries {
  return seriesOf(entities, gauge, ({ metrics }) => metrics.get(gauge)?.value ?? null);
}

function seriesOf(
  entities: readonly WatchedNow[],
  metric: string,
  valueOf: (reading: CountedReading, before: CountedReading | undefined) => number | null,
): RateSeries {
  const having = entities.filter(({ readings }) => readings.some(({ metrics }) => metrics.has(metric)));
  const times = [...new Set(having.flatMap(({ readings }) => readings.map(({ at }) => at)))].sort(
    (a, b) => a - b,
  );
  const lines = having.map(({ name, readings }) => {
    const values = new Map(readings.map((reading, at) => [reading.at, valueOf(reading, readings[at - 1])]));
    return { name, values: times.map((time) => values.get(time) ?? null) };
  });
  return { times: times.map((time) => time / 1000), lines };
}
