/** Which key opened which part of a recording: where its first packet comes. */
import type { KeyUse } from '../../media/srtp/stream-decryptor.ts';

/** A key that opened packets of a stream. */
export interface PlacedKey {
  readonly csId: number | null;
  readonly suite: string;
  readonly mki: string;
  readonly packets: number;
  /** Where in the recording its first packet comes, seconds. */
  readonly at: number;
}

export class KeyPlaces {
  /** In the order of delivery. */
  readonly #keys: readonly KeyUse[];
  /** In the order of their first packets. */
  readonly #order: readonly KeyUse[];
  readonly #places = new Map<KeyUse, number>();

  /** @param csId those of this crypto session */
  constructor(used: readonly KeyUse[], csId: number | null) {
    this.#keys = used.filter((use) => use.csId === csId);
    this.#order = this.#keys.toSorted((a, b) => a.firstIndex - b.firstIndex);
  }

  /** A packet of the stream, in its order. @param at seconds from the beginning of the recording */
  pass(index: number, at: number): void {
    for (let next = this.#order[this.#places.size]; next !== undefined && index >= next.firstIndex;) {
      this.#places.set(next, at);
      next = this.#order[this.#places.size];
    }
  }

  list(): PlacedKey[] {
    return this.#keys.map((use) => ({
      ...{ csId: use.csId, suite: use.suite.name, mki: use.mki, packets: use.packets },
      at: this.#places.get(use) ?? 0,
    }));
  }
}
