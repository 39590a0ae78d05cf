/** What was made lately and is asked for again and again, in bounds: where there is more, all of it is made anew. */
export class RecentlyMade<T> {
  readonly #most: number;
  readonly #known = new Map<string, T>();

  /** @param most things that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#known.get(key);
  }

  put(key: string, thing: T): T {
    if (this.#known.size >= this.#most) this.#known.clear();
    this.#known.set(key, thing);
    return thing;
  }

  clear(): void {
    this.#known.clear();
  }

  /** What is known under a key, else what `make` makes. @throws what `make` throws: then nothing is kept */
  of(key: string, make: () => T): T {
    return this.get(key) ?? this.put(key, make());
  }
}
