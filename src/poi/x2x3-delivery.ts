/** The connections of one point of interception: one for each X2/X3 destination that X1 has created. */
import type { SetAside } from '../bytes/ports.ts';
import type { Poi, PoiIssues } from './poi.ts';
import { RefusedPdus } from './refused.ts';
import type { X2X3ClientOptions } from './x2x3-client.ts';
import { X2X3Client } from './x2x3-client.ts';

/** Where a destination is: host name or IP address, and port. */
export interface DeliveryEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What all destinations have in common. */
export interface X2X3DeliveryOptions extends Omit<X2X3ClientOptions, 'queue' | 'host' | 'port' | 'refused'> {
  readonly issues: PoiIssues;
  /** Where PDUs are kept that a destination refuses; absent: they are counted and reported only. */
  readonly setAside?: SetAside;
}

/** How long a removed destination may still take what waits for it. */
const LINGER_MS = 10_000;

export class X2X3Delivery {
  readonly #poi: Poi;
  readonly #options: X2X3DeliveryOptions;
  readonly #refused: RefusedPdus;
  readonly #clients = new Map<string, { readonly client: X2X3Client; readonly address: DeliveryEndpoint }>();

  /** Clients of destinations that were removed. */
  readonly #leaving = new Set<X2X3Client>();

  constructor(poi: Poi, options: X2X3DeliveryOptions) {
    this.#poi = poi;
    this.#options = options;
    this.#refused = new RefusedPdus(options);
  }

  /** PDUs that a destination has refused, and that were set aside. */
  get setAside(): number {
    return this.#refused.count;
  }

  /** Where PDUs go, and whether they can. */
  destinations(): readonly (DeliveryEndpoint & { readonly isUp: boolean })[] {
    return [...this.#clients.values()].map(({ client, address }) => ({ ...address, isUp: client.isUp }));
  }

  /** Creates a destination, or moves it to another address; what waits for it is kept. */
  open(did: string, address: DeliveryEndpoint): void {
    const known = this.#clients.get(did);
    if (known !== undefined) {
      if (known.address.host === address.host && known.address.port === address.port) return;
      known.client.stop();
    }
    const queue = this.#poi.open(did);
    const client = new X2X3Client({ ...this.#options, ...address, queue, refused: this.#refused });
    this.#clients.set(did, { client, address });
    client.start();
  }

  /** Removes a destination; what already waits for it has some time left to arrive, and is reported as lost then. */
  close(did: string): void {
    const client = this.#clients.get(did)?.client;
    this.#clients.delete(did);
    const queue = this.#poi.close(did);
    if (queue === null) return;
    if (client === undefined) {
      this.#poi.finish(queue);
      return;
    }
    this.#leaving.add(client);
    void client.drain(LINGER_MS).then(() => {
      client.stop();
      this.#leaving.delete(client);
      this.#poi.finish(queue);
    });
  }

  /** Waits at most `ms` milliseconds until every destination has acknowledged everything. */
  async drain(ms: number): Promise<boolean> {
    const drained = await Promise.all([...this.#clients.values()].map(({ client }) => client.drain(ms)));
    return drained.every((done) => done);
  }

  /** Closes all connections. */
  stop(): void {
    for (const { client } of this.#clients.values()) client.stop();
    for (const client of this.#leaving) client.stop();
    this.#clients.clear();
  }
}
