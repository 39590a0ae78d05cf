/**
 * What is kept of messages, by octets: in all, and of each party that keeps it. A party has a quarter of all at most, so
 * that none fills the place of the others; those whom nobody vouches for by name (other homes) have half together.
 */

/** Octets that a thing costs besides those of its messages. */
const OVERHEAD = 1024;

/** The place of one thing. */
export interface MessagePlace {
  /** It now holds so many octets. */
  resize(octets: number): void;
  /** It is gone; once. */
  leave(): void;
}

export class MessageShares {
  readonly #most: number;
  readonly #owned = new Map<string | null, number>();
  #held = 0;
  #refused = 0;
  readonly #add: Adding = (owner, octets) => {
    this.#held += octets;
    const owned = (this.#owned.get(owner) ?? 0) + octets;
    if (owned > 0) this.#owned.set(owner, owned);
    else this.#owned.delete(owner);
  };

  /** @param most octets in all */
  constructor(most: number) {
    this.#most = most;
  }

  /** Octets that are held. */
  get held(): number {
    return this.#held;
  }

  /** How many things had no place, since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether there is a place for so many octets more of this party; if not, that is counted. */
  hasRoom(owner: string | null, octets: number): boolean {
    const most = this.#most / (owner === null ? 2 : 4);
    const wanted = octets + OVERHEAD;
    const fits = this.#held + wanted <= this.#most && (this.#owned.get(owner) ?? 0) + wanted <= most;
    if (!fits) this.#refused++;
    return fits;
  }

  /** Takes a place, whether or not there is room: for what belongs to something that was let in. */
  take(owner: string | null, octets: number): MessagePlace {
    return new Place(this.#add, owner, octets);
  }
}

/** So many octets more are held for a party. */
type Adding = (owner: string | null, octets: number) => void;

class Place implements MessagePlace {
  readonly #add: Adding;
  readonly #owner: string | null;
  #size = 0;

  constructor(add: Adding, owner: string | null, octets: number) {
    this.#add = add;
    this.#owner = owner;
    this.resize(octets);
  }

  resize(octets: number): void {
    this.#become(octets + OVERHEAD);
  }

  leave(): void {
    this.#become(0);
  }

  #become(size: number): void {
    this.#add(this.#owner, size - this.#size);
    this.#size = size;
  }
}
