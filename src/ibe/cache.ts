/** A map that forgets what was used least recently. */
export class LeastRecentlyUsed<V> {
  readonly #entries = new Map<string, V>();
  readonly #capacity: number;
  readonly #forgotten: (value: V) => void;

  /** `forgotten` is told what is kept no longer, so that it can be wiped. */
  constructor(capacity: number, forgotten: (value: V) => void = () => undefined) {
    this.#capacity = capacity;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value of `key`, made and kept if there is none; what `make` throws is kept by nobody. */
  get(key: string, make: () => V): V {
    const found = this.#entries.get(key);
    const value = found ?? make();
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#capacity && oldest !== undefined) this.#forget(oldest);
    return value;
  }

  /** Forgets everything. */
  clear(): void {
    for (const key of [...this.#entries.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    if (value !== undefined) this.#forgotten(value);
  }
}
