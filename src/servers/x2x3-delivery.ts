/** The connections of one point of interception: one for each X2/X3 destination that X1 has created. */
import { deliveryEndpoint } from '../li/ne/poi-address.ts';
import type { DeliveryEndpoint } from '../li/ne/poi-address.ts';
import type { Poi } from '../li/ne/poi.ts';
import type { TaskTable } from '../li/ne/tasks.ts';
import type { Destination } from '../li/wire/x1/details.ts';
import type { X2X3ClientOptions } from './x2x3-client.ts';
import { X2X3Client } from './x2x3-client.ts';

export class X2X3Delivery {
  readonly #poi: Poi;
  readonly #options: Omit<X2X3ClientOptions, 'queue' | 'host' | 'port'>;
  readonly #clients = new Map<string, { readonly client: X2X3Client; readonly address: DeliveryEndpoint }>();

  constructor(poi: Poi, options: Omit<X2X3ClientOptions, 'queue' | 'host' | 'port'>) {
    this.#poi = poi;
    this.#options = options;
  }

  /** Opens what X1 has created and follows what it changes; gives the way to stop following. */
  follow(table: TaskTable): () => void {
    for (const destination of table.destinations()) this.#openDestination(destination);
    return table.subscribe((event) => {
      if (event.kind === 'destination-created' || event.kind === 'destination-modified') {
        this.#openDestination(event.destination);
      }
      if (event.kind === 'destination-removed') this.close(event.destination.did);
    });
  }

  /** Creates a destination, or moves it to another address; what waits for it is kept. */
  open(did: string, address: DeliveryEndpoint): void {
    const known = this.#clients.get(did);
    if (known !== undefined) {
      if (known.address.host === address.host && known.address.port === address.port) return;
      known.client.stop();
    }
    const client = new X2X3Client({ ...this.#options, ...address, queue: this.#poi.open(did) });
    this.#clients.set(did, { client, address });
    client.start();
  }

  /** Removes a destination, with what waits for it. */
  close(did: string): void {
    this.#clients.get(did)?.client.stop();
    this.#clients.delete(did);
    this.#poi.close(did);
  }

  /** Waits at most `ms` milliseconds until every destination has acknowledged everything. */
  async drain(ms: number): Promise<boolean> {
    const drained = await Promise.all([...this.#clients.values()].map(({ client }) => client.drain(ms)));
    return drained.every((done) => done);
  }

  /** Closes all connections. */
  stop(): void {
    for (const { client } of this.#clients.values()) client.stop();
    this.#clients.clear();
  }

  #openDestination({ did, address }: Destination): void {
    const endpoint = deliveryEndpoint(address);
    if (endpoint !== null) this.open(did, endpoint);
    else this.#options.issues.raised(did, 'the delivery address cannot be reached by X2 or X3');
  }
}
