/** Things by call and something else (a LIID, an XID), which can be looked for by the call alone. */
export class ByCall<T> {
  readonly #things = new Map<string, T>();
  readonly #keysOf = new Map<string, Set<string>>();

  /** @param correlation hex */
  static key(correlation: string, other: string): string {
    return `${correlation} ${other}`;
  }

  get(key: string): T | undefined {
    return this.#things.get(key);
  }

  set(key: string, thing: T): void {
    if (!this.#things.has(key)) {
      const call = callOf(key);
      const keys = this.#keysOf.get(call) ?? new Set();
      this.#keysOf.set(call, keys.add(key));
    }
    this.#things.set(key, thing);
  }

  delete(key: string): void {
    const keys = this.#keysOf.get(callOf(key));
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(callOf(key));
    this.#things.delete(key);
  }

  /** Those of a call. */
  of(correlation: string): T[] {
    return [...(this.#keysOf.get(correlation) ?? [])].flatMap((key) => this.#things.get(key) ?? []);
  }

  values(): Iterable<T> {
    return this.#things.values();
  }

  entries(): Iterable<[string, T]> {
    return this.#things;
  }
}

function callOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

interface Deletable<T> {
  entries(): Iterable<[string, T]>;
  delete(key: string): unknown;
}

/** Gives how many there were. */
export function deleteWhere<T>(map: Deletable<T>, condition: (value: T) => boolean): number {
  const gone = [...map.entries()].filter(([, value]) => condition(value));
  for (const [key] of gone) map.delete(key);
  return gone.length;
}

/** The things of those keys that are there. */
export function thoseOf<T>(map: { get(key: string): T | undefined }, keys: ReadonlySet<string>): T[] {
  return [...keys].flatMap((key) => {
    const value = map.get(key);
    return value === undefined ? [] : [value];
  });
}
