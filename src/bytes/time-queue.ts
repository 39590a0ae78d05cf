/** Names in the order of a time that each has: a binary heap in which each name knows its place. */
export class TimeQueue {
  readonly #heap: { readonly name: string; readonly at: number }[] = [];
  readonly #places = new Map<string, number>();

  /** The earliest time; `Infinity` if there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Gives a name its time, in place of the one that it had; `null`: none. */
  set(name: string, at: number | null): void {
    const place = this.#places.get(name);
    if (place !== undefined) this.#remove(name, place);
    if (at !== null) this.#rise({ name, at }, this.#heap.length);
  }

  /** Names whose time is not after `now`; they stay until their time is another. */
  due(now: number): string[] {
    const found: string[] = [];
    const look = (place: number): void => {
      const entry = this.#heap[place];
      if (entry === undefined || entry.at > now) return;
      found.push(entry.name);
      look(2 * place + 1);
      look(2 * place + 2);
    };
    look(0);
    return found;
  }

  #remove(name: string, place: number): void {
    this.#places.delete(name);
    const last = this.#heap.pop();
    if (last === undefined || last.name === name) return;
    // What comes from the end may belong above or below.
    this.#sink(last, place);
    this.#rise(last, this.#places.get(last.name) ?? place);
  }

  #rise(entry: { readonly name: string; readonly at: number }, from: number): void {
    let place = from;
    for (; place > 0;) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.at <= entry.at) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(entry, place);
  }

  #sink(entry: { readonly name: string; readonly at: number }, from: number): void {
    let place = from;
    for (;;) {
      const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]];
      const child = right !== undefined && right.at < (left?.at ?? Infinity) ? right : left;
      if (child === undefined || child.at >= entry.at) break;
      const below = child === left ? 2 * place + 1 : 2 * place + 2;
      this.#put(child, place);
      place = below;
    }
    this.#put(entry, place);
  }

  #put(entry: { readonly name: string; readonly at: number }, place: number): void {
    this.#heap[place] = entry;
    this.#places.set(entry.name, place);
  }
}
