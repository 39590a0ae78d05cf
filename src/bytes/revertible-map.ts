/** A map whose changes go with what they were made for: they are kept, or taken back. Values are not changed themselves. */
export class RevertibleMap<K, V extends object> {
  readonly #map = new Map<K, V>();
  /** What was there, of all that has changed since. */
  readonly #before = new Map<K, V | undefined>();

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#note(key);
    this.#map.set(key, value);
  }

  delete(key: K): void {
    this.#note(key);
    this.#map.delete(key);
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#map[Symbol.iterator]();
  }

  /** What has changed stays. */
  keep(): void {
    this.#before.clear();
  }

  /** All is as it was when changes were kept last. */
  revert(): void {
    for (const [key, value] of this.#before)
      if (value === undefined) this.#map.delete(key);
      else this.#map.set(key, value);
    this.#before.clear();
  }

  #note(key: K): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#map.get(key));
  }
}
