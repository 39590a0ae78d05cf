/** How much waits in the outbox: for each destination, and there for each warrant and interface. */
import type { Amount, WaitingShare } from '../ports.ts';

interface Destination {
  count: number;
  octets: number;
  readonly shares: Map<string, Share>;
}

type Share = { -readonly [K in keyof WaitingShare]: WaitingShare[K] };

export class WaitingBook {
  readonly #destinations = new Map<string, Destination>();

  /** More, or with negative numbers less. */
  add({ did, interface: reference, liid, count, octets }: WaitingShare & { readonly did: string }): void {
    const destination = this.#destinations.get(did) ?? newDestination();
    destination.count += count;
    destination.octets += octets;
    if (destination.count === 0) this.#destinations.delete(did);
    else this.#destinations.set(did, destination);
    const key = `${reference} ${liid}`;
    const share = destination.shares.get(key);
    if (share === undefined) {
      if (count !== 0) destination.shares.set(key, { liid, interface: reference, count, octets });
      return;
    }
    share.count += count;
    share.octets += octets;
    if (share.count === 0) destination.shares.delete(key);
  }

  at(did: string): Amount {
    const { count = 0, octets = 0 } = this.#destinations.get(did) ?? {};
    return { count, octets };
  }

  shares(did: string): Iterable<WaitingShare> {
    return this.#destinations.get(did)?.shares.values() ?? [];
  }

  destinations(): string[] {
    return [...this.#destinations.keys()].sort();
  }
}

function newDestination(): Destination {
  return { count: 0, octets: 0, shares: new Map() };
}
