/** A discrete-event simulation: what is to happen at which time, in order, and nothing in between. */

interface Event {
  readonly at: number;
  /** Of two at one time the one that was asked for first comes first, so that a run can be done again. */
  readonly order: number;
  readonly action: () => void;
}

export class Simulation {
  #now = 0;
  #order = 0;
  /** A heap: each comes before the two below it. */
  readonly #events: Event[] = [];

  /** Seconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Does it so many seconds from now. */
  after(seconds: number, action: () => void): void {
    const event = { at: this.#now + Math.max(0, seconds), order: this.#order++, action };
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || !isBefore(event, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = event;
  }

  /** Until then, or until nothing is to happen any more. @param seconds since the beginning */
  run(seconds: number): void {
    for (let next = this.#events[0]; next !== undefined && next.at <= seconds; next = this.#events[0]) {
      this.#takeFirst();
      this.#now = next.at;
      next.action();
    }
    this.#now = Math.max(this.#now, Number.isFinite(seconds) ? seconds : this.#now);
  }

  #takeFirst(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below++;
      const least = heap[below];
      if (least === undefined || !isBefore(least, last)) break;
      heap[at] = least;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
