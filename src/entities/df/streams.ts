/**
 * How far each stream of X2 and X3 has come, so that copies are known (`intake.ts`), in bounds. Whoever sends
 * requests in a target's name under ever new Call-IDs begins a stream with each. So streams of calls that nobody has
 * proven (`claims.ts`) have a bound of their own: they take no place from those of others. Beyond either bound the
 * stream that has been silent longest is forgotten, and counted. Of proven calls a stream that is silent leaves memory, and
 * the store bounds those.
 */
import { correlationOfStream } from './intake.ts';
import type { StreamState } from './ports.ts';
import { Residents } from './residents.ts';

export interface StreamLimits {
  /** Streams of calls that somebody has proven. */
  readonly proven: number;
  /** All others. */
  readonly others: number;
}

export const KNOWN_STREAM_LIMITS: StreamLimits = { proven: 200_000, others: 50_000 };

export class Streams {
  readonly #limits: StreamLimits;
  readonly #isProven: (correlation: string) => boolean;
  readonly #recall: ((key: string) => StreamState | null) | null;
  readonly #residents = new Residents();
  /** By key, the longest silent first. */
  readonly #proven = new Map<string, StreamState>();
  readonly #others = new Map<string, StreamState>();
  /** Keys of the others, by call. */
  readonly #othersOf = new Map<string, Set<string>>();
  #changed = new Set<string>();
  #forgotten: string[] = [];

  /**
   * @param kept where there are more than the limits allow, they go as others come
   * @param isProven whether the call of a correlation is
   * @param recall gives what was committed; `null`: nothing leaves memory
   */
  constructor(
    kept: readonly StreamState[],
    limits: StreamLimits,
    isProven: (correlation: string) => boolean,
    recall: ((key: string) => StreamState | null) | null = null,
  ) {
    this.#recall = recall;
    this.#limits = limits;
    this.#isProven = isProven;
    for (const stream of kept.toSorted((a, b) => a.lastTime - b.lastTime)) this.#place(stream);
  }

  get(key: string): StreamState | null {
    return this.#proven.get(key) ?? this.#others.get(key) ?? this.#recalled(key);
  }

  /** What was silent for a while leaves memory. Gives whether more may. */
  rest(): boolean {
    if (this.#recall === null) return false;
    return this.#residents.rest((key) => {
      if (this.#others.has(key)) return 'stays';
      if (this.#changed.has(key)) return 'later';
      this.#proven.delete(key);
      return 'gone';
    });
  }

  put(stream: StreamState): void {
    // One of a proven call stays so, and is the one that was heard of last.
    if (this.#proven.delete(stream.key)) {
      this.#residents.use(stream.key);
      this.#proven.set(stream.key, stream);
    } else {
      this.#remove(stream.key);
      this.#place(stream);
    }
    this.#changed.add(stream.key);
    this.#keepBounds();
  }

  /** The call of a correlation is proven from now on. */
  prove(correlation: string): void {
    for (const key of [...(this.#othersOf.get(correlation) ?? [])]) {
      const stream = this.#others.get(key);
      this.#remove(key);
      this.#residents.use(key);
      if (stream !== undefined) this.#proven.set(key, stream);
    }
    this.#keepBounds();
  }

  /** Forgets those that were not heard of since `before`. */
  expire(before: number): void {
    for (const [key, { lastTime }] of [...this.#proven, ...this.#others])
      if (lastTime < before) this.#remove(key);
  }

  /** What was put, and what was forgotten for the bounds' sake, since the last time. */
  take(): { readonly streams: readonly StreamState[]; readonly forgottenStreams: readonly string[] } {
    const streams = [...this.#changed].flatMap((key) => this.get(key) ?? []);
    const forgottenStreams = this.#forgotten;
    this.#changed = new Set();
    this.#forgotten = [];
    return { streams, forgottenStreams };
  }

  #recalled(key: string): StreamState | null {
    const stream = this.#recall?.(key) ?? null;
    if (stream !== null) this.#place(stream);
    return stream;
  }

  #place(stream: StreamState): void {
    this.#residents.use(stream.key);
    const correlation = correlationOfStream(stream.key);
    if (this.#isProven(correlation)) {
      this.#proven.set(stream.key, stream);
      return;
    }
    this.#others.set(stream.key, stream);
    const own = this.#othersOf.get(correlation) ?? new Set();
    this.#othersOf.set(correlation, own.add(stream.key));
  }

  #remove(key: string): void {
    this.#residents.leave(key);
    this.#proven.delete(key);
    if (!this.#others.delete(key)) return;
    const correlation = correlationOfStream(key);
    const own = this.#othersOf.get(correlation);
    own?.delete(key);
    if (own?.size === 0) this.#othersOf.delete(correlation);
  }

  #keepBounds(): void {
    const { proven, others } = this.#limits;
    while (this.#proven.size > proven) this.#forget(this.#proven);
    while (this.#others.size > others) this.#forget(this.#others);
  }

  #forget(from: ReadonlyMap<string, StreamState>): void {
    const [oldest] = from.keys();
    if (oldest === undefined) return;
    this.#remove(oldest);
    this.#forgotten.push(oldest);
  }
}
