/**
 * The handover manager of DF2 and DF3: one `Delivery` for each destination, fed from the durable outbox. Records come
 * into the outbox with the state that produced them; from there this is the only way out.
 *
 * Bounded: nothing is thrown away here; where as much waits for a destination as `backlogOctets` or `backlogPdus` allow,
 * some of it gives way before it comes into the outbox (`../backlog.ts`). When it is near that an alarm is raised.
 */
import type { HandoverOutbox } from '../ports.ts';
import { AlarmBook } from './alarm-book.ts';
import { BacklogWatch } from './backlog-watch.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryContext } from './delivery.ts';
import type { DeliveryName } from './encoder.ts';
import { HANDOVER_DEFAULTS } from './ports.ts';
import type {
  HandoverAddress,
  HandoverTransport,
  SendingWhileThere,
  WayOut,
  WayOutOptions,
} from './ports.ts';

export interface HandoverManagerOptions extends WayOutOptions {
  readonly outbox: HandoverOutbox;
  readonly transport: HandoverTransport;
  readonly name: DeliveryName;
  /** Absent: no other process changes where destinations are. */
  readonly whileThere?: SendingWhileThere | undefined;
}

export class HandoverManager implements WayOut {
  readonly #options: HandoverManagerOptions;
  readonly #context: DeliveryContext;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #alarms: AlarmBook;
  #unsubscribe: (() => void) | null = null;
  readonly #backlogs: BacklogWatch;
  readonly #transportNumbers = { DF2: 0, DF3: 0 };

  constructor(options: HandoverManagerOptions) {
    this.#options = options;
    const { outbox, transport, name, clock, logger } = options;
    this.#alarms = new AlarmBook(options.alarms);
    const settings = { ...HANDOVER_DEFAULTS, ...options.settings };
    const isThere = (did: string): boolean => this.#deliveries.has(did);
    this.#backlogs = new BacklogWatch({ outbox, alarms: this.#alarms, settings, clock, isThere });
    this.#context = {
      outbox,
      transport,
      name,
      alarms: this.#alarms,
      clock,
      logger,
      issues: options.issues,
      setAside: options.setAside,
      whileThere: options.whileThere,
      settings,
      nextTransportNumber: (by) => this.#transportNumbers[by]++ >>> 0,
    };
  }

  /** Whether some destination's backlog is near its bound: then content gives way there, or soon does. */
  get congested(): boolean {
    return this.#alarms.with('backlog').length > 0;
  }

  /** PDUs that the present destinations refused and that were set aside. */
  get setAside(): number {
    return [...this.#deliveries.values()].reduce((sum, delivery) => sum + delivery.setAside, 0);
  }

  /** PDUs to the present destinations that counted as delivered without an acknowledgement. */
  get unacknowledged(): number {
    return [...this.#deliveries.values()].reduce((sum, delivery) => sum + delivery.unacknowledged, 0);
  }

  /** Whether that destination's LEMF is connected and its options are agreed. */
  ready(did: string): boolean {
    return this.#deliveries.get(did)?.ready ?? false;
  }

  /** Where PDUs go, and whether the LEMF there is connected. */
  list(): readonly { readonly address: HandoverAddress; readonly ready: boolean }[] {
    return [...this.#deliveries.values()].map(({ address, ready }) => ({ address, ready }));
  }

  start(): void {
    this.#unsubscribe = this.#options.outbox.onAppend((dids) => {
      for (const did of dids) {
        this.#deliveries.get(did)?.wake();
        this.#backlogs.measure(did);
      }
    });
    this.refresh();
    this.#backlogs.start();
  }

  /** The list of destinations has changed. */
  refresh(): void {
    const wanted = new Map(this.#options.destinations.list().map((address) => [address.did, address]));
    for (const [did, delivery] of this.#deliveries) {
      const address = wanted.get(did);
      if (address !== undefined && sameWay(address, delivery.address)) continue;
      delivery.stop();
      this.#deliveries.delete(did);
      // Else it would not be told of if it is down again, or still, when it comes back.
      if (address === undefined) this.#alarms.clear(did, 'down');
    }
    for (const [did, address] of wanted) {
      if (this.#deliveries.has(did)) continue;
      const delivery = new Delivery(this.#context, address);
      this.#deliveries.set(did, delivery);
      delivery.start();
    }
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#backlogs.stop();
    for (const delivery of this.#deliveries.values()) delivery.stop();
    this.#deliveries.clear();
  }
}

function sameWay(a: HandoverAddress, b: HandoverAddress): boolean {
  return a.host === b.host && a.port === b.port && a.by === b.by;
}
