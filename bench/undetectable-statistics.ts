/**
 * Statistics of `undetectable.ts`: whether two series that were measured in pairs differ by less than a bound. The
 * difference is that of the medians; its 95 % interval is by bootstrap over the pairs (percentile method), from a
 * seeded generator, so that the same figures give the same interval.
 */

/** A number from 0 (inclusive) to 1 (exclusive). */
export type Uniform = () => number;

/** Mulberry32: 32 bits of state, good enough for a bootstrap, and the same everywhere. */
export function seededUniform(seed: number): Uniform {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @throws RangeError of nothing */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  const upper = sorted[half];
  if (upper === undefined) throw new RangeError('the median of nothing');
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
}

/** One figure without interception and one with it, measured beside each other. */
export interface Pair {
  readonly without: number;
  readonly with: number;
}

export interface Difference {
  readonly without: number;
  readonly with: number;
  /** Of the medians, with minus without. */
  readonly difference: number;
  /** 95 % interval of the difference. */
  readonly from: number;
  readonly to: number;
}

const RESAMPLES = 2000;
const TAIL = 0.025;

/** @throws RangeError of no pairs */
export function differenceOf(pairs: readonly Pair[], uniform: Uniform, resamples = RESAMPLES): Difference {
  const plain = pairs.map((pair) => pair.without);
  const intercepted = pairs.map((pair) => pair.with);
  const found = new Float64Array(resamples);
  const [one, other] = [new Float64Array(pairs.length), new Float64Array(pairs.length)];
  for (let at = 0; at < resamples; at++) {
    for (let n = 0; n < pairs.length; n++) {
      const pair = pairs[Math.floor(uniform() * pairs.length)];
      one[n] = pair?.without ?? NaN;
      other[n] = pair?.with ?? NaN;
    }
    found[at] = middleOf(other) - middleOf(one);
  }
  found.sort();
  const quantile = (q: number): number => found[Math.min(resamples - 1, Math.floor(q * resamples))] ?? NaN;
  return {
    ...{ without: median(plain), with: median(intercepted) },
    difference: median(intercepted) - median(plain),
    ...{ from: quantile(TAIL), to: quantile(1 - TAIL) },
  };
}

/** As `median`, of what may be sorted in place. */
function middleOf(values: Float64Array): number {
  values.sort();
  const half = values.length >> 1;
  const upper = values[half] ?? NaN;
  return values.length % 2 === 1 ? upper : ((values[half - 1] ?? upper) + upper) / 2;
}

export type Verdict = 'equivalent' | 'different' | 'undecided';

/**
 * `equivalent`: the whole interval is within the bound, either way; `different`: the whole of it is outside. An interval
 * that is not narrower than the bound decides nothing.
 */
export function verdictOf({ from, to }: Pick<Difference, 'from' | 'to'>, bound: number): Verdict {
  if (!(to - from < bound)) return 'undecided';
  if (from > -bound && to < bound) return 'equivalent';
  return from >= bound || to <= -bound ? 'different' : 'undecided';
}

/**
 * Interarrival jitter of RFC 3550 section 6.4.1, in milliseconds, as it stands after the last packet.
 * @param arrivals milliseconds @param sent milliseconds by the RTP time stamps
 */
export function jitterOf(arrivals: readonly number[], sent: readonly number[]): number {
  let jitter = 0;
  for (let n = 1; n < Math.min(arrivals.length, sent.length); n++) {
    const way = (at: number): number => (arrivals[at] ?? NaN) - (sent[at] ?? NaN);
    jitter += (Math.abs(way(n) - way(n - 1)) - jitter) / 16;
  }
  return jitter;
}
